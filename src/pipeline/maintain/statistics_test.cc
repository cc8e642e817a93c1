#include "pipeline/maintain/statistics.h"

#include <algorithm>

#include "pipeline/maintain/compact.h"
#include "pipeline/maintain/expire.h"
#include "pipeline/maintain/maintain.h"
#include "pipeline/maintain/sweep.h"
#include "pipeline/maintain/testing.h"

namespace tarn {
namespace {

using Outcome = MaintainStep::Outcome;
using testing::InterruptedCatalog;
using testing::kDayMicros;

/// A table of 200 rows, which is large here.
class Statistics : public testing::MaintainTest {
 protected:
  Statistics() {
    lake_.limits().statistics_rows_min = 200;
    lake_.Create(kTable);
    Append(0, 200);
  }
  MaintainStep Step(Result<MaintainStep> step) {
    EXPECT_TRUE(step.ok()) << step.status().ToString();
    return step.ok() ? *step : MaintainStep();
  }
  MaintainStep Refresh(MaintainMode mode = MaintainMode::kDo) {
    return Step(RefreshStatistics(context_, uuid(), mode));
  }
  void Wait(int64_t micros) { lake_.clock().Advance(micros); }

  /// Of the current snapshot.
  StatisticsFile Newest() {
    const TableState state = State();
    for (const StatisticsFile& file : state.metadata->statistics) {
      if (file.snapshot == state.metadata->current_snapshot) return file;
    }
    ADD_FAILURE() << "the current snapshot has no statistics";
    return {};
  }
  /// Of the columns id and region.
  std::vector<std::string> Ndv(const StatisticsFile& file) {
    std::vector<std::string> ndv;
    for (const StatisticsBlob& blob : file.blobs) ndv.push_back(blob.properties.at("ndv"));
    return ndv;
  }
  std::vector<std::string> StatisticsKeys() {
    std::vector<std::string> keys = Keys("metadata");
    std::erase_if(keys, [](const std::string& key) { return !key.ends_with(".stats"); });
    return keys;
  }
  using Texts = std::vector<std::string>;
};

TEST_F(Statistics, ATableThatIsLargeEnoughGetsFirstOnes) {
  lake_.limits().statistics_rows_min = 201;
  const MaintainStep small = Refresh();
  EXPECT_EQ(small.outcome, Outcome::kNothing);
  EXPECT_EQ(small.why, "there are none of 200 rows, and they pay from 201 on");
  Append(200, 201);
  const MaintainStep step = Refresh();
  EXPECT_EQ(step.outcome, Outcome::kDone);
  EXPECT_EQ(step.why, "there are none of 201 rows; to read: 2 files");
  EXPECT_GT(step.bytes, 0);
  EXPECT_EQ(Ndv(Newest()), (Texts{"201", "3"}));
  EXPECT_EQ(Refresh().outcome, Outcome::kNothing);
  Check();
}

TEST_F(Statistics, ADryRunTellsWhatItWouldReadAndChangesNothing) {
  const auto before = lake_.Objects();
  const MaintainStep step = Refresh(MaintainMode::kDryRun);
  EXPECT_EQ(step.outcome, Outcome::kWould);
  EXPECT_EQ(step.why, "there are none of 200 rows; to read: 1 file");
  EXPECT_GT(step.bytes, 0);
  EXPECT_EQ(step.made, 1);
  EXPECT_EQ(lake_.Objects(), before);
}

TEST_F(Statistics, TheyAreMadeAnewOnceEnoughRowsChanged) {
  Refresh();
  Append(200, 230);
  EXPECT_EQ(Refresh().outcome, Outcome::kNothing);
  EXPECT_EQ(Refresh().why, "30 rows changed since they were made, and the table has 230");
  Append(230, 270);
  EXPECT_EQ(Refresh(MaintainMode::kDryRun).outcome, Outcome::kWould);
  EXPECT_EQ(Refresh().outcome, Outcome::kDone);
  EXPECT_EQ(Ndv(Newest()), (Texts{"270", "3"}));
  EXPECT_EQ(State().metadata->statistics.size(), 2U) << "the earlier snapshot keeps its own";
}

TEST_F(Statistics, RowsThatOnlyCameAreReadAlone) {
  Refresh();
  const std::string first = Files(*State().metadata).at(0).file.path;
  Append(200, 300);
  // Whoever opens it fails.
  ASSERT_TRUE(lake_.store().Delete(lake_.store().KeyOf(first).value()).ok());
  const MaintainStep step = Refresh();
  EXPECT_EQ(step.outcome, Outcome::kDone);
  EXPECT_NE(step.why.find("1 file that came since"), std::string::npos) << step.why;
  EXPECT_EQ(Ndv(Newest()), (Texts{"300", "3"}));
}

TEST_F(Statistics, FilesThatWerePutTogetherAddNothingTwice) {
  Refresh();
  Append(200, 300);
  EXPECT_EQ(Step(CompactTable(context_, uuid(), MaintainMode::kDo)).outcome, Outcome::kDone);
  EXPECT_EQ(Refresh().outcome, Outcome::kDone);
  EXPECT_EQ(Ndv(Newest()), (Texts{"300", "3"}));
  Check();
}

TEST_F(Statistics, CompactionAloneIsNoChange) {
  Append(200, 201);
  Refresh();
  EXPECT_EQ(Step(CompactTable(context_, uuid(), MaintainMode::kDo)).outcome, Outcome::kDone);
  EXPECT_EQ(Refresh().why, "0 rows changed since they were made, and the table has 201");
}

TEST_F(Statistics, AfterADeleteAllRowsAreReadAgain) {
  Refresh();
  Delete([](int64_t id) { return id >= 100 || id % 3 == 0; });
  const MaintainStep step = Refresh();
  EXPECT_EQ(step.outcome, Outcome::kDone);
  EXPECT_EQ(step.why,
            "134 rows changed since they were made, and the table has 66; to read: 1 file");
  EXPECT_EQ(Ndv(Newest()), (Texts{"66", "2"})) << "values that are gone are not counted";
  Check();
}

TEST_F(Statistics, SketchesOfOtherTypesAndColumnsAreNotGoneOnWith) {
  Refresh();
  lake_.Change(kTable, [](TableTransaction& t) {
    return t.AddColumn("note", Type(Type::Kind::kString), "");
  });
  const MaintainStep step = Refresh();
  EXPECT_EQ(step.why, "they do not tell of column note; to read: 1 file");
  EXPECT_EQ(Ndv(Newest()), (Texts{"200", "3", "0"}));
}

TEST_F(Statistics, SketchesThatCannotBeReadAreNotGoneOnWith) {
  Refresh();
  const std::string key = lake_.store().KeyOf(Newest().path).value();
  ASSERT_TRUE(lake_.store().Put(key, "no Puffin at all").ok());
  Append(200, 300);
  EXPECT_NE(Refresh().why.find("to read: 2 files"), std::string::npos);
  EXPECT_EQ(Ndv(Newest()), (Texts{"300", "3"}));
}

TEST_F(Statistics, WhoWritesMeanwhileDoesNotChangeWhatTheyAreOf) {
  const SnapshotId read = *State().metadata->current_snapshot;
  InterruptedCatalog catalog(lake_.catalog(), [&] { Append(200, 210); });
  context_.catalog = &catalog;
  EXPECT_EQ(Refresh().outcome, Outcome::kDone);
  context_.catalog = &lake_.catalog();
  const TableState state = State();
  ASSERT_EQ(state.metadata->statistics.size(), 1U);
  EXPECT_EQ(state.metadata->statistics[0].snapshot, read);
  EXPECT_EQ(Ndv(state.metadata->statistics[0]), (Texts{"200", "3"}));
  EXPECT_NE(state.metadata->current_snapshot, read);
  Check();
}

TEST_F(Statistics, OfASnapshotThatLeftMeanwhileNoneAreLeftBehind) {
  InterruptedCatalog catalog(lake_.catalog(), [&] {
    Append(200, 210);
    Wait(10 * kDayMicros);
    PipelineContext another = context_;
    another.catalog = &lake_.catalog();
    EXPECT_EQ(Step(ExpireTable(another, uuid(), MaintainMode::kDo)).outcome, Outcome::kDone);
  });
  context_.catalog = &catalog;
  const MaintainStep step = Refresh();
  context_.catalog = &lake_.catalog();
  EXPECT_EQ(step.outcome, Outcome::kHeld) << step.why;
  EXPECT_TRUE(State().metadata->statistics.empty());
  EXPECT_TRUE(StatisticsKeys().empty());
  Check();
}

TEST_F(Statistics, NoMoreIsReadThanIsAllowed) {
  lake_.limits().statistics_read_bytes_max = 10;
  const auto before = lake_.Objects();
  const MaintainStep step = Refresh();
  EXPECT_EQ(step.outcome, Outcome::kHeld);
  EXPECT_NE(step.why.find("statistics_read_bytes_max"), std::string::npos) << step.why;
  EXPECT_EQ(lake_.Objects(), before);
  lake_.Change(kTable, [](TableTransaction& t) {
    return t.SetProperty("tarn.statistics-read-bytes-max", "0");
  });
  EXPECT_EQ(Refresh().outcome, Outcome::kNothing);
  lake_.Change(kTable, [](TableTransaction& t) {
    return t.SetProperty("tarn.statistics-read-bytes-max", "1000000");
  });
  EXPECT_EQ(Refresh().outcome, Outcome::kDone);
}

TEST_F(Statistics, TheyOutliveTheirSnapshotUntilTheyAreMadeAnew) {
  Refresh();
  const StatisticsFile made = Newest();
  Append(200, 201);
  Wait(10 * kDayMicros);
  EXPECT_EQ(Step(ExpireTable(context_, uuid(), MaintainMode::kDo)).outcome, Outcome::kDone);
  EXPECT_EQ(Newest().path, made.path) << "they went over to the next snapshot";
  EXPECT_EQ(Newest().blobs.at(0).snapshot, made.snapshot) << "and say whose rows they are of";
  Wait(10 * kDayMicros);
  Step(SweepTable(context_, uuid(), MaintainMode::kDo));
  EXPECT_TRUE(Stands(made.path)) << "a live one is no orphan";

  const MaintainStep step = Refresh();
  EXPECT_EQ(step.outcome, Outcome::kDone);
  EXPECT_EQ(step.why, "the snapshot that they were made of has left; to read: 2 files");
  EXPECT_EQ(State().metadata->statistics.size(), 1U);
  EXPECT_EQ(Ndv(Newest()), (Texts{"201", "3"}));
  EXPECT_TRUE(Stands(made.path)) << "who read the state before may read it still";
  Step(SweepTable(context_, uuid(), MaintainMode::kDo));
  EXPECT_FALSE(Stands(made.path)) << "nobody refers to it";
  EXPECT_TRUE(Stands(Newest().path));
  Check();
}

TEST_F(Statistics, ThoseOfOldSnapshotsLeaveWithThem) {
  Refresh();
  const std::string first = Newest().path;
  Append(200, 400);
  Refresh();
  const std::string second = Newest().path;
  Wait(10 * kDayMicros);
  EXPECT_EQ(Step(ExpireTable(context_, uuid(), MaintainMode::kDo)).outcome, Outcome::kDone);
  EXPECT_FALSE(Stands(first));
  EXPECT_TRUE(Stands(second));
  Check();
}

TEST_F(Statistics, OnesThatNobodyRefersToAreOrphans) {
  Refresh();
  ASSERT_TRUE(lake_.store().Put("bronze/t/metadata/1-of-one-that-died.stats", "x").ok());
  EXPECT_EQ(StatisticsKeys().size(), 2U);
  Wait(10 * kDayMicros);
  Step(SweepTable(context_, uuid(), MaintainMode::kDo));
  EXPECT_EQ(StatisticsKeys().size(), 1U);
  EXPECT_TRUE(Stands(Newest().path));
}

TEST_F(Statistics, UpkeepThatIsToReadNoRowsLeavesThem) {
  const auto left = Maintain(context_, {.statistics = MaintainOptions::Statistics::kLeave}).value();
  EXPECT_TRUE(State().metadata->statistics.empty());
  for (const MaintainStep& step : left.tables.at(0).steps) EXPECT_NE(step.part, "statistics");
  const auto done = Maintain(context_, {}).value();
  EXPECT_EQ(done.tables.at(0).steps.at(2).part, "statistics");
  EXPECT_EQ(Ndv(Newest()), (Texts{"200", "3"}));
}

}  // namespace
}  // namespace tarn

// Following a log beside upkeep that leaves readers no grace.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "pipeline/ingest/capture.h"
#include "pipeline/ingest/capture_testing.h"
#include "pipeline/ingest/present_state.h"
#include "pipeline/maintain/maintain.h"

namespace tarn {
namespace {

using testing::CaptureTest;
using testing::Insert;
using testing::Update;

/// Does something after a table was looked up, or a commit was published.
class WatchedCatalog final : public ForwardingCatalog {
 public:
  using ForwardingCatalog::ForwardingCatalog;
  Result<TableEntry> LoadTable(const TableName& name, std::optional<Sequence> at) override {
    auto entry = ForwardingCatalog::LoadTable(name, at);
    if (after_look) after_look();
    return entry;
  }
  Status MarkPublished(int64_t id) override {
    Status marked = ForwardingCatalog::MarkPublished(id);
    if (after_publication) after_publication();
    return marked;
  }
  std::function<void()> after_look;
  std::function<void()> after_publication;
};

class CaptureExpiryTest : public CaptureTest {
 protected:
  CaptureExpiryTest() {
    limits_ = *context_.tables.limits;
    limits_.reader_grace_ms = 0;
    limits_.snapshot_age_ms_max = 0;
    limits_.snapshots_kept_max = 1;
    context_.tables.limits = &limits_;
  }

  /// A table of two rows in two files, which upkeep puts together.
  void MakeTwoFiles(const std::string& table) {
    MakeTable(table);
    Begin();
    for (const auto& [id, name] : {std::pair(1, "one"), std::pair(2, "two")}) {
      log_.transactions.push_back({Insert(table, id, name, id)});
      ASSERT_TRUE(CatchUp().ok());
    }
  }

  /// Puts files together, and removes those of all states but the present one.
  void Upkeep() {
    const size_t files = DataFiles();
    PipelineContext context = context_;
    context.catalog = &lake_.catalog();
    for (int run = 0; run < 2; ++run) {
      lake_.clock().SleepMicros(1'000'000);
      const auto report = Maintain(context, {});
      ASSERT_TRUE(report.ok()) << report.status().ToString();
      for (const TableUpkeep& table : report->tables) {
        EXPECT_TRUE(table.error.ok()) << table.error.ToString();
      }
    }
    files_removed_ = files > DataFiles();
  }

  Limits limits_;
  bool files_removed_ = false;
};

TEST_F(CaptureExpiryTest, AStateThatExpiresWithinATransactionIsLeftForThePresentOne) {
  MakeTwoFiles("a");
  // Their names are left out by the log, and are looked for in the table.
  log_.transactions.push_back({Update("a", 1, std::nullopt, 10), Update("a", 2, std::nullopt, 20)});
  log_.batch_changes_max = 1;
  int batches = 0;
  log_.before_next = [&]() -> Status {
    if (++batches == 2) Upkeep();
    return {};
  };
  const Status status = CatchUp();
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_TRUE(files_removed_);
  EXPECT_EQ(Read("a"), Expected(3)["a"]);
  EXPECT_EQ(log_.opened.size(), 3U) << "nothing was read again";
}

TEST_F(CaptureExpiryTest, ACommitWhoseStateExpiresWhileItIsPreparedIsPreparedAgain) {
  MakeTwoFiles("a");
  log_.transactions.push_back({Update("a", 1, "x", 10)});
  WatchedCatalog catalog(catalog_);
  int looks = 0;
  catalog.after_look = [&] {
    if (++looks == 2) Upkeep();
  };
  context_.catalog = &catalog;
  CaptureOptions options = Options();
  options.retrying = [](const Status& why) { ADD_FAILURE() << why.ToString(); };
  const Status status = Capture(context_, log_, options);
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_TRUE(files_removed_);
  EXPECT_EQ(Read("a"), Expected(3)["a"]);
}

TEST_F(CaptureExpiryTest, TheIndexFindsOutByItselfWhereTheStateOfACommitExpiredAfterIt) {
  MakeTwoFiles("a");
  WatchedCatalog catalog(catalog_);
  context_.catalog = &catalog;
  // The commit is put on a state that another one made meanwhile, and that one is gone when the
  // index is to follow.
  log_.transactions.push_back({Insert("a", 3, "three", 3)});
  int commits = 0;
  catalog_.before = [&] {
    if (++commits == 1) Upkeep();
    return false;
  };
  catalog.after_publication = [&] {
    catalog.after_publication = nullptr;
    Upkeep();
  };
  Status status = CatchUp();
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_TRUE(files_removed_);
  catalog_.before = nullptr;
  log_.transactions.push_back({Update("a", 1, "x", 10), Update("a", 3, std::nullopt, 30)});
  status = CatchUp();
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Read("a"), Expected(4)["a"]);
}

TEST_F(CaptureExpiryTest, ATableThatWasDroppedWhileACommitIsPreparedIsSaidToBeGone) {
  MakeTwoFiles("a");
  log_.transactions.push_back({Update("a", 1, "x", 10)});
  WatchedCatalog catalog(catalog_);
  int looks = 0;
  catalog.after_look = [&] {
    if (++looks != 1) return;
    LakeCommit commit;
    commit.author = "test";
    commit.ops.push_back(DropTableOp{items_[0].uuid});
    ASSERT_TRUE(CommitToLake(context_.tables, lake_.catalog(), commit).ok());
  };
  context_.catalog = &catalog;
  const Status status = CatchUp();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kNotFound) << status.ToString();
  EXPECT_LE(looks, 4) << "it is not looked for again and again";
}

TEST_F(CaptureExpiryTest, MetadataThatWentSinceItWasFoundIsThatOfAStateBefore) {
  MakeTable("a");
  const TableEntry present = *catalog_.LoadTable({"bronze", "a"}, {});
  TableEntry before = present;
  before.metadata_location += ".gone";
  int asked = 0;
  auto state = LoadPresentState(
      context_.tables, [&]() -> Result<TableEntry> { return ++asked == 1 ? before : present; });
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  EXPECT_EQ(state->entry.metadata_location, present.metadata_location);
  asked = 0;
  state = LoadPresentState(context_.tables, [&]() -> Result<TableEntry> {
    ++asked;
    return before;
  });
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.status().error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(asked, 2) << "a state that stays";
}

}  // namespace
}  // namespace tarn

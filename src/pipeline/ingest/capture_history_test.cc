#include "pipeline/ingest/change_history.h"

#include "pipeline/ingest/capture_testing.h"

namespace tarn {
namespace {

using testing::CaptureTest;
using testing::Delete;
using testing::Insert;
using testing::Move;
using testing::ScriptedRows;
using testing::Truncate;
using testing::Update;

TEST_F(CaptureTest, TheHistoryKeepsWhatACommitFolds) {
  MakeTable("a");
  KeepHistory();
  Begin();
  log_.batch_changes_max = 100;
  log_.transactions = {
      {Insert("a", 1, "one", 1), Update("a", 1, std::nullopt, 2), Update("a", 1, "uno", 3)},
      {Insert("a", 2, "two", 1), Delete("a", 2)},
      {Move("a", 1, 7, std::nullopt, 4), Insert("a", 1, "again", 5)},
      {Truncate("a"), Insert("a", 9, "last", 9)}};
  const Sequence before = *catalog_.CurrentSequence();
  const Status status = CatchUp(1'000'000);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(catalog_.CurrentSequence()->value(), before.value() + 1);
  EXPECT_EQ(Read("a"), (ScriptedRows{{9, {"last", 9}}}));
  EXPECT_EQ(ReadHistory("a"), ExpectedHistory("a", 4));
  EXPECT_EQ(ReadHistory("a")[1].name, "one") << "a value that the log left out";
}

TEST_F(CaptureTest, ChangesThatCancelEachOtherOutAreInTheHistoryAlone) {
  MakeTable("a");
  KeepHistory();
  Begin();
  log_.transactions = {{Insert("a", 1, "one", 1), Delete("a", 1)}};
  const TableEntry before = *catalog_.LoadTable({"bronze", "a"}, {});
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(catalog_.LoadTable({"bronze", "a"}, {})->version, before.version);
  EXPECT_EQ(ReadHistory("a"), ExpectedHistory("a", 1));
}

TEST_F(CaptureTest, TheHistoryHasRowsAsTheyWereWhereTheLogTellsThem) {
  MakeTable("a");
  KeepHistory();
  Begin();
  log_.whole_rows_before = true;
  log_.batch_changes_max = 2;
  log_.transactions = {{Insert("a", 1, "one", 1), Insert("a", 2, "two", 2)},
                       {Update("a", 1, std::nullopt, 3), Move("a", 2, 5, "five", 5)},
                       {Delete("a", 1)}};
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(ReadHistory("a"), ExpectedHistory("a", 3));
  EXPECT_EQ(ReadHistory("a").back().name, "one") << "of the deleted row";
}

TEST_F(CaptureTest, AHistoryBeginsWithItsLoad) {
  MakeTable("a");
  MakeTable("joined", "2");
  KeepHistory();
  Begin();
  log_.transactions = {{Insert("a", 1, "a", 1), Insert("joined", 1, "in the load", 1)},
                       {Delete("joined", 1), Truncate("joined")},
                       {Insert("joined", 2, "after it", 2)}};
  ASSERT_TRUE(CatchUp().ok());
  const auto history = ReadHistory("joined");
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0], ExpectedHistory("joined", 3).back());
}

TEST_F(CaptureTest, ATableWhoseHistoryIsGoneStopsAlone) {
  MakeTable("a");
  KeepHistory();
  MakeTable("b");
  Begin();
  LakeCommit commit;
  commit.author = "test";
  commit.ops.push_back(DropTableOp{catalog_.LoadTable({"bronze", "a__changes"}, {})->uuid});
  ASSERT_TRUE(CommitToLake(lake_.context(), catalog_, commit).ok());
  log_.transactions = {{Insert("a", 1, "a", 1), Insert("b", 1, "b", 1)}};
  CaptureOptions options = Options();
  std::string stopped;
  options.stopped = [&](const SourceTableName& table, const Status& why) {
    stopped = table.ToString() + ": " + why.ToString();
  };
  ASSERT_TRUE(Capture(context_, log_, options).ok());
  EXPECT_NE(stopped.find("a__changes"), std::string::npos) << stopped;
  EXPECT_TRUE(Read("a").empty());
  EXPECT_EQ(Read("b").size(), 1U);
}

}  // namespace
}  // namespace tarn

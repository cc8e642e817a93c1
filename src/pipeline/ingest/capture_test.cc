#include "pipeline/ingest/capture.h"

#include "pipeline/ingest/capture_testing.h"
#include "pipeline/maintain/maintain.h"

namespace tarn {
namespace {

using testing::CaptureTest;
using testing::Delete;
using testing::Insert;
using testing::Move;
using testing::Replay;
using testing::ScriptedChange;
using testing::ScriptedRows;
using testing::ScriptedTables;
using testing::Truncate;
using testing::Update;

TEST_F(CaptureTest, InsertsUpdatesAndDeletesArrive) {
  MakeTable("a");
  Begin();
  log_.transactions = {{Insert("a", 1, "one", 1), Insert("a", 2, "two", 2)},
                       {Update("a", 1, "uno", 10)},
                       {Delete("a", 2), Insert("a", 3, "three", 3)}};
  const Status status = CatchUp();
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Read("a"), (ScriptedRows{{1, {"uno", 10}}, {3, {"three", 3}}}));
  EXPECT_EQ(Position(), "3");
  EXPECT_EQ(log_.acknowledged.back(), "3");
}

TEST_F(CaptureTest, OneCommitFoldsManyChangesOfAKey) {
  MakeTable("a");
  Begin();
  log_.batch_changes_max = 100;
  log_.transactions = {{Insert("a", 1, "x", 0)}};
  for (int32_t i = 1; i < 50; ++i) log_.transactions.push_back({Update("a", 1, "x", i)});
  const Sequence before = *catalog_.CurrentSequence();
  ASSERT_TRUE(CatchUp(1'000'000).ok());
  EXPECT_EQ(Read("a"), (ScriptedRows{{1, {"x", 49}}}));
  EXPECT_EQ(catalog_.CurrentSequence()->value(), before.value() + 1);
}

TEST_F(CaptureTest, ATransactionThatTouchesMoreKeysThanFitInMemoryIsTheSame) {
  MakeTable("a");
  Begin();
  log_.batch_changes_max = 7;
  log_.transactions = {{}, {}};
  for (int32_t i = 0; i < 100; ++i) log_.transactions[0].push_back(Insert("a", i, "first", i));
  for (int32_t i = 0; i < 300; ++i) log_.transactions[1].push_back(Insert("a", 200 + i, "new", i));
  // Rows of before, rows that went to the overflow, and rows that did so twice.
  for (int32_t i = 0; i < 300; i += 3) {
    log_.transactions[1].push_back(Update("a", 200 + i, std::nullopt, -i));
    log_.transactions[1].push_back(Delete("a", 201 + i));
    log_.transactions[1].push_back(Delete("a", i / 3));
  }
  log_.transactions[1].push_back(Insert("a", 201, "again", 1));
  log_.transactions[1].push_back(Move("a", 202, 1000, std::nullopt, 2));
  CaptureOptions options = Options();
  options.touched_keys_max = 10;
  const std::string overflow = folder_ + "/" + items_[0].uuid + ".touched";
  bool met = false;
  catalog_.before = [&] {
    met = met || std::filesystem::exists(overflow);
    return false;
  };
  const Status status = Capture(context_, log_, options);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_TRUE(met);
  EXPECT_FALSE(std::filesystem::exists(overflow));
  EXPECT_EQ(Read("a"), Expected(2)["a"]);
  // The index knows where all of them stand.
  log_.transactions.push_back({Update("a", 1000, "moved", 3), Delete("a", 201), Delete("a", 203)});
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(Read("a"), Expected(3)["a"]);
}

TEST_F(CaptureTest, AnUnchangedValueIsReadBackFromWhereverTheRowStands) {
  MakeTable("a");
  Begin();
  log_.batch_changes_max = 1;  // every change is a batch of its own
  log_.transactions = {{Insert("a", 1, "committed", 1), Insert("a", 4, "moved", 1)},
                       {Insert("a", 2, "of this commit", 2), Update("a", 1, std::nullopt, 10),
                        Update("a", 2, std::nullopt, 20)},
                       {Move("a", 4, 5, std::nullopt, 50)}};
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(Read("a"), Expected(3)["a"]);
  log_.batch_changes_max = 100;  // and all of a transaction are one
  log_.transactions.push_back({Insert("a", 7, "of this batch", 7), Update("a", 7, std::nullopt, 8),
                               Move("a", 7, 8, std::nullopt, 9), Update("a", 8, std::nullopt, 10)});
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(Read("a"), Expected(4)["a"]);
  EXPECT_EQ(Read("a")[8], (std::pair<std::string, int32_t>{"of this batch", 10}));
}

TEST_F(CaptureTest, KeysThatAreSwappedWithinATransactionStayApart) {
  MakeTable("a");
  Begin();
  log_.transactions = {
      {Insert("a", 1, "one", 1), Insert("a", 2, "two", 2)},
      {Move("a", 1, 0, "one", 1), Move("a", 2, 1, "two", 2), Move("a", 0, 2, "one", 1)}};
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(Read("a"), (ScriptedRows{{1, {"two", 2}}, {2, {"one", 1}}}));
}

TEST_F(CaptureTest, TruncateTakesWhatWasCommittedAndWhatWasNot) {
  MakeTable("a");
  Begin();
  log_.transactions = {
      {Insert("a", 1, "old", 1)},
      {Insert("a", 2, "of this commit", 2), Truncate("a"), Insert("a", 1, "again", 3)},
      {Truncate("a")},
      {Insert("a", 9, "last", 9)}};
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(Read("a"), (ScriptedRows{{9, {"last", 9}}}));
}

TEST_F(CaptureTest, WhatOneTransactionDidToTwoTablesIsSeenAtOneSequence) {
  MakeTable("a");
  MakeTable("b");
  Begin();
  log_.batch_changes_max = 1;
  log_.transactions = {{Insert("a", 1, "a", 1), Insert("b", 1, "b", 1)},
                       {Update("a", 1, "a2", 2), Delete("b", 1)}};
  ASSERT_TRUE(CatchUp().ok());
  for (int64_t at = catalog_.LoadTable({"bronze", "b"}, {})->sequence.value();
       at <= catalog_.CurrentSequence()->value(); ++at) {
    const bool first = Read("a", Sequence(at)) == ScriptedRows{{1, {"a", 1}}};
    EXPECT_EQ(first, !Read("b", Sequence(at)).empty()) << "at sequence " << at;
  }
}

TEST_F(CaptureTest, ALogThatBeginsBeforeTheLoadIsPassedOver) {
  MakeTable("a");
  MakeTable("joined", "2");
  Begin();
  log_.transactions = {{Insert("a", 1, "a", 1), Insert("joined", 1, "in the load", 1)},
                       {Delete("joined", 1)},
                       {Insert("joined", 2, "after it", 2)}};
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(Read("joined"), (ScriptedRows{{2, {"after it", 2}}}));
  EXPECT_EQ(Read("a").size(), 1U);
}

TEST_F(CaptureTest, ATableThatCannotBeFollowedStopsAloneAtAWholeTransaction) {
  MakeTable("a");
  MakeTable("b");
  Begin();
  log_.batch_changes_max = 1;
  log_.transactions = {
      {Insert("a", 1, "a", 1), Insert("b", 1, "b", 1)},
      // The log leaves out a value of a row that the table does not have.
      {Insert("a", 2, "a", 2), Update("a", 7, std::nullopt, 7), Insert("b", 2, "b", 2)},
      {Insert("a", 3, "a", 3), Insert("b", 3, "b", 3)}};
  CaptureOptions options = Options();
  std::string stopped;
  options.stopped = [&](const SourceTableName& table, const Status& why) {
    stopped = table.ToString() + ": " + why.ToString();
  };
  ASSERT_TRUE(Capture(context_, log_, options).ok());
  EXPECT_NE(stopped.find("public.a: "), std::string::npos) << stopped;
  EXPECT_NE(stopped.find("tarn resync bronze.a"), std::string::npos) << stopped;
  EXPECT_EQ(Read("a"), (ScriptedRows{{1, {"a", 1}}}));
  EXPECT_EQ(Read("b").size(), 3U);
  // It is told again, and stays where it is, until it is loaded anew.
  stopped.clear();
  log_.transactions.push_back({Insert("a", 4, "a", 4)});
  options.until = "4";
  ASSERT_TRUE(Capture(context_, log_, options).ok());
  EXPECT_NE(stopped.find("public.a: "), std::string::npos) << stopped;
  EXPECT_EQ(Read("a").size(), 1U);
}

TEST_F(CaptureTest, ADamagedKeyIndexStopsNothing) {
  MakeTable("a");
  Begin();
  log_.transactions = {{}, {Update("a", 1, "b", 2)}};
  for (int64_t i = 0; i < 400; ++i) log_.transactions[0].push_back(Insert("a", i, "a", 1));
  ASSERT_TRUE(CatchUp(1'000'000).ok());
  std::filesystem::remove_all(folder_);
  for (const auto& change : {Update("a", 2, std::nullopt, 3), Delete("a", 3)}) {
    log_.transactions.push_back({Update("a", 1, "c", 3)});
    ASSERT_TRUE(CatchUp().ok());
    DamageKeyIndexes();
    log_.transactions.push_back({change});
    const Status status = CatchUp();
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(Read("a"), Expected(log_.transactions.size())["a"]);
    std::filesystem::remove_all(folder_);
  }
}

TEST_F(CaptureTest, ALostAnswerDoublesNothing) {
  MakeTable("a");
  Begin();
  int lost = 0;
  catalog_.after = [&] { return lost++ < 1; };
  log_.batch_changes_max = 1;
  log_.transactions = {{Insert("a", 1, "a", 1)}, {Update("a", 1, "b", 2)}};
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(Read("a"), (ScriptedRows{{1, {"b", 2}}}));
  EXPECT_EQ(lost, 2);
}

TEST_F(CaptureTest, WhatFailsBeforeACommitIsAskedForLeavesNoFiles) {
  MakeTable("a");
  Begin();
  log_.transactions = {{Insert("a", 1, "a", 1)}};
  int failures = 0;
  int looks = 0;
  catalog_.look = [&] {
    // The first look of an attempt is that of the row, the second one that of its commit.
    if (failures == 5 || ++looks % 2 != 0) return false;
    ++failures;
    return true;
  };
  const Status status = CatchUp();
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(failures, 5);
  catalog_.look = {};
  EXPECT_EQ(Read("a").size(), 1U);
  EXPECT_EQ(DataFiles(), 1U);
}

TEST_F(CaptureTest, TheFilesOfACommitWhoseAnswerIsLostForGoodStay) {
  MakeTable("a");
  Begin();
  log_.transactions = {{Insert("a", 1, "a", 1)}};
  catalog_.before = [] { return true; };
  CaptureOptions options = Options();
  int tries = 0;
  options.retrying = [&](const Status&) {
    if (++tries == 2) catalog_.before = {};
  };
  ASSERT_TRUE(Capture(context_, log_, options).ok());
  EXPECT_EQ(Read("a").size(), 1U);
  // A server may still be at work on what seemed to fail.
  EXPECT_EQ(DataFiles(), 3U);
}

TEST_F(CaptureTest, ACatalogOnAFullDiskIsWaitedForAndLeavesNoFiles) {
  MakeTable("a");
  Begin();
  log_.transactions = {{Insert("a", 1, "a", 1)}};
  catalog_.before = [] { return true; };
  catalog_.refusal = ResourceExhausted("disk full");
  CaptureOptions options = Options();
  EXPECT_EQ(Capture(context_, log_, options).error().kind, ErrorKind::kResourceExhausted);
  EXPECT_EQ(DataFiles(), 0U);
  CancelFlag stop;
  context_.cancel = &stop;
  options.until.reset();
  int tries = 0;
  options.retrying = [&](const Status&) {
    EXPECT_EQ(DataFiles(), 0U);
    if (++tries == 2) catalog_.before = {};
  };
  options.committed = [&](const CaptureCommit&) { stop.Request(); };
  ASSERT_TRUE(Capture(context_, log_, options).ok());
  EXPECT_EQ(tries, 2);
  EXPECT_EQ(Read("a").size(), 1U);
  EXPECT_EQ(DataFiles(), 1U);
}

TEST_F(CaptureTest, WhetherACommitHappenedThatCannotBeFoundOutTheNextAttemptFindsOut) {
  for (const bool happened : {false, true}) {
    MakeTable(happened ? "b" : "a");
    Begin();
    log_.transactions = {{Insert(happened ? "b" : "a", 1, "a", 1)}};
    bool done = false;
    catalog_.refusal = CommitUnknown("the answer was lost");
    // As long as one attempt repeats its request.
    const auto lost = [&] { return !done; };
    (happened ? catalog_.after : catalog_.before) = lost;
    catalog_.finds = [&] { return done; };
    CaptureOptions options = Options();
    options.retrying = [&](const Status& reason) {
      EXPECT_EQ(reason.error().kind, ErrorKind::kCommitUnknown);
      done = true;
    };
    const Status status = Capture(context_, log_, options);
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_TRUE(done);
    EXPECT_EQ(Read(happened ? "b" : "a").size(), 1U);
    catalog_.before = catalog_.after = {};
  }
}

TEST_F(CaptureTest, ALaterAttemptBeginsWithTheTablesAsTheyAreRememberedByThen) {
  MakeTable("a");
  Begin();
  log_.transactions = {{Insert("a", 1, "one", 1)}};
  bool broke = false;
  log_.before_next = [&]() -> Status {
    if (std::exchange(broke, true)) return {};
    return Unavailable("the connection broke", "run again");
  };
  CaptureOptions options = Options();
  options.described = [](const CaptureItem& item) -> Result<CaptureItem> {
    CaptureItem now = item;
    now.table.fingerprint = "altered";
    return now;
  };
  ASSERT_TRUE(Capture(context_, log_, options).ok());
  ASSERT_EQ(log_.opened.size(), 2);
  EXPECT_EQ(log_.opened[0][0].fingerprint, "f");
  EXPECT_EQ(log_.opened[1][0].fingerprint, "altered");
}

TEST_F(CaptureTest, NothingIsAcknowledgedBeforeItIsCommitted) {
  MakeTable("a");
  Begin();
  catalog_.before = [&] {
    EXPECT_TRUE(log_.acknowledged.empty());
    return false;
  };
  log_.transactions = {{Insert("a", 1, "a", 1)}};
  ASSERT_TRUE(CatchUp(1'000'000).ok());
  EXPECT_EQ(log_.acknowledged, (std::vector<std::string>{"1"}));
}

/// A capture that is asked to stop before it reads the log for the `calls`-th time, one change at a
/// time, with nothing due to be committed.
class CaptureStop : public CaptureTest {
 protected:
  CaptureStop() {
    context_.cancel = &stop_;
    log_.batch_changes_max = 1;
    log_.before_next = [this] {
      if (++calls_ < stop_at_) return Status();
      stop_.Request();
      return at_stop_ ? at_stop_() : Status();
    };
    MakeTable("a");
    Begin();
  }
  void StopAt(int call) {
    stop_at_ = call;
    CaptureOptions options = Options(1'000'000);
    options.until.reset();
    const Status status = Capture(context_, log_, options);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }

  CancelFlag stop_;
  int calls_ = 0;
  int stop_at_ = 0;
  std::function<Status()> at_stop_;
};

TEST_F(CaptureStop, WhatIsWholeIsCommitted) {
  log_.transactions = {{Insert("a", 1, "a", 1)}, {Insert("a", 2, "b", 2)}};
  StopAt(3);
  EXPECT_EQ(Read("a"), Expected(2)["a"]);
  EXPECT_EQ(Position(), "2");
}

TEST_F(CaptureStop, WhatIsWholeIsCommittedWhereTheSourceGivesUp) {
  log_.transactions = {{Insert("a", 1, "a", 1)}, {Insert("a", 2, "b", 2)}};
  at_stop_ = [this] { return stop_.Check(); };
  StopAt(2);
  EXPECT_EQ(Read("a"), Expected(1)["a"]);
  EXPECT_EQ(Position(), "1");
}

TEST_F(CaptureStop, TheRestOfATransactionIsAwaited) {
  log_.transactions = {{Insert("a", 1, "a", 1)},
                       {Insert("a", 2, "b", 2), Insert("a", 3, "c", 3), Delete("a", 1)},
                       {Insert("a", 4, "d", 4)}};
  StopAt(2);
  EXPECT_EQ(Read("a"), Expected(2)["a"]);
  EXPECT_EQ(Position(), "2");
}

TEST_F(CaptureStop, ATransactionThatDoesNotEndIsNotAwaitedForLong) {
  log_.transactions = {{}};
  for (int64_t i = 0; i < 100; ++i) log_.transactions[0].push_back(Insert("a", i, "a", 1));
  at_stop_ = [this] {
    lake_.clock().Advance(300'000);
    return Status();
  };
  StopAt(2);
  EXPECT_LT(calls_, 10);
  EXPECT_EQ(Position(), "0");
  EXPECT_EQ(DataFiles(), 0U);
  log_.before_next = {};
  context_.cancel = nullptr;
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(Read("a"), Expected(1)["a"]);
}

TEST_F(CaptureTest, OneOfTwoThatFollowOneLogGivesWay) {
  MakeTable("a");
  Begin();
  log_.transactions = {{Insert("a", 1, "a", 1)}};
  bool raced = false;
  catalog_.before = [&] {
    if (raced) return false;
    raced = true;
    // The other one is faster by the whole transaction.
    const Status other = CatchUp();
    EXPECT_TRUE(other.ok()) << other.ToString();
    return false;
  };
  items_[0].uuid += "-first";  // an index folder of its own
  CaptureOptions options = Options();
  items_[0].uuid += "-second";
  std::vector<std::string> retried;
  options.retrying = [&](const Status& why) { retried.push_back(why.error().message); };
  ASSERT_TRUE(Capture(context_, log_, options).ok());
  ASSERT_EQ(retried.size(), 1U);
  EXPECT_NE(retried[0].find("somebody else follows"), std::string::npos) << retried[0];
  EXPECT_EQ(Read("a").size(), 1U);
}

/// Random logs, batches, commits, faults and restarts: every committed state is a prefix of the
/// log.
class CaptureSim : public CaptureTest, public ::testing::WithParamInterface<uint64_t> {
 protected:
  CaptureSim() : CaptureTest(GetParam()) {}

  bool compacting_ = false;
};

TEST_P(CaptureSim, EveryCommittedStateIsAPrefixOfTheLog) {
  MakeTable("a", "0", {"bucket(3, id)"});
  KeepHistory();
  MakeTable("b");
  KeepHistory();
  Begin();
  Random& random = lake_.random();
  log_.whole_rows_before = random.Below(3) == 0;
  ScriptedTables tables;
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 15; ++i) log_.transactions.push_back(RandomTransaction(tables));
    log_.batch_changes_max = 1 + static_cast<int64_t>(random.Below(30));
    catalog_.before = [&] {
      // Compaction goes first, between what capture found out and its commit.
      if (!compacting_ && random.Below(8) == 0) {
        compacting_ = true;
        const auto report = Maintain(context_, {});
        EXPECT_TRUE(report.ok()) << report.status().ToString();
        compacting_ = false;
      }
      return !compacting_ && random.Below(12) == 0;
    };
    catalog_.after = [&] { return !compacting_ && random.Below(12) == 0; };
    CaptureOptions options = Options(1 + static_cast<int64_t>(random.Below(40)));
    if (random.Below(2) == 0) options.touched_keys_max = 1 + static_cast<int64_t>(random.Below(9));
    // The state at each commit is what the transactions up to its position come to.
    options.committed = [&](const CaptureCommit& commit) {
      const auto transactions = static_cast<size_t>(std::stoll(commit.position));
      ScriptedTables expected = Expected(transactions);
      for (const char* table : {"a", "b"}) {
        EXPECT_EQ(Read(table, commit.sequence), expected[table]);
        const auto history = ReadHistory(table, commit.sequence);
        EXPECT_EQ(Fold(history), expected[table]);
        EXPECT_EQ(history, ExpectedHistory(table, transactions));
      }
    };
    // A process that dies loses what is in memory and what its index did not take in.
    if (random.Below(3) == 0) std::filesystem::remove_all(folder_);
    const Status status = Capture(context_, log_, options);
    ASSERT_TRUE(status.ok()) << status.ToString();
    ASSERT_EQ(Read("a"), tables["a"]) << "round " << round;
    ASSERT_EQ(Read("b"), tables["b"]) << "round " << round;
    ASSERT_EQ(ReadHistory("a"), ExpectedHistory("a", log_.transactions.size()));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, CaptureSim, ::testing::Range<uint64_t>(1, 13));

}  // namespace
}  // namespace tarn

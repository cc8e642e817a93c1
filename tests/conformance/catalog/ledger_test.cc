#include <gmock/gmock.h>

#include "catalog/closed.h"
#include "tests/conformance/catalog/catalog_suite.h"

namespace tarn::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_P(CatalogLedger, PositionsMoveWithTheirCommit) {
  MustCommit({SetPositionOp{"shop", "customer", "{\"lsn\":1}"}, SetPositionOp{"shop", "", "7"}});
  MustCommit({SetPositionOp{"shop", "customer", "{\"lsn\":2}"}, SetPositionOp{"shop", "", ""}});
  const auto positions = *catalog().ListPositions();
  ASSERT_THAT(positions, SizeIs(1));
  EXPECT_EQ(positions[0].position, "{\"lsn\":2}");
  EXPECT_EQ(positions[0].table, "customer");
  EXPECT_EQ(positions[0].sequence, Sequence(2));
}

TEST_P(CatalogLedger, ObjectsArePutReplacedAndDropped) {
  MustCommit({PutObjectOp{"source", "a", "1"}, PutObjectOp{"source", "b", "2"},
              PutObjectOp{"model", "a", "3"}});
  MustCommit({PutObjectOp{"source", "a", "4"}, DropObjectOp{"source", "b"},
              DropObjectOp{"source", "never"}});
  const auto sources = *catalog().ListObjects("source");
  ASSERT_THAT(sources, SizeIs(1));
  EXPECT_EQ(sources[0].json, "4");
  EXPECT_THAT(*catalog().ListObjects({}), SizeIs(2));
}

TEST_P(CatalogLedger, AnObjectThatSaysSomethingElseThanExpectedIsAConflict) {
  MustCommit({PutObjectOp{"source", "a", "1", ""}});
  MustCommit({PutObjectOp{"source", "a", "2", "1"}});
  for (const char* expected : {"", "1"}) {
    const auto refused = Commit({PutObjectOp{"source", "b", "0"},  // all or nothing
                                 PutObjectOp{"source", "a", "3", expected}});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  }
  EXPECT_EQ(Commit({PutObjectOp{"source", "never", "3", "2"}}).error().kind, ErrorKind::kConflict);
  const auto sources = *catalog().ListObjects("source");
  ASSERT_THAT(sources, SizeIs(1));
  EXPECT_EQ(sources[0].json, "2");
}

TEST_P(CatalogLedger, TheOutboxHoldsEveryStateUntilItIsPublished) {
  const CreateTableOp a = NewTable("s", "a");
  MustCommit({CreateNamespaceOp{"s", {}}, a, NewTable("s", "b")});
  const CommitInfo second =
      *Commit({UpdateTableOp{a.table.uuid, a.table.metadata_location, "file:///2"}});
  MustCommit({RenameTableOp{a.table.uuid, {"s", "c"}}});
  auto pending = *catalog().PendingPublications({.limit = 10});
  ASSERT_THAT(pending, SizeIs(3));
  EXPECT_EQ(pending[0].version, 1);
  EXPECT_EQ(pending[0].previous_metadata_location, "");
  EXPECT_EQ(pending[2].table_uuid, a.table.uuid);
  EXPECT_EQ(pending[2].version, 2);
  EXPECT_EQ(pending[2].previous_metadata_location, a.table.metadata_location);
  EXPECT_EQ(pending[2].metadata_location, "file:///2");
  EXPECT_EQ(pending[2].sequence, second.sequence);
  EXPECT_EQ(pending[2].committed_micros, second.committed_micros);
  EXPECT_THAT(*catalog().PendingPublications({.limit = 2}), SizeIs(2));
  const auto rest = *catalog().PendingPublications({.limit = 10, .after_id = pending[1].id});
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].id, pending[2].id);
  EXPECT_THAT(*catalog().PendingPublications({.limit = 10, .table_uuid = a.table.uuid}), SizeIs(2));
  EXPECT_THAT(*catalog().PendingPublications(
                  {.limit = 10, .after_id = pending[1].id, .table_uuid = pending[1].table_uuid}),
              IsEmpty());
  EXPECT_TRUE(catalog().MarkPublished(pending[0].id).ok());
  EXPECT_TRUE(catalog().MarkPublished(pending[0].id).ok());
  EXPECT_THAT(*catalog().PendingPublications({.limit = 10}), SizeIs(2));
}

TEST_P(CatalogLedger, ARunIsRecordedAndThenCompleted) {
  RunRecord run;
  run.id = "r1";
  run.kind = "model";
  run.name = "gold.customer_counts";
  run.status = "running";
  run.started_micros = 5;
  ASSERT_TRUE(catalog().RecordRun(run).ok());
  EXPECT_EQ(catalog().ListRuns(10)->at(0).finished_micros, std::nullopt);
  run.status = "failed";
  run.finished_micros = 9;
  run.sequence = Sequence(3);
  run.rows = 1;
  run.bytes = 2;
  run.error = "column x does not exist";
  run.detail_json = "{}";
  ASSERT_TRUE(catalog().RecordRun(run).ok());
  RunRecord later = run;
  later.id = "r2";
  later.started_micros = 6;
  ASSERT_TRUE(catalog().RecordRun(later).ok());
  const auto runs = *catalog().ListRuns(10);
  ASSERT_THAT(runs, SizeIs(2));
  EXPECT_EQ(runs[0].id, "r2");
  EXPECT_EQ(runs[1].status, "failed");
  EXPECT_EQ(runs[1].finished_micros, 9);
  EXPECT_EQ(runs[1].sequence, Sequence(3));
  EXPECT_EQ(runs[1].error, "column x does not exist");
  EXPECT_THAT(*catalog().ListRuns(1), SizeIs(1));
  EXPECT_THAT(*catalog().ListRuns(0), IsEmpty());
}

TEST_P(CatalogLedger, ALockHasOneHolderWhoIsNamed) {
  const LockInfo lock = *Acquire("project", "apply, pid 1 on host", "1");
  const Error error = Acquire("project", "apply, pid 2 on host", "2").error();
  EXPECT_EQ(error.kind, ErrorKind::kConflict);
  EXPECT_THAT(error.message, HasSubstr("apply, pid 1 on host"));
  EXPECT_TRUE(Acquire("other", "apply, pid 2 on host", "2").ok());
  EXPECT_TRUE(catalog().ReleaseLock(lock).ok());
  EXPECT_TRUE(catalog().ReleaseLock(lock).ok());
  EXPECT_TRUE(Acquire("project", "apply, pid 2 on host", "2").ok());
}

TEST_P(CatalogLedger, WhoAsksForALockAgainAfterALostAnswerHasIt) {
  ASSERT_TRUE(Acquire("project", "me", "mine").ok());
  clock_.Advance(600'000);
  const auto again = Acquire("project", "me", "mine");
  ASSERT_TRUE(again.ok()) << again.error().ToString();
  EXPECT_EQ(again->token, "mine");
  EXPECT_EQ(again->expires_micros, clock_.NowMicros() + 1'000'000);
  clock_.Advance(600'000);
  EXPECT_EQ(Acquire("project", "me", "another").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(Acquire("project", "me", "").error().kind, ErrorKind::kInvalidArgument);
}

TEST_P(CatalogLedger, AnExpiredLeaseMayBeTakenAndFencesItsOldHolderOut) {
  const LockInfo old = *Acquire("project", "old", "1");
  clock_.Advance(999'000);
  EXPECT_FALSE(Acquire("project", "new", "2").ok());
  EXPECT_TRUE(catalog().RenewLock(old, 1000).ok());
  clock_.Advance(999'000);
  EXPECT_FALSE(Acquire("project", "new", "2").ok());
  clock_.Advance(1'000);
  const LockInfo taken = *Acquire("project", "new", "2");
  const Error error = catalog().RenewLock(old, 1000).error();
  EXPECT_EQ(error.kind, ErrorKind::kConflict);
  EXPECT_THAT(error.message, HasSubstr("new holds it"));
  EXPECT_TRUE(catalog().ReleaseLock(old).ok());
  EXPECT_TRUE(catalog().RenewLock(taken, 1000).ok());
}

TEST_P(CatalogLedger, AnExpiredLeaseThatNobodyTookMayBeRenewed) {
  const LockInfo lock = *Acquire("project", "me", "1");
  clock_.Advance(10'000'000);
  EXPECT_TRUE(catalog().RenewLock(lock, 1000).ok());
  EXPECT_FALSE(Acquire("project", "other", "2").ok());
}

TEST_P(CatalogLedger, WhoOnlyLooksAtALockTakesItFromNobody) {
  EXPECT_FALSE(*catalog().FindLock("project"));
  const LockInfo lock = *Acquire("project", "apply, pid 1 on host", "1");
  EXPECT_EQ((*catalog().FindLock("project"))->owner, "apply, pid 1 on host");
  EXPECT_FALSE(*catalog().FindLock("other"));
  clock_.Advance(1'000'000);
  EXPECT_FALSE(*catalog().FindLock("project"));
  MustCommit({SetPositionOp{"shop", "", "1"}, ExpectLockOp{lock.name, lock.token}});
}

TEST_P(CatalogLedger, ACommitUnderALockHappensOnlyWhileNobodyElseHasTakenIt) {
  const LockInfo old = *Acquire("project", "old", "1");
  const ExpectLockOp fence{old.name, old.token};
  MustCommit({SetPositionOp{"shop", "", "1"}, fence});
  clock_.Advance(10'000'000);  // ran out, and nobody took it
  MustCommit({SetPositionOp{"shop", "", "2"}, fence});

  const LockInfo taken = *Acquire("project", "new, pid 7", "2");
  const Error error = MustFail({SetPositionOp{"shop", "", "3"}, fence});
  EXPECT_EQ(error.kind, ErrorKind::kConflict);
  EXPECT_THAT(error.message, HasSubstr("new, pid 7 holds it"));
  EXPECT_EQ(catalog().ListPositions()->at(0).position, "2");

  ASSERT_TRUE(catalog().ReleaseLock(taken).ok());
  EXPECT_EQ(MustFail({fence}).kind, ErrorKind::kConflict);
  EXPECT_EQ(*catalog().CurrentSequence(), Sequence(2));
}

TEST_P(CatalogLedger, AClosedCatalogTakesCommitsUnderALockOnly) {
  const LockInfo lock = *Acquire("project", "destroy", "1");
  const ExpectLockOp fence{lock.name, lock.token};
  MustCommit({SetPositionOp{"shop", "", "1"}});
  MustCommit({PutObjectOp{kClosedObject, kClosedObject, "{}"}, fence});
  const Error error = MustFail({CreateNamespaceOp{"s", {}}, NewTable("s", "a")});
  EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(error.ToString(), HasSubstr("tarn destroy"));
  EXPECT_TRUE(catalog().ListTables({}, {})->empty());
  MustCommit({SetPositionOp{"shop", "", "2"}, fence});
  MustCommit({DropObjectOp{kClosedObject, kClosedObject}, fence});
  MustCommit({CreateNamespaceOp{"s", {}}, NewTable("s", "a")});
}

TEST_P(CatalogLedger, WhoLostTheLockIsToldSoRatherThanWhatThatLedTo) {
  const LockInfo old = *Acquire("project", "old", "1");
  clock_.Advance(10'000'000);
  ASSERT_TRUE(Acquire("project", "new", "2").ok());
  MustCommit({SetPositionOp{"shop", "", "1"}});
  const Error error =
      MustFail({SetPositionOp{"shop", "", "2", "0"}, ExpectTableOp{"gone", "file:///1"},
                ExpectLockOp{old.name, old.token}});
  EXPECT_THAT(error.message, HasSubstr("new holds it"));
}

TEST_P(CatalogLedger, APositionThatWasReadAndHasMovedIsAConflict) {
  MustCommit({SetPositionOp{"shop", "customer", "1", ""}});
  MustCommit({SetPositionOp{"shop", "customer", "2", "1"}});
  for (const std::string stale : {"", "1", "3"}) {
    const Error error = MustFail({SetPositionOp{"shop", "customer", "3", stale}});
    EXPECT_EQ(error.kind, ErrorKind::kConflict);
    EXPECT_THAT(error.message, HasSubstr("customer"));
  }
  EXPECT_EQ(catalog().ListPositions()->at(0).position, "2");
  EXPECT_EQ(MustFail({SetPositionOp{"shop", "customer", "", "1"}}).kind, ErrorKind::kConflict);
  MustCommit({SetPositionOp{"shop", "customer", "", "2"}});
  EXPECT_EQ(MustFail({SetPositionOp{"shop", "customer", "3", "2"}}).kind, ErrorKind::kConflict);
}

}  // namespace
}  // namespace tarn::testing

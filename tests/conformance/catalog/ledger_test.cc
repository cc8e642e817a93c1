#include <gmock/gmock.h>

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

TEST_P(CatalogLedger, TheOutboxHoldsEveryStateUntilItIsPublished) {
  const CreateTableOp a = NewTable("s", "a");
  MustCommit({CreateNamespaceOp{"s", {}}, a, NewTable("s", "b")});
  const CommitInfo second =
      *Commit({UpdateTableOp{a.table.uuid, a.table.metadata_location, "file:///2"}});
  MustCommit({RenameTableOp{a.table.uuid, {"s", "c"}}});
  auto pending = *catalog().PendingPublications(10);
  ASSERT_THAT(pending, SizeIs(3));
  EXPECT_EQ(pending[0].version, 1);
  EXPECT_EQ(pending[0].previous_metadata_location, "");
  EXPECT_EQ(pending[2].table_uuid, a.table.uuid);
  EXPECT_EQ(pending[2].version, 2);
  EXPECT_EQ(pending[2].previous_metadata_location, a.table.metadata_location);
  EXPECT_EQ(pending[2].metadata_location, "file:///2");
  EXPECT_EQ(pending[2].sequence, second.sequence);
  EXPECT_EQ(pending[2].committed_micros, second.committed_micros);
  EXPECT_THAT(*catalog().PendingPublications(2), SizeIs(2));
  EXPECT_TRUE(catalog().MarkPublished(pending[0].id).ok());
  EXPECT_TRUE(catalog().MarkPublished(pending[0].id).ok());
  EXPECT_THAT(*catalog().PendingPublications(10), SizeIs(2));
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
  const LockInfo lock = *catalog().AcquireLock("project", "apply, pid 1 on host", 1000);
  const Error error = catalog().AcquireLock("project", "apply, pid 2 on host", 1000).error();
  EXPECT_EQ(error.kind, ErrorKind::kConflict);
  EXPECT_THAT(error.message, HasSubstr("apply, pid 1 on host"));
  EXPECT_TRUE(catalog().AcquireLock("other", "apply, pid 2 on host", 1000).ok());
  EXPECT_TRUE(catalog().ReleaseLock(lock).ok());
  EXPECT_TRUE(catalog().ReleaseLock(lock).ok());
  EXPECT_TRUE(catalog().AcquireLock("project", "apply, pid 2 on host", 1000).ok());
}

TEST_P(CatalogLedger, AnExpiredLeaseMayBeTakenAndFencesItsOldHolderOut) {
  const LockInfo old = *catalog().AcquireLock("project", "old", 1000);
  clock_.Advance(999'000);
  EXPECT_FALSE(catalog().AcquireLock("project", "new", 1000).ok());
  EXPECT_TRUE(catalog().RenewLock(old, 1000).ok());
  clock_.Advance(999'000);
  EXPECT_FALSE(catalog().AcquireLock("project", "new", 1000).ok());
  clock_.Advance(1'000);
  const LockInfo taken = *catalog().AcquireLock("project", "new", 1000);
  const Error error = catalog().RenewLock(old, 1000).error();
  EXPECT_EQ(error.kind, ErrorKind::kConflict);
  EXPECT_THAT(error.message, HasSubstr("new holds it"));
  EXPECT_TRUE(catalog().ReleaseLock(old).ok());
  EXPECT_TRUE(catalog().RenewLock(taken, 1000).ok());
}

TEST_P(CatalogLedger, AnExpiredLeaseThatNobodyTookMayBeRenewed) {
  const LockInfo lock = *catalog().AcquireLock("project", "me", 1000);
  clock_.Advance(10'000'000);
  EXPECT_TRUE(catalog().RenewLock(lock, 1000).ok());
  EXPECT_FALSE(catalog().AcquireLock("project", "other", 1000).ok());
}

}  // namespace
}  // namespace tarn::testing

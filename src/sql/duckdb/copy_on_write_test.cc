#include <string>
#include <thread>
#include <vector>

#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

class CopyOnWriteTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
    Sql("CREATE TABLE s.t AS SELECT i::INTEGER AS i, 'n' || i AS name FROM range(10) r(i)");
    for (const char* command : {"delete", "update", "merge"}) SetMode(command, "copy-on-write");
  }
  void SetMode(const std::string& command, const std::string& mode) {
    EXPECT_EQ(Sql("ALTER TABLE s.t SET ('write." + command + ".mode' = '" + mode + "')"),
              "ALTER TABLE");
  }
  std::string Ids() {
    return Sql("SELECT coalesce(string_agg(i, ' ' ORDER BY i), 'none') FROM s.t");
  }
  std::string Contents() {
    return Sql("SELECT string_agg(DISTINCT content, ', ' ORDER BY content) FROM s.t$files");
  }
};

TEST_F(CopyOnWriteTest, DeletesLeaveNoDeleteFilesBehind) {
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE i % 3 = 0"), "DELETE 4");
  EXPECT_EQ(Ids(), "1 2 4 5 7 8\n");
  EXPECT_EQ(Contents(), "data\n");
  EXPECT_EQ(Sql("SELECT count(*), sum(rows) FROM s.t$files"), "1|6\n");
  EXPECT_EQ(CountObjects("s/t/deletes/"), 0);
  // Nothing made a later version of the format necessary.
  EXPECT_EQ(Sql("SELECT format_version FROM system.tables WHERE table_name = 't'"), "2\n");
  EXPECT_EQ(Sql("SELECT operation FROM s.t$snapshots ORDER BY sequence_number DESC LIMIT 1"),
            "overwrite\n");
  EXPECT_EQ(Sql("DELETE FROM s.t"), "DELETE 6");
  EXPECT_EQ(Ids(), "none\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t$files"), "0\n");
}

TEST_F(CopyOnWriteTest, UpdatesAndMergesRewriteTheTouchedFilesOnly) {
  Sql("INSERT INTO s.t SELECT i, 'n' || i FROM range(100, 110) r(i)");
  const std::string second = Sql("SELECT filename FROM s.t WHERE i = 105");
  EXPECT_EQ(Sql("UPDATE s.t SET name = 'x' WHERE i IN (2, 3)"), "UPDATE 2");
  EXPECT_EQ(Sql("SELECT string_agg(i || name, ' ' ORDER BY i) FROM s.t WHERE i < 5"),
            "0n0 1n1 2x 3x 4n4\n");
  EXPECT_EQ(Sql("SELECT filename FROM s.t WHERE i = 105"), second);
  EXPECT_EQ(Sql("MERGE INTO s.t USING (SELECT 4 AS i UNION ALL SELECT 50) u ON t.i = u.i "
                "WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (u.i, 'new')"),
            "MERGE 2");
  EXPECT_EQ(Sql("SELECT string_agg(i || name, ' ' ORDER BY i) FROM s.t WHERE i BETWEEN 3 AND 99"),
            "3x 5n5 6n6 7n7 8n8 9n9 50new\n");
  EXPECT_EQ(Sql("SELECT count(*), count(DISTINCT i) FROM s.t"), "20|20\n");
  EXPECT_EQ(Contents(), "data\n");
  EXPECT_EQ(Sql("SELECT filename FROM s.t WHERE i = 105"), second);
}

TEST_F(CopyOnWriteTest, EveryCommandHasItsOwnMode) {
  SetMode("delete", "merge-on-read");
  Sql("DELETE FROM s.t WHERE i = 1");
  EXPECT_EQ(Contents(), "data, deletion vector\n");
  // What was deleted by a vector is gone for good when its file is written anew.
  Sql("UPDATE s.t SET name = 'x' WHERE i = 2");
  EXPECT_EQ(Contents(), "data\n");
  EXPECT_EQ(Ids(), "0 2 3 4 5 6 7 8 9\n");
  EXPECT_EQ(Sql("ALTER TABLE s.t SET ('write.delete.mode' = 'never')"),
            "invalid argument: the table property write.delete.mode is \"never\"");
}

TEST_F(CopyOnWriteTest, AModeThatATransactionSetsCountsForItsOwnStatements) {
  for (const char* command : {"delete", "update", "merge"}) SetMode(command, "merge-on-read");
  Sql("BEGIN");
  SetMode("delete", "copy-on-write");
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE i = 1"), "DELETE 1");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Contents(), "data\n");
  Sql("BEGIN");
  SetMode("update", "copy-on-write");
  SetMode("update", "merge-on-read");
  EXPECT_EQ(Sql("UPDATE s.t SET name = 'x' WHERE i = 2"), "UPDATE 1");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Contents(), "data, deletion vector\n");
}

TEST_F(CopyOnWriteTest, RowsKeepTheirIds) {
  Sql("ALTER TABLE s.t SET ('tarn.iceberg' = '3')");
  // Rows of version 2 get their ids with the first commit of version 3.
  Sql("INSERT INTO s.t VALUES (-1, 'first of version 3')");
  Sql("DELETE FROM s.t WHERE i = -1");
  const std::string before = Sql("SELECT i, _row_id FROM s.t WHERE i > 2 ORDER BY i");
  Sql("DELETE FROM s.t WHERE i <= 2");
  EXPECT_EQ(Sql("SELECT i, _row_id FROM s.t ORDER BY i"), before);
  Sql("UPDATE s.t SET name = 'x' WHERE i IN (5, 6)");
  EXPECT_EQ(Sql("SELECT i, _row_id FROM s.t ORDER BY i"), before);
  Sql("INSERT INTO s.t VALUES (70, 'new')");
  EXPECT_EQ(Sql("SELECT count(DISTINCT _row_id), count(*) FROM s.t"), "8|8\n");
  EXPECT_EQ(Contents(), "data\n");
}

TEST_F(CopyOnWriteTest, ATransactionRewritesAFileOnce) {
  for (const char* version : {"2", "3"}) {
    Sql("CREATE OR REPLACE TABLE s.t AS SELECT i::INTEGER AS i, 'n' || i AS name "
        "FROM range(10) r(i)");
    Sql(std::string("ALTER TABLE s.t SET ('tarn.iceberg' = '") + version + "')");
    // Rows of version 2 get their ids with the first commit of version 3.
    Sql("INSERT INTO s.t VALUES (-1, 'first')");
    Sql("DELETE FROM s.t WHERE i = -1");
    const int64_t before = CountObjects("s/t/data/");
    Sql("BEGIN");
    Sql("DELETE FROM s.t WHERE i < 2");
    Sql("UPDATE s.t SET i = i + 100 WHERE i < 5");
    EXPECT_EQ(Ids(), "5 6 7 8 9 102 103 104\n");
    Sql("UPDATE s.t SET name = 'again' WHERE i > 102");
    Sql("INSERT INTO s.t VALUES (200, 'a'), (201, 'b')");
    Sql("DELETE FROM s.t WHERE i IN (200, 102)");
    EXPECT_EQ(Ids(), "5 6 7 8 9 103 104 201\n");
    EXPECT_EQ(Sql("COMMIT"), "COMMIT");
    EXPECT_EQ(Ids(), "5 6 7 8 9 103 104 201\n");
    EXPECT_EQ(Sql("SELECT string_agg(name, ' ' ORDER BY i) FROM s.t"),
              "n5 n6 n7 n8 n9 again again b\n");
    EXPECT_EQ(Contents(), "data\n");
    EXPECT_EQ(Sql("SELECT count(*) - (SELECT count(*) FROM s.t$files) FROM "
                  "(SELECT DISTINCT filename FROM s.t)"),
              "0\n");
    if (version == std::string("3")) {
      EXPECT_EQ(Sql("SELECT count(DISTINCT _row_id), count(*) FROM s.t"), "8|8\n");
    }
    // What was written and replaced again is not left behind.
    const int64_t files = std::stoll(Sql("SELECT count(*) FROM s.t$files"));
    EXPECT_EQ(CountObjects("s/t/data/"), before + files);
  }
}

TEST_F(CopyOnWriteTest, ARolledBackTransactionLeavesNoFiles) {
  const int64_t before = CountObjects("s/t/data/");
  Sql("BEGIN");
  Sql("UPDATE s.t SET i = i + 1");
  Sql("DELETE FROM s.t WHERE i = 3");
  Sql("ROLLBACK");
  EXPECT_EQ(CountObjects("s/t/data/"), before);
}

TEST_F(CopyOnWriteTest, ChangesOfRowsInOneFileConflict) {
  const auto other = NewSession();
  const int64_t before = CountObjects("s/t/data/");
  Sql("BEGIN");
  Sql("DELETE FROM s.t WHERE i = 4");
  EXPECT_EQ(Sql(*other, "DELETE FROM s.t WHERE i = 5"), "DELETE 1");
  // The copy has row 5 in it still.
  EXPECT_EQ(Sql("COMMIT").substr(0, 9), "conflict:");
  EXPECT_EQ(Ids(), "0 1 2 3 4 6 7 8 9\n");
  EXPECT_EQ(CountObjects("s/t/data/"), before + 1);
}

TEST_F(CopyOnWriteTest, ADeletionVectorThatCameMeanwhileConflicts) {
  SetMode("delete", "merge-on-read");
  Sql("DELETE FROM s.t WHERE i = 0");
  const auto other = NewSession();
  Sql("BEGIN");
  Sql("UPDATE s.t SET name = 'x' WHERE i = 4");
  EXPECT_EQ(Sql(*other, "DELETE FROM s.t WHERE i = 5"), "DELETE 1");
  EXPECT_EQ(Sql("COMMIT").substr(0, 9), "conflict:");
  EXPECT_EQ(Sql("UPDATE s.t SET name = 'x' WHERE i = 4"), "UPDATE 1");
  EXPECT_EQ(Ids(), "1 2 3 4 6 7 8 9\n");
}

TEST_F(CopyOnWriteTest, RowsThatCameMeanwhileConflictUnlessSnapshotIsolationIsAskedFor) {
  for (const bool snapshot : {false, true}) {
    const auto other = NewSession();
    Sql("BEGIN");
    // It counts for the transaction that sets it, too.
    if (snapshot) Sql("ALTER TABLE s.t SET ('write.delete.isolation-level' = 'snapshot')");
    Sql("DELETE FROM s.t WHERE i = 4");
    EXPECT_EQ(Sql(*other, "INSERT INTO s.t VALUES (4, 'late')"), "INSERT 0 1");
    const std::string answer = Sql("COMMIT");
    EXPECT_EQ(answer.substr(0, 9), snapshot ? "COMMIT" : "conflict:");
    EXPECT_EQ(Sql("SELECT string_agg(name, ' ' ORDER BY name) FROM s.t WHERE i = 4"),
              snapshot ? "late\n" : "late n4\n");
    Sql("DELETE FROM s.t WHERE name = 'late'");
  }
}

TEST_F(CopyOnWriteTest, StatementsThatLoseARaceRunAgain) {
  Sql("CREATE TABLE s.n AS SELECT 0 AS n");
  Sql("ALTER TABLE s.n SET ('write.update.mode' = 'copy-on-write')");
  constexpr int kThreads = 4;
  constexpr int kUpdates = 5;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this] {
      const auto session = NewSession();
      for (int update = 0; update < kUpdates; ++update) {
        EXPECT_EQ(Sql(*session, "UPDATE s.n SET n = n + 1"), "UPDATE 1");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Sql("SELECT n FROM s.n"), std::to_string(kThreads * kUpdates) + "\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.n$files"), "1\n");
}

TEST_F(CopyOnWriteTest, PartitionsAndChangedColumnsAreRight) {
  Sql("CREATE TABLE s.p (k INTEGER, v VARCHAR) PARTITIONED BY (k)");
  Sql("ALTER TABLE s.p SET ('write.update.mode' = 'copy-on-write')");
  Sql("INSERT INTO s.p SELECT i % 3, 'v' || i FROM range(30) r(i)");
  Sql("BEGIN");
  Sql("ALTER TABLE s.p ADD COLUMN w INTEGER");
  Sql("UPDATE s.p SET w = 7, k = 5 WHERE v = 'v4'");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Sql("SELECT k, v, w FROM s.p WHERE v IN ('v4', 'v7') ORDER BY v"),
            "5|v4|7\n1|v7|NULL\n");
  EXPECT_EQ(Sql("SELECT partition, rows FROM s.p$files ORDER BY partition"),
            "k=0|10\nk=1|9\nk=2|10\nk=5|1\n");
}

TEST_F(CopyOnWriteTest, ANewTableIsRewrittenWithinItsTransaction) {
  Sql("BEGIN");
  EXPECT_EQ(Sql("CREATE TABLE s.new WITH ('write.delete.mode' = 'copy-on-write') AS "
                "SELECT * FROM range(10) r(i)"),
            "SELECT 10");
  Sql("DELETE FROM s.new WHERE i > 4");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Sql("SELECT sum(i), (SELECT count(*) FROM s.new$files) FROM s.new"), "10|1\n");
}

TEST_F(CopyOnWriteTest, ManyRowsAreRewrittenWhole) {
  Sql("CREATE TABLE s.big AS SELECT i, i % 7 AS k FROM range(300000) r(i)");
  Sql("ALTER TABLE s.big SET ('write.update.mode' = 'copy-on-write', "
      "'write.delete.mode' = 'copy-on-write')");
  EXPECT_EQ(Sql("UPDATE s.big SET k = -1 WHERE i % 10 = 4"), "UPDATE 30000");
  EXPECT_EQ(Sql("DELETE FROM s.big WHERE i % 10 = 3"), "DELETE 30000");
  EXPECT_EQ(Sql("SELECT count(*), sum(i), sum(k) FROM s.big"),
            Sql("SELECT count(*), sum(i), sum(CASE WHEN i % 10 = 4 THEN -1 ELSE i % 7 END) "
                "FROM range(300000) r(i) WHERE i % 10 <> 3"));
}

}  // namespace
}  // namespace tarn

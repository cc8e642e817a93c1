#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "catalog/committer.h"
#include "sql/duckdb/testing.h"
#include "table/dual/rewrite.h"
#include "table/dual/transaction.h"

namespace tarn {
namespace {

class TableChangesTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
    Sql("CREATE TABLE s.t (i INTEGER, name VARCHAR)");
  }
  /// Of all changes, or those of a range ("from[, to]"); the snapshots count from 1.
  std::string Changes(const std::string& range = "") {
    const std::string of = range.empty() ? "s.t$changes" : "table_changes('s.t', " + range + ")";
    return Sql(
        "SELECT dense_rank() OVER (ORDER BY sequence_number) AS nth, change_type, i, name "
        "FROM " +
        of + " ORDER BY nth, i, change_type DESC, name");
  }
  std::string Snapshot(int nth) {
    std::string id =
        Sql("SELECT snapshot_id FROM s.t$snapshots ORDER BY sequence_number LIMIT 1 "
            "OFFSET " +
            std::to_string(nth - 1));
    id.pop_back();
    return id;
  }
  /// The number of the lake's newest commit.
  std::string Now() { return std::to_string(catalog_->CurrentSequence()->value()); }

  TableContext Tables() { return {&store_, &SystemClock(), &SystemRandom(), &limits_}; }

  /// Commits a change of s.t that SQL has no words for.
  void Commit(const std::function<Status(const TableMetadata&, TableTransaction&)>& change) {
    const TableEntry entry = *catalog_->LoadTable({"s", "t"}, std::nullopt);
    const auto state = *LoadTableMetadata(store_, entry.metadata_location);
    auto transaction = *TableTransaction::Change(Tables(), state, entry.metadata_location);
    ASSERT_TRUE(change(*state, *transaction).ok());
    LakeCommit commit;
    commit.author = "sql";
    TableChange one;
    one.name = entry.name;
    one.uuid = entry.uuid;
    one.transaction = transaction.get();
    commit.tables.push_back(std::move(one));
    const auto committed = CommitToLake(Tables(), *catalog_, commit);
    ASSERT_TRUE(committed.ok()) << committed.error().ToString();
  }
  void Compact() {
    Commit([&](const TableMetadata& state, TableTransaction& transaction) -> Status {
      TARN_ASSIGN_OR_RETURN(const ScanPlan plan,
                            PlanScan(Tables(), state, std::nullopt, Predicate::True()));
      TARN_ASSIGN_OR_RETURN(auto added, CopyLiveRows(Tables(), state, plan.files, {}));
      std::vector<DataFile> removed;
      for (const ScanFile& file : plan.files) removed.push_back(file.file);
      return transaction.RewriteFiles(std::move(removed), std::move(added));
    });
  }
  void Expire(int nth) {
    Commit([&](const TableMetadata&, TableTransaction& transaction) {
      return transaction.ExpireSnapshots({SnapshotId(std::stoll(Snapshot(nth)))});
    });
  }
};

TEST_F(TableChangesTest, InsertsAndDeletesShowOnceEach) {
  Sql("INSERT INTO s.t VALUES (1, 'a'), (2, 'b')");
  Sql("INSERT INTO s.t VALUES (3, 'c')");
  Sql("DELETE FROM s.t WHERE i = 2");
  Sql("DELETE FROM s.t WHERE i = 3");  // the last row of its file
  EXPECT_EQ(Changes(), "1|insert|1|a\n1|insert|2|b\n2|insert|3|c\n3|delete|2|b\n4|delete|3|c\n");
  EXPECT_EQ(Sql("SELECT count(DISTINCT snapshot_id), count(DISTINCT committed_at) FROM "
                "s.t$changes"),
            "4|4\n");
}

TEST_F(TableChangesTest, AnUpdateShowsTheRowBeforeAndAfter) {
  Sql("ALTER TABLE s.t SET ('tarn.iceberg' = '3')");
  Sql("INSERT INTO s.t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  Sql("UPDATE s.t SET name = 'B' WHERE i = 2");
  Sql("MERGE INTO s.t USING (SELECT 1 AS i UNION ALL SELECT 3 UNION ALL SELECT 9) u ON t.i = u.i "
      "WHEN MATCHED AND u.i = 1 THEN DELETE WHEN MATCHED THEN UPDATE SET name = 'C' "
      "WHEN NOT MATCHED THEN INSERT VALUES (u.i, 'new')");
  EXPECT_EQ(Changes(),
            "1|insert|1|a\n1|insert|2|b\n1|insert|3|c\n"
            "2|update_preimage|2|b\n2|update_postimage|2|B\n"
            "3|delete|1|a\n3|update_preimage|3|c\n3|update_postimage|3|C\n3|insert|9|new\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t$changes p JOIN s.t$changes q USING (_row_id, "
                "snapshot_id) WHERE p.change_type = 'update_preimage' AND q.change_type = "
                "'update_postimage'"),
            "2\n");
  EXPECT_EQ(Sql("SELECT change_type, i FROM s.t$changes WHERE name = 'B'"), "update_postimage|2\n");
}

TEST_F(TableChangesTest, WithoutRowIdsAnUpdateIsADeleteAndAnInsert) {
  Sql("ALTER TABLE s.t SET ('tarn.iceberg' = '2')");
  Sql("INSERT INTO s.t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  Sql("UPDATE s.t SET name = 'B' WHERE i = 2");
  Sql("DELETE FROM s.t WHERE i > 1");
  EXPECT_EQ(Sql("SELECT DISTINCT content FROM s.t$files ORDER BY 1"), "data\nposition deletes\n");
  EXPECT_EQ(Changes(),
            "1|insert|1|a\n1|insert|2|b\n1|insert|3|c\n2|insert|2|B\n2|delete|2|b\n"
            "3|delete|2|B\n3|delete|3|c\n");
  EXPECT_EQ(Sql("SELECT count(_row_id) FROM s.t$changes"), "0\n");
}

TEST_F(TableChangesTest, DeletesOfSeveralVectorsOnOneFileShowInTheirSnapshots) {
  Sql("INSERT INTO s.t SELECT i, 'n' || i FROM range(5) r(i)");
  for (const char* i : {"1", "3", "0"}) Sql(std::string("DELETE FROM s.t WHERE i = ") + i);
  EXPECT_EQ(Changes(Snapshot(1)), "1|delete|1|n1\n2|delete|3|n3\n3|delete|0|n0\n");
  EXPECT_EQ(Changes(Snapshot(2) + ", " + Snapshot(3)), "1|delete|3|n3\n");
}

TEST_F(TableChangesTest, CompactionChangesNothing) {
  Sql("ALTER TABLE s.t SET ('tarn.iceberg' = '3')");
  Sql("INSERT INTO s.t VALUES (1, 'a'), (2, 'b')");
  Sql("INSERT INTO s.t VALUES (3, 'c')");
  Sql("DELETE FROM s.t WHERE i = 1");
  const std::string before = Changes();
  Compact();
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t$files"), "1\n");
  EXPECT_EQ(Changes(), before);
  Sql("UPDATE s.t SET name = 'C' WHERE i = 3");
  Sql("DELETE FROM s.t WHERE i = 2");
  EXPECT_EQ(Changes(), before + "4|update_preimage|3|c\n4|update_postimage|3|C\n5|delete|2|b\n");
}

TEST_F(TableChangesTest, CopyOnWriteShowsWhatChangedAndNotWhatMoved) {
  for (const char* version : {"2", "3"}) {
    Sql("CREATE OR REPLACE TABLE s.t AS SELECT i::INTEGER AS i, 'n' || i % 2 AS name "
        "FROM range(6) r(i)");
    Sql("INSERT INTO s.t VALUES (5, 'n1')");  // the same row once more
    Sql(std::string("ALTER TABLE s.t SET ('tarn.iceberg' = '") + version +
        "', 'write.delete.mode' = 'copy-on-write', 'write.update.mode' = 'copy-on-write')");
    // Rows of version 2 get their ids with the first commit of version 3.
    Sql("INSERT INTO s.t VALUES (9, 'first')");
    const std::string from = "'sequence " + Now() + "'";
    Sql("DELETE FROM s.t WHERE i = 0");
    Sql("UPDATE s.t SET name = 'x' WHERE i = 2");
    EXPECT_EQ(Sql("SELECT DISTINCT content FROM s.t$files"), "data\n");
    EXPECT_EQ(Changes(from), version == std::string("3")
                                 ? "1|delete|0|n0\n2|update_preimage|2|n0\n2|update_postimage|2|x\n"
                                 : "1|delete|0|n0\n2|insert|2|x\n2|delete|2|n0\n");
  }
}

TEST_F(TableChangesTest, ATableThatIsReplacedShowsTheRowsThatDiffer) {
  Sql("CREATE OR REPLACE TABLE s.t AS SELECT 1 AS i, 'a' AS name UNION ALL SELECT 2, 'b' "
      "UNION ALL SELECT 2, 'b' UNION ALL SELECT 4, NULL");
  const std::string from = "'sequence " + Now() + "'";
  Sql("CREATE OR REPLACE TABLE s.t AS SELECT 1 AS i, 'a' AS name UNION ALL SELECT 2, 'b' "
      "UNION ALL SELECT 3, 'c' UNION ALL SELECT 4, NULL");
  EXPECT_EQ(Changes(from), "1|delete|2|b\n1|insert|3|c\n");
}

TEST_F(TableChangesTest, AColumnMayHaveTheNameOfARowsPlace) {
  Sql("CREATE TABLE s.p WITH ('tarn.iceberg' = '3') AS SELECT i::INTEGER AS i, 1000 + i AS "
      "file_row_number FROM range(3) r(i)");
  const std::string from = Sql("SELECT snapshot_id FROM s.p$snapshots");
  Sql("UPDATE s.p SET i = 20 WHERE i = 2");
  EXPECT_EQ(Sql("SELECT change_type, _row_id, i FROM table_changes('s.p', " + from +
                ") ORDER BY change_type"),
            "update_postimage|2|20\nupdate_preimage|2|2\n");
}

TEST_F(TableChangesTest, PointsAreWhatAtTakes) {
  Sql("INSERT INTO s.t VALUES (1, 'a')");
  Sql("CALL create_tag('s.t', 'one')");
  const std::string sequence = Now();
  std::string time = Sql("SELECT max(committed_at)::VARCHAR FROM s.t$snapshots");
  time.pop_back();
  Sql("INSERT INTO s.t VALUES (2, 'b')");
  const std::string second = Snapshot(2);
  Sql("INSERT INTO s.t VALUES (3, 'c')");
  const std::string both = "1|insert|2|b\n2|insert|3|c\n";
  EXPECT_EQ(Changes("'one'"), both);
  EXPECT_EQ(Changes("'sequence " + sequence + "'"), both);
  EXPECT_EQ(Changes("TIMESTAMPTZ '" + time + "'"), both);
  EXPECT_EQ(Changes(Snapshot(1)), both);
  EXPECT_EQ(Changes("'" + Snapshot(1) + "'"), both);
  EXPECT_EQ(Changes("'one', " + second), "1|insert|2|b\n");
  EXPECT_EQ(Changes("NULL, 'one'"), "1|insert|1|a\n");
  EXPECT_EQ(Changes("TIMESTAMP '2001-01-01', 'one'"), "1|insert|1|a\n");
  EXPECT_EQ(Changes("'one', 'one'"), "");
  EXPECT_EQ(Sql("SELECT i FROM s.t$changes AT (VERSION => 'one')"), "1\n");
  EXPECT_EQ(Sql("SELECT i FROM s.t$changes AT (VERSION => " + second + ") ORDER BY i"), "1\n2\n");
  EXPECT_EQ(Sql("SELECT i FROM s.t$changes AT (VERSION => 'sequence " + sequence + "')"), "1\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM lake.s.\"t$changes\""), "3\n");
  EXPECT_EQ(Sql("PREPARE p AS SELECT i FROM table_changes('s.t', 'one') WHERE i > $1"), "PREPARE");
  EXPECT_EQ(Sql("EXECUTE p(2)"), "3\n");
}

TEST_F(TableChangesTest, PointsThatLeadNowhereAreErrors) {
  Sql("INSERT INTO s.t VALUES (1, 'a')");
  Sql("INSERT INTO s.t VALUES (2, 'b')");
  EXPECT_NE(Changes("12345").find("no snapshot 12345"), std::string::npos) << Changes("12345");
  EXPECT_NE(Changes("'nothing'").find("no branch or tag \"nothing\""), std::string::npos);
  EXPECT_NE(Changes(Snapshot(2) + ", " + Snapshot(1)).find("does not stem from"),
            std::string::npos);
  EXPECT_EQ(Sql("SELECT * FROM table_changes('s.gone', 1)"),
            "not found: table s.gone does not exist");
  EXPECT_EQ(Sql("SELECT * FROM table_changes('gone', 1)"),
            "invalid argument: \"gone\" does not name a table");
  Sql("BEGIN");
  Sql("CREATE TABLE s.young AS SELECT 1 AS i");
  EXPECT_EQ(Sql("SELECT * FROM s.young$changes").substr(0, 10), "not found:");
}

TEST_F(TableChangesTest, WhatWasRolledBackIsNotInTheHistory) {
  Sql("INSERT INTO s.t VALUES (1, 'a')");
  const std::string first = Snapshot(1);
  Sql("INSERT INTO s.t VALUES (2, 'b')");
  const std::string second = Snapshot(2);
  Sql("CALL rollback_table('s.t', '" + first + "')");
  Sql("INSERT INTO s.t VALUES (3, 'c')");
  EXPECT_EQ(Changes(), "1|insert|1|a\n2|insert|3|c\n");
  EXPECT_NE(Changes(second).find("does not stem from snapshot " + second), std::string::npos);
}

TEST_F(TableChangesTest, ExpiredPointsNameTheOldestThatIsLeft) {
  for (const char* row : {"(1, 'a')", "(2, 'b')", "(3, 'c')", "(4, 'd')"}) {
    Sql(std::string("INSERT INTO s.t VALUES ") + row);
  }
  const std::string first = Snapshot(1);
  const std::string second = Snapshot(2);
  const std::string third = Snapshot(3);
  const auto error_of = [&](const std::string& range) {
    auto rows = session_->Execute("SELECT * FROM table_changes('s.t', " + range + ")");
    return rows.ok() ? std::string() : rows.error().ToString();
  };
  Expire(2);  // in the middle
  EXPECT_NE(error_of(first).find("some between them expired"), std::string::npos);
  EXPECT_NE(error_of(first).find("oldest point that is left is snapshot " + third),
            std::string::npos)
      << error_of(first);
  Expire(1);
  EXPECT_NE(error_of(second).find("oldest point that is left is snapshot " + third),
            std::string::npos)
      << error_of(second);
  EXPECT_NE(error_of("TIMESTAMP '2001-01-01'").find("snapshot " + third), std::string::npos)
      << error_of("TIMESTAMP '2001-01-01'");
  EXPECT_EQ(Changes(third), "1|insert|4|d\n");
  // What the history goes back to is a state, and no change.
  EXPECT_EQ(Changes(), "1|insert|4|d\n");
}

TEST_F(TableChangesTest, RowsHaveTheColumnsOfNow) {
  Sql("INSERT INTO s.t VALUES (1, 'a')");
  Sql("ALTER TABLE s.t ADD COLUMN extra INTEGER");
  Sql("INSERT INTO s.t VALUES (2, 'b', 20)");
  Sql("ALTER TABLE s.t RENAME COLUMN name TO label");
  Sql("ALTER TABLE s.t ALTER COLUMN i TYPE BIGINT");
  EXPECT_EQ(Sql("SELECT i, label, extra FROM s.t$changes ORDER BY i"), "1|a|NULL\n2|b|20\n");
  EXPECT_EQ(Sql("SELECT i, name FROM s.t$changes AT (VERSION => " + Snapshot(1) + ")"), "1|a\n");
  Sql("ALTER TABLE s.t DROP COLUMN extra");
  EXPECT_EQ(Sql("SELECT column_name FROM (DESCRIBE SELECT * FROM s.t$changes)"),
            "change_type\nsnapshot_id\nsequence_number\ncommitted_at\n_row_id\ni\nlabel\n");
}

TEST_F(TableChangesTest, ColumnsOfTheTableKeepTheirNames) {
  Sql("CREATE TABLE s.c AS SELECT 1 AS change_type, 2 AS _change_type, 3 AS _row_id");
  EXPECT_EQ(Sql("SELECT __change_type, change_type, _change_type, _row_id, __row_id FROM "
                "s.c$changes"),
            "insert|1|2|3|NULL\n");
}

TEST_F(TableChangesTest, FiltersAndManyRowsAreRight) {
  Sql("CREATE TABLE s.big AS SELECT i, i % 7 AS k FROM range(200000) r(i)");
  Sql("DELETE FROM s.big WHERE i % 10 = 3");
  Sql("UPDATE s.big SET k = -1 WHERE i % 10 = 4");
  Sql("INSERT INTO s.big SELECT i, 0 FROM range(200000, 200100) r(i)");
  EXPECT_EQ(Sql("SELECT change_type, count(*), sum(i) FROM s.big$changes GROUP BY 1 ORDER BY 1"),
            "delete|20000|" + Sql("SELECT sum(i) FROM range(200000) r(i) WHERE i % 10 = 3") +
                "insert|200100|" + Sql("SELECT sum(i) FROM range(200100) r(i)") +
                "update_postimage|20000|" +
                Sql("SELECT sum(i) FROM range(200000) r(i) WHERE i % 10 = 4") +
                "update_preimage|20000|" +
                Sql("SELECT sum(i) FROM range(200000) r(i) WHERE i % 10 = 4"));
  EXPECT_EQ(Sql("SELECT count(*) FROM s.big$changes WHERE change_type = 'delete' AND i < 100"),
            "10\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.big$changes WHERE i = 14"), "3\n");
}

TEST_F(TableChangesTest, ManyRowsThatAreAlikeTakeTimeForEachOfThem) {
  const char* const again =
      "CREATE OR REPLACE TABLE s.t AS SELECT range % 7 AS i, NULL::VARCHAR AS name FROM "
      "range(100000)";
  Sql(again);
  Sql(again);
  // From here on rows have ids, but those of before have none.
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE i = 3").substr(0, 6), "DELETE");
  const std::clock_t begun = std::clock();
  EXPECT_EQ(Sql("SELECT change_type, count(*) FROM s.t$changes GROUP BY ALL ORDER BY ALL"),
            "delete|14286\ninsert|100000\n");
  // Compared with one another they would take minutes.
  EXPECT_LT((std::clock() - begun) / CLOCKS_PER_SEC, 20);
}

TEST_F(TableChangesTest, NothingCanBeWrittenThere) {
  Sql("INSERT INTO s.t VALUES (1, 'a')");
  const std::string raw = "s.\"t$changed.0." + Snapshot(1) + ".plain\"";
  EXPECT_EQ(Sql("SELECT count(*) FROM " + raw), "1\n");
  for (const char* sql : {"DELETE FROM s.t$changes", "UPDATE s.t$changes SET i = 1",
                          "INSERT INTO s.t$changes SELECT * FROM s.t$changes"}) {
    EXPECT_NE(Sql(sql).find(": "), std::string::npos) << sql;
  }
  EXPECT_EQ(Sql("DELETE FROM " + raw).substr(0, 18), "permission denied:");
  EXPECT_EQ(Sql("UPDATE " + raw + " SET i = 1").substr(0, 18), "permission denied:");
  EXPECT_EQ(Sql("SELECT * FROM s.t"), "1|a\n");
}

TEST_F(TableChangesTest, ATableWithoutRowsHasNoChanges) {
  EXPECT_EQ(Changes(), "");
  EXPECT_EQ(Changes("NULL"), "");
}

}  // namespace
}  // namespace tarn

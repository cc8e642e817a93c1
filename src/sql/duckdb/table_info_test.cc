#include <gmock/gmock.h>

#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

class TableInfoTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
    Sql("CREATE TABLE s.t PARTITIONED BY (k) AS SELECT i::INTEGER AS i, i % 2 AS k "
        "FROM range(10) r(i)");
    Sql("INSERT INTO s.t VALUES (10, 0)");
    Sql("DELETE FROM s.t WHERE i = 3");
  }
  std::string Count(const std::string& at) { return Sql("SELECT count(*) FROM s.t " + at); }
  std::string Snapshot(int index) {
    std::string id =
        Sql("SELECT snapshot_id FROM s.t$snapshots ORDER BY sequence_number LIMIT 1 "
            "OFFSET " +
            std::to_string(index));
    id.pop_back();
    return id;
  }
};

TEST_F(TableInfoTest, SnapshotsAndHistoryTellWhatHappened) {
  EXPECT_EQ(Sql("SELECT operation, is_current FROM s.t$snapshots ORDER BY sequence_number"),
            "append|false\nappend|false\ndelete|true\n");
  EXPECT_EQ(Sql("SELECT summary['added-dvs'] FROM s.t$snapshots WHERE is_current"), "1\n");
  EXPECT_EQ(Sql("SELECT count(*), bool_and(is_current_ancestor) FROM s.\"t$history\""), "3|true\n");
}

TEST_F(TableInfoTest, FilesAndPartitionsAreThoseOfTheSnapshot) {
  EXPECT_EQ(Sql("SELECT content, partition, rows FROM s.t$files ORDER BY ALL"),
            "data|k=0|1\ndata|k=0|5\ndata|k=1|5\ndeletion vector|k=1|1\n");
  EXPECT_EQ(Sql("SELECT lower_bounds['i'], upper_bounds['i'] FROM s.t$files "
                "WHERE content = 'data' AND partition = 'k=1'"),
            "1|9\n");
  EXPECT_EQ(Sql("SELECT partition, files, rows, deleted_rows FROM s.t$partitions ORDER BY 1"),
            "k=0|2|6|0\nk=1|1|5|1\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t$files AT (VERSION => " + Snapshot(0) + ")"), "2\n");
  EXPECT_EQ(Sql("SELECT content, count(*) FROM s.t$manifests GROUP BY 1 ORDER BY 1"),
            "data|2\ndeletes|1\n");
}

TEST_F(TableInfoTest, NamesThatAreNoTablesAreNotFound) {
  EXPECT_NE(Sql("SELECT * FROM s.nothing$files").find("does not exist"), std::string::npos);
  EXPECT_NE(Sql("SELECT * FROM s.t$nothing").find("does not exist"), std::string::npos);
}

TEST_F(TableInfoTest, SystemTablesListTheLake) {
  EXPECT_EQ(Sql("SELECT schema_name, table_name, format_version, rows, deleted_rows "
                "FROM system.tables"),
            "s|t|3|11|1\n");
  EXPECT_EQ(Sql("SELECT column_name, type FROM system.columns ORDER BY position"),
            "i|int\nk|long\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM system.snapshots WHERE table_name = 't'"), "3\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM system.files"), "4\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM system.positions"), "0\n");
}

TEST_F(TableInfoTest, ATimeWithoutAZoneIsOneOfTheSession) {
  for (const char* zone : {"Asia/Tokyo", "America/New_York", "UTC"}) {
    Sql(std::string("SET TimeZone = '") + zone + "'");
    for (const char* shown :
         {"strftime(committed_at, '%Y-%m-%d %H:%M:%S.%g')", "committed_at::VARCHAR"}) {
      std::string time = Sql(std::string("SELECT ") + shown +
                             " FROM s.t$snapshots WHERE snapshot_id = " + Snapshot(1));
      time.pop_back();
      EXPECT_EQ(Count("AT (TIMESTAMP => '" + time + "')"), "11\n") << zone << ": " << time;
    }
  }
}

TEST_F(TableInfoTest, NoPointIsNamedByNothing) {
  EXPECT_EQ(Count("AT (VERSION => '')").substr(0, 17), "invalid argument:");
  EXPECT_EQ(Count("AT (VERSION => NULL)").substr(0, 17), "invalid argument:");
  EXPECT_EQ(Count("AT (TIMESTAMP => NULL)").substr(0, 17), "invalid argument:");
  EXPECT_EQ(Sql("CALL rollback_table('s.t', '')").substr(0, 17), "invalid argument:");
  EXPECT_EQ(Sql("CALL rollback_table('s.t', NULL)").substr(0, 17), "invalid argument:");
}

TEST_F(TableInfoTest, ATagIsOfCommittedRows) {
  Sql("BEGIN");
  Sql("INSERT INTO s.t SELECT * FROM s.t LIMIT 1");
  EXPECT_NE(Sql("CALL create_tag('s.t', 'early')").find("rows of this transaction"),
            std::string::npos);
  Sql("ROLLBACK");
  Sql("BEGIN");
  Sql("INSERT INTO s.t SELECT * FROM s.t LIMIT 1");
  Sql("CALL create_tag('s.t', 'before', '" + Snapshot(1) + "')");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Count("AT (VERSION => 'before')"), "11\n");
}

TEST_F(TableInfoTest, TimeTravelsToSnapshotsTagsAndCommits) {
  EXPECT_EQ(Count("AT (VERSION => " + Snapshot(0) + ")"), "10\n");
  EXPECT_EQ(Count("AT (VERSION => '" + Snapshot(1) + "')"), "11\n");
  EXPECT_EQ(Count("AT (VERSION => 'main')"), "10\n");
  EXPECT_EQ(Sql("CALL create_tag('s.t', 'before', '" + Snapshot(1) + "')").substr(0, 15),
            "s|t|tag before ");
  EXPECT_EQ(Count("AT (VERSION => 'before')"), "11\n");
  EXPECT_EQ(Sql("SELECT name, type FROM s.t$refs ORDER BY 1"), "before|tag\nmain|branch\n");
  EXPECT_EQ(Sql("CALL create_tag('s.t', 'before')").substr(0, 17), "invalid argument:");
  Sql("CALL drop_tag('s.t', 'before')");
  EXPECT_EQ(Count("AT (VERSION => 'before')").substr(0, 10), "not found:");
  // 1: the schema, 2: the table, 3: the insert.
  EXPECT_EQ(Count("AT (VERSION => 'sequence 2')"), "10\n");
  EXPECT_EQ(Count("AT (VERSION => 'sequence 3')"), "11\n");
  EXPECT_EQ(Count("AT (VERSION => 'sequence 1')").substr(0, 10), "not found:");
  EXPECT_EQ(Count("AT (VERSION => 'sequence 99')").substr(0, 10), "not found:");
}

TEST_F(TableInfoTest, DroppedTablesAndOldColumnsAreSeenAtTheirTime) {
  const std::string sequence =
      "AT (VERSION => 'sequence " + std::to_string(catalog_->CurrentSequence()->value()) + "')";
  Sql("ALTER TABLE s.t RENAME COLUMN i TO number");
  EXPECT_EQ(Sql("SELECT max(i) FROM s.t " + sequence), "10\n");
  Sql("DROP TABLE s.t");
  EXPECT_EQ(Sql("SELECT max(i) FROM s.t " + sequence), "10\n");
}

TEST_F(TableInfoTest, RollsATableBack) {
  EXPECT_EQ(Sql("CALL rollback_table('s.t', '" + Snapshot(0) + "')"),
            "s|t|rolled back to " + Snapshot(0) + "\n");
  EXPECT_EQ(Count(""), "10\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t WHERE i = 3"), "1\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t$snapshots"), "3\n");
  Sql("INSERT INTO s.t VALUES (77, 1)");
  EXPECT_EQ(Count(""), "11\n");
  EXPECT_EQ(Sql("CALL rollback_table('s.t', '12345')").substr(0, 10), "not found:");
}

TEST_F(TableInfoTest, CallsMeanTheLakeAndTheKindThatTheyName) {
  EXPECT_EQ(Sql("CALL create_tag('nosuch.s.t', 'mine')"),
            "invalid argument: table nosuch.s.t is not in the lake");
  EXPECT_EQ(Sql("ANALYZE nosuch.s.t"),
            "invalid argument: table \"nosuch\".\"s\".\"t\" is not in the lake");
  EXPECT_EQ(Sql("CALL create_tag('lake.s.t', 'mine')").substr(0, 13), "s|t|tag mine ");
  EXPECT_EQ(Sql("CALL drop_branch('s.t', 'mine')"),
            "invalid argument: \"mine\" is no branch but a tag");
  EXPECT_EQ(Sql("CALL drop_tag('s.t', 'mine')"), "s|t|dropped mine\n");
}

TEST_F(TableInfoTest, ARollbackBringsColumnsBack) {
  Sql("CREATE TABLE s.r (id INTEGER NOT NULL, v INTEGER, w VARCHAR DEFAULT 'w') SORTED BY (v)");
  Sql("INSERT INTO s.r (id, v) VALUES (1, 10)");
  const std::string described = Sql("DESCRIBE s.r");
  const std::string sequence = std::to_string(catalog_->CurrentSequence()->value());
  const std::string snapshot = Sql("SELECT snapshot_id FROM s.r$snapshots").substr(0, 19);
  Sql("CALL create_tag('s.r', 'before')");
  const auto check = [&](const std::string& point) {
    EXPECT_NE(Sql("DESCRIBE s.r"), described) << point;
    EXPECT_EQ(Sql("CALL rollback_table('s.r', '" + point + "')"),
              "s|r|rolled back to " + point + "\n");
    EXPECT_EQ(Sql("SELECT * FROM s.r"), "1|10|w\n") << point;
    EXPECT_EQ(Sql("DESCRIBE s.r"), described) << point;
  };
  Sql("CREATE OR REPLACE TABLE s.r AS SELECT 1 AS id, 'ten' AS v");
  check("before");
  Sql("ALTER TABLE s.r DROP COLUMN w");
  check("sequence " + sequence);
  Sql("ALTER TABLE s.r DROP COLUMN w");
  Sql("ALTER TABLE s.r ADD COLUMN w INTEGER");
  Sql("ALTER TABLE s.r RENAME COLUMN id TO number");
  Sql("UPDATE s.r SET w = 7, v = NULL");
  check("before");
  // Ids are not given twice: what was added before would show in what is added now.
  Sql("ALTER TABLE s.r ADD COLUMN x INTEGER");
  EXPECT_EQ(Sql("SELECT x FROM s.r"), "NULL\n");
  Sql("UPDATE s.r SET w = NULL, x = 1");
  EXPECT_EQ(Sql("SELECT * FROM s.r"), "1|10|NULL|1\n");
  Sql("CREATE OR REPLACE TABLE s.r AS SELECT 2 AS x");
  Sql("ALTER TABLE s.r SET PARTITIONED BY (x)");
  EXPECT_EQ(Sql("CALL rollback_table('s.r', 'before')"),
            "invalid argument: the table is partitioned by \"x\", whose column would be gone");
}

TEST_F(TableInfoTest, ATableWithoutRowsGetsItsColumnsBackToo) {
  Sql("CREATE TABLE s.e (i INTEGER)");
  const std::string sequence = std::to_string(catalog_->CurrentSequence()->value());
  Sql("CREATE OR REPLACE TABLE s.e AS SELECT 'x' AS j");
  Sql("CALL rollback_lake('sequence " + sequence + "')");
  Sql("INSERT INTO s.e VALUES (1)");
  EXPECT_EQ(Sql("SELECT i FROM s.e"), "1\n");
}

TEST_F(TableInfoTest, ARollbackBehindAConstraintIsRefused) {
  Sql("CREATE TABLE s.c AS SELECT 1 AS a");
  Sql("ALTER TABLE s.c ADD CONSTRAINT kept CHECK (a < 100)");
  Sql("INSERT INTO s.c VALUES (-5)");
  Sql("CALL create_tag('s.c', 'before')");
  Sql("DELETE FROM s.c WHERE a < 0");
  EXPECT_EQ(Sql("ALTER TABLE s.c ADD CONSTRAINT pos CHECK (a > 0)"), "s|c|added constraint pos\n");
  EXPECT_EQ(Sql("CALL rollback_table('s.c', 'before')"),
            "invalid argument: table s.c got the constraint pos later than that: its rows of then "
            "may break it");
  EXPECT_EQ(Sql("SELECT a FROM s.c"), "1\n");
  Sql("ALTER TABLE s.c DROP CONSTRAINT pos");
  EXPECT_EQ(Sql("CALL rollback_table('s.c', 'before')"), "s|c|rolled back to before\n");
  EXPECT_EQ(Sql("SELECT a FROM s.c ORDER BY a"), "-5\n1\n");
}

TEST_F(TableInfoTest, RollsTheWholeLakeBack) {
  Sql("CREATE TABLE s.u AS SELECT 1 AS one");
  const std::string point =
      "'sequence " + std::to_string(catalog_->CurrentSequence()->value()) + "'";
  Sql("DELETE FROM s.t");
  Sql("INSERT INTO s.u VALUES (2)");
  Sql("CREATE TABLE s.later AS SELECT 1 AS one");
  EXPECT_EQ(Sql("SELECT table_name, result FROM rollback_lake(" + point + ") ORDER BY 1"),
            "later|left: it is newer than that\nt|rolled back to sequence 5\nu|rolled back to "
            "sequence 5\n");
  EXPECT_EQ(Count(""), "10\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.u"), "1\n");
}

TEST_F(TableInfoTest, ALakeThatCannotGoBackWholeStaysAsItIs) {
  Sql("CREATE TABLE s.u AS SELECT 1 AS one");
  const std::string point =
      "'sequence " + std::to_string(catalog_->CurrentSequence()->value()) + "'";
  Sql("INSERT INTO s.u VALUES (2)");
  for (int n = 0; n < 3; ++n) Sql("DELETE FROM s.t WHERE i = " + std::to_string(n + 1));
  const TableEntry now = *catalog_->LoadTable({"s", "t"}, {});
  ASSERT_TRUE(catalog_->ForgetStates(now.uuid, now.version).ok());
  EXPECT_THAT(Sql("CALL rollback_lake(" + point + ")"),
              testing::StartsWith("not found: table s.t: this state of the table is gone"));
  EXPECT_EQ(Sql("SELECT count(*) FROM s.u"), "2\n");
  EXPECT_THAT(Sql("CALL rollback_lake('sequence 4711')"),
              testing::StartsWith("not found: the lake has no commit 4711"));
}

TEST_F(TableInfoTest, RollsBackTablesThatWereEmptyOrHadAnotherName) {
  Sql("CREATE TABLE s.empty (i INTEGER)");
  Sql("CREATE TABLE s.old AS SELECT 1 AS i");
  const std::string point =
      "'sequence " + std::to_string(catalog_->CurrentSequence()->value()) + "'";
  Sql("INSERT INTO s.empty VALUES (1)");
  Sql("ALTER TABLE s.old RENAME TO renamed");
  Sql("INSERT INTO s.renamed VALUES (2)");
  Sql("SELECT * FROM rollback_lake(" + point + ")");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.empty"), "0\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.renamed"), "1\n");
}

TEST_F(TableInfoTest, ATagThatSomebodyElseMadeMeanwhileIsNotReplaced) {
  const auto other = NewSession();
  Sql("BEGIN");
  Sql("CALL create_tag('s.t', 'mine')");
  Sql(*other, "CALL create_tag('s.t', 'mine', '" + Snapshot(0) + "')");
  EXPECT_EQ(Sql("COMMIT").substr(0, 9), "conflict:");
  EXPECT_EQ(Count("AT (VERSION => 'mine')"), "10\n");
}

TEST_F(TableInfoTest, AMomentThatIsNullIsRefused) {
  EXPECT_EQ(Count("AT (VERSION => NULL)").substr(0, 17), "invalid argument:");
  EXPECT_EQ(Count("AT (TIMESTAMP => NULL)").substr(0, 17), "invalid argument:");
}

TEST_F(TableInfoTest, AnExplainedCallDoesNothing) {
  Sql("EXPLAIN CALL rollback_table('s.t', '" + Snapshot(0) + "')");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t$history"), "3\n");
}

}  // namespace
}  // namespace tarn

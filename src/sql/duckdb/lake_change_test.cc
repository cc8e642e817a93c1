#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

class ChangeTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
    Sql("CREATE TABLE s.t AS SELECT i::INTEGER AS i, 'n' || i AS name FROM range(10) r(i)");
  }
  std::string Ids() {
    return Sql("SELECT coalesce(string_agg(i, ' ' ORDER BY i), 'none') FROM s.t");
  }
};

TEST_F(ChangeTest, DeletesRowsAndCountsThem) {
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE i % 3 = 0"), "DELETE 4");
  EXPECT_EQ(Ids(), "1 2 4 5 7 8\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t"), "6\n");
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE i = 3"), "DELETE 0");
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE i = 4"), "DELETE 1");
  EXPECT_EQ(Ids(), "1 2 5 7 8\n");
  EXPECT_EQ(Sql("DELETE FROM s.t"), "DELETE 5");
  EXPECT_EQ(Ids(), "none\n");
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (42, 'x')"), "INSERT 0 1");
  EXPECT_EQ(Ids(), "42\n");
}

TEST_F(ChangeTest, TruncateDeletesEverything) {
  Sql("TRUNCATE s.t");
  EXPECT_EQ(Ids(), "none\n");
}

TEST_F(ChangeTest, UpdatesSomeColumnsAndKeepsTheOthers) {
  EXPECT_EQ(Sql("UPDATE s.t SET name = upper(name) WHERE i BETWEEN 3 AND 5"), "UPDATE 3");
  EXPECT_EQ(Sql("SELECT string_agg(name, ' ' ORDER BY i) FROM s.t"),
            "n0 n1 n2 N3 N4 N5 n6 n7 n8 n9\n");
  EXPECT_EQ(Sql("UPDATE s.t SET i = i + 100, name = NULL WHERE i = 3"), "UPDATE 1");
  EXPECT_EQ(Sql("SELECT i, name FROM s.t WHERE i > 50"), "103|NULL\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t"), "10\n");
}

TEST_F(ChangeTest, AnUpdateThatJoinsTwiceChangesARowOnce) {
  Sql("CREATE TABLE s.u AS SELECT 1 AS i, 'a' AS name UNION ALL SELECT 1, 'b'");
  EXPECT_EQ(Sql("UPDATE s.t SET name = u.name FROM s.u u WHERE t.i = u.i"), "UPDATE 1");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t WHERE i = 1"), "1\n");
}

TEST_F(ChangeTest, MergeInsertsUpdatesAndDeletes) {
  Sql("CREATE TABLE s.u AS SELECT i::INTEGER AS i, 'u' || i AS name FROM range(8, 12) r(i)");
  EXPECT_EQ(Sql("MERGE INTO s.t USING s.u ON t.i = u.i "
                "WHEN MATCHED AND u.i = 8 THEN DELETE "
                "WHEN MATCHED THEN UPDATE SET name = u.name "
                "WHEN NOT MATCHED THEN INSERT (name, i) VALUES (u.name, u.i)"),
            "MERGE 4");
  EXPECT_EQ(Sql("SELECT string_agg(i || name, ' ' ORDER BY i) FROM s.t WHERE i > 6"),
            "7n7 9u9 10u10 11u11\n");
  EXPECT_EQ(Sql("MERGE INTO s.t USING s.u ON t.i = u.i WHEN NOT MATCHED BY SOURCE THEN DELETE"),
            "MERGE 8");
  EXPECT_EQ(Ids(), "9 10 11\n");
}

TEST_F(ChangeTest, AMergeThatMatchesARowTwiceIsRefused) {
  Sql("CREATE TABLE s.u AS SELECT 1 AS i, 'a' AS name UNION ALL SELECT 1, 'b'");
  EXPECT_EQ(Sql("MERGE INTO s.t USING s.u ON t.i = u.i WHEN MATCHED THEN UPDATE SET name = u.name"),
            "invalid argument: MERGE would change a row of s.t twice");
  EXPECT_EQ(Sql("SELECT name FROM s.t WHERE i = 1"), "n1\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t"), "10\n");
}

TEST_F(ChangeTest, ATransactionSeesItsOwnChangesAndNobodyElseDoes) {
  const auto other = NewSession();
  Sql("BEGIN");
  Sql("DELETE FROM s.t WHERE i < 5");
  EXPECT_EQ(Ids(), "5 6 7 8 9\n");
  Sql("UPDATE s.t SET i = i * 10 WHERE i > 7");
  EXPECT_EQ(Ids(), "5 6 7 80 90\n");
  Sql("INSERT INTO s.t VALUES (1, 'new')");
  Sql("DELETE FROM s.t WHERE i IN (1, 90)");
  EXPECT_EQ(Ids(), "5 6 7 80\n");
  EXPECT_EQ(Sql(*other, "SELECT count(*) FROM s.t"), "10\n");
  Sql("ROLLBACK");
  EXPECT_EQ(Ids(), "0 1 2 3 4 5 6 7 8 9\n");
  Sql("BEGIN");
  Sql("UPDATE s.t SET i = i + 1");
  Sql("UPDATE s.t SET i = i + 1");
  Sql("COMMIT");
  EXPECT_EQ(Ids(), "2 3 4 5 6 7 8 9 10 11\n");
}

TEST_F(ChangeTest, APreparedStatementSeesWhatItsTransactionDidSince) {
  Sql("BEGIN");
  EXPECT_EQ(Sql("PREPARE put AS INSERT INTO s.t VALUES ($1, 'new')"), "PREPARE");
  EXPECT_EQ(Sql("PREPARE tell AS SELECT count(*) FROM s.t WHERE i >= $1"), "PREPARE");
  for (int i = 10; i < 20; ++i) {
    EXPECT_EQ(Sql("EXECUTE put(" + std::to_string(i) + ")"), "EXECUTE");
    EXPECT_EQ(Sql("EXECUTE tell(10)"), std::to_string(i - 9) + "\n");
  }
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE i < 10"), "DELETE 10");
  EXPECT_EQ(Sql("EXECUTE tell(0)"), "10\n");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Sql("EXECUTE tell(0)"), "10\n");
}

TEST_F(ChangeTest, RolledBackChangesLeaveNoDataFiles) {
  const int64_t before = CountObjects("s/t/data/");
  Sql("BEGIN");
  Sql("UPDATE s.t SET i = i + 1");
  Sql("ROLLBACK");
  EXPECT_EQ(CountObjects("s/t/data/"), before);
}

TEST_F(ChangeTest, TwoTransactionsThatChangeTheSameRowConflict) {
  const auto other = NewSession();
  Sql("BEGIN");
  Sql("UPDATE s.t SET name = 'mine' WHERE i = 4");
  EXPECT_EQ(Sql(*other, "UPDATE s.t SET name = 'theirs' WHERE i = 4"), "UPDATE 1");
  EXPECT_EQ(Sql("COMMIT").substr(0, 9), "conflict:");
  EXPECT_EQ(Sql("SELECT name FROM s.t WHERE i = 4"), "theirs\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t"), "10\n");
}

TEST_F(ChangeTest, ChangesOfDifferentRowsBothStay) {
  const auto other = NewSession();
  Sql("BEGIN");
  Sql("DELETE FROM s.t WHERE i = 4");
  EXPECT_EQ(Sql(*other, "DELETE FROM s.t WHERE i = 5"), "DELETE 1");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Ids(), "0 1 2 3 6 7 8 9\n");
}

TEST_F(ChangeTest, StatementsOfTheirOwnThatLoseARaceRunAgain) {
  Sql("CREATE TABLE s.n AS SELECT 0 AS n");
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
}

TEST_F(ChangeTest, NullsInRequiredColumnsAreRefused) {
  Sql("CREATE TABLE s.r (i INTEGER NOT NULL)");
  Sql("INSERT INTO s.r VALUES (1)");
  EXPECT_EQ(Sql("UPDATE s.r SET i = NULL").substr(0, 17), "invalid argument:");
  EXPECT_EQ(Sql("SELECT i FROM s.r"), "1\n");
}

TEST_F(ChangeTest, FiltersAndColumnsAreRightBesideDeletedRows) {
  Sql("CREATE TABLE s.big AS SELECT i, i % 7 AS k FROM range(300000) r(i)");
  EXPECT_EQ(Sql("DELETE FROM s.big WHERE i % 10 = 3"), "DELETE 30000");
  EXPECT_EQ(Sql("SELECT count(*), sum(i), min(i) FROM s.big WHERE i > 150000 AND k = 2"),
            Sql("SELECT count(*), sum(i), min(i) FROM range(300000) r(i) "
                "WHERE i % 10 <> 3 AND i > 150000 AND i % 7 = 2"));
  EXPECT_EQ(Sql("UPDATE s.big SET k = -1 WHERE i % 10 = 4"), "UPDATE 30000");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.big WHERE k = -1"), "30000\n");
  EXPECT_EQ(Sql("SELECT count(*), count(DISTINCT i) FROM s.big"), "270000|270000\n");
}

TEST_F(ChangeTest, AnotherScanOfTheTableDoesNotMoveTheRows) {
  Sql("CREATE TABLE s.f (a INTEGER, b VARCHAR)");
  for (const char* row : {"(1, 'x')", "(19990, 'y')", "(20000, 'z')"}) {
    Sql(std::string("INSERT INTO s.f VALUES ") + row);
  }
  EXPECT_EQ(Sql("DELETE FROM s.f USING (SELECT file_row_number n, filename, a FROM s.f) o "
                "WHERE f.b = 'x' AND f.a = o.a - 30000 + 30000 AND o.n >= 0"),
            "DELETE 1");
  EXPECT_EQ(Sql("SELECT string_agg(b, '' ORDER BY a) FROM s.f"), "yz\n");
  // What tells the rows' place to the statement has no name.
  EXPECT_NE(Sql("SELECT file_index FROM s.f").find("file_index"), std::string::npos);
}

TEST_F(ChangeTest, ARolledBackTableIsChangedAfterItsCommitOnly) {
  Sql("DELETE FROM s.t WHERE i < 5");
  Sql("BEGIN");
  Sql("CALL rollback_table('s.t', 'sequence 2')");
  EXPECT_EQ(Ids(), "0 1 2 3 4 5 6 7 8 9\n");
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (77, 'x')").substr(0, 17), "invalid argument:");
  Sql("ROLLBACK");
  EXPECT_EQ(Ids(), "5 6 7 8 9\n");
}

TEST_F(ChangeTest, UpsertsByHandDoNotDoubleRows) {
  const auto other = NewSession();
  const auto upsert = [](const std::function<std::string(const std::string&)>& sql) {
    sql("BEGIN");
    EXPECT_EQ(sql("DELETE FROM s.t WHERE i = 50"), "DELETE 0");
    sql("INSERT INTO s.t VALUES (50, 'new')");
  };
  upsert([&](const std::string& sql) { return Sql(sql); });
  upsert([&](const std::string& sql) { return Sql(*other, sql); });
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Sql(*other, "COMMIT").substr(0, 9), "conflict:");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t WHERE i = 50"), "1\n");
}

TEST_F(ChangeTest, RowsDoNotJoinATableWhoseColumnWasReplacedMeanwhile) {
  const auto other = NewSession();
  Sql("BEGIN");
  Sql("INSERT INTO s.t VALUES (20, 'mine')");
  EXPECT_EQ(Sql(*other, "CREATE OR REPLACE TABLE s.t AS SELECT 1 AS i, 10 AS name"), "SELECT 1");
  EXPECT_THAT(Sql("COMMIT"), testing::HasSubstr("\"name\" was replaced by another of that name"));
  EXPECT_EQ(Sql("SELECT * FROM s.t"), "1|10\n");
}

TEST_F(ChangeTest, StatementsThatChangeNothingCommitNothing) {
  const int64_t before = catalog_->CurrentSequence()->value();
  Sql("DELETE FROM s.t WHERE i = 99");
  Sql("UPDATE s.t SET i = 1 WHERE i = 99");
  Sql("INSERT INTO s.t SELECT * FROM s.t WHERE i = 99");
  EXPECT_EQ(catalog_->CurrentSequence()->value(), before);
}

TEST_F(ChangeTest, CommitOfAFailedTransactionSaysThatNothingIsKept) {
  Sql("BEGIN");
  Sql("INSERT INTO s.t VALUES (60, 'x')");
  Sql("INSERT INTO s.t SELECT 'no number'::INTEGER, 'x'");
  EXPECT_EQ(Sql("COMMIT"), "ROLLBACK");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t WHERE i = 60"), "0\n");
}

TEST_F(ChangeTest, NothingOfATransactionIsKeptWhateverFailedInIt) {
  for (const char* wrong : {"INSERT INTO s.nothing VALUES (1)", "SELEKT 1", "CALL nothing(1)",
                            "CREATE TABLE s.t (i INTEGER)", "SELECT 'x'::INTEGER FROM s.t"}) {
    Sql("BEGIN");
    Sql("INSERT INTO s.t VALUES (60, 'x')");
    Sql(wrong);
    EXPECT_NE(Sql("SELECT 1").find("ROLLBACK"), std::string::npos) << wrong;
    EXPECT_EQ(Sql("COMMIT"), "ROLLBACK") << wrong;
    EXPECT_EQ(Sql("SELECT count(*) FROM s.t WHERE i = 60"), "0\n") << wrong;
  }
}

TEST_F(ChangeTest, AReplacedTableWhoseQueryFailsIsNotReplaced) {
  Sql("CREATE TABLE s.x AS SELECT 1 AS i");
  Sql("CREATE TABLE s.broken AS SELECT 2 AS i");
  std::string file = Sql("SELECT path FROM s.broken$files");
  file.pop_back();
  ASSERT_TRUE(store_.Delete(*store_.KeyOf(file)).ok()) << file;
  Sql("BEGIN");
  Sql("CREATE OR REPLACE TABLE s.x AS SELECT i FROM s.broken");
  EXPECT_EQ(Sql("COMMIT"), "ROLLBACK");
  EXPECT_EQ(Sql("SELECT * FROM s.x"), "1\n");
}

TEST_F(ChangeTest, RowsKeepTheirIdsThroughUpdates) {
  Sql("DELETE FROM s.t WHERE i = 0");  // raises the table to version 3: ids are given
  EXPECT_EQ(Sql("SELECT string_agg(_row_id, ' ' ORDER BY i) FROM s.t"), "1 2 3 4 5 6 7 8 9\n");
  Sql("UPDATE s.t SET name = 'x' WHERE i IN (3, 7)");
  EXPECT_EQ(Sql("SELECT string_agg(_row_id, ' ' ORDER BY i) FROM s.t"), "1 2 3 4 5 6 7 8 9\n");
  Sql("MERGE INTO s.t USING (SELECT 7 AS i UNION ALL SELECT 70) u ON t.i = u.i "
      "WHEN MATCHED THEN UPDATE SET name = 'y' WHEN NOT MATCHED THEN INSERT VALUES (u.i, 'new')");
  EXPECT_EQ(Sql("SELECT string_agg(_row_id, ' ' ORDER BY i) FROM s.t WHERE i < 70"),
            "1 2 3 4 5 6 7 8 9\n");
  EXPECT_EQ(Sql("SELECT count(DISTINCT _row_id) FROM s.t"), "10\n");
  EXPECT_EQ(Sql("SELECT name FROM s.t WHERE i = 7"), "y\n");
  EXPECT_EQ(Sql("SELECT * FROM s.t WHERE i = 70"), "70|new\n");
}

TEST_F(ChangeTest, RowsThatAreChosenByTheirPlaceAreTheOnesThatGo) {
  for (const char* version : {"2", "3"}) {
    Sql("CREATE OR REPLACE TABLE s.wr (i INTEGER)");
    Sql(std::string("ALTER TABLE s.wr SET ('tarn.iceberg' = '") + version + "')");
    Sql("INSERT INTO s.wr SELECT * FROM range(3)");
    Sql("INSERT INTO s.wr SELECT * FROM range(100, 200)");
    EXPECT_EQ(Sql("DELETE FROM s.wr WHERE file_row_number = 10 RETURNING i"), "110\n");
    EXPECT_EQ(
        Sql("DELETE FROM s.wr USING (SELECT 30 AS n) u WHERE file_row_number = n RETURNING i"),
        "130\n");
    Sql("INSERT INTO s.wr SELECT i FROM s.wr WHERE i < 105");
    EXPECT_EQ(Sql("SELECT count(*), count(DISTINCT i) FROM s.wr"), "109|101\n");
    Sql("DELETE FROM s.wr WHERE (filename, file_row_number) NOT IN (SELECT (min((filename, "
        "file_row_number))) FROM s.wr GROUP BY i)");
    EXPECT_EQ(Sql("SELECT count(*), count(DISTINCT i) FROM s.wr"), "101|101\n");
    EXPECT_EQ(Sql("UPDATE s.wr SET i = -1 WHERE file_row_number = 20 RETURNING i"), "-1\n");
    EXPECT_EQ(Sql("SELECT count(*) FROM s.wr WHERE i = 120"), "0\n");
  }
}

TEST_F(ChangeTest, TheRowsPlaceCanBeAsked) {
  Sql("DELETE FROM s.t WHERE i = 0");
  EXPECT_EQ(Sql("SELECT file_row_number FROM s.t WHERE i = 3"), "3\n");
  EXPECT_EQ(Sql("SELECT filename LIKE '%.parquet' FROM s.t WHERE i = 3"), "true\n");
}

}  // namespace
}  // namespace tarn

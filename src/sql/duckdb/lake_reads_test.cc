#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kChanged[] = "conflict: table s.t, which was read, has changed";

/// s.t is looked at in a transaction that writes to s.u, and changed by somebody else meanwhile.
class LakeReadsTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
    Fresh();
    Sql("CREATE VIEW s.high AS SELECT i FROM s.t WHERE i > 100");
  }

  /// The bounds of s.t are 0 and 9, and no name is NULL.
  void Fresh() {
    Sql("DROP TABLE IF EXISTS s.t");
    Sql("DROP TABLE IF EXISTS s.u");
    Sql("CREATE TABLE s.t AS SELECT i::INTEGER AS i, 'n' || i AS name FROM range(10) r(i)");
    Sql("CREATE TABLE s.u AS SELECT i::INTEGER AS i FROM range(3) r(i)");
  }

  /// The end of a transaction in which a statement ran.
  std::string CommitAfter(const std::string& statement) {
    const auto other = NewSession();
    Sql("BEGIN");
    Sql(statement);
    EXPECT_EQ(Sql("INSERT INTO s.u VALUES (7)"), "INSERT 0 1") << statement;
    EXPECT_EQ(Sql(*other, "INSERT INTO s.t VALUES (200, NULL)"), "INSERT 0 1");
    return Sql("COMMIT");
  }
};

TEST_F(LakeReadsTest, WhatTheManifestsAnswerWasReadAllTheSame) {
  for (const char* statement : {
           "SELECT i FROM s.t WHERE i > 100",
           "SELECT count(*) FROM s.t",
           "SELECT count(*) FROM s.t WHERE i > 100",
           "SELECT min(i), max(i) FROM s.t",
           "SELECT i FROM s.t WHERE name IS NULL",
           "SELECT EXISTS (SELECT 1 FROM s.t WHERE i > 100)",
           "SELECT * FROM s.u JOIN s.t ON t.i = u.i + 1000 WHERE t.i > 100",
           "SELECT i FROM s.u UNION ALL SELECT i FROM s.t WHERE i > 100",
           "WITH c AS MATERIALIZED (SELECT i FROM s.t WHERE i > 100) SELECT * FROM c",
           "SELECT * FROM s.high",
           "INSERT INTO s.u SELECT i FROM s.t WHERE i > 100",
           "INSERT INTO s.u SELECT 8 WHERE NOT EXISTS (SELECT 1 FROM s.t WHERE i > 100)",
           "DELETE FROM s.u WHERE i IN (SELECT i FROM s.t WHERE i > 100)",
           "MERGE INTO s.u USING s.high h ON u.i = h.i WHEN MATCHED THEN DELETE",
           "CREATE TABLE s.w AS SELECT i FROM s.t WHERE i > 100",
           "EXPLAIN ANALYZE SELECT i FROM s.t WHERE i > 100",
       }) {
    Fresh();
    EXPECT_EQ(CommitAfter(statement), kChanged) << statement;
  }
}

TEST_F(LakeReadsTest, SoWasWhatAPreparedStatementLooksAt) {
  for (const char* query : {"SELECT i FROM s.t WHERE i > 100", "SELECT count(*) FROM s.t"}) {
    Fresh();
    EXPECT_EQ(Sql(std::string("PREPARE p AS ") + query), "PREPARE");
    EXPECT_EQ(CommitAfter("EXECUTE p"), kChanged) << query;
    Sql("DEALLOCATE p");
  }
  Fresh();
  EXPECT_EQ(Sql("PREPARE p AS SELECT i FROM s.t WHERE i > $1"), "PREPARE");
  EXPECT_EQ(CommitAfter("EXECUTE p(100)"), kChanged);
}

TEST_F(LakeReadsTest, RowsThatWereLookedForInVainMustNotCome) {
  for (const char* statement : {
           "DELETE FROM s.t WHERE i > 100",
           "UPDATE s.t SET name = 'x' WHERE i = 200",
           "MERGE INTO s.t USING (SELECT 200 AS i) h ON t.i = h.i WHEN MATCHED THEN DELETE",
       }) {
    Fresh();
    EXPECT_THAT(CommitAfter(statement), StartsWith("conflict: table s.t")) << statement;
    EXPECT_EQ(Sql("SELECT count(*) FROM s.u"), "3\n") << statement;
  }
  for (const char* statement : {
           "DELETE FROM s.t WHERE i > 100 AND i < 200",
           "UPDATE s.t SET name = 'x' WHERE i = 201",
       }) {
    Fresh();
    EXPECT_EQ(CommitAfter(statement), "COMMIT") << statement;
    EXPECT_EQ(Sql("SELECT count(*) FROM s.u"), "4\n") << statement;
    EXPECT_EQ(Sql("SELECT count(*) FROM s.t"), "11\n") << statement;
  }
  // Who asks for less gets less.
  Fresh();
  Sql("ALTER TABLE s.t SET ('write.delete.isolation-level' = 'snapshot')");
  EXPECT_EQ(CommitAfter("DELETE FROM s.t WHERE i > 100"), "COMMIT");
}

TEST_F(LakeReadsTest, RowsThatAMergeFoundMustNotGo) {
  const auto run = [this](const std::string& merge, const std::string& change) {
    Fresh();
    const auto other = NewSession();
    Sql("BEGIN");
    EXPECT_THAT(Sql(merge), StartsWith("MERGE")) << merge;
    EXPECT_EQ(Sql("INSERT INTO s.u VALUES (7)"), "INSERT 0 1");
    EXPECT_THAT(Sql(*other, change), Not(HasSubstr(":"))) << change;
    return Sql("COMMIT");
  };
  const std::string merge = "MERGE INTO s.t USING (SELECT 4 AS i) h ON t.i = h.i ";
  const std::string insert = " WHEN NOT MATCHED THEN INSERT VALUES (h.i, 'new')";
  const std::string conflict = "conflict: table s.t: rows of ";
  EXPECT_THAT(run(merge + insert, "DELETE FROM s.t WHERE i = 4"), StartsWith(conflict));
  EXPECT_EQ(Sql("SELECT count(*) FROM s.u"), "3\n");
  EXPECT_THAT(run(merge + insert, "TRUNCATE s.t"), StartsWith(conflict));
  EXPECT_THAT(run(merge + "WHEN MATCHED AND name = 'x' THEN DELETE" + insert,
                  "DELETE FROM s.t WHERE i = 4"),
              StartsWith(conflict));
  // One that also inserts a row has the table to commit itself.
  EXPECT_THAT(run("MERGE INTO s.t USING (SELECT unnest([4, 50]) AS i) h ON t.i = h.i" + insert,
                  "DELETE FROM s.t WHERE i = 4"),
              StartsWith(conflict));
  // Where every row that matches is changed, others may go.
  EXPECT_EQ(run(merge + "WHEN MATCHED THEN UPDATE SET name = 'new'" + insert,
                "DELETE FROM s.t WHERE i = 5"),
            "COMMIT");
  EXPECT_THAT(run(merge + "WHEN MATCHED THEN UPDATE SET name = 'new'" + insert,
                  "DELETE FROM s.t WHERE i = 4"),
              StartsWith("conflict:"));
}

TEST_F(LakeReadsTest, WhatDoesNotMoveOrIsNotReadIsNoConflict) {
  const std::string past =
      " AT (VERSION => 'sequence " + std::to_string(catalog_->CurrentSequence()->value()) + "')";
  for (const std::string& statement : std::vector<std::string>{
           "EXPLAIN SELECT i FROM s.t WHERE i > 100", "SELECT count(*) FROM s.t" + past,
           "SELECT i FROM s.u WHERE i > 100", "DELETE FROM s.t WHERE i = 4"}) {
    EXPECT_EQ(CommitAfter(statement), "COMMIT") << statement;
  }
}

}  // namespace
}  // namespace tarn

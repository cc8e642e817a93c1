#include <string>

#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

/// A file of before a column became wider holds the narrower type: conditions are about the
/// table's.
class PromotedColumnsTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
  }
  /// `s.t` with one column of each promotion, widened after the first rows.
  void MakeTable() {
    Sql("CREATE TABLE s.t (id INTEGER, f FLOAT, i INTEGER, d DECIMAL(6, 2), "
        "r STRUCT(f FLOAT, i INTEGER), g FLOAT)");
    Sql("INSERT INTO s.t VALUES (1, 0.0, 10, 1.25, {f: 0.0, i: 10}, 0.1), "
        "(2, 0.1, 20, 2.25, {f: 0.1, i: 20}, 0.1), (3, 0.5, 30, 3.25, {f: 0.5, i: 30}, 0.5), "
        "(4, 'nan', 40, 4.25, {f: 'nan', i: 40}, NULL)");
    for (const char* change : {"f TYPE DOUBLE", "i TYPE BIGINT", "d TYPE DECIMAL(12, 2)",
                               "r TYPE STRUCT(f DOUBLE, i INTEGER)"}) {
      EXPECT_EQ(Sql(std::string("ALTER TABLE s.t ALTER COLUMN ") + change), "ALTER TABLE");
    }
  }
  /// The ids of the rows for which a condition holds.
  std::string Ids(const std::string& condition) {
    return Sql("SELECT string_agg(id, ',' ORDER BY id) FROM s.t WHERE " + condition);
  }
};

TEST_F(PromotedColumnsTest, ConditionsAreAboutTheWiderValue) {
  MakeTable();
  EXPECT_EQ(Ids("f > 0.1"), "2,3,4\n") << "0.1 as a float is more than 0.1";
  EXPECT_EQ(Ids("f = 0.1"), "NULL\n");
  EXPECT_EQ(Ids("f <= 0.1"), "1\n");
  EXPECT_EQ(Ids("f = 0.1::FLOAT::DOUBLE"), "2\n");
  EXPECT_EQ(Ids("f <> 0.1"), "1,2,3,4\n");
  EXPECT_EQ(Ids("f IN (0.1, 0.5)"), "3\n");
  EXPECT_EQ(Ids("f BETWEEN 0.1 AND 0.5"), "2,3\n");
  EXPECT_EQ(Ids("f < 0.1 OR f > 0.4"), "1,3,4\n");
  EXPECT_EQ(Ids("f > 0.1 AND i > 20 AND id < 4"), "3\n");
  EXPECT_EQ(Ids("r.f > 0.1"), "2,3,4\n");
  EXPECT_EQ(Ids("r.f = 0.1"), "NULL\n");
  EXPECT_EQ(Ids("r.f > 0.1 AND r.i < 30"), "2\n");
  EXPECT_EQ(Ids("r.i IN (20, 30) AND r.f < 0.5"), "2\n");
  EXPECT_EQ(Ids("g = 0.1::FLOAT"), "1,2\n") << "a column that is as it was";
}

TEST_F(PromotedColumnsTest, ExactPromotionsAnswerAsBefore) {
  MakeTable();
  EXPECT_EQ(Ids("i = 20"), "2\n");
  EXPECT_EQ(Ids("i < 5000000000"), "1,2,3,4\n");
  EXPECT_EQ(Ids("i IN (10, 5000000000)"), "1\n");
  EXPECT_EQ(Ids("d >= 2.25 AND d < 1000000000"), "2,3,4\n");
  EXPECT_EQ(Ids("d = 2.251"), "NULL\n");
}

TEST_F(PromotedColumnsTest, ChangesTouchTheRowsThatMatch) {
  MakeTable();
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE f = 0.1"), "DELETE 0");
  EXPECT_EQ(Sql("UPDATE s.t SET g = 9 WHERE f > 0.1 AND f < 0.2"), "UPDATE 1");
  EXPECT_EQ(Ids("g = 9"), "2\n");
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE r.f > 0.1"), "DELETE 3");
  EXPECT_EQ(Ids("true"), "1\n");
}

TEST_F(PromotedColumnsTest, WhatAJoinLooksForIsTheWiderValue) {
  MakeTable();
  Sql("CREATE TABLE s.few AS SELECT unnest([0.1, 0.5])::DOUBLE AS f");
  EXPECT_EQ(Sql("SELECT id FROM s.t JOIN s.few USING (f) ORDER BY id"), "3\n");
  Sql("CREATE TABLE s.one AS SELECT 0.1::FLOAT::DOUBLE AS f");
  EXPECT_EQ(Sql("SELECT id FROM s.t JOIN s.one USING (f) ORDER BY id"), "2\n");
  EXPECT_EQ(Sql("SELECT id FROM s.t WHERE f IN (SELECT f FROM s.few) ORDER BY id"), "3\n");
  EXPECT_EQ(Sql("SELECT t.id FROM s.t JOIN s.few ON t.f > few.f AND few.f < 0.2 ORDER BY 1"),
            "2\n3\n4\n");
}

TEST_F(PromotedColumnsTest, ManyKeysOfAJoinAreFoundInNarrowerFiles) {
  Sql("CREATE TABLE s.big (i INTEGER, f FLOAT)");
  Sql("INSERT INTO s.big SELECT x::INTEGER, x / 10 FROM range(200000) r(x)");
  Sql("ALTER TABLE s.big ALTER COLUMN i TYPE BIGINT");
  Sql("ALTER TABLE s.big ALTER COLUMN f TYPE DOUBLE");
  Sql("CREATE TABLE s.keys AS SELECT x * 7 AS i, (x * 7 / 10)::FLOAT::DOUBLE AS f "
      "FROM range(20000) r(x)");
  EXPECT_EQ(Sql("SELECT count(*), sum(i) FROM s.big JOIN s.keys USING (i)"),
            Sql("SELECT count(*), sum(i) FROM s.keys"));
  EXPECT_EQ(Sql("SELECT count(*) FROM s.big JOIN s.keys USING (i) WHERE keys.f % 3 < 1.5"),
            Sql("SELECT count(*) FROM s.keys WHERE f % 3 < 1.5"))
      << "which makes a filter of hashes of the keys";
  EXPECT_EQ(Sql("SELECT count(*) FROM s.big JOIN s.keys USING (f) WHERE keys.i % 3 = 1"),
            Sql("SELECT count(*) FROM s.keys WHERE i % 3 = 1"));
  EXPECT_EQ(Sql("SELECT count(*), sum(keys.i) FROM s.big JOIN s.keys USING (f)"),
            Sql("SELECT count(*), sum(i) FROM s.keys"));
}

TEST_F(PromotedColumnsTest, TheFirstRowsOfAnOrderAreThose) {
  Sql("CREATE TABLE s.o (id INTEGER, f FLOAT)");
  Sql("INSERT INTO s.o SELECT x::INTEGER, 0.1 FROM range(300000) r(x)");
  Sql("ALTER TABLE s.o ALTER COLUMN f TYPE DOUBLE");
  Sql("INSERT INTO s.o SELECT 1000000 + x::INTEGER, 0.1 FROM range(10) r(x)");
  EXPECT_EQ(Sql("SELECT count(*), min(id) FROM (FROM s.o ORDER BY f DESC, id LIMIT 20)"), "20|0\n");
  EXPECT_EQ(Sql("SELECT count(*), min(id) FROM (FROM s.o ORDER BY f, id LIMIT 20)"), "20|0\n");
  EXPECT_EQ(Sql("SELECT max(f) = 0.1::FLOAT::DOUBLE, min(f) = 0.1 FROM s.o"), "true|true\n");
}

}  // namespace
}  // namespace tarn

#include <string>

#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

/// NaN is greater than every number here and equal to itself, while statistics of Parquet leave it
/// out: no file and no row group may be skipped that holds one.
class NanTest : public LakeTest {
 protected:
  void Make(const std::string& type) {
    Sql("CREATE SCHEMA IF NOT EXISTS s");
    Sql("CREATE OR REPLACE TABLE s.t (i INTEGER, f " + type + ", s STRUCT(g " + type + "))");
    for (const char* rows : {"(1, 1, {g: 1}), (2, 'nan', {g: 'nan'})",  // beside a number
                             "(3, 'nan', {g: 'nan'})",                  // alone
                             "(4, 1.5, {g: 1.5}), (5, NULL, {g: NULL})", "(6, 9, {g: 9})"}) {
      EXPECT_EQ(Sql("INSERT INTO s.t VALUES " + std::string(rows)).substr(0, 6), "INSERT");
    }
  }
  std::string Where(const std::string& condition) {
    return Sql("SELECT coalesce(string_agg(i, ' ' ORDER BY i), 'none') FROM s.t WHERE " +
               condition);
  }
};

TEST_F(NanTest, EveryComparisonFindsIt) {
  for (const char* type : {"DOUBLE", "FLOAT"}) {
    SCOPED_TRACE(type);
    Make(type);
    EXPECT_EQ(Where("f > 2"), "2 3 6\n");
    EXPECT_EQ(Where("f >= 9"), "2 3 6\n");
    EXPECT_EQ(Where("f > 9"), "2 3\n");
    EXPECT_EQ(Where("f >= 'nan'"), "2 3\n");
    EXPECT_EQ(Where("f <> 1"), "2 3 4 6\n");
    EXPECT_EQ(Where("f = 'nan'"), "2 3\n");
    EXPECT_EQ(Where("isnan(f)"), "2 3\n");
    EXPECT_EQ(Where("f IN ('nan', 9)"), "2 3 6\n");
    EXPECT_EQ(Where("f NOT IN (1, 9)"), "2 3 4\n");
    EXPECT_EQ(Where("f BETWEEN 2 AND 'nan'"), "2 3 6\n");
    EXPECT_EQ(Where("f < 2"), "1 4\n");
    EXPECT_EQ(Where("f < 'nan'"), "1 4 6\n");
    EXPECT_EQ(Where("NOT (f <= 2)"), "2 3 6\n");
    EXPECT_EQ(Where("s.g > 2"), "2 3 6\n");
    EXPECT_EQ(Where("s.g = 'nan'"), "2 3\n");
    EXPECT_EQ(Sql("SELECT max(f), min(f), count(f) FROM s.t"), "nan|1|5\n");
    EXPECT_EQ(Sql("SELECT string_agg(a.i, ' ' ORDER BY a.i) FROM s.t a "
                  "JOIN (SELECT i, f FROM s.t WHERE i = 2) b ON a.f = b.f"),
              "2 3\n");
    EXPECT_EQ(Sql("SELECT i FROM s.t WHERE f IS NOT NULL ORDER BY f DESC, i LIMIT 3"), "2\n3\n6\n");
  }
}

TEST_F(NanTest, FilesThatCertainlyHaveNoneAreLeftOut) {
  Make("DOUBLE");
  EXPECT_NE(Sql("EXPLAIN SELECT i FROM s.t WHERE f > 2").find("3 of 4"), std::string::npos);
  EXPECT_NE(Sql("EXPLAIN SELECT i FROM s.t WHERE f > 10").find("2 of 4"), std::string::npos);
}

TEST_F(NanTest, ARowGroupIsReadForItsNan) {
  Sql("CREATE SCHEMA s");
  // Several row groups in one file, of which only the last one holds a NaN.
  limits_.row_group_bytes = 1 << 16;
  Open({});
  Sql("CREATE TABLE s.t AS SELECT i, CASE WHEN i = 49999 THEN 'nan'::DOUBLE ELSE i / 100000 END "
      "AS f FROM range(50000) r(i)");
  EXPECT_EQ(Where("f > 2"), "49999\n");
  EXPECT_EQ(Where("f = 'nan'"), "49999\n");
  EXPECT_EQ(Where("f <> 0 AND i > 49998"), "49999\n");
}

}  // namespace
}  // namespace tarn

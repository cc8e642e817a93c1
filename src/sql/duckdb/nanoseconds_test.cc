#include <string>

#include "sql/duckdb/testing.h"
#include "table/dual/table.h"

namespace tarn {
namespace {

class NanosecondsTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
  }
  std::shared_ptr<const TableMetadata> State() {
    const auto entry = catalog_->LoadTable({"s", "t"}, std::nullopt);
    EXPECT_TRUE(entry.ok()) << entry.status().ToString();
    return *LoadTableMetadata(store_, entry->metadata_location);
  }
};

TEST_F(NanosecondsTest, ATableWithoutDeltaKeepsThem) {
  EXPECT_EQ(Sql("CREATE TABLE s.t (i INTEGER, ts TIMESTAMP_NS, s STRUCT(b TIMESTAMP_NS)) "
                "WITH ('tarn.delta' = 'off')"),
            "CREATE TABLE");
  EXPECT_EQ(State()->schema().fields[1].type, Type(Type::Kind::kTimestampNs));
  EXPECT_EQ(State()->format_version, 3);
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (1, '2020-01-01 00:00:00.123456789', "
                "{b: '1677-09-22 00:00:00.000000001'}), (2, NULL, NULL), "
                "(3, '2262-04-11 23:47:16.854775806', {b: NULL})"),
            "INSERT 0 3");
  EXPECT_EQ(Sql("SELECT i, ts::VARCHAR, s.b::VARCHAR FROM s.t ORDER BY i"),
            "1|2020-01-01 00:00:00.123456789|1677-09-22 00:00:00.000000001\n2|NULL|NULL\n"
            "3|2262-04-11 23:47:16.854775806|NULL\n");
  EXPECT_EQ(Sql("SELECT i FROM s.t WHERE ts = '2020-01-01 00:00:00.123456789'::TIMESTAMP_NS"),
            "1\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t WHERE ts > '2020-01-01 00:00:00.12345679'::TIMESTAMP_NS"),
            "1\n");
  EXPECT_EQ(Sql("UPDATE s.t SET i = 10 WHERE ts < '2020-01-02'::TIMESTAMP_NS"), "UPDATE 1");
  EXPECT_EQ(Sql("SELECT ts::VARCHAR FROM s.t WHERE i = 10"), "2020-01-01 00:00:00.123456789\n");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN d TIMESTAMP_NS "
                "DEFAULT '2020-01-01 00:00:00.000000007'"),
            "ALTER TABLE");
  EXPECT_EQ(Sql("SELECT DISTINCT d::VARCHAR FROM s.t"), "2020-01-01 00:00:00.000000007\n");
  EXPECT_EQ(CountObjects("s/t/_delta_log/"), 0);
  // Every reader of the folder finds the newest state all the same.
  EXPECT_EQ(CountObjects("s/t/metadata/version-hint.text"), 1);
  Sql("CREATE OR REPLACE TABLE s.u WITH ('tarn.delta' = 'off') AS "
      "SELECT '2020-01-01 00:00:00.123456789'::TIMESTAMP_NS AS ts");
  EXPECT_EQ(Sql("SELECT ts::VARCHAR FROM s.u"), "2020-01-01 00:00:00.123456789\n");
}

TEST_F(NanosecondsTest, TablesOfBothFormatsTakeWhatLosesNothing) {
  EXPECT_EQ(Sql("CREATE TABLE s.t (ts TIMESTAMP_NS)"), "CREATE TABLE");
  EXPECT_EQ(State()->schema().fields[0].type, Type(Type::Kind::kTimestamp));
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES ('2020-01-01 00:00:00.123456'::TIMESTAMP_NS)"),
            "INSERT 0 1");
  EXPECT_EQ(Sql("CREATE OR REPLACE TABLE s.u AS "
                "SELECT '2020-01-01 00:00:00.123456789'::TIMESTAMP_NS AS ts")
                .substr(0, 17),
            "invalid argument:");
}

TEST_F(NanosecondsTest, WhetherATableIsOneOfDeltaIsDecidedOnce) {
  Sql("CREATE TABLE s.t (i INTEGER)");
  EXPECT_EQ(Sql("ALTER TABLE s.t SET ('tarn.delta' = 'off')"),
            "invalid argument: the table property tarn.delta is decided when a table is made");
  EXPECT_EQ(Sql("ALTER TABLE s.t SET ('tarn.delta' = 'on')"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t SET ('tarn.delta' = 'perhaps')"),
            "invalid argument: the table property tarn.delta is \"perhaps\"");
  Sql("CREATE TABLE s.u (i INTEGER) WITH ('tarn.delta' = 'off')");
  EXPECT_EQ(Sql("ALTER TABLE s.u SET ('tarn.delta' = 'on')").substr(0, 17), "invalid argument:");
}

}  // namespace
}  // namespace tarn

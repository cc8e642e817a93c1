#include "sql/duckdb/show.h"

#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

class ShowTest : public LakeTest {};

TEST_F(ShowTest, ListsWhatTheLakeHolds) {
  Sql("CREATE SCHEMA bronze");
  Sql("CREATE SCHEMA silver");
  Sql("CREATE TABLE silver.t (id BIGINT NOT NULL, d DATE) PARTITIONED BY (day(d))");
  Sql("CREATE VIEW silver.v AS SELECT 1 AS one");
  EXPECT_EQ(Sql("SHOW SCHEMAS"), "bronze\nsilver\n");
  EXPECT_EQ(Sql("show schemas from lake;"), "bronze\nsilver\n");
  EXPECT_EQ(Sql("SHOW SCHEMAS IN \"lake\" LIKE 'b%'"), "bronze\n");
  EXPECT_EQ(Sql("SHOW SCHEMAS FROM nope"), "not found: catalog nope does not exist");
  EXPECT_EQ(Sql("SHOW CATALOGS"), "lake|lake|memory://test\n");
  EXPECT_EQ(Sql("SHOW TABLES"), "silver|t|table\nsilver|v|view\n");
  EXPECT_EQ(Sql("SHOW TABLES FROM silver"), "silver|t|table\nsilver|v|view\n");
  EXPECT_EQ(Sql("SHOW TABLES FROM bronze"), "");
  EXPECT_EQ(Sql("SHOW TABLES FROM lake"), "silver|t|table\nsilver|v|view\n");
  EXPECT_EQ(Sql("SHOW TABLES FROM lake.silver LIKE 't'"), "silver|t|table\n");
  EXPECT_EQ(Sql("SHOW TABLES FROM nope"), "not found: schema nope does not exist in lake");
  EXPECT_EQ(Sql("DESCRIBE silver.t"), "id|BIGINT|NO|NULL|NULL|NULL\nd|DATE|YES|NULL|NULL|NULL\n");
  EXPECT_EQ(Sql("SHOW COLUMNS FROM silver.t"), Sql("DESCRIBE silver.t"));
  EXPECT_EQ(Sql("SHOW CREATE TABLE silver.t"),
            "CREATE TABLE lake.silver.t(id BIGINT NOT NULL, d DATE) PARTITIONED BY (day(d))\n");
  EXPECT_NE(Sql("SHOW ALL TABLES").find("silver"), std::string::npos);
}

TEST_F(ShowTest, RunsAreAQueryableTable) {
  RunRecord run;
  run.id = "r1";
  run.kind = "model";
  run.name = "gold.x";
  run.status = "succeeded";
  run.started_micros = 1;
  run.rows = 3;
  ASSERT_TRUE(catalog_->RecordRun(run).ok());
  EXPECT_EQ(Sql("SELECT kind, name, status, rows, finished FROM system.runs"),
            "model|gold.x|succeeded|3|NULL\n");
}

TEST_F(ShowTest, OtherTextsAreLeftAlone) {
  for (const char* sql : {"SHOW ALL TABLES", "SELECT 1", "SHOW silver.t", "SHOW", "",
                          "SHOW TABLES FROM a.b.c", "SHOW SCHEMAS FROM", "-- SHOW CATALOGS"}) {
    EXPECT_EQ(duck::RewriteShow(sql, "lake"), std::nullopt) << sql;
  }
  EXPECT_EQ(duck::RewriteShow("SHOW /* x */ TABLES FROM \"a'b\"", "lake"),
            "SELECT * FROM tarn_relations('a''b', NULL)");
}

}  // namespace
}  // namespace tarn

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

TEST_F(ShowTest, CreateStatementsMakeTheTableAgain) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.plain (k INTEGER, \"Odd one\" VARCHAR DEFAULT 'it''s') "
      "PARTITIONED BY (bucket(4, k)) SORTED BY (k, \"Odd one\") "
      "WITH ('write.delete.mode' = 'copy-on-write', 'comment' = 'it''s')");
  Sql("ALTER TABLE s.plain ADD CONSTRAINT low CHECK (k < 100 AND \"Odd one\" <> '')");
  Sql("CREATE TABLE s.sorted (k INTEGER, d DATE) PARTITIONED BY (d)");
  Sql("ALTER TABLE s.sorted SET SORTED BY (k DESC NULLS FIRST, d)");
  Sql("ALTER TABLE s.sorted RENAME COLUMN k TO n");
  EXPECT_EQ(Sql("SHOW CREATE TABLE s.plain"),
            "CREATE TABLE lake.s.plain(k INTEGER, \"Odd one\" VARCHAR DEFAULT('it''s')) "
            "PARTITIONED BY (bucket(4, k)) SORTED BY (k, \"Odd one\") "
            "WITH ('comment' = 'it''s', 'write.delete.mode' = 'copy-on-write');\n"
            "ALTER TABLE lake.s.plain ADD CONSTRAINT \"low\" CHECK (k < 100 AND \"Odd one\" <> '')"
            "\n");
  for (const char* name : {"plain", "sorted"}) {
    const std::string shown = Sql(std::string("SHOW CREATE TABLE s.") + name);
    Sql(std::string("DROP TABLE s.") + name);
    for (size_t begin = 0; begin < shown.size();) {
      const size_t end = std::min(shown.find(";\n", begin), shown.size());
      const std::string answer = Sql(shown.substr(begin, end - begin));
      EXPECT_EQ(answer.find("invalid"), std::string::npos) << answer;
      begin = end + 2;
    }
    EXPECT_EQ(Sql(std::string("SHOW CREATE TABLE s.") + name), shown);
  }
  Sql("BEGIN");
  Sql("ALTER TABLE s.plain RESET ('comment')");
  Sql("ALTER TABLE s.plain DROP CONSTRAINT low");
  EXPECT_TRUE(
      Sql("SHOW CREATE TABLE s.plain").ends_with("WITH ('write.delete.mode' = 'copy-on-write')\n"));
  Sql("ROLLBACK");
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

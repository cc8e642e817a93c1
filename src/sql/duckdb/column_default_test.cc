#include <string>

#include "sql/duckdb/testing.h"
#include "table/dual/table.h"

namespace tarn {
namespace {

class ColumnDefaultTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
  }
  std::shared_ptr<const TableMetadata> State(const std::string& name = "t") {
    const auto entry = catalog_->LoadTable({"s", name}, std::nullopt);
    EXPECT_TRUE(entry.ok()) << entry.status().ToString();
    return *LoadTableMetadata(store_, entry->metadata_location);
  }
  /// The newest entry of the Delta log that tells of columns.
  std::string DeltaSchema() {
    std::string newest;
    for (int version = 0;; ++version) {
      std::string digits = std::to_string(version);
      digits.insert(0, 20 - digits.size(), '0');
      auto entry = store_.Get("s/t/_delta_log/" + digits + ".json");
      if (!entry.ok()) return newest;
      if (entry->find("\"metaData\"") != std::string::npos) newest = *entry;
    }
  }
};

TEST_F(ColumnDefaultTest, InsertsTakeTheDefaultOfColumnsThatTheyDoNotName) {
  EXPECT_EQ(
      Sql("CREATE TABLE s.t (a INTEGER DEFAULT 5, b VARCHAR DEFAULT 'it''s', c DATE DEFAULT "
          "DATE '2020-02-29', d DECIMAL(9,2) DEFAULT -1.5, e DOUBLE, f BOOLEAN DEFAULT true)"),
      "CREATE TABLE");
  EXPECT_EQ(Sql("INSERT INTO s.t (e) VALUES (1)"), "INSERT 0 1");
  EXPECT_EQ(Sql("INSERT INTO s.t DEFAULT VALUES"), "INSERT 0 1");
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (1, DEFAULT, NULL, DEFAULT, 2, DEFAULT)"), "INSERT 0 1");
  EXPECT_EQ(Sql("SELECT a, b, c::VARCHAR, d::VARCHAR, e, f FROM s.t ORDER BY e NULLS FIRST"),
            "5|it's|2020-02-29|-1.50|NULL|true\n5|it's|2020-02-29|-1.50|1|true\n"
            "1|it's|NULL|-1.50|2|true\n");
  EXPECT_EQ(Sql("UPDATE s.t SET a = DEFAULT WHERE e = 2"), "UPDATE 1");
  EXPECT_EQ(Sql("SELECT DISTINCT a FROM s.t"), "5\n");
  EXPECT_EQ(Sql("MERGE INTO s.t USING (SELECT 9 AS e) n ON t.e = n.e "
                "WHEN NOT MATCHED THEN INSERT (e) VALUES (n.e)"),
            "MERGE 1");
  EXPECT_EQ(Sql("SELECT a, b FROM s.t WHERE e = 9"), "5|it's\n");
  // As it is declared, so it is shown.
  EXPECT_EQ(
      Sql("SELECT column_name, \"default\" FROM (DESCRIBE s.t) WHERE \"default\" IS NOT NULL"),
      "a|5\nb|'it''s'\nc|'2020-02-29'::DATE\nd|-1.50\nf|true\n");
}

TEST_F(ColumnDefaultTest, BothFormatsKeepIt) {
  Sql("CREATE TABLE s.t (a INTEGER DEFAULT 5, b VARCHAR)");
  EXPECT_EQ(State()->format_version, 3);
  EXPECT_EQ(State()->schema().fields[0].write_default, Scalar(int64_t{5}));
  EXPECT_EQ(State()->schema().fields[0].initial_default, std::nullopt);
  EXPECT_NE(DeltaSchema().find("CURRENT_DEFAULT\\\":\\\"5\\\""), std::string::npos)
      << DeltaSchema();
  EXPECT_NE(DeltaSchema().find("allowColumnDefaults"), std::string::npos);
  EXPECT_EQ(Sql("ALTER TABLE s.t ALTER COLUMN b SET DEFAULT 'x'"), "ALTER TABLE");
  EXPECT_NE(DeltaSchema().find("CURRENT_DEFAULT\\\":\\\"'x'\\\""), std::string::npos);
  EXPECT_EQ(Sql("ALTER TABLE s.t ALTER COLUMN a DROP DEFAULT"), "ALTER TABLE");
  EXPECT_EQ(State()->schema().fields[0].write_default, std::nullopt);
  EXPECT_EQ(DeltaSchema().find("CURRENT_DEFAULT\\\":\\\"5"), std::string::npos);
  Sql("INSERT INTO s.t (a) VALUES (1)");
  Sql("INSERT INTO s.t (b) VALUES ('y')");
  EXPECT_EQ(Sql("SELECT a, b FROM s.t ORDER BY a NULLS LAST"), "1|x\nNULL|y\n");
}

TEST_F(ColumnDefaultTest, AnAddedColumnHasItsDefaultInTheRowsOfBeforeInBothFormats) {
  Sql("CREATE TABLE s.t AS SELECT i::INTEGER AS i FROM range(6) r(i)");
  Sql("DELETE FROM s.t WHERE i = 0");
  const std::string ids = Sql("SELECT i, _row_id FROM s.t ORDER BY i");
  Sql("INSERT INTO s.t VALUES (100)");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN c INTEGER DEFAULT 7"), "ALTER TABLE");
  EXPECT_EQ(Sql("SELECT i, c FROM s.t WHERE c = 7 ORDER BY i"), "1|7\n2|7\n3|7\n4|7\n5|7\n100|7\n");
  // Files have it: nothing is left to say of files without it, which Delta has no words for.
  EXPECT_EQ(State()->schema().fields[1].initial_default, std::nullopt);
  EXPECT_EQ(Sql("SELECT DISTINCT content FROM s.t$files"), "data\n");
  EXPECT_EQ(Sql("SELECT i, _row_id FROM s.t WHERE i < 100 ORDER BY i"), ids);
  // The change of columns is no change of rows beyond that.
  Sql("INSERT INTO s.t (i) VALUES (200)");
  EXPECT_EQ(Sql("SELECT c FROM s.t WHERE i = 200"), "7\n");
  EXPECT_EQ(Sql("ALTER TABLE s.t ALTER c SET DEFAULT 8"), "ALTER TABLE");
  EXPECT_EQ(Sql("SELECT min(c), max(c) FROM s.t"), "7|7\n");
}

TEST_F(ColumnDefaultTest, CastsAreConstantsToo) {
  Sql("CREATE TABLE s.t AS SELECT 1 AS i");
  // DuckDB's parser makes three statements of these.
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN d DATE DEFAULT DATE '2020-01-01'"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN n INTEGER DEFAULT -3"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN IF NOT EXISTS z TIMESTAMPTZ "
                "DEFAULT TIMESTAMPTZ '2020-01-01 00:00:00+00'"),
            "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN IF NOT EXISTS n INTEGER DEFAULT -4"), "ALTER TABLE");
  EXPECT_EQ(Sql("SELECT i, d::VARCHAR, n, epoch(z)::BIGINT FROM s.t"),
            "1|2020-01-01|-3|1577836800\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t$snapshots"), "4\n");
}

TEST_F(ColumnDefaultTest, OnlyConstantsOfTheColumnsTypeAreTaken) {
  const auto create = [this](const std::string& column) {
    return Sql("CREATE TABLE s.t (" + column + ")");
  };
  EXPECT_EQ(create("a TIMESTAMP DEFAULT now()"),
            "unsupported: column a of s.t: DEFAULT now() is not a constant");
  EXPECT_EQ(create("a DOUBLE DEFAULT random()"),
            "unsupported: column a of s.t: DEFAULT random() is not a constant");
  EXPECT_EQ(create("a INTEGER DEFAULT 1 + 1").substr(0, 12), "unsupported:");
  EXPECT_EQ(create("a INTEGER DEFAULT 'x'"),
            "invalid argument: column a of s.t: DEFAULT x is no value of type INTEGER");
  EXPECT_EQ(create("a TINYINT DEFAULT 300").substr(0, 17), "invalid argument:");
  EXPECT_EQ(create("a DOUBLE DEFAULT 'nan'").substr(0, 17), "invalid argument:");
  EXPECT_EQ(create("a DATE DEFAULT 'infinity'").substr(0, 12), "unsupported:");
  EXPECT_EQ(create("a INTEGER[] DEFAULT [1]").substr(0, 12), "unsupported:");
  EXPECT_EQ(create("a INTEGER[] DEFAULT NULL, b UUID DEFAULT "
                   "'f79c3e09-677c-4bbd-a479-3f349cb785e7', c BLOB DEFAULT '\\x00\\xFF'::BLOB"),
            "CREATE TABLE");
  Sql("INSERT INTO s.t (a) VALUES ([1])");
  EXPECT_EQ(Sql("SELECT a, b, hex(c) FROM s.t").find("f79c3e09-677c-4bbd-a479-3f349cb785e7|00FF") !=
                std::string::npos,
            true);
  EXPECT_EQ(Sql("ALTER TABLE s.t ALTER COLUMN nix SET DEFAULT 5").substr(0, 17),
            "invalid argument:");
  // The table says which version it has; version 2 has no defaults.
  EXPECT_EQ(
      Sql("CREATE TABLE s.v2 (a INTEGER DEFAULT 1) WITH ('tarn.iceberg' = '2')").substr(0, 12),
      "unsupported:");
}

TEST_F(ColumnDefaultTest, ATransactionSeesTheDefaultBeforeItIsCommitted) {
  for (const char* mode : {"merge-on-read", "copy-on-write"}) {
    SCOPED_TRACE(mode);
    Sql("CREATE OR REPLACE TABLE s.t AS SELECT i::INTEGER AS i FROM range(3) r(i)");
    Sql("ALTER TABLE s.t SET ('write.update.mode' = '" + std::string(mode) + "')");
    Sql("BEGIN");
    Sql("INSERT INTO s.t VALUES (3)");
    EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN c INTEGER DEFAULT 7"), "ALTER TABLE");
    EXPECT_EQ(Sql("SELECT i, c FROM s.t ORDER BY i"), "0|7\n1|7\n2|7\n3|7\n");
    EXPECT_EQ(Sql("UPDATE s.t SET c = c + i WHERE i IN (1, 3)"), "UPDATE 2");
    EXPECT_EQ(Sql("DELETE FROM s.t WHERE i = 2"), "DELETE 1");
    Sql("INSERT INTO s.t (i) VALUES (4)");
    const std::string rows = "0|7\n1|8\n3|10\n4|7\n";
    EXPECT_EQ(Sql("SELECT i, c FROM s.t ORDER BY i"), rows);
    EXPECT_EQ(Sql("COMMIT"), "COMMIT");
    EXPECT_EQ(Sql("SELECT i, c FROM s.t ORDER BY i"), rows);
    EXPECT_EQ(State()->schema().fields[1].initial_default, std::nullopt);
    EXPECT_EQ(Sql("SELECT DISTINCT content FROM s.t$files"), "data\n");
  }
}

TEST_F(ColumnDefaultTest, DefaultsThatAreCastsAreAddedInATransactionToo) {
  Sql("CREATE TABLE s.t AS SELECT i::INTEGER AS i FROM range(2) r(i)");
  Sql("BEGIN");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN d DATE DEFAULT DATE '2024-01-01'"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN n INTEGER DEFAULT -1"), "ALTER TABLE");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Sql("SELECT i, d::VARCHAR, n FROM s.t ORDER BY i"),
            "0|2024-01-01|-1\n1|2024-01-01|-1\n");
  // Three that somebody typed are three.
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN c INTEGER DEFAULT NULL; UPDATE s.t SET c = 1; "
                "ALTER TABLE s.t ALTER c SET DEFAULT 1"),
            "invalid argument: expected one statement, but another one begins at 1:52");
}

TEST_F(ColumnDefaultTest, RowsThatComeMeanwhileHaveItToo) {
  Sql("CREATE TABLE s.t AS SELECT 0 AS i");
  const auto other = NewSession();
  // A transaction that began before the column came cannot give its rows the value.
  Sql(*other, "BEGIN");
  Sql(*other, "INSERT INTO s.t VALUES (1)");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN c INTEGER DEFAULT 7"), "ALTER TABLE");
  EXPECT_EQ(Sql(*other, "COMMIT").substr(0, 9), "conflict:");
  // And the other way round.
  Sql("BEGIN");
  Sql("ALTER TABLE s.t ADD COLUMN d INTEGER DEFAULT 8");
  EXPECT_EQ(Sql(*other, "INSERT INTO s.t VALUES (2, 2)"), "INSERT 0 1");
  EXPECT_EQ(Sql("COMMIT").substr(0, 9), "conflict:");
  EXPECT_EQ(Sql("SELECT * FROM s.t ORDER BY i"), "0|7\n2|2\n");
}

TEST_F(ColumnDefaultTest, RenamesWideningAndReplacementKeepOrTakeThem) {
  Sql("CREATE TABLE s.t (i INTEGER, a INTEGER DEFAULT 5)");
  Sql("INSERT INTO s.t (i) VALUES (1)");
  Sql("ALTER TABLE s.t RENAME COLUMN a TO b");
  Sql("ALTER TABLE s.t ALTER COLUMN b TYPE BIGINT");
  Sql("INSERT INTO s.t (i) VALUES (2)");
  EXPECT_EQ(Sql("SELECT i, b FROM s.t ORDER BY i"), "1|5\n2|5\n");
  Sql("CREATE OR REPLACE TABLE s.t (i INTEGER DEFAULT 1, b BIGINT)");
  Sql("INSERT INTO s.t DEFAULT VALUES");
  EXPECT_EQ(Sql("SELECT i, b FROM s.t"), "1|NULL\n");
  // A table without rows has nothing to rewrite.
  Sql("CREATE TABLE s.empty (i INTEGER)");
  EXPECT_EQ(Sql("ALTER TABLE s.empty ADD COLUMN c INTEGER DEFAULT 7"), "ALTER TABLE");
  EXPECT_EQ(State("empty")->schema().fields[1].initial_default, std::nullopt);
  EXPECT_EQ(Sql("INSERT INTO s.empty (i) VALUES (1) RETURNING c"), "7\n");
}

}  // namespace
}  // namespace tarn

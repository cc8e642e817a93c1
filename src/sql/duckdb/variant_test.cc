#include <string>

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include "columnar/variant_column.h"
#include "sql/duckdb/testing.h"
#include "table/dual/table.h"

namespace tarn {
namespace {

class VariantTest : public LakeTest {
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
  void Fill() {
    EXPECT_EQ(Sql("CREATE TABLE s.t (id BIGINT, doc VARIANT)"), "CREATE TABLE");
    EXPECT_EQ(Sql(R"(INSERT INTO s.t VALUES
        (1, '{"name":"ann","tags":["x","y"],"at":{"b":1.5}}'::JSON), (2, NULL), (3, 42),
        (4, {'z': 1, 'a': DATE '2020-02-29'}), (5, 'text'))"),
              "INSERT 0 5");
  }
};

TEST_F(VariantTest, ATableOfVersion3HasThem) {
  Fill();
  EXPECT_EQ(State()->schema().fields[1].type, Type(Type::Kind::kVariant));
  EXPECT_EQ(State()->format_version, 3);
  EXPECT_EQ(Sql("SELECT id, doc::JSON FROM s.t ORDER BY id"),
            R"(1|{"at":{"b":1.5},"name":"ann","tags":["x","y"]})"
            "\n2|NULL\n3|42\n4|{\"a\":\"2020-02-29\",\"z\":1}\n5|\"text\"\n");
  EXPECT_EQ(Sql("SELECT doc.name::VARCHAR, doc.at.b::DOUBLE, doc.tags[2]::VARCHAR FROM s.t "
                "WHERE doc.name::VARCHAR = 'ann'"),
            "ann|1.5|y\n");
  EXPECT_EQ(Sql("SELECT id FROM s.t WHERE doc.at.b::DOUBLE > 1"), "1\n");
  EXPECT_EQ(Sql("SELECT id FROM s.t WHERE doc IS NULL"), "2\n");
  EXPECT_EQ(Sql("SELECT variant_typeof(doc.a) FROM s.t WHERE id = 4"), "DATE\n");
  EXPECT_EQ(Sql("SELECT count(*), count(doc) FROM s.t"), "5|4\n");
  EXPECT_EQ(Sql("DESCRIBE s.t").find("doc|VARIANT") != std::string::npos, true);
}

TEST_F(VariantTest, EveryTypeComesBackAsItWas) {
  Sql("CREATE TABLE s.t (name VARCHAR, doc VARIANT)");
  const std::pair<const char*, const char*> values[] = {
      {"true", "BOOL_TRUE"},
      {"false", "BOOL_FALSE"},
      {"-128::BIGINT", "INT8"},
      {"200::UTINYINT", "INT16"},
      {"4000000000::UINTEGER", "INT64"},
      {"18446744073709551615::UBIGINT", "DECIMAL(38, 0)"},
      {"170141183460469231731687303715884105::HUGEINT", "DECIMAL(38, 0)"},
      {"0.1::FLOAT", "FLOAT"},
      {"0.1::DOUBLE", "DOUBLE"},
      {"'NaN'::DOUBLE", "DOUBLE"},
      {"1.25::DECIMAL(4, 2)", "DECIMAL(3, 2)"},
      {"1234567890.12::DECIMAL(18, 2)", "DECIMAL(12, 2)"},
      {"12345678901234567890.12::DECIMAL(38, 2)", "DECIMAL(38, 2)"},
      {"'short'", "VARCHAR"},
      {"repeat('long ', 20)", "VARCHAR"},
      {"''", "VARCHAR"},
      {"'\\x00\\xFF'::BLOB", "BLOB"},
      {"'550e8400-e29b-41d4-a716-446655440000'::UUID", "UUID"},
      {"DATE '0044-03-15 (BC)'", "DATE"},
      {"TIME '23:59:59.999999'", "TIME_MICROS"},
      {"TIMESTAMP '2020-01-01 00:00:00.000001'", "TIMESTAMP_MICROS"},
      {"TIMESTAMP_NS '2020-01-01 00:00:00.000000001'", "TIMESTAMP_NANOS"},
      {"TIMESTAMP_S '2020-01-01 00:00:00'", "TIMESTAMP_MICROS"},
      {"TIMESTAMPTZ '2020-01-01 00:00:00+05'", "TIMESTAMP_MICROS_TZ"},
      {"[1, NULL, 3]", "ARRAY(3)"},
      {"{'b': 1, 'a': {'c': [true]}}", "OBJECT(a, b)"},
      {"repeat('x', 64)", "VARCHAR"},
      {"'{}'::JSON", "OBJECT()"},
  };
  int number = 0;
  for (const auto& [value, type] : values) {
    const std::string name = std::to_string(++number);
    EXPECT_EQ(Sql("INSERT INTO s.t VALUES ('" + name + "', (" + value + ")::VARIANT)"),
              "INSERT 0 1")
        << value;
    EXPECT_EQ(Sql("SELECT variant_typeof(doc), doc::JSON::VARCHAR = (" + std::string(value) +
                  ")::VARIANT::JSON::VARCHAR FROM s.t WHERE name = '" + name + "'"),
              std::string(type) + "|true\n")
        << value;
  }
}

TEST_F(VariantTest, WhatTheEncodingDoesNotHaveIsRefused) {
  Sql("CREATE TABLE s.t (doc VARIANT)");
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES ((INTERVAL 1 DAY)::VARIANT)"),
            "invalid argument: a value of type INTERVAL within a variant cannot be stored");
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (TIMESTAMP_S '290000-01-01 00:00:00'::VARIANT)"),
            "INSERT 0 1");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t"), "1\n");
}

TEST_F(VariantTest, RowsAreChanged) {
  Fill();
  EXPECT_EQ(Sql("UPDATE s.t SET doc = {'n': 2} WHERE id = 2"), "UPDATE 1");
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE doc.name::VARCHAR = 'ann'"), "DELETE 1");
  EXPECT_EQ(Sql("MERGE INTO s.t USING (SELECT 3 AS id, ['m']::VARIANT AS doc UNION ALL "
                "SELECT 9, NULL) u ON t.id = u.id WHEN MATCHED THEN UPDATE SET doc = u.doc "
                "WHEN NOT MATCHED THEN INSERT VALUES (u.id, u.doc)"),
            "MERGE 2");
  EXPECT_EQ(Sql("SELECT id, doc::JSON FROM s.t ORDER BY id"),
            "2|{\"n\":2}\n3|[\"m\"]\n4|{\"a\":\"2020-02-29\",\"z\":1}\n5|\"text\"\n9|NULL\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t AT (VERSION => 1)").substr(0, 5) == "error", false);
  Sql("ALTER TABLE s.t SET ('write.update.mode' = 'copy-on-write')");
  EXPECT_EQ(Sql("UPDATE s.t SET id = 50 WHERE id = 5"), "UPDATE 1");
  EXPECT_EQ(Sql("SELECT doc::JSON FROM s.t WHERE id IN (4, 50) ORDER BY id"),
            "{\"a\":\"2020-02-29\",\"z\":1}\n\"text\"\n");
}

TEST_F(VariantTest, TheyStandInStructsListsAndMaps) {
  EXPECT_EQ(Sql("CREATE TABLE s.t (i INTEGER, s STRUCT(v VARIANT, n INTEGER), l VARIANT[], "
                "m MAP(VARCHAR, VARIANT))"),
            "CREATE TABLE");
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (1, {'v': {'a': 1}, 'n': 7}, [1::VARIANT, NULL, "
                "'x'::VARIANT], MAP {'k': [1, 2]::VARIANT}), (2, NULL, NULL, NULL), "
                "(3, {'v': NULL, 'n': 8}, [], MAP {})"),
            "INSERT 0 3");
  EXPECT_EQ(Sql("SELECT i, s.v::JSON, s.n, len(l), l[3]::VARCHAR, m['k']::JSON FROM s.t "
                "ORDER BY i"),
            "1|{\"a\":1}|7|3|x|[1,2]\n2|NULL|NULL|NULL|NULL|NULL\n3|NULL|8|0|NULL|NULL\n");
}

TEST_F(VariantTest, ColumnsAreAddedAndRowsOfBeforeHaveNull) {
  Sql("CREATE TABLE s.t (id BIGINT)");
  Sql("INSERT INTO s.t VALUES (1)");
  EXPECT_EQ(State()->format_version, 2);
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN doc VARIANT"), "ALTER TABLE");
  EXPECT_EQ(State()->format_version, 3);
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (2, [true])"), "INSERT 0 1");
  EXPECT_EQ(Sql("SELECT id, doc::JSON FROM s.t ORDER BY id"), "1|NULL\n2|[true]\n");
  Sql("ALTER TABLE s.t SET ('write.delete.mode' = 'copy-on-write')");
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (3, NULL)"), "INSERT 0 1");
  EXPECT_EQ(Sql("ALTER TABLE s.t RENAME COLUMN doc TO d"), "ALTER TABLE");
  EXPECT_EQ(Sql("SELECT id, d::JSON FROM s.t ORDER BY id"), "1|NULL\n2|[true]\n3|NULL\n");
}

TEST_F(VariantTest, VersionTwoIsRefusedByName) {
  EXPECT_EQ(Sql("CREATE TABLE s.t (id BIGINT, doc VARIANT) WITH ('tarn.iceberg' = '2')"),
            "unsupported: column \"doc\" has the type variant, which Iceberg has from format "
            "version 3 on; the table has version 2");
  Sql("CREATE TABLE s.t (id BIGINT) WITH ('tarn.iceberg' = '2')");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN doc VARIANT").substr(0, 32),
            "unsupported: column \"doc\" has th");
}

TEST_F(VariantTest, NothingIsOrderedOrPartitionedByThem) {
  Sql("CREATE TABLE s.t (id BIGINT, doc VARIANT)");
  EXPECT_EQ(Sql("ALTER TABLE s.t SET SORTED BY (doc)"),
            "invalid argument: SORTED BY: column \"doc\" of type variant has no order");
  for (const char* spec : {"doc", "bucket(4, doc)", "truncate(4, doc)"}) {
    const std::string error = Sql("ALTER TABLE s.t SET PARTITIONED BY (" + std::string(spec) + ")");
    EXPECT_NE(error.find("doc"), std::string::npos) << error;
    EXPECT_NE(error.find("variant"), std::string::npos) << error;
  }
}

TEST_F(VariantTest, ResultsLeaveTheEngineInTheEncoding) {
  Fill();
  auto rows = session_->Execute("SELECT doc FROM s.t WHERE id = 3");
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  EXPECT_TRUE(IsVariantStorage(*(*rows)->schema()->field(0)->type()));
  EXPECT_EQ((*rows)->type_names()[0], "VARIANT");
}

TEST_F(VariantTest, TablesAreMadeOfQueries) {
  Fill();
  EXPECT_EQ(Sql("CREATE TABLE s.u AS SELECT id, doc, '{\"k\": [1]}'::JSON::VARIANT AS j FROM s.t"),
            "SELECT 5");
  EXPECT_EQ(Sql("SELECT j.k[1]::INTEGER, doc.z::INTEGER FROM s.u WHERE id = 4"), "1|1\n");
}

}  // namespace
}  // namespace tarn

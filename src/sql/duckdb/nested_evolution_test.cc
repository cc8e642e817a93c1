#include <string>

#include "sql/duckdb/testing.h"
#include "table/dual/nested_fields.h"
#include "table/dual/table.h"
#include "table/model/column_mapping.h"

namespace tarn {
namespace {

class NestedEvolutionTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
    Sql("CREATE TABLE s.t (i INTEGER, s STRUCT(a INTEGER, \"b c\" VARCHAR), "
        "l STRUCT(x INTEGER, y FLOAT)[], m MAP(VARCHAR, STRUCT(v INTEGER, w VARCHAR)))");
    Sql("INSERT INTO s.t VALUES (1, {a: 1, \"b c\": 'one'}, [{x: 1, y: 0.5}, NULL], "
        "MAP {'k': {v: 1, w: 'w1'}}), (2, NULL, NULL, NULL)");
  }
  std::shared_ptr<const TableMetadata> State() {
    const auto entry = catalog_->LoadTable({"s", "t"}, std::nullopt);
    EXPECT_TRUE(entry.ok()) << entry.status().ToString();
    return *LoadTableMetadata(store_, entry->metadata_location);
  }
  int32_t IdOf(const FieldPath& path) {
    const auto state = State();
    const Field* field = FindField(state->schema(), path);
    return field == nullptr ? -1 : field->id.value();
  }
};

TEST_F(NestedEvolutionTest, AddedFieldsAreNullInTheRowsOfBefore) {
  const int32_t a = IdOf({"s", "a"});
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN s.d DATE"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN l.element.z STRUCT(q INTEGER)"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN m.value.u BOOLEAN"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN IF NOT EXISTS s.A VARCHAR"), "ALTER TABLE");
  EXPECT_EQ(IdOf({"s", "a"}), a);
  Sql("INSERT INTO s.t VALUES (3, {a: 3, \"b c\": 'three', d: DATE '2020-01-01'}, "
      "[{x: 3, y: 1.5, z: {q: 9}}], MAP {'k': {v: 3, w: 'w3', u: true}})");
  EXPECT_EQ(Sql("SELECT i, s.a, s.d::VARCHAR, l[1].x, l[1].z.q, m['k'].v, m['k'].u "
                "FROM s.t ORDER BY i"),
            "1|1|NULL|1|NULL|1|NULL\n2|NULL|NULL|NULL|NULL|NULL|NULL\n"
            "3|3|2020-01-01|3|9|3|true\n");
  EXPECT_EQ(Sql("SELECT i FROM s.t WHERE s.d IS NULL AND s.a = 1"), "1\n");
  EXPECT_EQ(Sql("SELECT i FROM s.t WHERE s.d = DATE '2020-01-01'"), "3\n");
  EXPECT_EQ(Sql("SELECT l[2] IS NULL, len(l) FROM s.t WHERE i = 1"), "true|2\n");
}

TEST_F(NestedEvolutionTest, RenamedFieldsKeepTheirValuesAndTheirNameInFiles) {
  EXPECT_TRUE(ReadColumnMapping(*State())->empty());
  const int32_t a = IdOf({"s", "a"});
  EXPECT_EQ(Sql("ALTER TABLE s.t RENAME COLUMN s.a TO aa"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t RENAME COLUMN l.element.x TO xx"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t RENAME COLUMN m.value.v TO vv"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t RENAME COLUMN s.\"b c\" TO \"d.e\""), "ALTER TABLE");
  EXPECT_EQ(IdOf({"s", "aa"}), a);
  EXPECT_EQ(ReadColumnMapping(*State())->at(a), "a");
  Sql("INSERT INTO s.t VALUES (3, {aa: 3, \"d.e\": 'three'}, [{xx: 3, y: 1.5}], "
      "MAP {'k': {vv: 3, w: 'w3'}})");
  EXPECT_EQ(Sql("SELECT i, s.aa, s.\"d.e\", l[1].xx, m['k'].vv FROM s.t WHERE i <> 2 ORDER BY i"),
            "1|1|one|1|1\n3|3|three|3|3\n");
  EXPECT_EQ(Sql("SELECT i FROM s.t WHERE s.aa = 3"), "3\n");
  EXPECT_EQ(Sql("UPDATE s.t SET s = {aa: 10, \"d.e\": 'x'} WHERE i = 1"), "UPDATE 1");
  EXPECT_EQ(Sql("SELECT i, s.aa, l[1].xx FROM s.t WHERE s.aa > 2 ORDER BY i"), "1|10|1\n3|3|3\n");
}

TEST_F(NestedEvolutionTest, ADroppedFieldsNameComesBackAsAnotherField) {
  const int32_t a = IdOf({"s", "a"});
  EXPECT_EQ(Sql("ALTER TABLE s.t DROP COLUMN s.a"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t DROP COLUMN IF EXISTS s.nix"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t DROP COLUMN l.element.y"), "ALTER TABLE");
  EXPECT_EQ(Sql("SELECT s::VARCHAR, l::VARCHAR FROM s.t WHERE i = 1"),
            "{'b c': one}|[{'x': 1}, NULL]\n");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN s.a INTEGER"), "ALTER TABLE");
  const int32_t again = IdOf({"s", "a"});
  EXPECT_NE(again, a);
  const auto names = *ReadColumnMapping(*State());
  EXPECT_EQ(names.at(again), "col-" + std::to_string(again));
  EXPECT_EQ(names.at(a), "a") << "a rollback may bring it back";
  Sql("INSERT INTO s.t VALUES (3, {\"b c\": 'three', a: 3}, [], MAP {})");
  EXPECT_EQ(Sql("SELECT i, s.a FROM s.t ORDER BY i"), "1|NULL\n2|NULL\n3|3\n");
  // The state of before is read as it was.
  EXPECT_EQ(Sql("SELECT s.a FROM s.t AT (VERSION => 'sequence 3') WHERE i = 1"), "1\n");
}

TEST_F(NestedEvolutionTest, TypesWithinStructsListsAndMapsAreWidened) {
  const int32_t x = IdOf({"l", "element", "x"});
  EXPECT_EQ(Sql("ALTER TABLE s.t ALTER COLUMN s TYPE STRUCT(a BIGINT, \"b c\" VARCHAR, n INTEGER)"),
            "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t ALTER COLUMN l TYPE STRUCT(x BIGINT, y DOUBLE)[]"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t ALTER COLUMN m TYPE MAP(VARCHAR, STRUCT(v BIGINT, w VARCHAR))"),
            "ALTER TABLE");
  EXPECT_EQ(IdOf({"l", "element", "x"}), x);
  Sql("INSERT INTO s.t VALUES (3, {a: 5000000000, \"b c\": 'x', n: 1}, [{x: 6000000000, y: "
      "1e300}], "
      "MAP {'k': {v: 7000000000, w: 'w'}})");
  EXPECT_EQ(Sql("SELECT s.a, s.n, l[1].x, l[1].y, m['k'].v FROM s.t WHERE i <> 2 ORDER BY i"),
            "1|NULL|1|0.5|1\n5000000000|1|6000000000|1e+300|7000000000\n");
  EXPECT_EQ(Sql("SELECT typeof(s.a), typeof(l[1].y), typeof(m['k'].v) FROM s.t LIMIT 1"),
            "BIGINT|DOUBLE|BIGINT\n");
}

TEST_F(NestedEvolutionTest, WhatCannotBeIsRefusedByName) {
  const auto alter = [this](const std::string& what) { return Sql("ALTER TABLE s.t " + what); };
  EXPECT_EQ(alter("DROP COLUMN s.nix"), "invalid argument: there is no field \"s\".\"nix\"");
  EXPECT_EQ(alter("ADD COLUMN s.A INTEGER"),
            "invalid argument: there is already a field \"a\" in the struct");
  EXPECT_EQ(alter("ADD COLUMN i.k INTEGER"), "invalid argument: \"i\" of type int is no struct");
  EXPECT_EQ(alter("ADD COLUMN nix.k INTEGER"), "invalid argument: there is no column \"nix\"");
  EXPECT_EQ(alter("ADD COLUMN l.k INTEGER").substr(0, 26), "invalid argument: \"l\" of t");
  EXPECT_EQ(alter("ADD COLUMN s.k INTEGER DEFAULT 5"),
            "unsupported: field k of \"s\" in s.t cannot have a DEFAULT");
  EXPECT_EQ(alter("RENAME COLUMN s.a TO \"b c\""),
            "invalid argument: there is already a field \"b c\" in the struct");
  EXPECT_EQ(alter("ALTER COLUMN s TYPE STRUCT(a VARCHAR, \"b c\" VARCHAR)"),
            "invalid argument: column \"s\".\"a\" of type int cannot become string in place");
  EXPECT_EQ(alter("ALTER COLUMN s TYPE STRUCT(a INTEGER)"),
            "invalid argument: column \"s\".\"b c\" is missing in the new type");
  EXPECT_EQ(alter("DROP COLUMN s.a"), "ALTER TABLE");
  EXPECT_EQ(alter("DROP COLUMN s.\"b c\""),
            "invalid argument: field \"s\".\"b c\" is the only one of its struct");
  Sql("CREATE TABLE s.k (m MAP(STRUCT(a INTEGER), INTEGER))");
  EXPECT_EQ(Sql("ALTER TABLE s.k ADD COLUMN m.key.b INTEGER").substr(0, 17), "invalid argument:");
  // Rows of the same transaction have the old names in their files.
  Sql("BEGIN");
  Sql("INSERT INTO s.t (i) VALUES (9)");
  EXPECT_EQ(alter("RENAME COLUMN s.\"b c\" TO b").substr(0, 12), "unsupported:");
  Sql("ROLLBACK");
}

}  // namespace
}  // namespace tarn

// Columns that `types:` makes variants.
#include <gtest/gtest.h>

#include "columnar/variant_column.h"
#include "source/postgres/pg_capture_test_support.h"
#include "source/postgres/pg_test_support.h"

namespace tarn::postgres {
namespace {

using Strings = std::vector<std::string>;

std::map<std::string, std::string> Variants(const Strings& columns) {
  std::map<std::string, std::string> types;
  for (const std::string& column : columns) types["public.t." + column] = "variant";
  return types;
}

/// Why a table of one row (id 7) with this column is refused.
Error Refused(const std::string& type, const std::string& value, const std::string& key = "id") {
  const TestDatabase db("CREATE TABLE t (id int, c " + type + ", PRIMARY KEY (" + key +
                        ")); INSERT INTO t VALUES (7, " + value + ")");
  auto source = db.Open(Variants({"c"}));
  auto table = source->Describe({"public", "t"});
  if (!table.ok()) return table.error();
  auto snapshot = Must(source->BeginSnapshot());
  auto reader = Must(snapshot->Open(*table, {}, std::nullopt));
  return DrainToError(*reader);
}

TEST(PostgresVariants, JsonJsonbAndTextBecomeOne) {
  const TestDatabase db(R"(
CREATE DOMAIN doc AS jsonb;
CREATE TABLE t (id int PRIMARY KEY, a json, b jsonb, c text, d doc, e char(12));
INSERT INTO t VALUES
  (1, '{"b": 1, "a": 1.10, "b": 2}', '{"b": [1, null], "a": 1e3}', ' "ü" ', '{"x": true}', '[1]'),
  (2, 'null', 'null', 'null', 'null', 'null'), (3, NULL, NULL, NULL, NULL, NULL))");
  auto source = db.Open(Variants({"a", "b", "c", "d", "e"}));
  const SourceTable table = Must(source->Describe({"public", "t"}));
  for (size_t i = 1; i < table.columns.size(); ++i) {
    EXPECT_TRUE(IsVariantStorage(*table.columns[i].field->type())) << table.columns[i].name;
  }
  EXPECT_EQ(ReadTable(*source, {"public", "t"}),
            (Strings{R"(1|{"a":1.10,"b":2}|{"a":1000,"b":[1,null]}|"ü"|{"x":true}|[1])",
                     "2|null|null|null|null|null", "3|NULL|NULL|NULL|NULL|NULL"}));
  // JSON's own null is no NULL to the server.
  Predicate null;
  null.op = Predicate::Op::kIsNull;
  null.column = "b";
  EXPECT_TRUE(source->Pushable(table, null).always_true());
}

TEST(PostgresVariants, TheStreamGivesWhatASnapshotGives) {
  // Intervals are read in their text form, and then all values come so.
  for (const bool binary : {true, false}) {
    const TestDatabase db(
        std::string("CREATE TABLE t (id int PRIMARY KEY, a json, b jsonb, c text, ") +
        (binary ? "n int" : "n interval") + R"(, m int);
ALTER TABLE t ALTER COLUMN b SET STORAGE EXTERNAL;
INSERT INTO t VALUES (1, '{"a": 1}', jsonb_build_object('big', repeat('x', 20000)), '[]'))");
    Mirror mirror(db, {"public.t"}, "tarn_test", Variants({"a", "b", "c"}));
    db.Run(R"(
UPDATE t SET m = 1; INSERT INTO t VALUES (2, '{"z": 0.10, "a": [null]}', '{"k": 12345678901234567890}',
'"text"'), (3, NULL, 'null', NULL); UPDATE t SET b = '{}' WHERE id = 2; DELETE FROM t WHERE id = 2)");
    const Strings log = mirror.CatchUp();
    ASSERT_EQ(log.size(), 5u);
    EXPECT_TRUE(log[0].ends_with("kept b")) << log[0].substr(log[0].size() - 60);
    EXPECT_EQ(log[1],
              R"(t: insert 2|{"a":[null],"z":0.10}|{"k":12345678901234567890}|"text"|NULL|NULL)");
    EXPECT_EQ(log[2], "t: insert 3|NULL|null|NULL|NULL|NULL");
    EXPECT_EQ(log[3], R"(t: update 2|{"a":[null],"z":0.10}|{}|"text"|NULL|NULL)");
    mirror.ExpectSame();
  }
}

TEST(PostgresVariants, ThatBeforeAnUpdateIsThereToo) {
  const TestDatabase db(R"(
CREATE TABLE t (id int PRIMARY KEY, doc jsonb); ALTER TABLE t REPLICA IDENTITY FULL;
INSERT INTO t VALUES (1, '{"a": 1}'))");
  Mirror mirror(db, {"public.t"}, "tarn_test", Variants({"doc"}));
  db.Run("UPDATE t SET doc = '{\"a\": 2}'; DELETE FROM t");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{R"(t: update 1|{"a":2} before 1|{"a":1})", R"(t: delete 1|{"a":2})"}));
}

TEST(PostgresVariants, AValueThatIsNoneStopsTheTableAndNamesTheRow) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, c text); INSERT INTO t VALUES (1, '[]')");
  Mirror mirror(db, {"public.t"}, "tarn_test", Variants({"c"}));
  db.Run("INSERT INTO t VALUES (2, '[2]'); INSERT INTO t VALUES (3, '{bad')");
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0], "t: insert 2|[2]");
  EXPECT_EQ(log[1].substr(0, 150),
            "t: stopped table public.t, the changed row (id = 3), column c: no variant can be made "
            "of the value: the text is not valid JSON at byte 2");
}

TEST(PostgresVariants, WhatDoesNotFitIsAnErrorWithTableRowColumnAndRepair) {
  const Error bad = Refused("text", "'{bad'");
  EXPECT_EQ(bad.kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(bad.message,
            "table public.t, row 1 of its stream (id = 7), column c: no variant can be made of the "
            "value: the text is not valid JSON at byte 2");
  EXPECT_EQ(bad.hint, "read the column as text: types: {public.t.c: string}");
  const Error digits = Refused("jsonb", "'[0.1234567890123456789012345678901234567891]'");
  EXPECT_NE(digits.message.find("no number that is exactly 0.1234567890123456789012345678901234567"
                                "891"),
            std::string::npos)
      << digits.message;
  const Error deep = Refused("json", "(repeat('[', 501) || repeat(']', 501))::json");
  EXPECT_NE(deep.message.find("nested deeper than 500 levels"), std::string::npos) << deep.message;
}

TEST(PostgresVariants, OtherTypesAndKeysAreRefusedByName) {
  for (const char* type : {"jsonb[]", "int", "bytea", "xml"}) {
    const Error error = Refused(type, "NULL");
    EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument) << type;
    EXPECT_EQ(error.message, "column public.t.c is " +
                                 std::string(std::string(type) == "int" ? "integer" : type) +
                                 ", which cannot become what types: asks for");
    EXPECT_NE(error.hint.find("variant for json, jsonb and text"), std::string::npos) << error.hint;
  }
  EXPECT_EQ(Refused("jsonb", "'{}'", "id, c").message,
            "column public.t.c is part of the key, and variants are no keys");
}

}  // namespace
}  // namespace tarn::postgres

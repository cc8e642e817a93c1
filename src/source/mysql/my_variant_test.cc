// Columns that `types:` makes variants.
#include <gtest/gtest.h>

#include "columnar/variant_column.h"
#include "source/mysql/my_capture_test_support.h"
#include "source/mysql/my_test_support.h"

namespace tarn::mysql {
namespace {

using Strings = std::vector<std::string>;

class MysqlVariants : public OnBothServers {};

TEST_P(MysqlVariants, JsonAndTextBecomeOne) {
  const TestDatabase db(
      GetParam(),
      "CREATE TABLE t (id int PRIMARY KEY, a json, b text, c varchar(40) CHARACTER SET latin1);"
      R"(INSERT INTO t VALUES (1, '{"b": 1, "a": [1.5, null, 18446744073709551615]}', '[0.10]', '"ä"'),)"
      R"((2, 'null', 'null', 'null'), (3, NULL, NULL, NULL))");
  auto source = db.Open({{"t.a", "variant"}, {"t.b", "variant"}, {"t.c", "variant"}});
  const SourceTable table = Must(source->Describe(db.Name("t")));
  for (size_t i = 1; i < table.columns.size(); ++i) {
    EXPECT_TRUE(IsVariantStorage(*table.columns[i].field->type())) << table.columns[i].name;
  }
  EXPECT_EQ(ReadTable(*source, db.Name("t")),
            (Strings{R"(1|{"a":[1.5,null,18446744073709551615],"b":1}|[0.10]|"ä")",
                     "2|null|null|null", "3|NULL|NULL|NULL"}));
  Predicate null;
  null.op = Predicate::Op::kIsNull;
  null.column = "a";
  EXPECT_TRUE(source->Pushable(table, null).always_true());
}

TEST_P(MysqlVariants, TheStreamGivesWhatASnapshotGives) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY, a json, b longtext, n int);"
                        R"(INSERT INTO t VALUES (1, '{"a": 1}', '[]', 1))");
  Mirror mirror(db, {"t"}, {{"t.a", "variant"}, {"t.b", "variant"}});
  db.Run(
      R"(UPDATE t SET n = 2; INSERT INTO t VALUES (2, '{"z": 0.25, "a": [null]}', '{"k": "ü"}', 0);)"
      "INSERT INTO t VALUES (3, 'null', NULL, 0); UPDATE t SET a = '[]' WHERE id = 2;"
      "DELETE FROM t WHERE id = 2");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{R"(t: update 1|{"a":1}|[]|2)",
                     R"(t: insert 2|{"a":[null],"z":0.25}|{"k":"ü"}|0)", "t: insert 3|null|NULL|0",
                     R"(t: update 2|[]|{"k":"ü"}|0)", R"(t: delete 2|[]|{"k":"ü"}|0)"}));
  mirror.ExpectSame();
}

TEST_P(MysqlVariants, AColumnThatIsAddedFollowsItsChoice) {
  const TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY, a json)");
  Mirror mirror(db, {"t"}, {{"t.a", "variant"}});
  db.Run("ALTER TABLE t ADD COLUMN b int; INSERT INTO t VALUES (1, '{\"k\": 1}', 2)");
  const Strings log = mirror.CatchUp();
  ASSERT_FALSE(log.empty());
  EXPECT_EQ(log.back(), R"(t: insert 1|{"k":1}|2)");
  mirror.ExpectSame();
}

TEST_P(MysqlVariants, AValueThatIsNoneNamesTableRowColumnAndRepair) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY, c text); "
                        "INSERT INTO t VALUES (7, '{bad')");
  auto source = db.Open({{"t.c", "variant"}});
  const SourceTable table = Must(source->Describe(db.Name("t")));
  auto snapshot = Must(source->BeginSnapshot());
  auto reader = Must(snapshot->Open(table, {}, std::nullopt));
  const Error bad = DrainToError(*reader);
  EXPECT_EQ(bad.kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(bad.message, "table " + db.Name("t").ToString() +
                             ", row 1 (id 7), column c: no variant can be made of the value: the "
                             "text is not valid JSON at byte 2");
  EXPECT_EQ(bad.hint,
            "read the column as text: types: {" + db.Name("t").ToString() + ".c: string}");
}

TEST_P(MysqlVariants, AValueOfTheLogThatIsNoneStopsTheTable) {
  const TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY, c text)");
  Mirror mirror(db, {"t"}, {{"t.c", "variant"}});
  db.Run("INSERT INTO t VALUES (1, '[]'); INSERT INTO t VALUES (2, '')");
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0], "t: insert 1|[]");
  EXPECT_NE(log[1].find("the changed row (id 2), column c: no variant can be made of the value: "
                        "the text is not valid JSON at byte 1"),
            std::string::npos)
      << log[1];
}

TEST_P(MysqlVariants, OtherTypesAndKeysAreRefusedByName) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY, b blob, k varchar(10), UNIQUE (k));"
                        "CREATE TABLE u (k varchar(10) PRIMARY KEY)");
  for (const char* column : {"t.id", "t.b"}) {
    const auto table = db.Open({{column, "variant"}})->Describe(db.Name("t"));
    ASSERT_FALSE(table.ok());
    EXPECT_EQ(table.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_NE(table.error().hint.find("variant for json and text"), std::string::npos);
  }
  const auto keyed = db.Open({{"u.k", "variant"}})->Describe(db.Name("u"));
  ASSERT_FALSE(keyed.ok());
  EXPECT_NE(keyed.error().message.find("is part of the key, and variants are no keys"),
            std::string::npos);
}

TARN_ON_BOTH_SERVERS(MysqlVariants);

}  // namespace
}  // namespace tarn::mysql

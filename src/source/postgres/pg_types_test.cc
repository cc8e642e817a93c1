// Every type, its edge values, and what is refused: docs/types.md as assertions.
#include <set>

#include <gtest/gtest.h>

#include "source/postgres/pg_capture_test_support.h"
#include "source/postgres/pg_test_support.h"

namespace tarn::postgres {
namespace {

struct Case {
  const char* sql_type;
  const char* arrow_type;
  /// Pairs: an SQL literal (cast to the type), and the value that arrives.
  std::vector<std::pair<const char*, const char*>> values;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"boolean", "bool", {{"true", "true"}, {"false", "false"}}},
      {"int2", "int32", {{"-32768", "-32768"}, {"32767", "32767"}}},
      {"int4", "int32", {{"-2147483648", "-2147483648"}, {"2147483647", "2147483647"}}},
      {"int8", "int64", {{"'-9223372036854775808'", "-9223372036854775808"}}},
      {"oid", "int64", {{"4294967295", "4294967295"}, {"0", "0"}}},
      {"float4",
       "float",
       {{"1.1", "1.1"},
        {"'NaN'", "nan"},
        {"'-Infinity'", "-inf"},
        {"1e-45", "1e-45"},
        {"3.4028235e38", "3.4028235e+38"}}},
      {"float8",
       "double",
       {{"0.1", "0.1"}, {"'-0'", "-0"}, {"5e-324", "5e-324"}, {"'Infinity'", "inf"}}},
      {"numeric(15,2)",
       "decimal128(15, 2)",
       {{"17", "17.00"},
        {"21168.23", "21168.23"},
        {"0.04", "0.04"},
        {"0", "0.00"},
        {"-9999999999999.99", "-9999999999999.99"},
        {"1000000", "1000000.00"},
        {"0.10", "0.10"},
        {"-0.01", "-0.01"}}},
      {"numeric(38,38)",
       "decimal128(38, 38)",
       {{"0.99999999999999999999999999999999999999", "0.99999999999999999999999999999999999999"},
        {"-0.00000000000000000000000000000000000001", "-1E-38"}}},
      {"numeric(38,0)",
       "decimal128(38, 0)",
       {{"99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
        {"-10000000000000000000000000000", "-10000000000000000000000000000"}}},
      {"numeric(3,-2)", "decimal128(5, 0)", {{"99949", "99900"}, {"-150", "-200"}}},
      {"numeric(2,5)", "decimal128(5, 5)", {{"0.00012", "0.00012"}, {"-0.00099", "-0.00099"}}},
      {"numeric",
       "decimal128(38, 18)",
       {{"1.10", "1.100000000000000000"},
        {"12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"},
        {"1e10", "10000000000.000000000000000000"}}},
      {"money",
       "decimal128(19, 2)",
       {{"'92233720368547758.07'", "92233720368547758.07"},
        {"'-92233720368547758.08'", "-92233720368547758.08"}}},
      {"text",
       "string",
       {{"''", ""},
        {"'grüße 表 🦀'", "grüße 表 🦀"},
        {"repeat('x', 31)", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
        {"repeat('y', 33)", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}}},
      {"varchar(10)", "string", {{"'pad  '", "pad  "}}},
      {"char(5)", "string", {{"'ab'", "ab   "}, {"''", "     "}}},
      {"name", "string", {{"'a name'", "a name"}}},
      {"\"char\"", "string", {{"'x'", "x"}, {"''", ""}}},
      {"mood", "string", {{"'sehr gut, \"äh\"'", "sehr gut, \"äh\""}}},
      {"xml", "string", {{"'<a>ü</a>'", "<a>ü</a>"}}},
      {"bytea", "binary", {{"''", "\\x"}, {"'\\x00ff5c'", "\\x00ff5c"}}},
      {"date",
       "date32[day]",
       {{"'1970-01-01'", "0"},
        {"'1969-12-31'", "-1"},
        {"'4713-01-01 BC'", "-2440550"},
        {"'5874897-12-31'", "2145042905"},
        {"'infinity'", "2147483647"},
        {"'-infinity'", "-2147483647"}}},
      {"timestamp",
       "timestamp[us]",
       {{"'1970-01-01 00:00:00.000001'", "1"},
        {"'4713-01-01 00:00:00 BC'", "-210863520000000000"},
        {"'294246-12-31 23:59:59.999999'", "9223371244799999999"},
        {"'infinity'", "9223372036854775807"},
        {"'-infinity'", "-9223372036854775807"}}},
      {"timestamptz",
       "timestamp[us, tz=UTC]",
       {{"'2024-03-31 02:30:00+02'", "1711845000000000"}, {"'-infinity'", "-9223372036854775807"}}},
      {"time", "string", {{"'24:00:00'", "24:00:00"}, {"'12:34:56.7'", "12:34:56.7"}}},
      {"timetz", "string", {{"'23:59:59.999999-15:59'", "23:59:59.999999-15:59"}}},
      {"interval",
       "string",
       {{"'1 year 2 mons -3 days 04:05:06.789'", "P1Y2M-3DT4H5M6.789S"}, {"'0'", "PT0S"}}},
      {"uuid",
       "string",
       {{"'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}}},
      {"json", "string", {{"' { \"b\" : 1.10}'", " { \"b\" : 1.10}"}}},
      {"jsonb", "string", {{"'{\"b\":1,\"a\":[1.10]}'", "{\"a\": [1.10], \"b\": 1}"}}},
      {"inet", "string", {{"'192.168.1.5/24'", "192.168.1.5/24"}, {"'::1'", "::1/128"}}},
      {"cidr", "string", {{"'10.0.0.0/8'", "10.0.0.0/8"}}},
      {"macaddr8", "string", {{"'08:00:2b:01:02:03:04:05'", "08:00:2b:01:02:03:04:05"}}},
      {"bit(3)", "string", {{"B'101'", "101"}}},
      {"point", "string", {{"'(1.5,-2.5)'", "(1.5,-2.5)"}}},
      {"tsvector", "string", {{"'a:1 b:2'", "'a':1 'b':2"}}},
      {"pg_lsn", "string", {{"'16/B374D848'", "16/B374D848"}}},
      {"int4range", "string", {{"'[1,10]'", "[1,11)"}}},
      {"datemultirange", "string", {{"'{[2024-01-01,2024-01-02)}'", "{[2024-01-01,2024-01-02)}"}}},
      {"pair", "string", {{"ROW(1, 'a,\"b')", "(1,\"a,\"\"b\")"}, {"ROW(NULL,NULL)", "(,)"}}},
      {"positive", "int32", {{"1", "1"}}},
      {"price", "decimal128(10, 2)", {{"1.5", "1.50"}}},
      {"int2vector", "string", {{"'1 2 3'", "1 2 3"}}},
      {"int4[]",
       "list<element: int32>",
       {{"'{}'", "[]"}, {"'{1,NULL,-3}'", "[1,NULL,-3]"}, {"'[5:6]={7,8}'", "[7,8]"}}},
      {"text[]", "list<element: string>", {{"ARRAY['', 'NULL', NULL]", "[,NULL,NULL]"}}},
      {"numeric(10,2)[]", "list<element: decimal128(10, 2)>", {{"'{1.1,NULL}'", "[1.10,NULL]"}}},
      {"boolean[]",
       "list<element: bool>",
       {{"'{t,f,NULL,t,t,t,t,t,t,f}'", "[true,false,NULL,true,true,true,true,true,true,false]"}}},
      {"timestamptz[]",
       "list<element: timestamp[us, tz=UTC]>",
       {{"'{1970-01-01 00:00+00}'", "[0]"}}},
      {"bytea[]", "list<element: binary>", {{"ARRAY['\\x00'::bytea, '']", "[\\x00,\\x]"}}},
      {"inet[]", "list<element: string>", {{"'{10.0.0.1,NULL}'", "[10.0.0.1/32,NULL]"}}},
      {"interval[]", "list<element: string>", {{"'{1 day}'", "[P1D]"}}},
      {"jsonb[]", "list<element: string>", {{"ARRAY['{\"a\":1}'::jsonb]", "[{\"a\": 1}]"}}},
      {"uuid[]",
       "list<element: string>",
       {{"'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'", "[a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11]"}}},
      {"mood[]", "list<element: string>", {{"'{sad,NULL}'", "[sad,NULL]"}}},
      {"pair[]", "list<element: string>", {{"ARRAY[ROW(1,'a')::pair]", "[(1,a)]"}}},
      {"money[]", "list<element: decimal128(19, 2)>", {{"'{1.50}'", "[1.50]"}}},
      {"int_list", "list<element: int32>", {{"'{1}'", "[1]"}}},
      {"positive[]", "list<element: int32>", {{"'{3}'", "[3]"}}},
      {"int4[][]",
       "list<element: list<element: int32>>",
       {{"'{{1,2},{3,NULL}}'", "[[1,2],[3,NULL]]"}, {"'{}'", "[]"}}},
  };
  return cases;
}

constexpr char kTypes[] = R"(
CREATE TYPE mood AS ENUM ('sad', 'sehr gut, "äh"');
CREATE DOMAIN positive AS int4 CHECK (VALUE > 0);
CREATE DOMAIN cents AS numeric(10,2);
CREATE DOMAIN price AS cents;
CREATE DOMAIN int_list AS int4[];
CREATE TYPE pair AS (n int4, t text);
)";

TEST(PostgresTypes, EveryTypeArrivesWithItsEdgeValues) {
  std::string sql = kTypes;
  std::string columns, nulls;
  size_t rows = 0;
  for (size_t i = 0; i < Cases().size(); ++i) {
    columns += ", c" + std::to_string(i) + " " + Cases()[i].sql_type;
    nulls += ", NULL";
    rows = std::max(rows, Cases()[i].values.size());
  }
  sql += "CREATE TABLE every (id int PRIMARY KEY" + columns + ");\n";
  sql += "INSERT INTO every VALUES (-1" + nulls + ");\n";
  for (size_t row = 0; row < rows; ++row) {
    sql += "INSERT INTO every VALUES (" + std::to_string(row);
    for (const Case& one : Cases()) {
      sql += row < one.values.size()
                 ? ", (" + std::string(one.values[row].first) + ")::" + one.sql_type
                 : std::string(", NULL");
    }
    sql += ");\n";
  }
  const TestDatabase db(sql);
  auto source = db.Open();
  auto snapshot = Must(source->BeginSnapshot());
  const SourceTable table = Must(snapshot->Describe({"public", "every"}));
  auto reader = Must(snapshot->Open(table, {}, std::nullopt));
  auto batch = Must(reader->Next());
  ASSERT_TRUE(batch->ValidateFull().ok()) << batch->ValidateFull().ToString();
  ASSERT_EQ(batch->num_rows(), static_cast<int64_t>(rows) + 1);
  for (size_t i = 0; i < Cases().size(); ++i) {
    const Case& one = Cases()[i];
    const arrow::Array& column = *batch->column(static_cast<int>(i) + 1);
    EXPECT_EQ(column.type()->ToString(), one.arrow_type) << one.sql_type;
    EXPECT_TRUE(column.type()->Equals(*table.columns[i + 1].field->type()));
    EXPECT_TRUE(column.IsNull(0)) << one.sql_type;
    for (size_t row = 0; row < one.values.size(); ++row) {
      EXPECT_EQ(TextOf(column, static_cast<int64_t>(row) + 1), one.values[row].second)
          << one.sql_type << " " << one.values[row].first;
    }
  }
}

/// A table `every` of these cases: row -1 of nulls, and one row a value.
std::string EveryTable(const std::vector<Case>& cases, int64_t first_id, bool creates) {
  std::string columns, nulls, sql;
  size_t rows = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    columns += ", c" + std::to_string(i) + " " + cases[i].sql_type;
    nulls += ", NULL";
    rows = std::max(rows, cases[i].values.size());
  }
  if (creates) sql = kTypes + ("CREATE TABLE every (id int PRIMARY KEY" + columns + ");\n");
  sql += "INSERT INTO every VALUES (" + std::to_string(first_id - 1) + nulls + ");\n";
  for (size_t row = 0; row < rows; ++row) {
    sql += "INSERT INTO every VALUES (" + std::to_string(first_id + static_cast<int64_t>(row));
    for (const Case& one : cases) {
      sql += row < one.values.size()
                 ? ", (" + std::string(one.values[row].first) + ")::" + one.sql_type
                 : std::string(", NULL");
    }
    sql += ");\n";
  }
  return sql;
}

// The same rows twice: before the snapshot, and after it through the log.
void CheckStreamEqualsSnapshot(const std::vector<Case>& cases, bool binary) {
  const TestDatabase db(EveryTable(cases, 0, true));
  Mirror mirror(db, {"public.every"}, binary ? "tarn_types_b" : "tarn_types_t");
  mirror.stream();
  const std::string query = db.Run(
      "SELECT query FROM pg_stat_activity WHERE query LIKE 'START_REPLICATION SLOT \"tarn_types%'");
  EXPECT_EQ(query.find("binary 'true'") != std::string::npos, binary) << query;
  db.Run(EveryTable(cases, 1000, false));
  const std::vector<std::string> log = mirror.CatchUp();
  ASSERT_GT(log.size(), 3u);
  EXPECT_TRUE(log[0].starts_with("every: insert 999|NULL"));
  mirror.ExpectSame();
  for (size_t row = 1; row < log.size(); ++row) {
    std::string expected = "every: insert " + std::to_string(999 + row);
    for (const Case& one : cases) {
      expected += "|" + std::string(row <= one.values.size() ? one.values[row - 1].second : "NULL");
    }
    EXPECT_EQ(log[row], expected);
  }
}

TEST(PostgresTypes, EveryTypeIsTheSameInSnapshotAndStream) {
  CheckStreamEqualsSnapshot(Cases(), false);
}

TEST(PostgresTypes, AndInBinaryWhereAllOfThemCanBeReadSo) {
  std::vector<Case> cases;
  for (const Case& one : Cases()) {
    const std::string type = one.sql_type;
    // In the text form: what a snapshot casts to text.
    static const std::set<std::string> kTextOnly = {
        "\"char\"", "xml",        "time",   "timetz",     "interval", "inet",      "cidr",
        "macaddr8", "bit(3)",     "point",  "tsvector",   "pg_lsn",   "int4range", "datemultirange",
        "pair",     "int2vector", "inet[]", "interval[]", "pair[]",   "money[]"};
    if (!kTextOnly.contains(type)) cases.push_back(one);
  }
  CheckStreamEqualsSnapshot(cases, true);
}

TEST(PostgresTypes, OverridesAreTheSameInTheStream) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, a int2, b int8, c numeric, d float4, e int4, f money, "
      "g numeric[]); INSERT INTO t VALUES (1, -5, 7, 1.25, 1.1, 6, '1.50', '{0.5}')");
  for (const bool text : {false, true}) {
    std::map<std::string, std::string> types = {{"public.t.a", "decimal(12,3)"},
                                                {"public.t.b", "double"},
                                                {"public.t.c", "double"},
                                                {"public.t.d", "double"},
                                                {"public.t.e", "long"}};
    if (text) types["public.t.g"] = "string";
    auto source = db.Open(types);
    const CaptureSpec spec{"tarn_over", "", ""};
    auto snapshot = Must(source->capture()->Begin(spec, Must(source->Discover({"public.t"}))));
    const SourceTable table = Must(snapshot->Describe({"public", "t"}));
    auto reader = Must(snapshot->Open(table, {}, std::nullopt));
    const std::vector<std::string> loaded = Drain(*reader);
    reader.reset();
    db.Run("DELETE FROM t; INSERT INTO t VALUES (1, -5, 7, 1.25, 1.1, 6, '1.50', '{0.5}')");
    const std::string until = Must(source->capture()->CurrentPosition());
    auto stream = Must(source->capture()->Open(spec, snapshot->position(), {table}));
    const ChangeBatch batch = Must(stream->Next({1000, 1 << 20, 20000, until}));
    ASSERT_EQ(batch.rows, 2);
    EXPECT_EQ(RowTexts(*std::get<RowChanges>(batch.tables[0].events[0]).rows)[1], loaded[0]);
    stream.reset();
    EXPECT_TRUE(source->capture()->Drop(spec).ok());
  }
}

// What a value or a column is refused with.
Error ReadError(const TestDatabase& db, const std::string& table,
                std::map<std::string, std::string> types = {}) {
  auto source = db.Open(std::move(types));
  auto snapshot = Must(source->BeginSnapshot());
  auto described = snapshot->Describe({"public", table});
  if (!described.ok()) return described.error();
  auto reader = Must(snapshot->Open(*described, {}, std::nullopt));
  return DrainToError(*reader);
}

TEST(PostgresTypes, WhatDoesNotFitIsAnErrorWithTableRowColumnAndRepair) {
  const TestDatabase db(R"(
CREATE TABLE wide (id int PRIMARY KEY, v numeric);
INSERT INTO wide VALUES (7, 1), (42, 0.1234567890123456789);
CREATE TABLE nan (v numeric(10,2)); INSERT INTO nan VALUES (1), ('NaN');
CREATE TABLE infinite (v numeric); INSERT INTO infinite VALUES ('-Infinity');
CREATE TABLE digits (v numeric); INSERT INTO digits VALUES (123456789012345678901);
CREATE TABLE late (v timestamp); INSERT INTO late VALUES ('294276-12-31 23:59:59');
CREATE TABLE deep (k text PRIMARY KEY, v int[]); INSERT INTO deep VALUES ('x', '{{1}}');
)");
  const Error wide = ReadError(db, "wide");
  EXPECT_EQ(wide.kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(wide.message,
            "table public.wide, row 2 of its stream (id = 42), column v: 0.1234567890123456789 "
            "does not fit decimal(38,18) exactly");
  EXPECT_EQ(wide.hint, "read the column as text: types: {public.wide.v: string}");
  EXPECT_NE(ReadError(db, "nan").message.find("ctid = (0,2)), column v: NaN does not fit"),
            std::string::npos);
  EXPECT_NE(ReadError(db, "infinite").message.find("-Infinity does not fit"), std::string::npos);
  EXPECT_NE(ReadError(db, "digits").message.find("does not fit decimal(38,18)"), std::string::npos);
  EXPECT_NE(ReadError(db, "late").message.find("beyond the 64-bit"), std::string::npos);
  const Error deep = ReadError(db, "deep");
  EXPECT_NE(deep.message.find("(k = 'x'), column v: an array of 2 dimensions"), std::string::npos)
      << deep.message;

  auto source = db.Open({{"public.wide.v", "string"}, {"public.deep.v", "string"}});
  EXPECT_EQ(ReadTable(*source, {"public", "wide"}),
            (std::vector<std::string>{"42|0.1234567890123456789", "7|1"}));
  EXPECT_EQ(ReadTable(*source, {"public", "deep"}), (std::vector<std::string>{"x|{{1}}"}));
}

TEST(PostgresTypes, MoreThan38DigitsAreRefusedByNameUnlessReadAsText) {
  const TestDatabase db(
      "CREATE TABLE big (v numeric(50,10));"
      "INSERT INTO big VALUES (1234567890123456789012345678901234567890.5);");
  const Error error = ReadError(db, "big");
  EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
  EXPECT_NE(error.message.find("column public.big.v is numeric(50,10)"), std::string::npos);
  EXPECT_EQ(error.hint, "read it as text: types: {public.big.v: string}");
  EXPECT_EQ(ReadTable(*db.Open({}, "string"), {"public", "big"}),
            (std::vector<std::string>{"1234567890123456789012345678901234567890.5000000000"}));
}

TEST(PostgresTypes, OverridesAreFollowedExactlyOrRefused) {
  const TestDatabase db(
      "CREATE TABLE t (i int, n numeric, m numeric[], \"Odd.Name\" numeric);"
      "INSERT INTO t VALUES (5, 1.25, '{1.5,NULL}', 2.5);");
  auto source = db.Open({{"public.t.i", "decimal(12, 3)"},
                         {"public.t.n", "double"},
                         {"public.t.m", "decimal(10,1)"},
                         {"public.t.\"Odd.Name\"", "string"}});
  EXPECT_EQ(ReadTable(*source, {"public", "t"}),
            (std::vector<std::string>{"5.000|1.25|[1.5,NULL]|2.5"}));
  EXPECT_EQ(ReadError(db, "t", {{"public.t.n", "decimal(10,1)"}}).kind,
            ErrorKind::kInvalidArgument);
  EXPECT_EQ(ReadError(db, "t", {{"public.t.n", "long"}}).kind, ErrorKind::kInvalidArgument);
  const Error missing = ReadError(db, "t", {{"public.t.nn", "string"}});
  EXPECT_EQ(missing.kind, ErrorKind::kNotFound);
  EXPECT_NE(missing.message.find("no column nn"), std::string::npos);
  PostgresOptions options;
  options.url = db.server.Url();
  options.types = {{"public.t.n", "decimal(39,1)"}};
  EXPECT_EQ(OpenPostgresSource(options, {}).error().kind, ErrorKind::kInvalidArgument);
}

TEST(PostgresTypes, TextThatIsNotUtf8IsAnErrorInSqlAsciiAndConvertedElsewhere) {
  const TestDatabase ascii(
      "SET client_encoding = 'SQL_ASCII'; CREATE TABLE t (id int PRIMARY KEY, v text);"
      "INSERT INTO t VALUES (1, 'fine'), (2, E'\\xff');",
      "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
  const Error error = ReadError(ascii, "t");
  EXPECT_NE(error.message.find("(id = 2), column v: the text is not UTF-8"), std::string::npos)
      << error.message;
  const TestDatabase latin("CREATE TABLE t (v text); INSERT INTO t VALUES ('grüße');",
                           "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'");
  EXPECT_EQ(ReadTable(*latin.Open(), {"public", "t"}), (std::vector<std::string>{"grüße"}));
}

}  // namespace
}  // namespace tarn::postgres

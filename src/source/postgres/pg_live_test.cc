// The live side: what is pushed down gives exactly the rows that the same condition would keep
// here.
#include <algorithm>
#include <cmath>
#include <compare>

#include <arrow/util/decimal.h>
#include <gtest/gtest.h>

#include "columnar/predicate.h"
#include "source/postgres/pg_test_support.h"

namespace tarn::postgres {
namespace {

using Op = Predicate::Op;
using Strings = std::vector<std::string>;

Scalar ScalarAt(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return {};
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(row);
    case arrow::Type::INT32:
      return static_cast<int64_t>(static_cast<const arrow::Int32Array&>(array).Value(row));
    case arrow::Type::INT64:
      return static_cast<const arrow::Int64Array&>(array).Value(row);
    case arrow::Type::FLOAT:
      return static_cast<double>(static_cast<const arrow::FloatArray&>(array).Value(row));
    case arrow::Type::DOUBLE:
      return static_cast<const arrow::DoubleArray&>(array).Value(row);
    case arrow::Type::DATE32:
      return static_cast<int64_t>(static_cast<const arrow::Date32Array&>(array).Value(row));
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampArray&>(array).Value(row);
    case arrow::Type::DECIMAL128: {
      const arrow::Decimal128 value(
          static_cast<const arrow::Decimal128Array&>(array).GetValue(row));
      return Int128{value.high_bits(), value.low_bits()};
    }
    case arrow::Type::STRING:
      return static_cast<const arrow::StringArray&>(array).GetString(row);
    case arrow::Type::BINARY:
      return static_cast<const arrow::BinaryArray&>(array).GetString(row);
    default:
      return {};
  }
}

// SQL's order as DuckDB has it: NaN is the greatest and equal to itself.
bool Holds(Op op, const Scalar& value, const Scalar& literal) {
  if (IsNull(value)) return false;
  if (op == Op::kStartsWith) {
    return std::get<std::string>(value).starts_with(std::get<std::string>(literal));
  }
  std::partial_ordering order = std::partial_ordering::equivalent;
  if (const auto* number = std::get_if<double>(&value)) {
    const double other = std::get<double>(literal);
    const bool nan = std::isnan(*number);
    const bool other_nan = std::isnan(other);
    order = nan || other_nan ? (nan <=> other_nan) : (*number <=> other);
  } else {
    order = Compare(value, literal);
  }
  switch (op) {
    case Op::kEq:
    case Op::kIn:
      return order == 0;
    case Op::kNotEq:
      return order != 0;
    case Op::kLt:
      return order < 0;
    case Op::kLtEq:
      return order <= 0;
    case Op::kGt:
      return order > 0;
    default:
      return order >= 0;
  }
}

constexpr char kTable[] = R"(
CREATE TYPE mood AS ENUM ('z', 'a');
CREATE TYPE pair AS (a int, b int);
CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE t (id int PRIMARY KEY, b bool, i2 int2, i8 int8, n numeric(10,2), f4 float4, f8 float8,
  d date, ts timestamp, tz timestamptz, s text, ci text COLLATE anycase, v varchar(20), u uuid,
  m mood, by bytea, jb jsonb, r pair, c char(4), l int[]);
INSERT INTO t VALUES
 (1, true, 1, -9223372036854775808, 1.50, 1.1, 'NaN', '2024-02-29', '2024-02-29 12:00:00.000001',
  '0044-03-15 12:00:00+00 BC', 'abc', 'ABC', 'a%b', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'z',
  '\x00ff', '{"a":1}', ROW(NULL,NULL), 'ab', '{1}'),
 (2, false, -32768, 9223372036854775807, -99999999.99, 'NaN', 'Infinity', 'infinity', 'infinity',
  '-infinity', 'ABC', 'abc', 'a_b', '00000000-0000-0000-0000-000000000000', 'a', '', '{}',
  ROW(1,2), 'ab ', '{}'),
 (3, NULL, 0, 0, 0, '-0', '-Infinity', '0044-03-15 BC', '0001-01-01 00:00:00 BC', '1969-12-31 23:59:59.999999+00',
  'é', 'É', 'a\b', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'z', '\x27', '[]', NULL, '', NULL),
 (4, true, 32767, 42, 99999999.99, 0.5, 0, '-infinity', '-infinity', '294246-12-31 00:00:00+00', 'it''s', '',
  'a', NULL, NULL, '\xff', 'null', ROW(1,NULL), 'zz', '{3}'),
 (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (6, false, 7, 7, 7, 7, '-0', '0001-01-01', '1970-01-01', '1970-01-01 00:00:00+00', '𝔘 😀', 'z', '﹏', NULL, 'a', '\x61', '"x"', ROW(0,0), 'é', '{NULL}');
)";

Strings Ids(Source& source, const SourceTable& table, const Predicate& predicate) {
  LiveScan scan;
  scan.table = table;
  scan.columns = {"id"};
  scan.predicate = predicate;
  auto reader = source.Scan(scan);
  if (!reader.ok()) {
    ADD_FAILURE() << reader.error().ToString();
    return {};
  }
  Strings ids = Drain(**reader);
  std::sort(ids.begin(), ids.end());
  return ids;
}

void CheckAllPredicates(const std::string& options, int64_t least_pushed) {
  const bool utf8 = options.find("LATIN1") == std::string::npos;
  std::string sql = kTable;
  if (!utf8) {  // what LATIN1 cannot hold
    for (const std::string odd : {"𝔘 😀", "﹏"}) {
      sql.replace(sql.find(odd), odd.size(), "x");
    }
  }
  TestDatabase db(sql, options);
  db.describe_cache_ms = 600000;
  auto source = db.Open();
  const SourceTable table = Must(source->Describe({"public", "t"}));
  LiveScan everything;
  everything.table = table;
  for (const SourceColumn& column : table.columns) everything.columns.push_back(column.name);
  auto reader = Must(source->Scan(everything));
  auto batch = Must(reader->Next());
  ASSERT_EQ(batch->num_rows(), 6);
  int64_t pushed = 0;
  for (int c = 0; c < batch->num_columns(); ++c) {
    const arrow::Array& column = *batch->column(c);
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      const Scalar literal = ScalarAt(column, row);
      for (Op op : {Op::kEq, Op::kNotEq, Op::kLt, Op::kLtEq, Op::kGt, Op::kGtEq, Op::kIn,
                    Op::kStartsWith}) {
        if (op == Op::kStartsWith && !std::holds_alternative<std::string>(literal)) continue;
        const Predicate wanted = Predicate::Compare(op, batch->column_name(c), literal);
        const Predicate part = source->Pushable(table, wanted);
        if (part.always_true()) continue;
        ++pushed;
        Strings expected;
        for (int64_t other = 0; other < batch->num_rows(); ++other) {
          if (Holds(op, ScalarAt(column, other), literal)) {
            expected.push_back(TextOf(*batch->column(0), other));
          }
        }
        EXPECT_EQ(Ids(*source, table, part), expected) << ToString(wanted);
      }
    }
    for (Op op : {Op::kIsNull, Op::kIsNotNull}) {
      const Predicate wanted{op, batch->column_name(c), {}, {}};
      const Predicate part = source->Pushable(table, wanted);
      EXPECT_FALSE(part.always_true());
      Strings expected;
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        if (column.IsNull(row) == (op == Op::kIsNull)) {
          expected.push_back(TextOf(*batch->column(0), row));
        }
      }
      EXPECT_EQ(Ids(*source, table, part), expected) << ToString(wanted);
    }
  }
  EXPECT_GE(pushed, least_pushed);
}

TEST(PostgresLive, PushedConditionsKeepExactlyTheRightRows) {
  CheckAllPredicates("LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'", 600);
}

TEST(PostgresLive, ConditionsOnADatabaseInLatin1AreExactToo) {
  CheckAllPredicates("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'", 400);
}

TEST(PostgresLive, AndKeepsWhatItCanOrAndNotNeedAll) {
  const TestDatabase db("CREATE TABLE t (a int, c char(3)); INSERT INTO t VALUES (1, 'x')");
  auto source = db.Open();
  const SourceTable table = Must(source->Describe({"public", "t"}));
  const Predicate good = Predicate::Compare(Op::kGt, "a", int64_t{0});
  const Predicate bad = Predicate::Compare(Op::kEq, "c", std::string("x"));
  EXPECT_EQ(ToString(source->Pushable(table, Predicate::And({good, bad}))), ToString(good));
  EXPECT_TRUE(source->Pushable(table, {Op::kOr, {}, {}, {good, bad}}).always_true());
  EXPECT_FALSE(source->Pushable(table, {Op::kOr, {}, {}, {good, good}}).always_true());
  EXPECT_TRUE(source->Pushable(table, {Op::kNot, {}, {}, {bad}}).always_true());
  LiveScan scan;
  scan.table = table;
  scan.columns = {"c", "a"};
  scan.predicate = {Op::kNot, {}, {}, {good}};
  scan.limit = 5;
  EXPECT_EQ(Must(source->ExplainScan(scan)),
            "SELECT \"c\", \"a\" FROM \"public\".\"t\" WHERE (NOT (\"a\" > '0'::pg_catalog.int8)) "
            "LIMIT 5");
}

TEST(PostgresLive, ANameIsComparedWithTheWholeText) {
  const TestDatabase db(
      "CREATE TABLE t (id int, n name); INSERT INTO t VALUES (1, repeat('x', 63)), (2, 'abc')");
  auto source = db.Open();
  const SourceTable table = Must(source->Describe({"public", "t"}));
  const auto ids = [&](Op op, const std::string& text) {
    const Predicate wanted = Predicate::Compare(op, "n", text);
    const Predicate part = source->Pushable(table, wanted);
    EXPECT_FALSE(part.always_true()) << ToString(wanted);
    return Ids(*source, table, part);
  };
  const std::string longest(63, 'x');
  EXPECT_EQ(ids(Op::kEq, longest), Strings{"1"});
  EXPECT_EQ(ids(Op::kEq, longest + "y"), Strings{});
  EXPECT_EQ(ids(Op::kIn, longest + "y"), Strings{});
  EXPECT_EQ(ids(Op::kNotEq, longest + "y"), (Strings{"1", "2"}));
  EXPECT_EQ(ids(Op::kLt, longest + "y"), (Strings{"1", "2"}));
  EXPECT_EQ(ids(Op::kStartsWith, "ab"), Strings{"2"});
}

TEST(PostgresLive, ScansCountLimitAndListWithoutLeakingConnections) {
  const TestDatabase db(
      "CREATE TABLE t AS SELECT i FROM generate_series(1, 200000) i; CREATE VIEW v AS SELECT 1;"
      "CREATE SCHEMA other; CREATE TABLE p (i int) PARTITION BY LIST (i);"
      "CREATE TABLE p1 PARTITION OF p DEFAULT");
  auto source = db.Open();
  EXPECT_EQ(Must(source->ListSchemas()), (Strings{"other", "public"}));
  Strings names;
  for (const SourceTableName& name : Must(source->ListTables("public"))) names.push_back(name.name);
  EXPECT_EQ(names, (Strings{"p", "t", "v"}));
  EXPECT_EQ(source->Describe({"public", "none"}).error().kind, ErrorKind::kNotFound);
  LiveScan scan;
  scan.table = Must(source->Describe({"public", "t"}));
  scan.predicate = Predicate::Compare(Op::kLtEq, "i", int64_t{150000});
  auto counted = Must(source->Scan(scan));
  EXPECT_EQ(Drain(*counted).size(), 150000u);
  scan.columns = {"i"};
  scan.limit = 3;
  EXPECT_EQ(Drain(*Must(source->Scan(scan))).size(), 3u);
  scan.limit.reset();
  for (int i = 0; i < 40; ++i) {  // more than the pool holds, each left in the middle
    auto reader = Must(source->Scan(scan));
    ASSERT_NE(Must(reader->Next()), nullptr);
  }
  db.Run("ALTER TABLE t ADD COLUMN more int");
  EXPECT_EQ(source->Scan(scan).error().kind, ErrorKind::kConflict);
}

}  // namespace
}  // namespace tarn::postgres

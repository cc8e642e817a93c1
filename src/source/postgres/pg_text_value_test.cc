// Text forms of the log against the binary ones: both become the same.
#include <string>

#include <arrow/array.h>
#include <arrow/array/data.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include "source/postgres/pg_stream_column.h"
#include "source/postgres/pg_test_support.h"

namespace tarn::postgres {
namespace {

PgColumn Column(WireKind wire, std::shared_ptr<arrow::DataType> type, int precision = 0,
                int scale = 0) {
  PgColumn column;
  column.name = "c";
  column.wire = wire;
  column.type = std::move(type);
  column.precision = precision;
  column.scale = scale;
  return column;
}

/// The value, or the trouble as "!3".
std::string Decoded(const StreamColumn& how, const std::string& text) {
  ColumnBuffer buffer(how.column, how.column.dimensions, arrow::default_memory_pool());
  EXPECT_TRUE(buffer.Reset(1).ok());
  const ValueTrouble trouble = DecodeStreamText(how, {1 << 20, true}, buffer, 0,
                                                reinterpret_cast<const uint8_t*>(text.data()),
                                                static_cast<int64_t>(text.size()));
  if (trouble != ValueTrouble::kNone) return "!" + std::to_string(static_cast<int>(trouble));
  return TextOf(*arrow::MakeArray(Must(buffer.Finish(1))), 0);
}
std::string Decoded(PgColumn column, const std::string& text) {
  return Decoded(MakeStreamColumn(std::move(column), 2), text);
}

const std::string kMalformed = "!" + std::to_string(static_cast<int>(ValueTrouble::kMalformed));
const std::string kDecimal = "!" + std::to_string(static_cast<int>(ValueTrouble::kDecimal));
const std::string kTimestamp = "!" + std::to_string(static_cast<int>(ValueTrouble::kTimestamp));
const std::string kDimensions = "!" + std::to_string(static_cast<int>(ValueTrouble::kDimensions));

TEST(PostgresTextValue, Decimals) {
  const PgColumn column = Column(WireKind::kDecimal, arrow::decimal128(5, 2), 5, 2);
  EXPECT_EQ(Decoded(column, "999.99"), "999.99");
  EXPECT_EQ(Decoded(column, "-0.01"), "-0.01");
  EXPECT_EQ(Decoded(column, "7"), "7.00");
  EXPECT_EQ(Decoded(column, "1.5000"), "1.50");
  for (const std::string no : {"1000", "0.001", "NaN", "Infinity", "-Infinity", ""}) {
    EXPECT_EQ(Decoded(column, no), kDecimal) << no;
  }
  for (const std::string no : {"1e5", "1.2.3", "--1", "1,5"}) {
    EXPECT_EQ(Decoded(column, no), kMalformed) << no;
  }
  // 39 digits and more: beyond 128 bits, on both sides of where they wrap.
  const PgColumn whole = Column(WireKind::kDecimal, arrow::decimal128(38, 0), 38, 0);
  EXPECT_EQ(Decoded(whole, std::string(38, '9')), std::string(38, '9'));
  for (const std::string no :
       {"100000000000000000000000000000000000000", "170141183460469231731687303715884105728",
        "340282366920938463463374607431768211455", "-340282366920938463463374607431768211455",
        "999999999999999999999999999999999999999"}) {
    EXPECT_EQ(Decoded(whole, no), kDecimal) << no;
  }
  const PgColumn scaled = Column(WireKind::kDecimal, arrow::decimal128(38, 18), 38, 18);
  EXPECT_EQ(Decoded(scaled, "340282366920938463463374607431768211455"), kDecimal);
  EXPECT_EQ(Decoded(scaled, "34028236692093846346"), "34028236692093846346.000000000000000000");
  EXPECT_EQ(Decoded(scaled, "340282366920938463463"), kDecimal);
  const PgColumn wide = Column(WireKind::kDecimal, arrow::decimal128(38, 38), 38, 38);
  EXPECT_EQ(Decoded(wide, "-0.99999999999999999999999999999999999999"),
            "-0.99999999999999999999999999999999999999");
}

TEST(PostgresTextValue, DatesAndTimes) {
  const PgColumn date = Column(WireKind::kDate, arrow::date32());
  EXPECT_EQ(Decoded(date, "1970-01-01"), "0");
  EXPECT_EQ(Decoded(date, "2000-02-29"), "11016");
  EXPECT_EQ(Decoded(date, "4713-01-01 BC"), "-2440550");
  EXPECT_EQ(Decoded(date, "5874897-12-31"), "2145042905");
  EXPECT_EQ(Decoded(date, "infinity"), "2147483647");
  EXPECT_EQ(Decoded(date, "-infinity"), "-2147483647");
  for (const std::string no :
       {"", "2000", "2000-13-01", "2000-01-32", "2000-01-01 AD", "01.02.2000"}) {
    EXPECT_EQ(Decoded(date, no), kMalformed) << no;
  }
  const PgColumn time = Column(WireKind::kTimestamp, arrow::timestamp(arrow::TimeUnit::MICRO));
  EXPECT_EQ(Decoded(time, "1970-01-01 00:00:00.000001"), "1");
  EXPECT_EQ(Decoded(time, "1969-12-31 23:59:59.5"), "-500000");
  EXPECT_EQ(Decoded(time, "4713-01-01 00:00:00 BC"), "-210863520000000000");
  EXPECT_EQ(Decoded(time, "294246-12-31 23:59:59.999999"), "9223371244799999999");
  EXPECT_EQ(Decoded(time, "2024-03-31 02:30:00+02"), "1711845000000000");
  EXPECT_EQ(Decoded(time, "1970-01-01 00:00:00-00:44:30"), "2670000000");
  EXPECT_EQ(Decoded(time, "-infinity"), "-9223372036854775807");
  EXPECT_EQ(Decoded(time, "294276-12-31 23:59:59"), kTimestamp);
  for (const std::string no : {"2000-01-01", "2000-01-01 1", "2000-01-01 00:00:00 x", "now"}) {
    EXPECT_EQ(Decoded(time, no), kMalformed) << no;
  }
}

TEST(PostgresTextValue, ScalarsOfEveryKind) {
  EXPECT_EQ(Decoded(Column(WireKind::kBool, arrow::boolean()), "t"), "true");
  EXPECT_EQ(Decoded(Column(WireKind::kBool, arrow::boolean()), "yes"), kMalformed);
  EXPECT_EQ(Decoded(Column(WireKind::kInt16, arrow::int32()), "-32768"), "-32768");
  EXPECT_EQ(Decoded(Column(WireKind::kInt32, arrow::int32()), "2147483648"), kMalformed);
  EXPECT_EQ(Decoded(Column(WireKind::kOid, arrow::int64()), "4294967295"), "4294967295");
  EXPECT_EQ(Decoded(Column(WireKind::kFloat64, arrow::float64()), "NaN"), "nan");
  EXPECT_EQ(Decoded(Column(WireKind::kFloat64, arrow::float64()), "-Infinity"), "-inf");
  EXPECT_EQ(Decoded(Column(WireKind::kFloat64, arrow::float64()), "-0"), "-0");
  EXPECT_EQ(Decoded(Column(WireKind::kFloat32, arrow::float32()), "1e-45"), "1e-45");
  EXPECT_EQ(Decoded(Column(WireKind::kBytes, arrow::binary()), "\\x00ff5c"), "\\x00ff5c");
  EXPECT_EQ(Decoded(Column(WireKind::kBytes, arrow::binary()), "\\x0"), kMalformed);
  EXPECT_EQ(Decoded(Column(WireKind::kBytes, arrow::binary()), "abc"), kMalformed);
  PgColumn inet = Column(WireKind::kText, arrow::utf8());
  inet.cast = true;
  inet.value_oid = 869;
  EXPECT_EQ(Decoded(inet, "10.0.0.1"), "10.0.0.1/32");
  EXPECT_EQ(Decoded(inet, "::1"), "::1/128");
  EXPECT_EQ(Decoded(inet, "10.0.0.0/8"), "10.0.0.0/8");
  PgColumn money = Column(WireKind::kDecimal, arrow::decimal128(19, 2), 19, 2);
  money.cast = true;
  money.value_oid = 790;
  EXPECT_EQ(Decoded(money, "-$92,233,720,368,547,758.08"), "-92233720368547758.08");
  EXPECT_EQ(Decoded(MakeStreamColumn(money, 0), "$1.50"), "150.00")
      << "units of a currency without cents";
  EXPECT_EQ(Decoded(MakeStreamColumn(money, 3), "$1.50"), "0.15");
  EXPECT_EQ(Decoded(MakeStreamColumn(money, 3), "$1.55"), kDecimal);
}

TEST(PostgresTextValue, Arrays) {
  PgColumn texts = Column(WireKind::kText, arrow::list(arrow::field("element", arrow::utf8())));
  texts.dimensions = 1;
  EXPECT_EQ(Decoded(texts, "{}"), "[]");
  EXPECT_EQ(Decoded(texts, R"({a,NULL,"NULL","","q\"\\u,{}"})"), R"([a,NULL,NULL,,q"\u,{}])");
  EXPECT_EQ(Decoded(texts, "[5:6]={x,y}"), "[x,y]");
  EXPECT_EQ(Decoded(texts, "{{a}}"), kDimensions);
  for (const std::string no : {"", "{", "{a", "{\"a", "{a}b", "[1:2]{a}", "{\"a\"b}"}) {
    EXPECT_TRUE(Decoded(texts, no).starts_with("!")) << no;
  }
  PgColumn grid = Column(WireKind::kInt32, arrow::list(arrow::list(arrow::int32())));
  grid.dimensions = 2;
  EXPECT_EQ(Decoded(grid, "{{1,2},{3,NULL}}"), "[[1,2],[3,NULL]]");
  EXPECT_EQ(Decoded(grid, "{1,2}"), kDimensions);
  PgColumn boxes = texts;
  boxes.cast = true;
  boxes.value_oid = 603;
  EXPECT_EQ(Decoded(boxes, "{(1,1),(0,0);(2,2),(1,1)}"), "[(1,1),(0,0),(2,2),(1,1)]");
}

}  // namespace
}  // namespace tarn::postgres

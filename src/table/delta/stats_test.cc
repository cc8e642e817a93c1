#include "table/delta/stats.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace tarn::delta {
namespace {

Schema OneColumn(const Type& type) {
  Schema schema;
  schema.fields = {{FieldId(1), "c", type, Nullability::kOptional, ""}};
  return schema;
}

// The bounds as they stand in the statistics of a one-column file.
void CheckBounds(const Type& type, const Scalar& lower, const Scalar& upper,
                 const std::string& expected_lower, const std::string& expected_upper) {
  DataFile file;
  file.record_count = 3;
  file.lower_bounds[1] = lower;
  file.upper_bounds[1] = upper;
  file.nan_counts[1] = 0;
  const auto object = [](const std::string& json) {
    return json.empty() ? "{}" : "{\"c\":" + json + "}";
  };
  EXPECT_EQ(StatsJson(file, OneColumn(type), {"c"}, Bounds::kTight),
            "{\"numRecords\":3,\"minValues\":" + object(expected_lower) +
                ",\"maxValues\":" + object(expected_upper) + ",\"nullCount\":{}}");
}

TEST(DeltaStats, BoundsOfAFileWithDeletedRowsAreWide) {
  DataFile file;
  file.record_count = 3;
  EXPECT_EQ(StatsJson(file, OneColumn(Type(Type::Kind::kLong)), {"c"}, Bounds::kWide),
            "{\"numRecords\":3,\"tightBounds\":false,\"minValues\":{},\"maxValues\":{},"
            "\"nullCount\":{}}");
}

TEST(DeltaStats, NumbersAreExact) {
  CheckBounds(Type(Type::Kind::kLong), INT64_MIN, INT64_MAX, "-9223372036854775808",
              "9223372036854775807");
  CheckBounds(Type::Decimal(10, 2), Int128{-1, static_cast<uint64_t>(-1)}, Int128{0, 100}, "-0.01",
              "1.00");
  CheckBounds(Type(Type::Kind::kDouble), 0.1, 1e300, "0.1", "1e+300");
}

TEST(DeltaStats, NotANumberAndInfinityAreLeftOut) {
  CheckBounds(Type(Type::Kind::kDouble), -INFINITY, std::nan(""), "", "");
  CheckBounds(Type(Type::Kind::kFloat), 1.5, INFINITY, "1.5", "");
}

TEST(DeltaStats, BoundsThatMayLeaveNotANumberOutAreNotTold) {
  DataFile file;
  file.record_count = 3;
  file.lower_bounds[1] = 1.0;
  file.upper_bounds[1] = 3.0;
  const Schema schema = OneColumn(Type(Type::Kind::kDouble));
  const std::string none = "{\"numRecords\":3,\"minValues\":{},\"maxValues\":{},\"nullCount\":{}}";
  EXPECT_EQ(StatsJson(file, schema, {"c"}, Bounds::kTight), none);
  file.nan_counts[1] = 1;
  EXPECT_EQ(StatsJson(file, schema, {"c"}, Bounds::kTight), none);
  file.nan_counts[1] = 0;
  EXPECT_NE(StatsJson(file, schema, {"c"}, Bounds::kTight), none);
}

TEST(DeltaStats, TimestampsAreToldInMillisecondsAndTheUpperIsRoundedUp) {
  CheckBounds(Type(Type::Kind::kTimestampTz), int64_t{1'700'000'000'123'456},
              int64_t{1'700'000'000'123'456}, "\"2023-11-14T22:13:20.123Z\"",
              "\"2023-11-14T22:13:20.124Z\"");
  CheckBounds(Type(Type::Kind::kTimestamp), int64_t{-1}, int64_t{-1}, "\"1969-12-31T23:59:59.999\"",
              "\"1970-01-01T00:00:00.000\"");
  CheckBounds(Type(Type::Kind::kTimestamp), int64_t{1000}, int64_t{1000},
              "\"1970-01-01T00:00:00.001\"", "\"1970-01-01T00:00:00.001\"");
}

TEST(DeltaStats, YearsThatHaveNoSpellingAreLeftOut) {
  CheckBounds(Type(Type::Kind::kDate), int64_t{-1'000'000}, int64_t{0}, "", "\"1970-01-01\"");
  CheckBounds(Type(Type::Kind::kTimestamp), INT64_MIN, INT64_MAX, "", "");
  // Rounding up the last instant of the year 9999 leaves the year.
  CheckBounds(Type(Type::Kind::kTimestampTz), int64_t{0}, int64_t{253'402'300'799'999'999},
              "\"1970-01-01T00:00:00.000Z\"", "");
}

TEST(DeltaStats, LongTextsAreCutToABoundThatHolds) {
  const std::string a31(31, 'a');
  CheckBounds(Type(Type::Kind::kString), a31 + "bcd", a31 + "bcd", "\"" + a31 + "b\"",
              "\"" + a31 + "c\"");
  CheckBounds(Type(Type::Kind::kString), a31 + "b", a31 + "b", "\"" + a31 + "b\"",
              "\"" + a31 + "b\"");
  // Characters count, not bytes; the one before the surrogates is followed by the one after them.
  std::string e31;
  for (int i = 0; i < 31; ++i) e31 += "é";
  CheckBounds(Type(Type::Kind::kString), e31 + "\xed\x9f\xbf" + "x", e31 + "\xed\x9f\xbf" + "x",
              "\"" + e31 + "\xed\x9f\xbf\"", "\"" + e31 + "\xee\x80\x80\"");
  // The greatest character has no successor: the one before it is raised.
  CheckBounds(Type(Type::Kind::kString), "", a31 + "\xf4\x8f\xbf\xbf" + "x", "\"\"",
              "\"" + std::string(30, 'a') + "b\"");
  std::string greatest;
  for (int i = 0; i < 40; ++i) greatest += "\xf4\x8f\xbf\xbf";
  CheckBounds(Type(Type::Kind::kString), "a\"\n", greatest, "\"a\\\"\\n\"", "");
}

TEST(DeltaStats, BytesFlagsAndBrokenTextHaveNoBounds) {
  CheckBounds(Type(Type::Kind::kBinary), std::string("a"), std::string("b"), "", "");
  CheckBounds(Type(Type::Kind::kBoolean), false, true, "", "");
  CheckBounds(Type(Type::Kind::kUuid), std::string(16, 'a'), std::string(16, 'b'), "", "");
  CheckBounds(Type(Type::Kind::kTime), int64_t{1}, int64_t{2}, "", "");
  CheckBounds(Type(Type::Kind::kString), std::string("\xff"), std::string("ok"), "", "\"ok\"");
}

TEST(DeltaStats, NestedColumnsNestAndPhysicalNamesAreUsed) {
  Schema schema;
  schema.fields = {
      {FieldId(1), "new name", Type(Type::Kind::kInt), Nullability::kOptional, ""},
      {FieldId(2), "s",
       Type::Struct({{FieldId(3), "x", Type(Type::Kind::kInt), Nullability::kOptional, ""},
                     {FieldId(4), "y", Type(Type::Kind::kBinary), Nullability::kOptional, ""}}),
       Nullability::kOptional, ""},
      {FieldId(5), "l",
       Type::List({FieldId(6), "element", Type(Type::Kind::kInt), Nullability::kOptional, ""}),
       Nullability::kOptional, ""}};
  DataFile file;
  file.record_count = 9;
  for (const int32_t id : {1, 3, 4, 6}) file.null_counts[id] = id;
  for (const int32_t id : {1, 3, 6}) file.lower_bounds[id] = int64_t{id};
  file.upper_bounds[3] = int64_t{30};
  EXPECT_EQ(
      StatsJson(file, schema, {"col-1", "s", "l"}, Bounds::kTight),
      "{\"numRecords\":9,\"minValues\":{\"col-1\":1,\"s\":{\"x\":3}},"
      "\"maxValues\":{\"s\":{\"x\":30}},\"nullCount\":{\"col-1\":1,\"s\":{\"x\":3,\"y\":4}}}");
}

}  // namespace
}  // namespace tarn::delta

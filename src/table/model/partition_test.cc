#include "table/model/partition.h"

#include <limits>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "table/model/transform_math.h"

namespace tarn {
namespace {

using Kind = Type::Kind;

Schema Sales() {
  Schema schema;
  schema.fields = {{FieldId(1), "id", Type(Kind::kLong), Nullability::kRequired, ""},
                   {FieldId(2), "sold_at", Type(Kind::kTimestamp), Nullability::kOptional, ""},
                   {FieldId(3), "Region", Type(Kind::kString), Nullability::kOptional, ""},
                   {FieldId(4), "odd, \"name\"", Type(Kind::kDate), Nullability::kOptional, ""},
                   {FieldId(5), "price", Type::Decimal(9, 2), Nullability::kOptional, ""},
                   {FieldId(6), "id_bucket", Type(Kind::kInt), Nullability::kOptional, ""},
                   {FieldId(7), "score", Type(Kind::kDouble), Nullability::kOptional, ""}};
  return schema;
}

Transform Of(std::string_view text) { return ParseTransform(text); }

int32_t Hash(Kind kind, Scalar value) { return BucketHash(Type(kind), value); }

TEST(Bucket, HashesAsTheSpecificationsTestVectors) {
  EXPECT_EQ(Hash(Kind::kInt, int64_t{34}), 2017239379);
  EXPECT_EQ(Hash(Kind::kLong, int64_t{34}), 2017239379);
  EXPECT_EQ(BucketHash(Type::Decimal(9, 2), Int128{0, 1420}), -500754589);
  EXPECT_EQ(Hash(Kind::kDate, DaysFromCivil(2017, 11, 16)), -653330422);
  EXPECT_EQ(Hash(Kind::kTime, int64_t{81068000000}), -662762989);
  const int64_t moment = DaysFromCivil(2017, 11, 16) * kMicrosPerDay + 81068000000;
  EXPECT_EQ(Hash(Kind::kTimestamp, moment), -2047944441);
  EXPECT_EQ(Hash(Kind::kTimestampTz, moment + 1), -1207196810);
  EXPECT_EQ(Hash(Kind::kString, std::string("iceberg")), 1210000089);
  const std::string uuid("\xf7\x9c\x3e\x09\x67\x7c\x4b\xbd\xa4\x79\x3f\x34\x9c\xb7\x85\xe7", 16);
  EXPECT_EQ(Hash(Kind::kUuid, uuid), 1488055340);
  EXPECT_EQ(BucketHash(Type::Fixed(4), std::string("\0\1\2\3", 4)), -188683207);
  EXPECT_EQ(Hash(Kind::kBinary, std::string("\0\1\2\3", 4)), -188683207);
}

TEST(Bucket, NanosecondsHashAsTheirMicroseconds) {
  const int64_t moment = DaysFromCivil(2017, 11, 16) * kMicrosPerDay + 81068000000;
  EXPECT_EQ(Hash(Kind::kTimestampNs, moment * 1000), -2047944441);
  EXPECT_EQ(Hash(Kind::kTimestampTzNs, (moment + 1) * 1000 + 1), -1207196810);
  EXPECT_EQ(Hash(Kind::kTimestampNs, int64_t{-1}), Hash(Kind::kTimestamp, int64_t{-1}));
}

TEST(Bucket, NegativeDecimalsHashTheirShortestBytes) {
  // -1 is one byte 0xff, -129 is two bytes 0xff 0x7f.
  EXPECT_EQ(Murmur3OfDecimal({-1, ~uint64_t{0}}), Murmur3("\xff", 1));
  EXPECT_EQ(Murmur3OfDecimal({-1, static_cast<uint64_t>(int64_t{-129})}), Murmur3("\xff\x7f", 2));
  EXPECT_EQ(Murmur3OfDecimal({0, 128}), Murmur3("\0\x80", 2));
  EXPECT_EQ(Murmur3OfDecimal({0, 0}), Murmur3("\0", 1));
}

TEST(Transforms, OfNanosecondsAreThoseOfMicroseconds) {
  const std::vector<int64_t> moments = {
      0, -1, 1'000, -1'000, 1'510'871'468'000'001, -62'135'596'800};
  arrow::TimestampBuilder nanos(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"),
                                arrow::default_memory_pool());
  for (int64_t micros : moments) ASSERT_TRUE(nanos.Append(micros * 1000).ok());
  ASSERT_TRUE(nanos.AppendNull().ok());
  const std::shared_ptr<arrow::Array> column = nanos.Finish().ValueOrDie();
  for (std::string_view name : {"year", "month", "day", "hour", "bucket[16]"}) {
    const Type coarse(Kind::kTimestampTz);
    const Type fine(Kind::kTimestampTzNs);
    EXPECT_TRUE(CanTransform(Of(name), fine)) << name;
    const auto result = ApplyTransform(Of(name), fine, column).value();
    ASSERT_EQ(result->length(), column->length());
    EXPECT_TRUE(result->IsNull(column->length() - 1));
    for (size_t i = 0; i < moments.size(); ++i) {
      const Scalar expected = ApplyTransform(Of(name), coarse, Scalar(moments[i])).value();
      EXPECT_EQ(ApplyTransform(Of(name), fine, Scalar(moments[i] * 1000)).value(), expected);
      const auto at = result->GetScalar(static_cast<int64_t>(i)).ValueOrDie();
      EXPECT_EQ(at->ToString(), name == "day" ? PartitionValueToString(Of(name), fine, expected)
                                              : std::to_string(std::get<int64_t>(expected)));
    }
  }
}

TEST(Transforms, OfUnknownColumnsAreVoidOnly) {
  EXPECT_TRUE(CanTransform(Of("void"), Type(Kind::kUnknown)));
  EXPECT_EQ(TransformResultType(Of("void"), Type(Kind::kUnknown)), Type(Kind::kInt));
  for (std::string_view name : {"identity", "bucket[2]", "day", "truncate[3]"}) {
    EXPECT_FALSE(CanTransform(Of(name), Type(Kind::kUnknown))) << name;
    EXPECT_FALSE(CanTransform(Of(name), Type(Kind::kVariant))) << name;
  }
}

TEST(Transforms, SayWhetherTheirColumnMayBeWidened) {
  const Type day(Kind::kDate);
  const Type moment(Kind::kTimestampNs);
  EXPECT_TRUE(KeepsPartitionValues(Of("day"), day, moment));
  EXPECT_TRUE(KeepsPartitionValues(Of("year"), day, Type(Kind::kTimestamp)));
  EXPECT_TRUE(KeepsPartitionValues(Of("void"), day, moment));
  EXPECT_FALSE(KeepsPartitionValues(Of("identity"), day, moment));
  EXPECT_FALSE(KeepsPartitionValues(Of("bucket[4]"), day, moment));
  EXPECT_FALSE(KeepsPartitionValues(Of("zorder"), day, day));
  EXPECT_TRUE(KeepsPartitionValues(Of("bucket[4]"), Type(Kind::kInt), Type(Kind::kLong)));
  EXPECT_TRUE(KeepsPartitionValues(Of("truncate[4]"), Type::Decimal(9, 2), Type::Decimal(12, 2)));
  EXPECT_FALSE(KeepsPartitionValues(Of("identity"), Type(Kind::kUnknown), Type(Kind::kInt)));
}

TEST(Transforms, RoundTimesBefore1970Down) {
  const Type timestamp(Kind::kTimestamp);
  const auto check = [&](std::string_view transform, int64_t micros, int64_t expected) {
    EXPECT_EQ(ApplyTransform(Of(transform), timestamp, Scalar(micros)).value(), Scalar(expected))
        << transform << " of " << micros;
  };
  check("year", -1, -1);
  check("month", -1, -1);
  check("day", -1, -1);
  check("hour", -1, -1);
  check("hour", -kMicrosPerHour, -1);
  check("hour", -kMicrosPerHour - 1, -2);
  check("year", 0, 0);
  check("month", DaysFromCivil(2000, 2, 29) * kMicrosPerDay, 361);
  check("year", DaysFromCivil(-44, 3, 15) * kMicrosPerDay, -2014);
  EXPECT_EQ(
      ApplyTransform(Of("month"), Type(Kind::kDate), Scalar(DaysFromCivil(1969, 1, 1))).value(),
      Scalar(int64_t{-12}));
}

TEST(Transforms, TruncateEachType) {
  const auto truncated = [](int width, const Type& type, Scalar value) {
    return ApplyTransform({Transform::Kind::kTruncate, width, {}}, type, value).value();
  };
  EXPECT_EQ(truncated(10, Type(Kind::kInt), int64_t{-1}), Scalar(int64_t{-10}));
  EXPECT_EQ(truncated(10, Type(Kind::kInt), int64_t{19}), Scalar(int64_t{10}));
  EXPECT_EQ(truncated(10, Type(Kind::kLong), int64_t{-10}), Scalar(int64_t{-10}));
  EXPECT_EQ(truncated(10, Type(Kind::kLong), std::numeric_limits<int64_t>::min()),
            Scalar(std::numeric_limits<int64_t>::min()));
  EXPECT_EQ(truncated(2'000'000'000, Type(Kind::kInt), int64_t{1'500'000'000}), Scalar(int64_t{0}));
  EXPECT_EQ(truncated(2'000'000'000, Type(Kind::kInt), int64_t{-1'500'000'000}),
            Scalar(int64_t{-2'000'000'000}));
  EXPECT_EQ(truncated(50, Type::Decimal(9, 2), Int128{0, 1065}), Scalar(Int128{0, 1050}));
  EXPECT_EQ(truncated(10, Type::Decimal(9, 2), Int128{-1, ~uint64_t{0}}),
            Scalar(Int128{-1, static_cast<uint64_t>(int64_t{-10})}));
  EXPECT_EQ(truncated(3, Type(Kind::kString), std::string("äöüß")), Scalar(std::string("äöü")));
  EXPECT_EQ(truncated(3, Type(Kind::kString), std::string("😀a")), Scalar(std::string("😀a")));
  EXPECT_EQ(truncated(1, Type(Kind::kString), std::string("😀a")), Scalar(std::string("😀")));
  EXPECT_EQ(truncated(2, Type(Kind::kBinary), std::string("\xff\0\1", 3)),
            Scalar(std::string("\xff\0", 2)));
}

Scalar ValueAt(const arrow::Array& column, int64_t row) {
  if (column.IsNull(row)) return {};
  switch (column.type_id()) {
    case arrow::Type::INT32:
      return int64_t{static_cast<const arrow::Int32Array&>(column).Value(row)};
    case arrow::Type::DATE32:
      return int64_t{static_cast<const arrow::Date32Array&>(column).Value(row)};
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampArray&>(column).Value(row);
    case arrow::Type::DECIMAL128: {
      const arrow::Decimal128 value(
          static_cast<const arrow::Decimal128Array&>(column).GetValue(row));
      return Int128{value.high_bits(), value.low_bits()};
    }
    default:
      return static_cast<const arrow::BinaryArray&>(column).GetString(row);
  }
}

/// The column path and the one-value path must agree on every row, slices and nulls included.
TEST(Transforms, OfColumnsAgreeWithThoseOfValues) {
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MICRO),
                                arrow::default_memory_pool());
  arrow::StringBuilder texts;
  arrow::Int32Builder ints;
  arrow::Decimal128Builder decimals(arrow::decimal128(20, 4));
  std::vector<Scalar> time_values, text_values, int_values, decimal_values;
  for (int64_t i = -50; i < 50; ++i) {
    if (i % 7 == 0) {
      for (auto* builder : std::vector<arrow::ArrayBuilder*>{&times, &texts, &ints, &decimals}) {
        ASSERT_TRUE(builder->AppendNull().ok());
      }
      for (auto* values : {&time_values, &text_values, &int_values, &decimal_values}) {
        values->emplace_back();
      }
      continue;
    }
    const int64_t micros = i * 7'654'321'987'654;
    const std::string text = "é" + std::to_string(i * 1001);
    ASSERT_TRUE(times.Append(micros).ok() && texts.Append(text).ok() &&
                ints.Append(static_cast<int32_t>(i * 3)).ok() &&
                decimals.Append(arrow::Decimal128(i * 12345)).ok());
    time_values.emplace_back(micros);
    text_values.emplace_back(text);
    int_values.emplace_back(i * 3);
    decimal_values.emplace_back(Int128{i < 0 ? -1 : 0, static_cast<uint64_t>(i * 12345)});
  }
  struct Case {
    Type type;
    std::shared_ptr<arrow::Array> column;
    std::vector<Scalar> values;
    std::vector<std::string> transforms;
  };
  const std::vector<Case> cases = {
      {Type(Kind::kTimestamp),
       *times.Finish(),
       time_values,
       {"identity", "year", "month", "day", "hour", "bucket[7]", "void"}},
      {Type(Kind::kString), *texts.Finish(), text_values, {"bucket[5]", "truncate[2]", "void"}},
      {Type(Kind::kInt), *ints.Finish(), int_values, {"bucket[3]", "truncate[10]"}},
      {Type::Decimal(20, 4), *decimals.Finish(), decimal_values, {"bucket[3]", "truncate[100]"}}};
  for (const Case& c : cases) {
    for (const std::string& text : c.transforms) {
      for (int64_t offset : {0, 13}) {
        auto result = ApplyTransform(Of(text), c.type, c.column->Slice(offset));
        ASSERT_TRUE(result.ok()) << result.error().message;
        ASSERT_TRUE((*result)->ValidateFull().ok()) << text;
        auto type = TypeToArrow(TransformResultType(Of(text), c.type)).value();
        EXPECT_TRUE((*result)->type()->Equals(type)) << text;
        for (int64_t row = 0; row < (*result)->length(); ++row) {
          const Scalar expected =
              ApplyTransform(Of(text), c.type, c.values[static_cast<size_t>(row + offset)]).value();
          ASSERT_EQ((*result)->IsNull(row), IsNull(expected)) << text << " row " << row;
          EXPECT_EQ(ValueAt(**result, row), expected) << text << " row " << row;
        }
      }
    }
  }
}

TEST(ParsePartition, ReadsEverySpelling) {
  const Schema schema = Sales();
  const auto check = [&](std::string_view text, int32_t source, const std::string& transform,
                         const std::string& name) {
    auto field = ParsePartitionField(text, schema);
    ASSERT_TRUE(field.ok()) << text << ": " << field.error().message;
    EXPECT_EQ(field->source_id.value(), source) << text;
    EXPECT_EQ(field->transform.ToString(), transform) << text;
    EXPECT_EQ(field->name, name) << text;
  };
  check("id", 1, "identity", "id");
  check("region", 3, "identity", "Region");
  check("day(sold_at)", 2, "day", "sold_at_day");
  check(" DAYS( sold_at ) ", 2, "day", "sold_at_day");
  check("bucket(16, id)", 1, "bucket[16]", "id_bucket");
  check("bucket(id, 16)", 1, "bucket[16]", "id_bucket");
  check("truncate(4, \"Region\")", 3, "truncate[4]", "Region_trunc");
  check("month(\"odd, \"\"name\"\"\")", 4, "month", "odd, \"name\"_month");
  check("\"odd, \"\"name\"\"\"", 4, "identity", "odd, \"name\"");
}

TEST(ParsePartition, RefusesWithTheTextAndTheRepair) {
  const Schema schema = Sales();
  for (const char* text : {"", "day(id)", "hour(\"odd, \"\"name\"\"\")", "bucket(0, id)",
                           "bucket(id)", "weeks(sold_at)", "day(sold_at", "bucket(16, score)",
                           "nothing", "truncate(2, sold_at)", "day()"}) {
    auto field = ParsePartitionField(text, schema);
    ASSERT_FALSE(field.ok()) << text;
    EXPECT_EQ(field.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_NE(field.error().message.find(text), std::string::npos);
    EXPECT_FALSE(field.error().hint.empty());
  }
  EXPECT_EQ(ParsePartitionField("regoin", schema).error().hint, "did you mean \"Region\"?");
}

TEST(ParsePartition, KeepsNamesUnique) {
  auto fields = ParsePartition({"bucket(16, id)", "bucket(8, id)", "id"}, Sales());
  ASSERT_TRUE(fields.ok());
  EXPECT_EQ((*fields)[0].name, "id_bucket_2") << "a column is called id_bucket";
  EXPECT_EQ((*fields)[1].name, "id_bucket_3");
  EXPECT_EQ((*fields)[2].name, "id");
  EXPECT_FALSE(ParsePartition({"id", "id"}, Sales()).ok());
}

TEST(PartitionFieldText, IsReadBack) {
  const Schema schema = Sales();
  for (const char* text : {"id", "day(sold_at)", "bucket(16, id)", "truncate(4, Region)",
                           "month(\"odd, \"\"name\"\"\")"}) {
    auto field = ParsePartitionField(text, schema);
    ASSERT_TRUE(field.ok());
    EXPECT_EQ(PartitionFieldText(*field, schema), text);
  }
}

TEST(PartitionValues, AreTextAndBack) {
  const auto check = [](std::string_view transform, const Type& type, Scalar value,
                        const std::string& text) {
    EXPECT_EQ(PartitionValueToString(Of(transform), type, value), text);
    auto back = PartitionValueFromString(Of(transform), type, text);
    ASSERT_TRUE(back.ok()) << text << ": " << back.error().message;
    EXPECT_EQ(*back, value) << text;
  };
  const Type timestamp(Kind::kTimestamp);
  check("year", timestamp, int64_t{-1}, "1969");
  check("month", timestamp, int64_t{-1}, "1969-12");
  check("month", timestamp, int64_t{682}, "2026-11");
  check("day", timestamp, int64_t{-1}, "1969-12-31");
  check("hour", timestamp, int64_t{-1}, "1969-12-31-23");
  check("hour", timestamp, int64_t{0}, "1970-01-01-00");
  check("day", timestamp, Scalar(), "null");
  check("bucket[4]", timestamp, int64_t{3}, "3");
  check("identity", timestamp, int64_t{-1}, "1969-12-31T23:59:59.999999");
  check("identity", Type(Kind::kTimestampTz), int64_t{0}, "1970-01-01T00:00:00+00:00");
  check("identity", Type(Kind::kDate), DaysFromCivil(12345, 2, 28), "12345-02-28");
  check("identity", Type(Kind::kDate), DaysFromCivil(-44, 3, 15), "-0044-03-15");
  check("identity", Type(Kind::kTime), int64_t{81068000000}, "22:31:08");
  check("identity", Type(Kind::kBoolean), true, "true");
  check("identity", Type(Kind::kString), std::string("a/b=ä"), "a/b=ä");
  check("identity", Type(Kind::kString), std::string("null"), "null");
  check("identity", Type::Decimal(9, 2), Int128{0, 5}, "0.05");
  check("identity", Type::Decimal(9, 2), Int128{-1, static_cast<uint64_t>(int64_t{-1420})},
        "-14.20");
  check("identity", Type::Decimal(38, 0), Int128{0, 0}, "0");
  check("identity", Type(Kind::kDouble), 1.5, "1.5");
  check("identity", Type(Kind::kBinary), std::string("\x00\xff", 2), "00ff");
  check("identity", Type(Kind::kUuid), std::string(16, '\x11'),
        "11111111-1111-1111-1111-111111111111");
  EXPECT_FALSE(PartitionValueFromString(Of("day"), timestamp, "2026-02-30").ok());
  EXPECT_FALSE(PartitionValueFromString(Of("month"), timestamp, "2026-13").ok());
}

std::string Projected(const Predicate& predicate, const std::vector<std::string>& partition) {
  PartitionSpec spec;
  spec.fields = ParsePartition(partition, Sales()).value();
  return ToString(ProjectPredicate(predicate, Sales(), spec));
}

TEST(ProjectPredicate, NeverExcludesARowThatMatches) {
  using Op = Predicate::Op;
  const int64_t noon = DaysFromCivil(2026, 11, 21) * kMicrosPerDay + kMicrosPerDay / 2;
  const int64_t midnight = DaysFromCivil(2026, 11, 21) * kMicrosPerDay;
  const std::string day = std::to_string(DaysFromCivil(2026, 11, 21));
  const std::string day_before = std::to_string(DaysFromCivil(2026, 11, 20));
  const auto sold = [](Op op, int64_t value) { return Predicate::Compare(op, "sold_at", value); };
  EXPECT_EQ(Projected(sold(Op::kGt, noon), {"day(sold_at)"}), "sold_at_day >= " + day);
  EXPECT_EQ(Projected(sold(Op::kLt, midnight), {"day(sold_at)"}), "sold_at_day <= " + day_before);
  EXPECT_EQ(Projected(sold(Op::kLtEq, midnight), {"day(sold_at)"}), "sold_at_day <= " + day);
  EXPECT_EQ(Projected(sold(Op::kEq, noon), {"day(sold_at)", "bucket(4, id)"}),
            "sold_at_day = " + day);
  EXPECT_EQ(Projected(sold(Op::kNotEq, noon), {"day(sold_at)"}), "true");
  EXPECT_EQ(Projected(sold(Op::kEq, -1), {"day(sold_at)"}), "sold_at_day IN (0, -1)")
      << "old writers rounded towards zero";
  const Predicate negated{Op::kNot, {}, {}, {sold(Op::kGtEq, midnight)}};
  EXPECT_EQ(Projected(negated, {"day(sold_at)"}), "sold_at_day <= " + day_before);
  const Predicate id = Predicate::Compare(Op::kEq, "id", Scalar(int64_t{34}));
  EXPECT_EQ(Projected(id, {"bucket(16, id)"}), "id_bucket_2 = " + std::to_string(2017239379 % 16));
  EXPECT_EQ(Projected(Predicate::Compare(Op::kLt, "id", Scalar(int64_t{34})), {"bucket(16, id)"}),
            "true");
  const Predicate either{Op::kOr, {}, {}, {id, sold(Op::kEq, noon)}};
  EXPECT_EQ(Projected(either, {"day(sold_at)"}), "true");
  const auto starts = [](const std::string& prefix) {
    return Predicate::Compare(Op::kStartsWith, "Region", Scalar(prefix));
  };
  EXPECT_EQ(Projected(starts("äö"), {"truncate(3, Region)"}), "\"Region_trunc\" STARTS WITH 'äö'");
  EXPECT_EQ(Projected(starts("äöüß"), {"truncate(3, Region)"}), "\"Region_trunc\" = 'äöü'");
  EXPECT_EQ(Projected(starts("äöü"), {"truncate(3, Region)"}), "\"Region_trunc\" = 'äöü'");
  EXPECT_EQ(
      Projected(Predicate::Compare(Op::kEq, "id", Scalar(std::string("x"))), {"truncate(2, id)"}),
      "true")
      << "a value of another kind says nothing";
  const Predicate not_small{Op::kNot, {}, {}, {Predicate::Compare(Op::kLt, "score", Scalar(1.0))}};
  EXPECT_EQ(Projected(not_small, {"score"}), "true") << "NaN is not small either";
}

}  // namespace
}  // namespace tarn

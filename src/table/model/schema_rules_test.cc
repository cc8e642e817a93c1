#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "table/model/schema.h"

namespace tarn {
namespace {

using Kind = Type::Kind;

TEST(CanWiden, FollowsTheFormatVersion) {
  const auto check = [](Type from, Type to, int since) {
    for (int version = 1; version <= kFormatVersionMax; ++version) {
      EXPECT_EQ(CanWiden(from, to, version), version >= since)
          << from.ToString() << " to " << to.ToString() << " in version " << version;
    }
  };
  constexpr int kNever = 99;
  check(Type(Kind::kInt), Type(Kind::kLong), 1);
  check(Type(Kind::kFloat), Type(Kind::kDouble), 1);
  check(Type::Decimal(9, 2), Type::Decimal(12, 2), 1);
  check(Type(Kind::kDate), Type(Kind::kTimestamp), 3);
  check(Type(Kind::kDate), Type(Kind::kTimestampNs), 3);
  check(Type(Kind::kUnknown), Type(Kind::kString), 3);
  check(Type(Kind::kUnknown), Type::Decimal(9, 2), 3);
  check(Type(Kind::kUnknown), Type(Kind::kVariant), 3);
  check(Type(Kind::kDate), Type(Kind::kTimestampTz), kNever);
  check(Type(Kind::kDate), Type(Kind::kTimestampTzNs), kNever);
  check(Type(Kind::kTimestamp), Type(Kind::kTimestampNs), kNever);
  check(Type(Kind::kLong), Type(Kind::kInt), kNever);
  check(Type::Decimal(9, 2), Type::Decimal(12, 3), kNever);
  check(Type(Kind::kUnknown), Type::Struct({}), kNever);
  check(Type(Kind::kVariant), Type(Kind::kString), kNever);
}

Schema With(Field field) {
  Schema schema;
  field.id = FieldId(1);
  field.name = "odd one";
  schema.fields = {std::move(field)};
  return schema;
}

Field Of(Type type) { return {{}, "", std::move(type), Nullability::kOptional, ""}; }

TEST(CheckTypeForVersion, RefusesByNameWhatNeedsVersion3) {
  const auto check = [](const Field& field) {
    const Status old = CheckTypeForVersion(With(field), 2);
    ASSERT_FALSE(old.ok());
    EXPECT_EQ(old.error().kind, ErrorKind::kUnsupported);
    EXPECT_NE(old.error().message.find("odd one"), std::string::npos) << old.error().message;
    EXPECT_FALSE(old.error().hint.empty());
    EXPECT_TRUE(CheckTypeForVersion(With(field), 3).ok());
  };
  for (Kind kind : {Kind::kTimestampNs, Kind::kTimestampTzNs, Kind::kUnknown, Kind::kVariant}) {
    check(Of(Type(kind)));
  }
  Field with_default = Of(Type(Kind::kInt));
  with_default.write_default = int64_t{3};
  check(with_default);
  Field inner = Of(Type(Kind::kVariant));
  inner.name = "element";
  check(Of(Type::List(inner)));
  EXPECT_TRUE(CheckTypeForVersion(With(Of(Type(Kind::kTimestampTz))), 1).ok());
}

TEST(CheckTypeForVersion, RefusesDefaultsThatAreNoValues) {
  const auto check = [](Type type, Scalar value, bool good) {
    Field field = Of(type);
    field.initial_default = value;
    const Status status = CheckTypeForVersion(With(field), 3);
    EXPECT_EQ(status.ok(), good) << type.ToString() << " " << ToString(value);
    if (!good) {
      EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument);
    }
  };
  check(Type(Kind::kInt), int64_t{std::numeric_limits<int32_t>::max()}, true);
  check(Type(Kind::kInt), int64_t{1} << 31, false);
  check(Type(Kind::kInt), 1.5, false);
  check(Type(Kind::kFloat), 1e300, false);
  check(Type(Kind::kDouble), std::numeric_limits<double>::quiet_NaN(), false);
  check(Type(Kind::kDouble), 1e300, true);
  check(Type::Decimal(4, 2), Int128{0, 9999}, true);
  check(Type::Decimal(4, 2), Int128{-1, static_cast<uint64_t>(-10000)}, false);
  check(Type(Kind::kUuid), std::string(16, 'x'), true);
  check(Type(Kind::kUuid), std::string(15, 'x'), false);
  check(Type::Fixed(3), std::string("ab"), false);
  check(Type(Kind::kTime), int64_t{86'400'000'000}, false);
  check(Type(Kind::kUnknown), int64_t{1}, false);
  check(Type(Kind::kUnknown), Scalar(), true);
  check(Type(Kind::kVariant), std::string("x"), false);
  Field required = Of(Type(Kind::kUnknown));
  required.nullability = Nullability::kRequired;
  EXPECT_EQ(CheckTypeForVersion(With(required), 3).error().kind, ErrorKind::kInvalidArgument);
}

TEST(ValueText, IsReadBack) {
  const auto check = [](Type type, Scalar value, const std::string& text) {
    EXPECT_EQ(ValueToText(type, value), text);
    EXPECT_EQ(ValueFromText(type, text), std::optional<Scalar>(value)) << text;
  };
  check(Type(Kind::kBoolean), true, "true");
  check(Type(Kind::kInt), int64_t{-34}, "-34");
  check(Type(Kind::kDouble), 0.1, "0.1");
  EXPECT_EQ(ValueFromText(Type(Kind::kFloat), "0.1"), Scalar(double{0.1F}));
  check(Type::Decimal(9, 2), Int128{0, 1420}, "14.20");
  check(Type::Decimal(38, 38), Int128{-1, ~uint64_t{0}}, "-0." + std::string(37, '0') + "1");
  check(Type(Kind::kDate), int64_t{17486}, "2017-11-16");
  check(Type(Kind::kTime), int64_t{81'068'123'456}, "22:31:08.123456");
  check(Type(Kind::kTimestamp), int64_t{1'510'871'468'123'456}, "2017-11-16T22:31:08.123456");
  check(Type(Kind::kTimestampTz), int64_t{1'510'871'468'000'000}, "2017-11-16T22:31:08+00:00");
  check(Type(Kind::kTimestampNs), int64_t{1'510'871'468'123'456'789},
        "2017-11-16T22:31:08.123456789");
  check(Type(Kind::kTimestampTzNs), int64_t{-1}, "1969-12-31T23:59:59.999999999+00:00");
  check(Type(Kind::kTimestampNs), std::numeric_limits<int64_t>::min(),
        "1677-09-21T00:12:43.145224192");
  check(Type(Kind::kString), std::string("null"), "null");
  check(Type(Kind::kUuid),
        std::string("\xf7\x9c\x3e\x09\x67\x7c\x4b\xbd\xa4\x79\x3f\x34\x9c\xb7\x85\xe7", 16),
        "f79c3e09-677c-4bbd-a479-3f349cb785e7");
  check(Type::Fixed(4), std::string("\0\1\2\xff", 4), "000102ff");
  check(Type(Kind::kBinary), std::string(), "");
}

TEST(ValueText, DecimalsMayHaveAnExponent) {
  const auto check = [](const std::string& text, int64_t unscaled) {
    const Int128 value{unscaled < 0 ? -1 : 0, static_cast<uint64_t>(unscaled)};
    EXPECT_EQ(ValueFromText(Type::Decimal(38, 18), text), std::optional<Scalar>(value)) << text;
  };
  check("0E-18", 0);
  check("0e+30", 0);
  check("1E-8", 10'000'000'000);
  check("-1.25E-7", -125'000'000'000);
  check("1.5E+0", 1'500'000'000'000'000'000);
  for (const std::string text :
       {"1E-19", "1E", "E1", "1E+-1", "1E1000", "1E2.0", "1E-8x", "1E30"}) {
    EXPECT_FALSE(ValueFromText(Type::Decimal(38, 18), text)) << text;
  }
}

TEST(ValueText, OutOfRangeIsNoValue) {
  const auto check = [](Type type, const std::string& text) {
    EXPECT_FALSE(ValueFromText(type, text)) << type.ToString() << " " << text;
  };
  check(Type(Kind::kInt), "2147483648");
  check(Type(Kind::kLong), "9223372036854775808");
  check(Type(Kind::kTimestampNs), "2300-01-01T00:00:00");
  check(Type(Kind::kTimestamp), "999999999-01-01T00:00:00");
  check(Type(Kind::kTimestamp), "2017-11-16T22:31:08.1234567");
  check(Type(Kind::kTimestamp), "2017-11-16T22:31:08+00:00");
  check(Type(Kind::kDate), "2017-02-29");
  check(Type(Kind::kDate), "9223372036854775807-01-01");
  check(Type::Decimal(4, 2), "100.00");
  check(Type::Decimal(38, 38), "99999999999999999999999999999999999999999");
  check(Type::Decimal(38, 0), "340282366920938463463374607431768211456");
  check(Type::Decimal(4, 2), "1.234");
  check(Type::Fixed(4), "0001");
  check(Type(Kind::kUuid), "f79c3e09");
  check(Type(Kind::kUnknown), "1");
}

}  // namespace
}  // namespace tarn

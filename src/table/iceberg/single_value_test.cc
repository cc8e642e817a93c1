#include "table/iceberg/single_value.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

using Kind = Type::Kind;

void CheckBytes(const Type& type, const Scalar& value, const std::string& bytes) {
  EXPECT_EQ(EncodeSingleValue(type, value), bytes) << type.ToString();
  EXPECT_EQ(DecodeSingleValue(type, bytes), value) << type.ToString();
}

TEST(SingleValue, IsWhatTheSpecificationSays) {
  CheckBytes(Type(Kind::kBoolean), true, "\1");
  CheckBytes(Type(Kind::kInt), int64_t{-2}, "\xfe\xff\xff\xff");
  CheckBytes(Type(Kind::kDate), int64_t{1}, std::string("\1\0\0\0", 4));
  CheckBytes(Type(Kind::kLong), int64_t{1}, std::string("\1\0\0\0\0\0\0\0", 8));
  CheckBytes(Type(Kind::kTimestampTz), int64_t{-1}, "\xff\xff\xff\xff\xff\xff\xff\xff");
  CheckBytes(Type(Kind::kFloat), 1.0, std::string("\0\0\x80\x3f", 4));
  CheckBytes(Type(Kind::kDouble), 1.0, std::string("\0\0\0\0\0\0\xf0\x3f", 8));
  CheckBytes(Type::Decimal(9, 2), Int128{0, 1420}, "\x05\x8c");
  CheckBytes(Type::Decimal(9, 2), Int128FromInt64(-1), "\xff");
  CheckBytes(Type::Decimal(9, 2), Int128{0, 128}, std::string("\0\x80", 2));
  CheckBytes(Type(Kind::kString), std::string("ä"), "ä");
  CheckBytes(Type::Fixed(3), std::string("\0\1\2", 3), std::string("\0\1\2", 3));
}

TEST(SingleValue, ReadsValuesOfBeforeAColumnWasWidened) {
  EXPECT_EQ(DecodeSingleValue(Type(Kind::kLong), "\xfe\xff\xff\xff"), Scalar(int64_t{-2}));
  EXPECT_EQ(DecodeSingleValue(Type(Kind::kDouble), std::string("\0\0\x80\x3f", 4)), Scalar(1.0));
}

TEST(SingleValue, OfVersion3) {
  const std::string nano("\x15\x3d\x69\xf1\xaf\x66\xf9\x14", 8);
  CheckBytes(Type(Kind::kTimestampNs), int64_t{0x14f966aff1693d15}, nano);
  CheckBytes(Type(Kind::kTimestampTzNs), int64_t{-1}, "\xff\xff\xff\xff\xff\xff\xff\xff");
  // Of before a date became a timestamp.
  const std::string day("\1\0\0\0", 4);
  EXPECT_EQ(DecodeSingleValue(Type(Kind::kTimestamp), day), Scalar(int64_t{86'400'000'000}));
  EXPECT_EQ(DecodeSingleValue(Type(Kind::kTimestampNs), day), Scalar(int64_t{86'400'000'000'000}));
  EXPECT_EQ(DecodeSingleValue(Type(Kind::kTimestampTz), day), std::nullopt);
  EXPECT_EQ(DecodeSingleValue(Type(Kind::kTimestampNs), std::string("\0\0\0\x7f", 4)), std::nullopt)
      << "a day that nanoseconds do not reach";
  for (Kind kind : {Kind::kUnknown, Kind::kVariant}) {
    EXPECT_EQ(EncodeSingleValue(Type(kind), Scalar(int64_t{1})), std::nullopt);
    EXPECT_EQ(EncodeSingleValue(Type(kind), Scalar(std::string("x"))), std::nullopt);
    EXPECT_EQ(DecodeSingleValue(Type(kind), "xxxxxxxx"), std::nullopt);
  }
}

TEST(SingleValue, OfFloatsIsReadFromJsonAsANumberOnly) {
  EXPECT_EQ(SingleValueFromJson(Type(Kind::kDouble), 1, "x").value(), Scalar(1.0));
  EXPECT_EQ(SingleValueFromJson(Type(Kind::kFloat), 1e300, "x").error().kind,
            ErrorKind::kCorruption);
  EXPECT_EQ(SingleValueFromJson(Type(Kind::kDouble), "1", "x").error().kind,
            ErrorKind::kCorruption);
  EXPECT_EQ(SingleValueFromJson(Type(Kind::kLong), 18446744073709551615U, "x").error().kind,
            ErrorKind::kCorruption);
}

TEST(SingleValue, LeavesOutWhatItCannotRead) {
  for (Kind kind : {Kind::kBoolean, Kind::kInt, Kind::kLong, Kind::kFloat, Kind::kDouble,
                    Kind::kTimestamp, Kind::kUuid}) {
    EXPECT_EQ(DecodeSingleValue(Type(kind), "xxxxx"), std::nullopt);
  }
  EXPECT_EQ(DecodeSingleValue(Type::Decimal(9, 2), ""), std::nullopt);
  EXPECT_EQ(DecodeSingleValue(Type::Decimal(9, 2), std::string(40, '\x11')), std::nullopt);
  EXPECT_EQ(EncodeSingleValue(Type(Kind::kInt), Scalar()), std::nullopt);
  EXPECT_EQ(EncodeSingleValue(Type(Kind::kInt), Scalar(std::string("x"))), std::nullopt);
}

std::optional<Scalar> Upper(Kind kind, const std::string& value) {
  return TruncateUpperBound(Type(kind), Scalar(value));
}

TEST(Bounds, OfLongTextAreCutAtCodePointsAndCountedUp) {
  const std::string sixteen = "äöüäöüäöüäöüäöüä";
  EXPECT_EQ(TruncateLowerBound(Type(Kind::kString), Scalar(sixteen + "x")), Scalar(sixteen));
  EXPECT_EQ(Upper(Kind::kString, sixteen), Scalar(sixteen)) << "short enough: exact";
  EXPECT_EQ(Upper(Kind::kString, "aaaaaaaaaaaaaaaaz"), Scalar(std::string("aaaaaaaaaaaaaaab")));
  const std::string high = "\xf4\x8f\xbf\xbf";  // U+10FFFF has no next
  EXPECT_EQ(Upper(Kind::kString, "aaaaaaaaaaaaaaa" + high + "z"),
            Scalar(std::string("aaaaaaaaaaaaaab")));
  std::string all_high;
  for (int i = 0; i < 17; ++i) all_high += high;
  EXPECT_EQ(Upper(Kind::kString, all_high), std::nullopt);
  EXPECT_EQ(Upper(Kind::kString, "aaaaaaaaaaaaaaa\xed\x9f\xbfz"),
            Scalar(std::string("aaaaaaaaaaaaaaa\xee\x80\x80")))
      << "surrogates are passed over";
  EXPECT_EQ(Upper(Kind::kString, "aaaaaaaaaaaaaaa\x7fz"),
            Scalar(std::string("aaaaaaaaaaaaaaa\xc2\x80")));
}

TEST(Bounds, OfLongBinaryAreCutAndCountedUp) {
  EXPECT_EQ(Upper(Kind::kBinary, std::string(15, 'a') + "\xff" + "z"),
            Scalar(std::string(14, 'a') + "b"));
  EXPECT_EQ(Upper(Kind::kBinary, std::string(20, '\xff')), std::nullopt);
  EXPECT_EQ(Upper(Kind::kBinary, std::string(16, '\xff')), Scalar(std::string(16, '\xff')));
  EXPECT_EQ(TruncateLowerBound(Type(Kind::kBinary), Scalar(std::string(20, '\xff'))),
            Scalar(std::string(16, '\xff')));
}

}  // namespace
}  // namespace tarn

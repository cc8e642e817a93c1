#include "table/delta/default_text.h"

#include <gtest/gtest.h>

namespace tarn::delta {
namespace {

using Kind = Type::Kind;

TEST(DeltaDefaultText, IsSqlThatSparkReadsAsTheSameValue) {
  EXPECT_EQ(DefaultText(Type(Kind::kInt), int64_t{-7}), "-7");
  EXPECT_EQ(DefaultText(Type(Kind::kBoolean), true), "true");
  EXPECT_EQ(DefaultText(Type::Decimal(9, 2), Int128FromInt64(-1250)), "-12.50");
  EXPECT_EQ(DefaultText(Type(Kind::kDouble), 1e300), "CAST('1e+300' AS DOUBLE)");
  EXPECT_EQ(DefaultText(Type(Kind::kFloat), 0.5), "CAST('0.5' AS FLOAT)");
  EXPECT_EQ(DefaultText(Type(Kind::kDate), int64_t{0}), "DATE '1970-01-01'");
  EXPECT_EQ(DefaultText(Type(Kind::kTimestamp), int64_t{1'500'000}),
            "TIMESTAMP_NTZ '1970-01-01 00:00:01.500000'");
  EXPECT_EQ(DefaultText(Type(Kind::kTimestampTz), int64_t{0}),
            "TIMESTAMP '1970-01-01 00:00:00+00:00'");
  EXPECT_EQ(DefaultText(Type(Kind::kBinary), std::string("\x00\xff", 2)), "X'00ff'");
}

TEST(DeltaDefaultText, QuotesAndBackslashesAreEscaped) {
  EXPECT_EQ(DefaultText(Type(Kind::kString), std::string("it's")), "'it\\'s'");
  EXPECT_EQ(DefaultText(Type(Kind::kString), std::string("a\\n")), "'a\\\\n'");
  EXPECT_EQ(DefaultText(Type(Kind::kString), std::string("žluť")), "'žluť'");
  EXPECT_EQ(DefaultText(Type(Kind::kString), std::string()), "''");
}

}  // namespace
}  // namespace tarn::delta

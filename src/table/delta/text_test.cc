#include "table/delta/text.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace tarn::delta {
namespace {

TEST(DeltaText, DatesHaveFourDigitYears) {
  EXPECT_EQ(DateText(0), "1970-01-01");
  EXPECT_EQ(DateText(-719162), "0001-01-01");
  EXPECT_EQ(DateText(-719163), std::nullopt);
  EXPECT_EQ(DateText(2932896), "9999-12-31");
  EXPECT_EQ(DateText(2932897), std::nullopt);
  EXPECT_EQ(DateText(INT64_MAX), std::nullopt);
  EXPECT_EQ(DateText(INT64_MIN), std::nullopt);
}

TEST(DeltaText, TimestampsBefore1970AreRoundedDown) {
  EXPECT_EQ(TimestampText(-1, 'T', 6), "1969-12-31T23:59:59.999999");
  EXPECT_EQ(TimestampText(-1, 'T', 3), "1969-12-31T23:59:59.999");
  EXPECT_EQ(TimestampText(1'700'000'000'123'456, ' ', 6), "2023-11-14 22:13:20.123456");
  EXPECT_EQ(TimestampText(INT64_MAX, 'T', 6), std::nullopt);
  EXPECT_EQ(TimestampText(INT64_MIN, 'T', 6), std::nullopt);
}

TEST(DeltaText, DecimalsAreExact) {
  EXPECT_EQ(DecimalText({0, 1250}, 2), "12.50");
  EXPECT_EQ(DecimalText({-1, static_cast<uint64_t>(-1250)}, 2), "-12.50");
  EXPECT_EQ(DecimalText({0, 5}, 3), "0.005");
  EXPECT_EQ(DecimalText({0, 0}, 0), "0");
  EXPECT_EQ(DecimalText({0x4b3b4ca85a86c47a, 0x098a223fffffffff}, 0),
            "99999999999999999999999999999999999999");
}

TEST(DeltaText, DoublesReadBackAsThemselves) {
  EXPECT_EQ(DoubleText(1), "1.0");
  EXPECT_EQ(DoubleText(0.1), "0.1");
  EXPECT_EQ(DoubleText(-0.0), "-0.0");
  EXPECT_EQ(std::strtod(DoubleText(1e308).c_str(), nullptr), 1e308);
  EXPECT_EQ(std::strtod(DoubleText(5e-324).c_str(), nullptr), 5e-324);
}

void CheckPath(std::string_view file, std::string_view log_path) {
  const std::string table = "file:///lake/bronze/t";
  EXPECT_EQ(LogPath(table, file), log_path);
  EXPECT_EQ(FileUri(table, log_path), file);
}

TEST(DeltaText, PathsAreRelativeAndEncoded) {
  CheckPath("file:///lake/bronze/t/data/a.parquet", "data/a.parquet");
  CheckPath("file:///lake/bronze/t/data/r=a b/100%#?é.parquet",
            "data/r=a%20b/100%25%23%3F%C3%A9.parquet");
  CheckPath("file:///lake/bronze/t/a:b.parquet", "./a:b.parquet");
  CheckPath("file:///lake/bronze/t2/a b.parquet", "/lake/bronze/t2/a%20b.parquet");
  EXPECT_EQ(FileUri("file:///lake/t", "file:///other/a.parquet"), "file:///other/a.parquet");
  CheckPath("s3://other/x y.parquet", "s3://other/x%20y.parquet");
  EXPECT_EQ(FileUri("file:///lake/t", "a=1:2/x.parquet"), "file:///lake/t/a=1:2/x.parquet");
}

TEST(DeltaText, APathHasOneKeyHoweverItIsSpelt) {
  EXPECT_EQ(FileKey("city=a%20b/é.parquet"), FileKey("./city=a b/%C3%A9.parquet"));
  EXPECT_NE(FileKey("a%2520b"), FileKey("a%20b"));
}

}  // namespace
}  // namespace tarn::delta

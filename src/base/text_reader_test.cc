#include "base/text_reader.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(TextReader, ReadsNoMoreDigitsThanAskedFor) {
  TextReader reader("0123x");
  EXPECT_EQ(reader.Digits(1, 2), 1);
  EXPECT_EQ(reader.Digits(1, 9), 23);
  EXPECT_EQ(reader.Digits(1, 9), std::nullopt);
  EXPECT_TRUE(reader.Skip('x'));
  EXPECT_FALSE(reader.Skip('x'));
  EXPECT_TRUE(reader.done());
}

TEST(TextReader, ADateIsFourTwoAndTwoDigits) {
  EXPECT_EQ(TextReader("2017-11-16").Date(4), (CivilDate{2017, 11, 16}));
  EXPECT_EQ(TextReader("0000-00-00").Date(4), (CivilDate{0, 0, 0}));
  EXPECT_EQ(TextReader("294276-12-31").Date(7), (CivilDate{294276, 12, 31}));
  for (const char* text : {"", "2017", "2017-11", "2017-11-1", "2017-1-16", "17-11-16",
                           "20170-11-16", "-2017-11-16", "2017/11/16", "2017-+1-16"}) {
    EXPECT_EQ(TextReader(text).Date(4), std::nullopt) << text;
  }
}

TEST(TextReader, AClockHasMinutesAndSecondsBelowSixty) {
  const auto clock = TextReader("838:59:58").Clock(3);
  ASSERT_TRUE(clock);
  EXPECT_EQ(clock->hours, 838);
  EXPECT_EQ(clock->minutes, 59);
  EXPECT_EQ(clock->seconds, 58);
  for (const char* text : {"838:59:59", "1:00:00", "12:60:00", "12:00:60", "12:00", "12-00-00"}) {
    EXPECT_FALSE(TextReader(text).Clock(2)) << text;
  }
}

TEST(TextReader, AFractionIsMicrosecondsHoweverManyDigits) {
  EXPECT_EQ(TextReader("5").Micros(6), 500'000);
  EXPECT_EQ(TextReader("000001").Micros(6), 1);
  EXPECT_EQ(TextReader("").Micros(6), std::nullopt);
  TextReader longer("1234567");
  EXPECT_EQ(longer.Micros(6), 123'456);
  EXPECT_EQ(longer.rest(), "7");
}

}  // namespace
}  // namespace tarn

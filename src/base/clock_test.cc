#include "base/clock.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(ClockTest, UtcIsWrittenWithMicroseconds) {
  EXPECT_EQ(FormatUtc(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(FormatUtc(1795233906123456), "2026-11-21T04:05:06.123456Z");
  EXPECT_EQ(FormatUtc(951782400000000), "2000-02-29T00:00:00.000000Z");
}

TEST(ClockTest, TimesBeforeTheEpochCountBackwards) {
  EXPECT_EQ(FormatUtc(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatUtc(-1000000), "1969-12-31T23:59:59.000000Z");
}

TEST(ClockTest, AManualClockMovesOnlyWhenToldOrSleptOn) {
  ManualClock clock(5000);
  EXPECT_EQ(clock.NowMicros(), 5000);
  clock.SleepMicros(250);
  clock.SleepMicros(-100);
  clock.Advance(1);
  EXPECT_EQ(clock.NowMicros(), 5251);
  EXPECT_EQ(clock.MonotonicMicros(), 5251);
  EXPECT_EQ(clock.NowMillis(), 5);
}

TEST(ClockTest, TheMonotonicClockNeverRunsBackwards) {
  int64_t last = SystemClock().MonotonicMicros();
  for (int i = 0; i < 1000; ++i) {
    const int64_t now = SystemClock().MonotonicMicros();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace tarn

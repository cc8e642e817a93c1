#include "storage/s3/throttle.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

constexpr int64_t kSecond = 1'000'000;

/// Requests that may go within the second from `now` on.
int InOneSecond(Throttle& throttle, int64_t now) {
  int count = 0;
  while (count < 10'000 && throttle.Admit(now) < kSecond) ++count;
  return count;
}

TEST(ThrottleTest, NothingIsHeldBackUntilTheServerAsks) {
  Throttle throttle;
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(throttle.Admit(10 * kSecond), 0);
}

TEST(ThrottleTest, TheRateIsHalvedForEverybody) {
  Throttle throttle;
  const int64_t now = 100 * kSecond;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(throttle.Admit(now + i * 10'000), 0);
  throttle.SlowDown(now + kSecond, 0);
  const int count = InOneSecond(throttle, now + kSecond);
  EXPECT_GE(count, 40);
  EXPECT_LE(count, 60);
}

TEST(ThrottleTest, ManyRefusalsAtOnceCountOnce) {
  Throttle throttle;
  const int64_t now = 100 * kSecond;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(throttle.Admit(now + i * 10'000), 0);
  for (int i = 0; i < 20; ++i) throttle.SlowDown(now + kSecond + i, 0);
  EXPECT_GE(InOneSecond(throttle, now + kSecond + 20), 40);
}

TEST(ThrottleTest, RefusalsThatGoOnSlowDownFurtherButNeverToAStandstill) {
  Throttle throttle;
  int64_t now = 100 * kSecond;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(throttle.Admit(now), 0);
  for (int i = 0; i < 30; ++i) {
    throttle.SlowDown(now, 0);
    now += kSecond;
  }
  EXPECT_GE(InOneSecond(throttle, now), 2);
  EXPECT_LE(InOneSecond(throttle, now + 10), 3);
}

TEST(ThrottleTest, RetryAfterHoldsEverybodyBack) {
  Throttle throttle;
  const int64_t now = 100 * kSecond;
  throttle.SlowDown(now, 7 * kSecond);
  EXPECT_EQ(throttle.Admit(now), 7 * kSecond);
  EXPECT_GE(throttle.Admit(now + 2 * kSecond), 5 * kSecond);
  EXPECT_EQ(throttle.Admit(now + 20 * kSecond), 0);
}

TEST(ThrottleTest, TheBoundIsLiftedInTime) {
  Throttle throttle;
  const int64_t now = 100 * kSecond;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(throttle.Admit(now), 0);
  throttle.SlowDown(now, 0);
  EXPECT_GT(throttle.Admit(now + kSecond) + throttle.Admit(now + kSecond), 0);
  const int64_t later = now + 5 * Throttle::kDoublingMicros;
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(throttle.Admit(later), 0);
}

}  // namespace
}  // namespace tarn

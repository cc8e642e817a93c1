#include "pipeline/ingest/stop_grace.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace tarn {
namespace {

using std::chrono::milliseconds;

TEST(StopGrace, WhatIsUnderWayEndsAWhileAfterTheStopWithItsReason) {
  CancelFlag stop;
  const auto grace = *StopGrace::Begin(&stop, milliseconds(200));
  EXPECT_TRUE(grace->flag()->Check().ok());
  const int64_t asked = SystemClock().MonotonicMicros();
  stop.Request(Conflict("the lock is lost"));
  while (!grace->flag()->requested()) {
    ASSERT_LT(SystemClock().MonotonicMicros() - asked, 60'000'000);
    SystemClock().SleepMicros(1000);
  }
  EXPECT_GE(SystemClock().MonotonicMicros() - asked, 200'000);
  EXPECT_EQ(grace->flag()->Check().error().kind, ErrorKind::kConflict);
}

TEST(StopGrace, ItEndsBeforeTheStopAndWithoutOne) {
  CancelFlag stop;
  const CancelFlag* const flags[] = {&stop, nullptr};
  for (const CancelFlag* flag : flags) {
    const auto grace = *StopGrace::Begin(flag, milliseconds(60'000));
    EXPECT_FALSE(grace->flag()->requested());
  }
}

}  // namespace
}  // namespace tarn

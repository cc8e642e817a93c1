#pragma once

#include <atomic>

#include "base/clock.h"

namespace tarn {

/// A clock whose waits take no time, so that backoff costs the tests nothing.
class HastyClock final : public Clock {
 public:
  int64_t NowMicros() override { return SystemClock().NowMicros(); }
  int64_t MonotonicMicros() override { return SystemClock().MonotonicMicros(); }
  void SleepMicros(int64_t micros) override { slept_micros += micros; }
  std::atomic<int64_t> slept_micros{0};
};

}  // namespace tarn

#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace tarn {

/// Where time comes from. Injected, so that a test can bend it.
/// Threads: every method may be called concurrently.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Microseconds since 1970-01-01 UTC.
  virtual int64_t NowMicros() = 0;
  /// Monotonic microseconds, for durations and deadlines only.
  virtual int64_t MonotonicMicros() = 0;
  /// Waits at least so long; a manual clock moves itself forward instead.
  virtual void SleepMicros(int64_t micros) = 0;

  int64_t NowMillis() { return NowMicros() / 1000; }
};

/// The machine's clock; lives for ever.
Clock& SystemClock();

/// A clock that moves only when told to (or when somebody sleeps on it).
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t now_micros) : now_micros_(now_micros) {}
  int64_t NowMicros() override { return now_micros_; }
  int64_t MonotonicMicros() override { return now_micros_; }
  void SleepMicros(int64_t micros) override { Advance(micros > 0 ? micros : 0); }
  void Advance(int64_t micros) { now_micros_ += micros; }

 private:
  std::atomic<int64_t> now_micros_;
};

/// "2026-11-21T04:05:06.123456Z".
std::string FormatUtc(int64_t micros_since_epoch);

}  // namespace tarn

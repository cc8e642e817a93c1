#pragma once

#include <cstdint>
#include <mutex>

namespace tarn {

/// Slows a whole store down when its server asks for it (503 SlowDown, 429): one request that is
/// told to wait means that all of them are too many.
/// Nothing is held back before the first such answer. It halves the rate that requests went out at
/// (answers within a second of each other count once), and holds all of them back for as long as
/// the answer's Retry-After says. The rate then doubles every kDoublingMicros, and the bound is
/// lifted when it has grown far past the one that was too much.
/// Threads: every method may be called concurrently. Times are monotonic microseconds.
class Throttle {
 public:
  static constexpr int64_t kDoublingMicros = 5'000'000;

  /// How long a request that wants to go at `now` has to wait. Takes its turn.
  int64_t Admit(int64_t now_micros);
  /// The server asked to slow down, and perhaps for how long (0: it did not say).
  void SlowDown(int64_t now_micros, int64_t retry_after_micros);

 private:
  /// Requests a second that may go out, 0 for any number.
  double RateAt(int64_t now_micros) const;
  double MeasuredRate(int64_t now_micros) const;

  std::mutex mutex_;
  // What went out: in the current window of a second, and in the one before.
  int64_t window_start_ = 0;
  int64_t window_count_ = 0;
  int64_t window_count_before_ = 0;
  double rate_after_cut_ = 0;  // 0: not slowed down
  int64_t cut_at_ = 0;
  int64_t next_turn_ = 0;  // when the next request may go while slowed down
  int64_t paused_until_ = 0;
};

}  // namespace tarn

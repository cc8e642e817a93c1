#include "storage/s3/throttle.h"

#include <algorithm>
#include <cmath>

namespace tarn {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr double kRateMin = 2;  // requests a second: slower would be a standstill
constexpr double kCut = 0.5;
constexpr double kLiftedAtTimes = 16;  // the rate after the cut: eight times what was too much

}  // namespace

double Throttle::RateAt(int64_t now_micros) const {
  if (rate_after_cut_ == 0) return 0;
  const double doublings =
      static_cast<double>(now_micros - cut_at_) / static_cast<double>(kDoublingMicros);
  const double times = std::exp2(std::max(doublings, 0.0));
  return times >= kLiftedAtTimes ? 0 : rate_after_cut_ * times;
}

double Throttle::MeasuredRate(int64_t now_micros) const {
  const int64_t age = now_micros - window_start_;
  if (age >= 2 * kSecond) return 0;
  // A window that has just begun says little: the one before counts for the rest of its second.
  const double rest = std::max(0.0, 1.0 - static_cast<double>(age) / kSecond);
  return static_cast<double>(window_count_) + static_cast<double>(window_count_before_) * rest;
}

int64_t Throttle::Admit(int64_t now_micros) {
  std::lock_guard lock(mutex_);
  int64_t at = std::max(now_micros, paused_until_);
  if (const double rate = RateAt(at); rate > 0) {
    at = std::max(at, next_turn_);
    next_turn_ = at + static_cast<int64_t>(kSecond / rate);
  }
  if (const int64_t age = at - window_start_; age >= kSecond) {
    window_count_before_ = age < 2 * kSecond ? window_count_ : 0;
    window_count_ = 0;
    window_start_ = at;
  }
  ++window_count_;
  return at - now_micros;
}

void Throttle::SlowDown(int64_t now_micros, int64_t retry_after_micros) {
  std::lock_guard lock(mutex_);
  paused_until_ = std::max(paused_until_, now_micros + retry_after_micros);
  const double rate = RateAt(now_micros);
  if (rate > 0 && now_micros - cut_at_ < kSecond) return;
  double too_much = std::max(MeasuredRate(now_micros), kRateMin);
  if (rate > 0) too_much = std::min(too_much, rate);
  rate_after_cut_ = std::max(kRateMin, too_much * kCut);
  cut_at_ = now_micros;
  next_turn_ = std::max(next_turn_, now_micros);
}

}  // namespace tarn

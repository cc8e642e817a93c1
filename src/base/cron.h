#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time_zone.h"

namespace tarn {

/// The five fields of a crontab line (crontab(5)): minute, hour, day of the month, month, day of
/// the week; `*`, lists, ranges, steps, names of months and days, 7 as Sunday; or one of @hourly,
/// @daily,
/// @midnight, @weekly, @monthly, @yearly, @annually. Where both days are restricted, either
/// suffices. Threads: immutable.
class CronSchedule {
 public:
  /// InvalidArgument for what is none, and for what never comes (the 31st of February).
  static Result<CronSchedule> Parse(const std::string& text);

  /// The first second after `after` (both since 1970 UTC) at which it is due in the zone. When a
  /// clock is put forward, what would have been due in the hour that is left out is due at once;
  /// when it is put back, the hour that comes twice counts once. Neither concerns what is due at
  /// every hour or minute. (vixie-cron's rules.) Nothing for what a calendar of eight years does
  /// not hold.
  std::optional<int64_t> NextAfter(int64_t after, const TimeZone& zone) const;

 private:
  bool MatchesDate(int64_t local) const;
  bool Matches(int64_t local) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  bool any_day_ = false, any_weekday_ = false;  ///< written with `*`
  bool at_fixed_times_ = false;                 ///< neither minute nor hour is written with `*`
};

}  // namespace tarn

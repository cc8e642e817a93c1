#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn {

/// A zone of the system's time zone database: how far local time is from UTC at any instant.
/// Threads: immutable once loaded.
class TimeZone {
 public:
  /// UTC, which needs no database.
  TimeZone() = default;
  /// "Europe/Berlin", from $TZDIR or /usr/share/zoneinfo. Errors: NotFound; Corruption of its file.
  static Result<TimeZone> Load(const std::string& name);
  /// A file of that database (RFC 9636), version 2 or later.
  static Result<TimeZone> Parse(std::string_view bytes, const std::string& name);

  /// Seconds east of Greenwich at `seconds` since 1970 UTC.
  int32_t OffsetAt(int64_t seconds) const;

 private:
  /// A day of the year and a time of that day, as the POSIX rule behind the last transition says.
  struct Switch {
    enum class Kind { kMonthWeekDay, kJulian, kZeroBased } kind = Kind::kMonthWeekDay;
    int month = 0, week = 0, day = 0;
    int64_t seconds = 7200;
    int64_t InYear(int64_t year) const;  ///< local seconds since 1970
  };
  struct Rule {
    int32_t standard = 0;
    std::optional<int32_t> summer;
    Switch to_summer, to_standard;
    int32_t OffsetAt(int64_t seconds) const;
  };
  class RuleParser;

  std::vector<int64_t> transitions_;  ///< ascending
  std::vector<int32_t> offsets_;      ///< from each transition on
  int32_t first_offset_ = 0;          ///< before the first transition
  std::optional<Rule> rule_;          ///< after the last one
};

}  // namespace tarn

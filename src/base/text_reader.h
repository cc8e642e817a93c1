#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/civil_date.h"

namespace tarn {

/// Hours, minutes and seconds as they were written.
struct ClockParts {
  int64_t hours = 0;
  int64_t minutes = 0;  ///< 0–59
  int64_t seconds = 0;  ///< 0–59
};

/// Reads digits, dates and times from the front of a text. What comes back empty has read nothing
/// that can be used: the text is no such value. Only ASCII digits count, signs are the caller's.
class TextReader {
 public:
  explicit TextReader(std::string_view text) : rest_(text) {}

  bool Skip(char c);
  /// The number of the digits in front: at least `least`; those beyond `most` (up to 18) stay.
  std::optional<int64_t> Digits(size_t least, size_t most);
  /// Two digits in [low, high].
  std::optional<int64_t> TwoDigits(int64_t low, int64_t high);
  /// Behind a point: one to `most` (up to 6) digits of a second, in microseconds.
  std::optional<int64_t> Micros(size_t most);
  /// "2017-11-16", the year of four up to `year_digits` digits. Whether there is such a day the
  /// caller asks: MySQL has a month and a day 0.
  std::optional<CivilDate> Date(size_t year_digits);
  /// "12:34:56", the hours of two up to `hour_digits` digits.
  std::optional<ClockParts> Clock(size_t hour_digits);

  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 protected:
  std::string_view rest_;
};

}  // namespace tarn

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tarn {

/// \name Dates as text, shared by values and partition values: "2017-11-16", years before 0 with
/// their sign, years beyond 9999 with all their digits.
/// @{
std::string PaddedNumber(int64_t value, int digits);
std::string YearText(int64_t year);
std::string DayText(int64_t days);  ///< days since 1970-01-01

/// Reads numbers and separators from the front of a text. What comes back empty has read nothing
/// that can be used: the text is no such value.
class CivilReader {
 public:
  explicit CivilReader(std::string_view text) : rest_(text) {}
  std::optional<int64_t> Number();
  std::optional<int64_t> Year();  ///< a number that no arithmetic of dates overflows
  bool Skip(char c);
  /// A part of a date or time: two digits in [low, high].
  std::optional<int64_t> TwoDigits(int64_t low, int64_t high);
  /// A date, as days since 1970-01-01.
  std::optional<int64_t> Days();
  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};
/// @}

}  // namespace tarn

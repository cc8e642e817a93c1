#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/text_reader.h"

namespace tarn {

/// \name Dates as text, shared by values and partition values: "2017-11-16", years before 0 with
/// their sign, years beyond 9999 with all their digits.
/// @{
std::string PaddedNumber(int64_t value, int digits);
std::string YearText(int64_t year);
std::string DayText(int64_t days);  ///< days since 1970-01-01

/// Reads them, with their signs.
class CivilReader : public TextReader {
 public:
  using TextReader::TextReader;
  std::optional<int64_t> Number();
  std::optional<int64_t> Year();  ///< a number that no arithmetic of dates overflows
  /// A date, as days since 1970-01-01.
  std::optional<int64_t> Days();
};
/// @}

}  // namespace tarn

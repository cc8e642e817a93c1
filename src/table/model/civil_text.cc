#include "table/model/civil_text.h"

#include <charconv>
#include <cstdio>

#include "table/model/transform_math.h"

namespace tarn {

namespace {

constexpr int64_t kYearMax = 1'000'000'000;  ///< far beyond what any type holds, far from overflow

}  // namespace

std::string PaddedNumber(int64_t value, int digits) {
  char buffer[32];
  const int size =
      std::snprintf(buffer, sizeof(buffer), "%0*lld", digits, static_cast<long long>(value));
  return std::string(buffer, static_cast<size_t>(size));
}

std::string YearText(int64_t year) {
  return year < 0 ? "-" + PaddedNumber(-year, 4) : PaddedNumber(year, 4);
}

std::string DayText(int64_t days) {
  const CivilDate date = CivilFromDays(days);
  return YearText(date.year) + "-" + PaddedNumber(date.month, 2) + "-" + PaddedNumber(date.day, 2);
}

std::optional<int64_t> CivilReader::Number() {
  int64_t value = 0;
  const char* begin = rest_.data();
  auto [end, error] = std::from_chars(begin, begin + rest_.size(), value);
  if (error != std::errc()) return std::nullopt;
  rest_.remove_prefix(static_cast<size_t>(end - begin));
  return value;
}

std::optional<int64_t> CivilReader::Year() {
  Skip('+');
  const auto year = Number();
  return year && *year <= kYearMax && *year >= -kYearMax ? year : std::nullopt;
}

std::optional<int64_t> CivilReader::Days() {
  const auto year = Year();
  if (!year || !Skip('-')) return std::nullopt;
  const auto month = TwoDigits(1, 12);
  if (!month || !Skip('-')) return std::nullopt;
  const auto day = TwoDigits(1, 31);
  if (!day) return std::nullopt;
  const int64_t days = DaysFromCivil(*year, static_cast<int>(*month), static_cast<int>(*day));
  if (CivilFromDays(days).day != *day) return std::nullopt;
  return days;
}

}  // namespace tarn

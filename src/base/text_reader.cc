#include "base/text_reader.h"

namespace tarn {

bool TextReader::Skip(char c) {
  if (rest_.empty() || rest_.front() != c) return false;
  rest_.remove_prefix(1);
  return true;
}

std::optional<int64_t> TextReader::Digits(size_t least, size_t most) {
  int64_t value = 0;
  size_t count = 0;
  while (count < rest_.size() && count < most && rest_[count] >= '0' && rest_[count] <= '9') {
    value = value * 10 + (rest_[count++] - '0');
  }
  if (count < least) return std::nullopt;
  rest_.remove_prefix(count);
  return value;
}

std::optional<int64_t> TextReader::TwoDigits(int64_t low, int64_t high) {
  const auto value = Digits(2, 2);
  return value && *value >= low && *value <= high ? value : std::nullopt;
}

std::optional<int64_t> TextReader::Micros(size_t most) {
  const size_t before = rest_.size();
  auto value = Digits(1, most);
  if (!value) return std::nullopt;
  for (size_t digits = before - rest_.size(); digits < 6; ++digits) *value *= 10;
  return value;
}

std::optional<CivilDate> TextReader::Date(size_t year_digits) {
  const auto year = Digits(4, year_digits);
  if (!year || !Skip('-')) return std::nullopt;
  const auto month = Digits(2, 2);
  if (!month || !Skip('-')) return std::nullopt;
  const auto day = Digits(2, 2);
  if (!day) return std::nullopt;
  return CivilDate{*year, static_cast<int>(*month), static_cast<int>(*day)};
}

std::optional<ClockParts> TextReader::Clock(size_t hour_digits) {
  const auto hours = Digits(2, hour_digits);
  if (!hours || !Skip(':')) return std::nullopt;
  const auto minutes = TwoDigits(0, 59);
  if (!minutes || !Skip(':')) return std::nullopt;
  const auto seconds = TwoDigits(0, 59);
  if (!seconds) return std::nullopt;
  return ClockParts{*hours, *minutes, *seconds};
}

}  // namespace tarn

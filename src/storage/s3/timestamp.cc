#include "storage/s3/timestamp.h"

#include <ctime>
#include <optional>

namespace tarn {
namespace {

/// Takes `digits` digits off the front; -1 when they are not there.
int TakeNumber(std::string_view& text, size_t digits) {
  if (text.size() < digits) return -1;
  int number = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool Take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

int64_t Micros(int year, int month, int day, int hour, int minute, int second) {
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
      minute < 0 || minute > 59 || second < 0 || second > 60) {
    return 0;
  }
  std::tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = second;
  return static_cast<int64_t>(timegm(&parts)) * 1000000;
}

/// Of "Z", "+01:00", "-0530": how far the local time is ahead.
std::optional<int64_t> OffsetMicros(std::string_view text) {
  if (text == "Z") return 0;
  const int sign = Take(text, "+") ? 1 : Take(text, "-") ? -1 : 0;
  const int hours = TakeNumber(text, 2);
  Take(text, ":");
  const int minutes = TakeNumber(text, 2);
  if (sign == 0 || hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || !text.empty()) {
    return std::nullopt;
  }
  return sign * (hours * 60 + minutes) * int64_t{60'000'000};
}

}  // namespace

int64_t ParseIsoTime(std::string_view text) {
  const int year = TakeNumber(text, 4);
  if (!Take(text, "-")) return 0;
  const int month = TakeNumber(text, 2);
  if (!Take(text, "-")) return 0;
  const int day = TakeNumber(text, 2);
  if (!Take(text, "T")) return 0;
  const int hour = TakeNumber(text, 2);
  if (!Take(text, ":")) return 0;
  const int minute = TakeNumber(text, 2);
  if (!Take(text, ":")) return 0;
  const int second = TakeNumber(text, 2);
  int64_t fraction = 0;
  if (Take(text, ".")) {
    int64_t unit = 100000;
    for (int digit = TakeNumber(text, 1); digit >= 0; digit = TakeNumber(text, 1), unit /= 10) {
      fraction += digit * unit;
    }
  }
  const int64_t micros = Micros(year, month, day, hour, minute, second);
  const std::optional<int64_t> offset = OffsetMicros(text);
  if (micros == 0 || !offset) return 0;
  return micros + fraction - *offset;
}

int64_t ParseHttpTime(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const size_t comma = text.find(", ");
  if (comma == std::string_view::npos) return 0;
  text.remove_prefix(comma + 2);
  const int day = TakeNumber(text, 2);
  if (!Take(text, " ") || text.size() < 3) return 0;
  const size_t month = kMonths.find(text.substr(0, 3));
  if (month == std::string_view::npos || month % 3 != 0) return 0;
  text.remove_prefix(3);
  if (!Take(text, " ")) return 0;
  const int year = TakeNumber(text, 4);
  if (!Take(text, " ")) return 0;
  const int hour = TakeNumber(text, 2);
  if (!Take(text, ":")) return 0;
  const int minute = TakeNumber(text, 2);
  if (!Take(text, ":")) return 0;
  const int second = TakeNumber(text, 2);
  if (text != " GMT") return 0;
  return Micros(year, static_cast<int>(month / 3) + 1, day, hour, minute, second);
}

}  // namespace tarn

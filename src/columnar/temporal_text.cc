#include "columnar/temporal_text.h"

#include <cstdio>

namespace tarn {

namespace {

/// ".5" for 500,000,000; nothing for 0.
std::string Fraction(int64_t nanos) {
  if (nanos == 0) return {};
  char buffer[16];
  std::snprintf(buffer, sizeof(buffer), ".%09lld", static_cast<long long>(nanos));
  std::string text = buffer;
  while (text.back() == '0') text.pop_back();
  return text;
}

}  // namespace

std::string TimeText(int64_t nanos_of_day) {
  const int64_t seconds = nanos_of_day / 1'000'000'000;
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%02lld:%02lld:%02lld",
                static_cast<long long>(seconds / 3600), static_cast<long long>(seconds / 60 % 60),
                static_cast<long long>(seconds % 60));
  return buffer + Fraction(nanos_of_day % 1'000'000'000);
}

std::string SqlIntervalText(int64_t months, int64_t days, int64_t nanos) {
  std::string text;
  const auto part = [&](int64_t amount, const char* unit) {
    if (amount == 0) return;
    if (!text.empty()) text += " ";
    text += std::to_string(amount) + " " + unit + (amount == 1 || amount == -1 ? "" : "s");
  };
  part(months / 12, "year");
  part(months % 12, "month");
  part(days, "day");
  if (nanos == 0) return text.empty() ? "00:00:00" : text;
  if (!text.empty()) text += " ";
  return text + (nanos < 0 ? "-" : "") + TimeText(nanos < 0 ? -nanos : nanos);
}

std::string IntervalText(int64_t months, int64_t days, int64_t seconds, int64_t nanos) {
  // Seconds and their fraction have one sign.
  seconds += nanos / 1'000'000'000;
  nanos %= 1'000'000'000;
  if (seconds > 0 && nanos < 0) {
    --seconds;
    nanos += 1'000'000'000;
  } else if (seconds < 0 && nanos > 0) {
    ++seconds;
    nanos -= 1'000'000'000;
  }
  std::string text = "P";
  auto part = [&](int64_t amount, char unit) {
    if (amount != 0) text += std::to_string(amount) + unit;
  };
  part(months / 12, 'Y');
  part(months % 12, 'M');
  part(days, 'D');
  std::string date = std::move(text);
  text.clear();
  part(seconds / 3600, 'H');
  part(seconds / 60 % 60, 'M');
  const int64_t rest = seconds % 60;
  if (rest != 0 || nanos != 0) {
    const bool negative = rest < 0 || nanos < 0;
    text += (negative ? "-" : "") + std::to_string(negative ? -rest : rest) +
            Fraction(negative ? -nanos : nanos) + "S";
  }
  if (text.empty()) return date == "P" ? "PT0S" : date;
  return date + "T" + text;
}

}  // namespace tarn

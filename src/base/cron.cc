#include "base/cron.h"

#include <array>
#include <chrono>
#include <sstream>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace tarn {
namespace {

constexpr int64_t kMinute = 60;
constexpr int64_t kHour = 3600;
constexpr int64_t kDay = 86400;
/// Two leap years lie within eight, unless one of them is a century's: then what is due on the 29th
/// of February is looked for no further.
constexpr int64_t kHorizon = 8 * 366 * kDay;
/// Offsets of zones change at multiples of this.
constexpr int64_t kStep = 15 * kMinute;
/// More than any clock is ever put back.
constexpr int64_t kShiftMax = 3 * kHour;

constexpr std::array<const char*, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                 "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<const char*, 7> kWeekdays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/// One field: what it may hold, and the names of its values.
struct Field {
  const char* what;
  int min = 0;
  int max = 0;
  const char* const* names = nullptr;
  int names_count = 0;  ///< the first one stands for `min`
};
constexpr std::array<Field, 5> kFields = {{{"minute", 0, 59, nullptr, 0},
                                           {"hour", 0, 23, nullptr, 0},
                                           {"day of the month", 1, 31, nullptr, 0},
                                           {"month", 1, 12, kMonths.data(), 12},
                                           {"day of the week", 0, 7, kWeekdays.data(), 7}}};

std::optional<int> Number(std::string_view text, int max) {
  if (text.empty() || text.size() > 3) return std::nullopt;
  int number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number <= max ? std::optional<int>(number) : std::nullopt;
}

std::optional<int> Value(std::string_view text, const Field& field) {
  for (int i = 0; i < field.names_count; ++i) {
    if (text == field.names[i]) return field.min + i;
  }
  const auto number = Number(text, field.max);
  return number.has_value() && *number >= field.min ? number : std::nullopt;
}

/// `a`, `a-b`, `*`, each with `/step`.
bool AddRange(std::string_view text, const Field& field, std::vector<bool>* values) {
  int step = 1;
  const size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto number = Number(text.substr(slash + 1), field.max);
    if (!number.has_value() || *number == 0) return false;
    step = *number;
    text = text.substr(0, slash);
  }
  int first = field.min, last = field.max;
  if (text != "*") {
    const size_t dash = text.find('-');
    const auto from = Value(text.substr(0, dash), field);
    if (!from.has_value()) return false;
    first = last = *from;
    if (dash != std::string_view::npos) {
      const auto to = Value(text.substr(dash + 1), field);
      if (!to.has_value() || *to < first) return false;
      last = *to;
    } else if (slash != std::string_view::npos) {
      last = field.max;  // `5/15`: from there on
    }
  }
  for (int value = first; value <= last; value += step)
    (*values)[static_cast<size_t>(value)] = true;
  return true;
}

Error NoCron(const std::string& text, const std::string& why) {
  return InvalidArgument(
      "\"" + text + "\" is no schedule: " + why,
      "write the five fields of cron: \"0 2 * * *\" is every day at two o'clock");
}

std::string Macro(const std::string& text) {
  const std::pair<const char*, const char*> macros[] = {
      {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
      {"@weekly", "0 0 * * 0"},  {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
      {"@annually", "0 0 1 1 *"}};
  for (const auto& [name, fields] : macros) {
    if (text == name) return fields;
  }
  return text;
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

int64_t FloorDivide(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

}  // namespace

Result<CronSchedule> CronSchedule::Parse(const std::string& text) {
  const std::vector<std::string> words = Words(Macro(LowerAscii(text)));
  if (words.size() != kFields.size()) {
    return NoCron(text, "it has " + std::to_string(words.size()) + " fields");
  }
  std::array<std::vector<bool>, kFields.size()> values;
  for (size_t i = 0; i < kFields.size(); ++i) {
    values[i].resize(static_cast<size_t>(kFields[i].max) + 1);
    std::string_view rest = words[i];
    while (true) {
      const size_t comma = rest.find(',');
      if (!AddRange(rest.substr(0, comma), kFields[i], &values[i])) {
        return NoCron(text, "\"" + words[i] + "\" is no " + kFields[i].what);
      }
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  CronSchedule schedule;
  for (size_t i = 0; i < 60; ++i) schedule.minutes_[i] = values[0][i];
  for (size_t i = 0; i < 24; ++i) schedule.hours_[i] = values[1][i];
  for (size_t i = 0; i < 32; ++i) schedule.days_[i] = values[2][i];
  for (size_t i = 0; i < 13; ++i) schedule.months_[i] = values[3][i];
  for (size_t i = 0; i < 7; ++i) schedule.weekdays_[i] = values[4][i] || (i == 0 && values[4][7]);
  schedule.any_day_ = words[2].front() == '*';
  schedule.any_weekday_ = words[4].front() == '*';
  schedule.at_fixed_times_ = words[0].front() != '*' && words[1].front() != '*';
  // A day of the week comes in every month.
  bool comes = !schedule.any_weekday_;
  constexpr int kDaysOfMonth[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (size_t month = 1; month <= 12; ++month) {
    for (int day = 1; day <= kDaysOfMonth[month]; ++day) {
      comes = comes || (schedule.months_[month] && schedule.days_[static_cast<size_t>(day)]);
    }
  }
  if (!comes) return NoCron(text, "no month has such a day");
  return schedule;
}

bool CronSchedule::MatchesDate(int64_t local) const {
  const std::chrono::sys_days day{std::chrono::days{FloorDivide(local, kDay)}};
  const std::chrono::year_month_day date{day};
  if (!months_[static_cast<unsigned>(date.month())]) return false;
  const bool of_month = days_[static_cast<unsigned>(date.day())];
  const bool of_week = weekdays_[std::chrono::weekday{day}.c_encoding()];
  return any_day_ || any_weekday_ ? of_month && of_week : of_month || of_week;
}

bool CronSchedule::Matches(int64_t local) const {
  const int64_t of_day = local - FloorDivide(local, kDay) * kDay;
  return minutes_[static_cast<size_t>(of_day % kHour / kMinute)] &&
         hours_[static_cast<size_t>(of_day / kHour)] && MatchesDate(local);
}

std::optional<int64_t> CronSchedule::NextAfter(int64_t after, const TimeZone& zone) const {
  int64_t at = (FloorDivide(after, kMinute) + 1) * kMinute;
  const int64_t end = at + kHorizon;
  while (at < end) {
    const int64_t offset = zone.OffsetAt(at);
    const int64_t before = zone.OffsetAt(at - kMinute);
    if (at_fixed_times_ && offset > before) {
      for (int64_t left_out = at + before; left_out < at + offset; left_out += kMinute) {
        if (Matches(left_out)) return at;
      }
    }
    if (!MatchesDate(at + offset)) {
      at = (FloorDivide(at, kStep) + 1) * kStep;
      continue;
    }
    if (Matches(at + offset)) {
      // The same local time under the offset of before the clock was put back, if it was.
      const int64_t earlier = zone.OffsetAt(at - kShiftMax);
      const int64_t first = at + offset - earlier;
      const bool again = at_fixed_times_ && first < at && zone.OffsetAt(first) == earlier;
      if (!again) return at;
    }
    at += kMinute;
  }
  return std::nullopt;
}

}  // namespace tarn

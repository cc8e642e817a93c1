#include "base/time_zone.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/civil_date.h"

namespace tarn {
namespace {

constexpr int64_t kDay = 86400;
constexpr int64_t kFileBytesMax = 1 << 20;

bool IsLeap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int64_t FloorDivide(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

/// 0 of no bytes: what a cursor that ran dry gives.
int64_t BigEndian(std::string_view bytes) {
  if (bytes.empty()) return 0;
  uint64_t value = 0;
  for (char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  // Sign of a number shorter than 8 bytes.
  const int unused = 64 - static_cast<int>(bytes.size()) * 8;
  return static_cast<int64_t>(value << unused) >> unused;
}

/// Bytes taken off the front; runs dry instead of over.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}
  std::string_view Take(int64_t count) {
    if (count < 0 || count > static_cast<int64_t>(rest_.size())) {
      dry_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, static_cast<size_t>(count));
    rest_.remove_prefix(static_cast<size_t>(count));
    return taken;
  }
  std::string_view rest() const { return rest_; }
  bool dry() const { return dry_; }

 private:
  std::string_view rest_;
  bool dry_ = false;
};

/// The counts of RFC 9636, section 3.1, in the order of the file.
struct Header {
  int64_t ut = 0, standard = 0, leap = 0, times = 0, types = 0, characters = 0;
  int64_t BodyBytes(int64_t time_bytes) const {
    return times * (time_bytes + 1) + types * 6 + characters + leap * (time_bytes + 4) + standard +
           ut;
  }
};

bool TakeHeader(Cursor* cursor, Header* header, char* version) {
  const std::string_view magic = cursor->Take(4);
  const std::string_view number = cursor->Take(16);
  for (int64_t* count : {&header->ut, &header->standard, &header->leap, &header->times,
                         &header->types, &header->characters}) {
    *count = BigEndian(cursor->Take(4));
    if (*count < 0 || *count > kFileBytesMax) return false;
  }
  if (cursor->dry() || magic != "TZif") return false;
  *version = number[0];
  return true;
}

}  // namespace

/// "CET-1CEST,M3.5.0,M10.5.0/3": POSIX.1-2024, 8.3, with hours up to 167 as RFC 9636 allows.
class TimeZone::RuleParser {
 public:
  explicit RuleParser(std::string_view text) : rest_(text) {}

  std::optional<Rule> Parse() {
    Rule rule;
    int64_t west = 0;
    if (!Name() || !Time(&west)) return std::nullopt;
    rule.standard = static_cast<int32_t>(-west);
    if (rest_.empty()) return rule;
    if (!Name()) return std::nullopt;
    west = -int64_t{rule.standard} - 3600;
    if (!rest_.starts_with(',') && !Time(&west)) return std::nullopt;
    rule.summer = static_cast<int32_t>(-west);
    if (!Day(&rule.to_summer) || !Day(&rule.to_standard) || !rest_.empty()) return std::nullopt;
    return rule;
  }

 private:
  bool Take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool Name() {
    const bool quoted = Take('<');
    size_t size = 0;
    const auto ends = [&](char c) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      return quoted ? c == '>' : !letter;
    };
    while (size < rest_.size() && !ends(rest_[size])) ++size;
    rest_.remove_prefix(size);
    return size > 0 && (!quoted || Take('>'));
  }
  bool Number(int64_t max, int64_t* number) {
    size_t size = 0;
    *number = 0;
    for (; size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '9'; ++size) {
      *number = *number * 10 + (rest_[size] - '0');
      if (*number > max) return false;
    }
    rest_.remove_prefix(size);
    return size > 0;
  }
  bool Time(int64_t* seconds) {
    const bool negative = Take('-');
    if (!negative) Take('+');
    int64_t hours = 0, minutes = 0, rest = 0;
    if (!Number(167, &hours)) return false;
    if (Take(':') && !Number(59, &minutes)) return false;
    if (Take(':') && !Number(59, &rest)) return false;
    *seconds = (hours * 3600 + minutes * 60 + rest) * (negative ? -1 : 1);
    return true;
  }
  bool Day(Switch* day) {
    int64_t month = 0, week = 0, number = 0;
    if (!Take(',')) return false;
    if (Take('M')) {
      day->kind = Switch::Kind::kMonthWeekDay;
      if (!Number(12, &month) || !Take('.') || !Number(5, &week) || !Take('.')) return false;
      if (!Number(6, &number) || month == 0 || week == 0) return false;
    } else {
      day->kind = Take('J') ? Switch::Kind::kJulian : Switch::Kind::kZeroBased;
      if (!Number(365, &number)) return false;
    }
    day->month = static_cast<int>(month);
    day->week = static_cast<int>(week);
    day->day = static_cast<int>(number);
    return !Take('/') || Time(&day->seconds);
  }

  std::string_view rest_;
};

int64_t TimeZone::Switch::InYear(int64_t year) const {
  int64_t days = 0;
  switch (kind) {
    case Kind::kMonthWeekDay: {
      const int64_t first = DaysFromCivil(year, month, 1);
      const int64_t weekday = ((first + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
      days = first + (day - weekday + 7) % 7 + (week - 1) * 7;
      const int64_t next =
          month == 12 ? DaysFromCivil(year + 1, 1, 1) : DaysFromCivil(year, month + 1, 1);
      if (days >= next) days -= 7;  // the fifth is the last one
      break;
    }
    case Kind::kJulian:  // the 29th of February is never counted
      days = DaysFromCivil(year, 1, 1) + day - 1 + (IsLeap(year) && day >= 60 ? 1 : 0);
      break;
    case Kind::kZeroBased:
      days = DaysFromCivil(year, 1, 1) + day;
      break;
  }
  return days * kDay + seconds;
}

int32_t TimeZone::Rule::OffsetAt(int64_t seconds) const {
  if (!summer) return standard;
  const int64_t year = CivilFromDays(FloorDivide(seconds + standard, kDay)).year;
  const int64_t begin = to_summer.InYear(year) - standard;
  const int64_t end = to_standard.InYear(year) - *summer;
  const bool is_summer =
      begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end;
  return is_summer ? *summer : standard;
}

Result<TimeZone> TimeZone::Parse(std::string_view bytes, const std::string& name) {
  const Error bad = Corruption("the file of time zone " + name + " cannot be read",
                               "install the package tzdata again");
  Cursor cursor(bytes);
  Header header;
  char version = 0;
  if (!TakeHeader(&cursor, &header, &version) || version < '2') return bad;
  cursor.Take(header.BodyBytes(4));
  if (!TakeHeader(&cursor, &header, &version) || header.types == 0) return bad;
  const std::string_view times = cursor.Take(header.times * 8);
  const std::string_view indexes = cursor.Take(header.times);
  const std::string_view types = cursor.Take(header.types * 6);
  cursor.Take(header.characters + header.leap * 12 + header.standard + header.ut);
  if (cursor.dry()) return bad;
  TimeZone zone;
  const auto offset = [&](int64_t type) {
    return static_cast<int32_t>(BigEndian(types.substr(static_cast<size_t>(type) * 6, 4)));
  };
  zone.first_offset_ = offset(0);
  for (int64_t i = 0; i < header.times; ++i) {
    const auto type = static_cast<unsigned char>(indexes[static_cast<size_t>(i)]);
    if (type >= header.types) return bad;
    zone.transitions_.push_back(BigEndian(times.substr(static_cast<size_t>(i) * 8, 8)));
    zone.offsets_.push_back(offset(type));
  }
  if (!std::is_sorted(zone.transitions_.begin(), zone.transitions_.end())) return bad;
  std::string_view footer = cursor.rest();
  if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') return bad;
  footer = footer.substr(1, footer.size() - 2);
  if (footer.empty()) return zone;  // nobody knows what comes after the last transition
  zone.rule_ = RuleParser(footer).Parse();
  if (!zone.rule_) return bad;
  return zone;
}

Result<TimeZone> TimeZone::Load(const std::string& name) {
  const char* folder = std::getenv("TZDIR");
  const std::string path =
      std::string(folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo") + "/" +
      name;
  const bool outside = name.empty() || name[0] == '/' || name.find("..") != std::string::npos;
  std::ifstream file(path, std::ios::binary);
  if (outside || !file) {
    return NotFound("the time zone " + name + " is not in this machine's time zone database",
                    "install the package tzdata, or choose a name like Europe/Berlin");
  }
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return Parse(bytes.str(), name);
}

int32_t TimeZone::OffsetAt(int64_t seconds) const {
  const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), seconds);
  if (after == transitions_.end() && rule_) return rule_->OffsetAt(seconds);
  if (after == transitions_.begin()) return first_offset_;
  return offsets_[static_cast<size_t>(after - transitions_.begin()) - 1];
}

}  // namespace tarn

#include "source/mysql/my_value.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <limits>

#include "base/civil_date.h"
#include "columnar/utf8.h"

namespace tarn::mysql {
namespace {

constexpr int64_t kDayMicros = 86400000000;

constexpr std::array<Wide, 39> MakePowers() {
  std::array<Wide, 39> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}
constexpr std::array<Wide, 39> kPowers = MakePowers();

bool IsLeap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

// ".120000" cut to the column's digits.
int AppendFraction(char* to, size_t room, int micros, int digits) {
  if (digits <= 0) return 0;
  for (int i = digits; i < 6; ++i) micros /= 10;
  return std::snprintf(to, room, ".%0*d", digits, micros);
}

// "-12.30" as -123 of scale 1. More than 38 digits: false.
bool ParseDecimal(std::string_view text, Wide* unscaled, int* scale) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return false;
  // Zeros that end the fraction say nothing.
  if (text.find('.') != std::string_view::npos) {
    text = text.substr(0, text.find_last_not_of('0') + 1);
  }
  *scale = 0;
  bool point = false;
  uint64_t low = 0;  // of up to 18 digits, before wide arithmetic is needed
  int low_digits = 0;
  Wide value = 0;
  const auto flush = [&] {
    value = value * kPowers[static_cast<size_t>(low_digits)] + static_cast<Wide>(low);
    low = 0;
    low_digits = 0;
  };
  int significant = 0;
  for (const char c : text) {
    if (c == '.') {
      if (point) return false;
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return false;
    if (significant > 0 || c != '0') ++significant;
    if (significant > kDecimalDigitsMax) return false;
    low = low * 10 + static_cast<uint64_t>(c - '0');
    if (++low_digits == 18) flush();
    if (point) ++*scale;
  }
  flush();
  *unscaled = negative ? -value : value;
  return true;
}

}  // namespace

bool DaysOf(const DateParts& date, int64_t* days) {
  static constexpr int kMonthDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (date.month < 1 || date.month > 12 || date.day < 1) return false;
  const int last = date.month == 2 && IsLeap(date.year) ? 29 : kMonthDays[date.month - 1];
  if (date.day > last || date.year < 0 || date.year > 9999) return false;
  *days = DaysFromCivil(date.year, date.month, date.day);
  return true;
}

DateParts DateOf(int64_t days) {
  const CivilDate civil = CivilFromDays(days);
  DateParts date;
  date.year = static_cast<int>(civil.year);
  date.month = civil.month;
  date.day = civil.day;
  return date;
}

Trouble ValueWriter::Text(int64_t row, std::string_view text) {
  return Chars(row, reinterpret_cast<const uint8_t*>(text.data()),
               static_cast<int64_t>(text.size()));
}

Trouble ValueWriter::Decimal(int64_t row, Wide value, int scale) {
  const int shift = column_.scale - scale;
  if (shift > 0) {
    const Wide power = kPowers[static_cast<size_t>(shift)];
    const Wide limit = (kPowers[38] - 1) / power;
    if (value > limit || value < -limit) return Trouble::kRange;
    value *= power;
  } else if (shift < 0) {
    const Wide power = kPowers[static_cast<size_t>(-shift)];
    if (value % power != 0) return Trouble::kInexact;
    value /= power;
  }
  const Wide limit = kPowers[static_cast<size_t>(column_.precision)];
  if (value >= limit || value <= -limit) return Trouble::kRange;
  std::memcpy(to.values + row * 16, &value, 16);
  return Trouble::kNone;
}

Trouble ValueWriter::SignedSlow(int64_t row, int64_t value) {
  switch (column_.store) {
    case Store::kDecimal:
      return Decimal(row, value, 0);
    case Store::kFloat64: {
      const double number = static_cast<double>(value);
      std::memcpy(to.values + row * 8, &number, 8);
      return Trouble::kNone;
    }
    case Store::kText: {
      char text[24];
      char* end = std::to_chars(text, text + sizeof(text), value).ptr;
      return Text(row, {text, static_cast<size_t>(end - text)});
    }
    default:
      return Trouble::kMalformed;
  }
}

Trouble ValueWriter::UnsignedSlow(int64_t row, uint64_t value) {
  switch (column_.store) {
    case Store::kDecimal:
      return Decimal(row, static_cast<Wide>(value), 0);
    case Store::kFloat64: {
      const double number = static_cast<double>(value);
      std::memcpy(to.values + row * 8, &number, 8);
      return Trouble::kNone;
    }
    case Store::kText: {
      char text[24];
      char* end = std::to_chars(text, text + sizeof(text), value).ptr;
      return Text(row, {text, static_cast<size_t>(end - text)});
    }
    case Store::kInt64:
      return Trouble::kRange;
    default:
      return Trouble::kMalformed;
  }
}

Trouble ValueWriter::Float(int64_t row, float value) {
  if (column_.store == Store::kFloat32) {
    std::memcpy(to.values + row * 4, &value, 4);
    return Trouble::kNone;
  }
  if (column_.store == Store::kText) {
    char text[64];
    char* end = std::to_chars(text, text + sizeof(text), value).ptr;
    return Text(row, {text, static_cast<size_t>(end - text)});
  }
  return Double(row, static_cast<double>(value));
}

Trouble ValueWriter::Double(int64_t row, double value) {
  if (column_.store == Store::kFloat64) {
    std::memcpy(to.values + row * 8, &value, 8);
    return Trouble::kNone;
  }
  if (column_.store != Store::kText) return Trouble::kMalformed;
  char text[64];
  char* end = std::to_chars(text, text + sizeof(text), value).ptr;
  return Text(row, {text, static_cast<size_t>(end - text)});
}

Trouble ValueWriter::DecimalText(int64_t row, std::string_view text) {
  if (column_.store == Store::kText) return Text(row, text);
  if (column_.store == Store::kFloat64) {
    double number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || stop != text.data() + text.size()) return Trouble::kMalformed;
    std::memcpy(to.values + row * 8, &number, 8);
    return Trouble::kNone;
  }
  if (column_.store != Store::kDecimal) return Trouble::kMalformed;
  Wide value = 0;
  int scale = 0;
  if (!ParseDecimal(text, &value, &scale)) return Trouble::kRange;
  return Decimal(row, value, scale);
}

Trouble ValueWriter::Date(int64_t row, const DateParts& date) {
  if (column_.store == Store::kText) {
    char text[48];
    const int size =
        std::snprintf(text, sizeof(text), "%04d-%02d-%02d", date.year, date.month, date.day);
    return Text(row, {text, static_cast<size_t>(size)});
  }
  int64_t days = 0;
  if (column_.store != Store::kDate) return Trouble::kMalformed;
  if (!DaysOf(date, &days)) return Trouble::kZeroDate;
  Store32(row, static_cast<int32_t>(days));
  return Trouble::kNone;
}

Trouble ValueWriter::Datetime(int64_t row, const DateParts& date, const TimeParts& time) {
  if (column_.store == Store::kText) {
    char text[96];
    int size =
        std::snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d:%02d", date.year, date.month,
                      date.day, static_cast<int>(time.hours), time.minutes, time.seconds);
    size += AppendFraction(text + size, sizeof(text) - static_cast<size_t>(size), time.micros,
                           column_.fraction_digits);
    return Text(row, {text, static_cast<size_t>(size)});
  }
  int64_t days = 0;
  if (column_.store != Store::kTimestamp) return Trouble::kMalformed;
  if (!DaysOf(date, &days)) return Trouble::kZeroDate;
  if (time.hours > 23 || time.minutes > 59 || time.seconds > 59 || time.micros > 999999) {
    return Trouble::kMalformed;
  }
  Store64(row, days * kDayMicros +
                   ((time.hours * 60 + time.minutes) * 60 + time.seconds) * 1000000 + time.micros);
  return Trouble::kNone;
}

Trouble ValueWriter::Instant(int64_t row, int64_t micros) {
  if (column_.store == Store::kTimestamp) {
    Store64(row, micros);
    return Trouble::kNone;
  }
  int64_t days = micros / kDayMicros;
  int64_t rest = micros % kDayMicros;
  if (rest < 0) {
    rest += kDayMicros;
    --days;
  }
  TimeParts time;
  time.hours = rest / 3600000000;
  time.minutes = static_cast<int>(rest / 60000000 % 60);
  time.seconds = static_cast<int>(rest / 1000000 % 60);
  time.micros = static_cast<int>(rest % 1000000);
  return Datetime(row, DateOf(days), time);
}

Trouble ValueWriter::Time(int64_t row, const TimeParts& time) {
  if (column_.store != Store::kText) return Trouble::kMalformed;
  char text[96];
  int size = std::snprintf(text, sizeof(text), "%s%02lld:%02d:%02d", time.negative ? "-" : "",
                           static_cast<long long>(time.hours), time.minutes, time.seconds);
  size += AppendFraction(text + size, sizeof(text) - static_cast<size_t>(size), time.micros,
                         column_.fraction_digits);
  return Text(row, {text, static_cast<size_t>(size)});
}

Trouble ValueWriter::Bits(int64_t row, uint64_t value) {
  if (column_.store != Store::kBool) return Unsigned(row, value);
  if (value > 1) return Trouble::kMalformed;
  to.values[row] = static_cast<uint8_t>(value);
  return Trouble::kNone;
}

Trouble ValueWriter::Json(int64_t row, std::string_view text) {
  switch (to.AppendJson(row, text)) {
    case ArrowColumn::JsonOutcome::kAdded:
      return Trouble::kNone;
    case ArrowColumn::JsonOutcome::kRefused:
      return Trouble::kJson;
    case ArrowColumn::JsonOutcome::kNoMemory:
      break;
  }
  return Trouble::kMemory;
}

Trouble ValueWriter::Chars(int64_t row, const uint8_t* p, int64_t bytes) {
  if (bytes > value_bytes_max_) return Trouble::kTooLong;
  if (column_.store == Store::kVariant) {
    return Json(row, {reinterpret_cast<const char*>(p), static_cast<size_t>(bytes)});
  }
  if (column_.store != Store::kText && column_.store != Store::kBytes) return Trouble::kMalformed;
  if (to.chars_size + bytes > to.chars_capacity && !to.GrowChars(bytes).ok()) {
    return Trouble::kMemory;
  }
  if (column_.store == Store::kText && column_.type == MyType::kBytes &&
      !IsValidUtf8({reinterpret_cast<const char*>(p), static_cast<size_t>(bytes)})) {
    return Trouble::kUtf8;
  }
  if (bytes > 0) std::memcpy(to.chars + to.chars_size, p, static_cast<size_t>(bytes));
  to.chars_size += bytes;
  Store32(row + 1, static_cast<int32_t>(to.chars_size));
  return Trouble::kNone;
}

}  // namespace tarn::mysql

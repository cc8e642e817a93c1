#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "table/model/civil_text.h"
#include "table/model/schema.h"
#include "table/model/transform_math.h"

namespace tarn {

namespace {

using Kind = Type::Kind;

__extension__ using Wide = unsigned __int128;

constexpr char kUtc[] = "+00:00";

/// How many ticks of a type make one second, as digits of its fraction.
struct Ticks {
  int64_t per_second;
  int digits;
};
constexpr Ticks kMicros{1'000'000, 6};
constexpr Ticks kNanos{1'000'000'000, 9};

Ticks TicksOf(const Type& type) {
  return TicksPerDay(type.kind()) == kNanosPerDay ? kNanos : kMicros;
}

std::string TimeText(int64_t time, Ticks ticks) {
  const int64_t seconds = time / ticks.per_second;
  std::string text = PaddedNumber(seconds / 3600, 2) + ":" + PaddedNumber(seconds / 60 % 60, 2) +
                     ":" + PaddedNumber(seconds % 60, 2);
  const int64_t fraction = time % ticks.per_second;
  if (fraction != 0) text += "." + PaddedNumber(fraction, ticks.digits);
  return text;
}

std::string TimestampText(int64_t value, Ticks ticks) {
  const int64_t days = FloorDiv(value, ticks.per_second * 86'400);
  const int64_t of_day = FloorMod(value, ticks.per_second * 86'400);
  return DayText(days) + "T" + TimeText(of_day, ticks);
}

std::string DecimalText(Int128 unscaled, int scale) {
  Wide magnitude = (static_cast<Wide>(static_cast<uint64_t>(unscaled.high)) << 64) | unscaled.low;
  const bool negative = unscaled.high < 0;
  if (negative) magnitude = -magnitude;
  std::string digits;
  while (magnitude != 0 || static_cast<int>(digits.size()) <= scale) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(magnitude % 10)));
    magnitude /= 10;
  }
  if (scale > 0) digits.insert(digits.size() - static_cast<size_t>(scale), ".");
  return negative ? "-" + digits : digits;
}

std::string HexText(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

std::string UuidText(std::string_view bytes) {
  std::string text = HexText(bytes);
  if (text.size() != 32) return text;
  for (size_t at : {20, 16, 12, 8}) text.insert(at, "-");
  return text;
}

std::string DoubleText(double value) {
  char buffer[64];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return error == std::errc() ? std::string(buffer, end) : "?";
}

std::optional<int64_t> ReadTime(CivilReader& reader, Ticks ticks) {
  const auto hour = reader.TwoDigits(0, 23);
  if (!hour || !reader.Skip(':')) return std::nullopt;
  const auto minute = reader.TwoDigits(0, 59);
  if (!minute || !reader.Skip(':')) return std::nullopt;
  const auto second = reader.TwoDigits(0, 59);
  if (!second) return std::nullopt;
  const int64_t time = ((*hour * 60 + *minute) * 60 + *second) * ticks.per_second;
  if (!reader.Skip('.')) return time;
  const size_t before = reader.rest().size();
  const auto fraction = reader.Number();
  const size_t digits = before - reader.rest().size();
  if (!fraction || *fraction < 0 || digits > static_cast<size_t>(ticks.digits)) {
    return std::nullopt;
  }
  int64_t scaled = *fraction;
  for (size_t i = digits; i < static_cast<size_t>(ticks.digits); ++i) scaled *= 10;
  return time + scaled;
}

std::optional<int64_t> ReadTimestamp(CivilReader& reader, Ticks ticks) {
  const auto days = reader.Days();
  if (!days || !(reader.Skip('T') || reader.Skip(' '))) return std::nullopt;
  const auto time = ReadTime(reader, ticks);
  if (!time) return std::nullopt;
  return TicksOfDays(*days, *time, ticks.per_second * 86'400);
}

/// Takes an exponent ("E-18", as Java writes small decimals) off the end of a number; 0 where there
/// is none, nullopt for one that is no number or beyond all scales.
std::optional<int> TakeExponent(std::string_view& text) {
  constexpr int kExponentMax = 100;
  const size_t mark = text.find_first_of("eE");
  if (mark == std::string_view::npos) return 0;
  std::string_view number = text.substr(mark + 1);
  if (number.starts_with('+') && !number.starts_with("+-")) number.remove_prefix(1);
  int exponent = 0;
  const char* const end = number.data() + number.size();
  const auto [stopped, error] = std::from_chars(number.data(), end, exponent);
  if (error != std::errc() || stopped != end) return std::nullopt;
  if (exponent < -kExponentMax || exponent > kExponentMax) return std::nullopt;
  text = text.substr(0, mark);
  return exponent;
}

std::optional<Scalar> ReadDecimal(std::string_view text, const Type& type) {
  // Beyond ten times this no further digit fits, and none of the steps below overflows.
  constexpr Wide kBeforeLastDigit = ~Wide{0} / 20;
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  const std::optional<int> exponent = TakeExponent(text);
  if (!exponent) return std::nullopt;
  Wide magnitude = 0;
  int digits = 0;
  int fraction = -1;
  const auto append = [&magnitude](unsigned digit) {
    if (magnitude > kBeforeLastDigit) return false;
    magnitude = magnitude * 10 + digit;
    return true;
  };
  for (char c : text) {
    if (c == '.' && fraction < 0) {
      fraction = 0;
      continue;
    }
    if (c < '0' || c > '9' || !append(static_cast<unsigned>(c - '0'))) return std::nullopt;
    ++digits;
    if (fraction >= 0) ++fraction;
  }
  const int decimals = std::max(fraction, 0) - *exponent;
  if (digits == 0 || decimals > type.scale()) return std::nullopt;
  // Zero stays what it is, however many digits are appended.
  for (int i = decimals; i < type.scale() && magnitude != 0; ++i) {
    if (!append(0)) return std::nullopt;
  }
  if (negative) magnitude = -magnitude;
  return Scalar(Int128{static_cast<int64_t>(static_cast<uint64_t>(magnitude >> 64)),
                       static_cast<uint64_t>(magnitude)});
}

std::optional<Scalar> ReadHex(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (char c : text) {
    if (c == '-') continue;
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    if (high < 0) {
      high = digit;
    } else {
      bytes += static_cast<char>(high * 16 + digit);
      high = -1;
    }
  }
  if (high >= 0) return std::nullopt;
  return Scalar(std::move(bytes));
}

std::optional<Scalar> ReadDouble(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Scalar(value);
}

std::optional<Scalar> ReadNumber(const Type& type, std::string_view text) {
  CivilReader reader(text);
  std::optional<int64_t> number;
  switch (type.kind()) {
    case Kind::kDate:
      number = reader.Days();
      break;
    case Kind::kTime:
      number = ReadTime(reader, kMicros);
      break;
    case Kind::kTimestamp:
    case Kind::kTimestampNs:
      number = ReadTimestamp(reader, TicksOf(type));
      break;
    case Kind::kTimestampTz:
    case Kind::kTimestampTzNs:
      number = ReadTimestamp(reader, TicksOf(type));
      if (reader.rest() == kUtc || reader.rest() == "Z") reader = CivilReader("");
      break;
    default:
      number = reader.Number();
  }
  if (!number || !reader.done()) return std::nullopt;
  return Scalar(*number);
}

std::optional<Scalar> Read(const Type& type, std::string_view text) {
  switch (type.kind()) {
    case Kind::kBoolean:
      if (text == "true") return Scalar(true);
      if (text == "false") return Scalar(false);
      return std::nullopt;
    case Kind::kFloat:
    case Kind::kDouble:
      return ReadDouble(text);
    case Kind::kDecimal:
      return ReadDecimal(text, type);
    case Kind::kString:
      return Scalar(std::string(text));
    case Kind::kUuid:
    case Kind::kFixed:
    case Kind::kBinary:
      return ReadHex(text);
    default:
      return ReadNumber(type, text);
  }
}

}  // namespace

std::string ValueToText(const Type& type, const Scalar& value) {
  switch (type.kind()) {
    case Kind::kBoolean:
      return std::get<bool>(value) ? "true" : "false";
    case Kind::kFloat:
    case Kind::kDouble:
      return DoubleText(std::get<double>(value));
    case Kind::kDecimal:
      return DecimalText(std::get<Int128>(value), type.scale());
    case Kind::kDate:
      return DayText(std::get<int64_t>(value));
    case Kind::kTime:
      return TimeText(std::get<int64_t>(value), kMicros);
    case Kind::kTimestamp:
    case Kind::kTimestampNs:
      return TimestampText(std::get<int64_t>(value), TicksOf(type));
    case Kind::kTimestampTz:
    case Kind::kTimestampTzNs:
      return TimestampText(std::get<int64_t>(value), TicksOf(type)) + kUtc;
    case Kind::kString:
      return std::get<std::string>(value);
    case Kind::kUuid:
      return UuidText(std::get<std::string>(value));
    case Kind::kFixed:
    case Kind::kBinary:
      return HexText(std::get<std::string>(value));
    default:
      return std::to_string(std::get<int64_t>(value));
  }
}

std::optional<Scalar> ValueFromText(const Type& type, std::string_view text) {
  std::optional<Scalar> value = Read(type, text);
  if (type.kind() == Kind::kFloat && value) {
    // As a column has it, not as its digits say.
    if (auto* number = std::get_if<double>(&*value)) {
      *number = static_cast<double>(static_cast<float>(*number));
    }
  }
  if (value && ScalarFits(type, *value) && ScalarInRange(type, *value)) return value;
  return std::nullopt;
}

}  // namespace tarn

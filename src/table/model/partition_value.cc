#include <charconv>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "table/model/partition.h"
#include "table/model/transform_math.h"

namespace tarn {

namespace {

using Kind = Transform::Kind;

__extension__ using Wide = unsigned __int128;

std::string Padded(int64_t value, int digits) {
  char buffer[32];
  const int size =
      std::snprintf(buffer, sizeof(buffer), "%0*lld", digits, static_cast<long long>(value));
  return std::string(buffer, static_cast<size_t>(size));
}

std::string YearText(int64_t year) { return year < 0 ? "-" + Padded(-year, 4) : Padded(year, 4); }

std::string DayText(int64_t days) {
  const CivilDate date = CivilFromDays(days);
  return YearText(date.year) + "-" + Padded(date.month, 2) + "-" + Padded(date.day, 2);
}

std::string TimeText(int64_t micros) {
  std::string text = Padded(micros / kMicrosPerHour, 2) + ":" +
                     Padded(micros / 60'000'000 % 60, 2) + ":" + Padded(micros / 1'000'000 % 60, 2);
  if (micros % 1'000'000 != 0) text += "." + Padded(micros % 1'000'000, 6);
  return text;
}

std::string TimestampText(int64_t micros) {
  const int64_t days = FloorDiv(micros, kMicrosPerDay);
  return DayText(days) + "T" + TimeText(micros - days * kMicrosPerDay);
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

std::string IdentityText(const Type& type, const Scalar& value) {
  switch (type.kind()) {
    case Type::Kind::kBoolean:
      return std::get<bool>(value) ? "true" : "false";
    case Type::Kind::kFloat:
    case Type::Kind::kDouble:
      return DoubleText(std::get<double>(value));
    case Type::Kind::kDecimal:
      return DecimalText(std::get<Int128>(value), type.scale());
    case Type::Kind::kDate:
      return DayText(std::get<int64_t>(value));
    case Type::Kind::kTime:
      return TimeText(std::get<int64_t>(value));
    case Type::Kind::kTimestamp:
      return TimestampText(std::get<int64_t>(value));
    case Type::Kind::kTimestampTz:
      return TimestampText(std::get<int64_t>(value)) + "+00:00";
    case Type::Kind::kString:
      return std::get<std::string>(value);
    case Type::Kind::kUuid:
      return UuidText(std::get<std::string>(value));
    case Type::Kind::kFixed:
    case Type::Kind::kBinary:
      return HexText(std::get<std::string>(value));
    default:
      return std::to_string(std::get<int64_t>(value));
  }
}

/// Reads numbers and separators from the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  std::optional<int64_t> Number() {
    int64_t value = 0;
    const char* begin = rest_.data();
    auto [end, error] = std::from_chars(begin, begin + rest_.size(), value);
    if (error != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<size_t>(end - begin));
    return value;
  }
  bool Skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// A part of a date or time: two digits in [low, high].
  std::optional<int64_t> TwoDigits(int64_t low, int64_t high) {
    if (rest_.size() < 2 || rest_[0] < '0' || rest_[0] > '9' || rest_[1] < '0' || rest_[1] > '9') {
      return std::nullopt;
    }
    const int64_t value = (rest_[0] - '0') * 10 + (rest_[1] - '0');
    rest_.remove_prefix(2);
    return value < low || value > high ? std::nullopt : std::optional(value);
  }
  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

std::optional<int64_t> ReadDays(Reader& reader) {
  const auto year = reader.Number();
  if (!year || !reader.Skip('-')) return std::nullopt;
  const auto month = reader.TwoDigits(1, 12);
  if (!month || !reader.Skip('-')) return std::nullopt;
  const auto day = reader.TwoDigits(1, 31);
  if (!day) return std::nullopt;
  const int64_t days = DaysFromCivil(*year, static_cast<int>(*month), static_cast<int>(*day));
  const CivilDate back = CivilFromDays(days);
  if (back.day != *day) return std::nullopt;
  return days;
}

std::optional<int64_t> ReadTime(Reader& reader) {
  const auto hour = reader.TwoDigits(0, 23);
  if (!hour || !reader.Skip(':')) return std::nullopt;
  const auto minute = reader.TwoDigits(0, 59);
  if (!minute || !reader.Skip(':')) return std::nullopt;
  const auto second = reader.TwoDigits(0, 59);
  if (!second) return std::nullopt;
  int64_t micros = ((*hour * 60 + *minute) * 60 + *second) * 1'000'000;
  if (!reader.Skip('.')) return micros;
  const size_t before = reader.rest().size();
  const auto fraction = reader.Number();
  const size_t digits = before - reader.rest().size();
  if (!fraction || *fraction < 0 || digits > 6) return std::nullopt;
  int64_t scaled = *fraction;
  for (size_t i = digits; i < 6; ++i) scaled *= 10;
  return micros + scaled;
}

std::optional<int64_t> ReadTimestamp(Reader& reader) {
  const auto days = ReadDays(reader);
  if (!days || !(reader.Skip('T') || reader.Skip(' '))) return std::nullopt;
  const auto time = ReadTime(reader);
  if (!time) return std::nullopt;
  return *days * kMicrosPerDay + *time;
}

std::optional<Scalar> ReadDecimal(std::string_view text, int scale) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  Wide magnitude = 0;
  int digits = 0;
  int fraction = -1;
  for (char c : text) {
    if (c == '.' && fraction < 0) {
      fraction = 0;
      continue;
    }
    if (c < '0' || c > '9' || ++digits > 38 + 1) return std::nullopt;
    magnitude = magnitude * 10 + static_cast<unsigned>(c - '0');
    if (fraction >= 0) ++fraction;
  }
  if (digits == 0 || std::max(fraction, 0) > scale) return std::nullopt;
  for (int i = std::max(fraction, 0); i < scale; ++i) magnitude *= 10;
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

std::optional<Scalar> ReadIdentity(const Type& type, std::string_view text) {
  Reader reader(text);
  std::optional<int64_t> number;
  switch (type.kind()) {
    case Type::Kind::kBoolean:
      if (text == "true") return Scalar(true);
      if (text == "false") return Scalar(false);
      return std::nullopt;
    case Type::Kind::kFloat:
    case Type::Kind::kDouble: {
      double value = 0;
      auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
      return Scalar(value);
    }
    case Type::Kind::kDecimal:
      return ReadDecimal(text, type.scale());
    case Type::Kind::kDate:
      number = ReadDays(reader);
      break;
    case Type::Kind::kTime:
      number = ReadTime(reader);
      break;
    case Type::Kind::kTimestamp:
      number = ReadTimestamp(reader);
      break;
    case Type::Kind::kTimestampTz:
      number = ReadTimestamp(reader);
      if (reader.rest() == "+00:00" || reader.rest() == "Z") reader = Reader({});
      break;
    case Type::Kind::kString:
      return Scalar(std::string(text));
    case Type::Kind::kUuid:
    case Type::Kind::kFixed:
    case Type::Kind::kBinary:
      return ReadHex(text);
    default:
      number = reader.Number();
  }
  if (!number || !reader.done()) return std::nullopt;
  return Scalar(*number);
}

std::optional<Scalar> ReadOrdinal(Kind kind, std::string_view text) {
  Reader reader(text);
  std::optional<int64_t> result;
  if (kind == Kind::kYear) {
    result = reader.Number();
    if (result) *result -= 1970;
  } else if (kind == Kind::kMonth) {
    const auto year = reader.Number();
    const auto month = year && reader.Skip('-') ? reader.TwoDigits(1, 12) : std::nullopt;
    if (month) result = (*year - 1970) * 12 + *month - 1;
  } else {
    const auto days = ReadDays(reader);
    const auto hour = days && reader.Skip('-') ? reader.TwoDigits(0, 23) : std::nullopt;
    if (hour) result = *days * 24 + *hour;
  }
  if (!result || !reader.done()) return std::nullopt;
  return Scalar(*result);
}

}  // namespace

std::string PartitionValueToString(const Transform& transform, const Type& source,
                                   const Scalar& value) {
  if (IsNull(value)) return "null";
  const auto* number = std::get_if<int64_t>(&value);
  switch (transform.kind) {
    case Kind::kYear:
      if (number != nullptr) return YearText(*number + 1970);
      break;
    case Kind::kMonth:
      if (number != nullptr) {
        const int64_t year = FloorDiv(*number, 12);
        return YearText(year + 1970) + "-" + Padded(*number - year * 12 + 1, 2);
      }
      break;
    case Kind::kDay:
      if (number != nullptr) return DayText(*number);
      break;
    case Kind::kHour:
      if (number != nullptr) {
        const int64_t days = FloorDiv(*number, 24);
        return DayText(days) + "-" + Padded(*number - days * 24, 2);
      }
      break;
    case Kind::kBucket:
      if (number != nullptr) return std::to_string(*number);
      break;
    case Kind::kIdentity:
    case Kind::kTruncate:
      if (ApplyTransform({}, source, value).ok()) return IdentityText(source, value);
      break;
    default:
      break;
  }
  return ToString(value);
}

Result<Scalar> PartitionValueFromString(const Transform& transform, const Type& source,
                                        std::string_view text) {
  const Type type = TransformResultType(transform, source);
  if (text == "null" && type.kind() != Type::Kind::kString) return Scalar();
  std::optional<Scalar> value;
  switch (transform.kind) {
    case Kind::kYear:
    case Kind::kMonth:
    case Kind::kHour:
      value = ReadOrdinal(transform.kind, text);
      break;
    case Kind::kUnknown:
      break;
    case Kind::kVoid:
      return Scalar();
    default:
      value = ReadIdentity(type, text);
  }
  if (!value) {
    return InvalidArgument("\"" + std::string(text) + "\" is not a value of the partition " +
                           transform.ToString() + " of type " + type.ToString());
  }
  return *std::move(value);
}

}  // namespace tarn

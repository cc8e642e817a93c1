#include "source/mysql/my_added_default.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include <arrow/array/array_base.h>
#include <arrow/array/util.h>
#include <arrow/memory_pool.h>

#include "base/text_reader.h"
#include "columnar/utf8.h"
#include "source/mysql/my_value.h"

namespace tarn::mysql {
namespace {

using Kind = AddedDefault::Kind;

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}
bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// "-12.50" taken apart: only plain digits and a point.
struct PlainNumber {
  bool negative = false;
  std::string whole;     ///< without zeros in front; "" for 0
  std::string fraction;  ///< without zeros behind
  bool zero() const { return whole.empty() && fraction.empty(); }
};
std::optional<PlainNumber> ParsePlain(std::string_view text) {
  PlainNumber number;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    number.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const size_t point = text.find('.');
  std::string_view whole = text.substr(0, point);
  std::string_view fraction = point == std::string_view::npos ? "" : text.substr(point + 1);
  if (whole.empty() && fraction.empty()) return std::nullopt;
  if ((!whole.empty() && !IsDigits(whole)) || (!fraction.empty() && !IsDigits(fraction))) {
    return std::nullopt;
  }
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
  number.whole = whole;
  number.fraction = fraction;
  return number;
}

/// "12:34:56.789" to the end, with as many digits as the column has at most.
std::optional<TimeParts> ParseTime(TextReader text, size_t hour_digits, int fraction_digits) {
  const auto clock = text.Clock(hour_digits);
  if (!clock) return std::nullopt;
  TimeParts time;
  time.hours = clock->hours;
  time.minutes = static_cast<int>(clock->minutes);
  time.seconds = static_cast<int>(clock->seconds);
  if (text.done()) return time;
  if (!text.Skip('.')) return std::nullopt;
  std::string_view digits = text.rest();
  while (!digits.empty() && digits.back() == '0') digits.remove_suffix(1);
  if (digits.empty()) return time;
  TextReader fraction(digits);
  const auto micros = fraction.Micros(static_cast<size_t>(fraction_digits));
  if (!micros || !fraction.done()) return std::nullopt;
  time.micros = static_cast<int>(*micros);
  return time;
}

/// Writes the value of an AddedDefault. Every function returns nullopt where the value is not one
/// of the column's exactly.
class ValueOf {
 public:
  ValueOf(const AddedDefault& added, const MyColumn& column, ValueWriter* writer)
      : added_(added), column_(column), writer_(*writer) {}

  std::optional<Trouble> Write() {
    switch (column_.type) {
      case MyType::kInt8:
      case MyType::kInt16:
      case MyType::kInt24:
      case MyType::kInt32:
      case MyType::kInt64:
        return Integer();
      case MyType::kYear:
        return Year();
      case MyType::kFloat32:
      case MyType::kFloat64:
        return Float();
      case MyType::kDecimal:
        return Decimal();
      case MyType::kBit:
        return Bit();
      case MyType::kDate:
      case MyType::kDatetime:
        return Datetime();
      case MyType::kTime:
        return Time();
      case MyType::kChars:
        return Chars();
      case MyType::kBytes:
        return Bytes();
      case MyType::kEnum:
      case MyType::kSet:
        return Labels();
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<PlainNumber> Plain() const {
    if (added_.kind == Kind::kZero) return PlainNumber{};
    if (added_.kind != Kind::kNumber && added_.kind != Kind::kString) return std::nullopt;
    return ParsePlain(added_.text);
  }

  std::optional<Trouble> Integer() {
    const auto number = Plain();
    uint64_t value = 0;
    if (!number || !number->fraction.empty()) return std::nullopt;
    const char* const end = number->whole.data() + number->whole.size();
    if (!number->whole.empty()) {
      const auto [stop, error] = std::from_chars(number->whole.data(), end, value);
      if (error != std::errc() || stop != end) return std::nullopt;
    }
    static constexpr int kBits[] = {8, 16, 24, 32, 64};
    const int bits = kBits[static_cast<int>(column_.type)];
    const int value_bits = column_.is_unsigned ? bits : bits - 1;
    const bool fits = value_bits == 64 || value >> value_bits == 0;
    if (!number->negative || value == 0) {
      return fits ? std::optional(writer_.Unsigned(0, value)) : std::nullopt;
    }
    const bool lowest = !column_.is_unsigned && value == uint64_t{1} << (bits - 1);
    if (column_.is_unsigned || (!fits && !lowest)) return std::nullopt;
    return writer_.Signed(0, static_cast<int64_t>(~value + 1));
  }

  // Two digits mean other years.
  std::optional<Trouble> Year() {
    if (added_.kind == Kind::kZero) return writer_.Signed(0, 0);
    const auto number = Plain();
    if (!number || number->negative || number->whole.size() != 4 || !number->fraction.empty()) {
      return std::nullopt;
    }
    return writer_.Signed(0, std::stoi(number->whole));
  }

  std::optional<Trouble> Float() {
    double value = 0;
    if (added_.kind != Kind::kZero) {
      if (added_.kind != Kind::kNumber && added_.kind != Kind::kString) return std::nullopt;
      const char* const end = added_.text.data() + added_.text.size();
      const auto [stop, error] = std::from_chars(added_.text.data(), end, value);
      if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
      if (std::signbit(value) && (value == 0 || column_.is_unsigned)) return std::nullopt;
    }
    if (column_.type == MyType::kFloat64) return writer_.Double(0, value);
    const auto single = static_cast<float>(value);
    return std::isfinite(single) ? std::optional(writer_.Float(0, single)) : std::nullopt;
  }

  std::optional<Trouble> Decimal() {
    const auto number = Plain();
    if (!number || static_cast<int>(number->fraction.size()) > column_.fraction_digits ||
        static_cast<int>(number->whole.size()) > column_.digits - column_.fraction_digits ||
        (number->negative && column_.is_unsigned)) {
      return std::nullopt;
    }
    std::string text = number->negative && !number->zero() ? "-" : "";
    text += number->whole.empty() ? "0" : number->whole;
    if (column_.fraction_digits > 0) {
      std::string fraction = number->fraction;
      fraction.resize(static_cast<size_t>(column_.fraction_digits), '0');
      text += "." + fraction;
    }
    return writer_.DecimalText(0, text);
  }

  std::optional<Trouble> Bit() {
    uint64_t value = 0;
    if (added_.kind == Kind::kBits) {
      for (const char c : added_.text) value = value << 1 | static_cast<uint64_t>(c - '0');
    } else if (added_.kind == Kind::kNumber && IsDigits(added_.text)) {
      const char* const end = added_.text.data() + added_.text.size();
      if (std::from_chars(added_.text.data(), end, value).ec != std::errc()) return std::nullopt;
    } else if (added_.kind != Kind::kZero) {
      return std::nullopt;
    }
    if (column_.length < 64 && value >> column_.length != 0) return std::nullopt;
    return writer_.Bits(0, value);
  }

  std::optional<Trouble> Datetime() {
    DateParts date;
    TimeParts time;
    if (added_.kind == Kind::kString) {
      TextReader text(added_.text);
      const auto parsed = text.Date(4);
      if (!parsed) return std::nullopt;
      date = {static_cast<int>(parsed->year), parsed->month, parsed->day};
      if (!text.done()) {
        const bool timed = column_.type == MyType::kDatetime && text.Skip(' ');
        const auto rest = timed ? ParseTime(text, 2, column_.fraction_digits) : std::nullopt;
        if (!rest || rest->hours > 23) return std::nullopt;
        time = *rest;
      }
    } else if (added_.kind != Kind::kZero) {
      return std::nullopt;
    }
    return column_.type == MyType::kDate ? writer_.Date(0, date) : writer_.Datetime(0, date, time);
  }

  std::optional<Trouble> Time() {
    if (added_.kind == Kind::kZero) return writer_.Time(0, {});
    if (added_.kind != Kind::kString) return std::nullopt;
    TextReader text(added_.text);
    const bool negative = text.Skip('-');
    auto time = ParseTime(text, 3, column_.fraction_digits);
    if (!time || time->hours > 838) return std::nullopt;
    const bool zero =
        time->hours == 0 && time->minutes == 0 && time->seconds == 0 && time->micros == 0;
    time->negative = negative && !zero;
    return writer_.Time(0, *time);
  }

  std::optional<Trouble> Put(std::string_view text) {
    return writer_.Chars(0, reinterpret_cast<const uint8_t*>(text.data()),
                         static_cast<int64_t>(text.size()));
  }

  // Whether the column's character set has it as it is.
  bool Keeps(std::string_view text) const {
    if (IsAscii(text)) return true;
    if (!IsValidUtf8(text)) return false;
    if (column_.charset == "utf8mb4") return true;
    return (column_.charset == "utf8mb3" || column_.charset == "utf8") &&
           std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) >= 0xf0; });
  }

  std::optional<Trouble> Chars() {
    if (added_.kind == Kind::kZero) return Put("");
    std::string_view text = added_.text;
    if (added_.kind == Kind::kNumber) {
      // As the server writes it: no more than a plain number.
      const auto number = ParsePlain(text);
      if (!number || number->negative || text.size() != std::max<size_t>(number->whole.size(), 1) ||
          !number->fraction.empty()) {
        return std::nullopt;
      }
      return Put(text);
    }
    if (added_.kind != Kind::kString || !Keeps(text)) return std::nullopt;
    while (column_.fixed_length && !text.empty() && text.back() == ' ') text.remove_suffix(1);
    return Put(text);
  }

  std::optional<Trouble> Bytes() {
    std::string text = added_.text;
    if (added_.kind == Kind::kZero) text.clear();
    const bool known = added_.kind == Kind::kZero || added_.kind == Kind::kBytes ||
                       (added_.kind == Kind::kString && IsAscii(text));
    if (!known) return std::nullopt;
    if (column_.fixed_length) {
      if (static_cast<int64_t>(text.size()) > column_.length) return std::nullopt;
      text.resize(static_cast<size_t>(column_.length), '\0');
    }
    return Put(text);
  }

  // Labels as they are written; the server also takes them in other letters.
  std::optional<Trouble> Labels() {
    const std::vector<std::string>& labels = column_.labels;
    if (column_.type == MyType::kEnum && added_.kind == Kind::kZero && !labels.empty()) {
      return Put(labels[0]);
    }
    if (added_.kind == Kind::kZero) return Put("");
    if (added_.kind != Kind::kString || !IsAscii(added_.text)) return std::nullopt;
    const auto has = [&](std::string_view one) {
      return std::find(labels.begin(), labels.end(), one) != labels.end();
    };
    if (column_.type == MyType::kEnum) {
      return has(added_.text) ? Put(added_.text) : std::nullopt;
    }
    std::vector<std::string_view> chosen;
    for (std::string_view rest = added_.text; !rest.empty();) {
      const size_t comma = std::min(rest.find(','), rest.size());
      chosen.push_back(rest.substr(0, comma));
      if (!has(chosen.back())) return std::nullopt;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    std::string text;
    for (const std::string& label : labels) {
      if (std::find(chosen.begin(), chosen.end(), label) == chosen.end()) continue;
      text += (text.empty() ? "" : ",") + label;
    }
    return Put(text);
  }

  const AddedDefault& added_;
  const MyColumn& column_;
  ValueWriter& writer_;
};

// Whether the description is of the type that the statement gave the column.
bool IsOfType(const AddedDefault& added, const MyColumn& column) {
  const std::string& native = column.native_type;
  const std::string base = native.substr(0, native.find_first_of("( "));
  const bool json = added.type == "json" && base == "longtext";  // MariaDB
  if (added.type.empty() || (added.type != base && !json)) return false;
  const auto number = [&](size_t i, int missing) {
    if (i >= added.parameters.size()) return missing;
    return IsDigits(added.parameters[i]) && added.parameters[i].size() < 10
               ? std::stoi(added.parameters[i])
               : -1;
  };
  switch (column.type) {
    case MyType::kInt8:
    case MyType::kInt16:
    case MyType::kInt24:
    case MyType::kInt32:
    case MyType::kInt64:
      return added.is_unsigned == column.is_unsigned;
    case MyType::kFloat32:
    case MyType::kFloat64:
      // FLOAT(7,2) rounds, FLOAT(30) is a DOUBLE.
      return added.parameters.empty() && native.find('(') == std::string::npos &&
             added.is_unsigned == column.is_unsigned;
    case MyType::kDecimal:
      return number(0, 10) == column.digits && number(1, 0) == column.fraction_digits &&
             added.is_unsigned == column.is_unsigned;
    case MyType::kTime:
    case MyType::kDatetime:
      return number(0, 0) == column.fraction_digits;
    case MyType::kBit:
      return number(0, 1) == column.length;
    case MyType::kBytes:
      return !column.fixed_length || number(0, 1) == column.length;
    default:
      return true;
  }
}

}  // namespace

TableAltered::Filled FillOf(const AddedDefault& added, const MyColumn& column,
                            int64_t value_bytes_max) {
  TableAltered::Filled filled;
  filled.column = column.name;
  const auto unknown = [&](std::string why) {
    filled.unknown = std::move(why);
    return filled;
  };
  if (added.kind == Kind::kUnknown) return unknown(added.text);
  if (added.kind == Kind::kNull) {
    return unknown("it is NOT NULL, and the statement that added it does not say so");
  }
  if (column.type == MyType::kTimestamp) {
    return unknown("a timestamp as default is in the time zone of the session that gave it");
  }
  if (!IsOfType(added, column)) return unknown("it may have got another type since");
  ValueWriter writer(column, value_bytes_max, arrow::default_memory_pool());
  if (!writer.to.Reset(1).ok()) return unknown("no memory for it");
  const std::optional<Trouble> trouble = ValueOf(added, column, &writer).Write();
  if (!trouble || *trouble != Trouble::kNone) {
    const std::string what =
        added.kind == Kind::kZero ? "the zero of " : "the default '" + added.text + "' of ";
    return unknown(what + column.native_type + " is not read here");
  }
  auto data = writer.to.Finish(1);
  if (!data.ok()) return unknown(data.error().message);
  filled.value = arrow::MakeArray(*std::move(data));
  return filled;
}

}  // namespace tarn::mysql

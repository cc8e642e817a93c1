// Values as output functions write them, in the settings of pg_connection.h.
#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "base/text_reader.h"
#include "source/postgres/pg_stream_column.h"

namespace tarn::postgres {
namespace {

using Text = StreamColumn::Text;

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

template <typename T>
bool ParseNumber(std::string_view text, T* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

/// A day that there may be; year 0 is 1 BC.
std::optional<CivilDate> ParseDate(TextReader& text) {
  const auto date = text.Date(7);
  if (!date || date->month < 1 || date->month > 12 || date->day < 1 || date->day > 31) {
    return std::nullopt;
  }
  return date;
}

/// The end of a date or time; false when it is none.
bool ParseEra(std::string_view rest, CivilDate& date) {
  if (rest.empty()) return true;
  date.year = 1 - date.year;
  return rest == " BC";
}

ValueTrouble TextDate(ColumnBuffer& column, int64_t row, std::string_view text) {
  constexpr int32_t kInfinity = std::numeric_limits<int32_t>::max();
  if (text == "infinity" || text == "-infinity") {
    Store(column.values, row, text[0] == '-' ? -kInfinity : kInfinity);
    return ValueTrouble::kNone;
  }
  TextReader reader(text);
  std::optional<CivilDate> date = ParseDate(reader);
  if (!date || !ParseEra(reader.rest(), *date)) return ValueTrouble::kMalformed;
  const int64_t days = DaysFromCivil(date->year, date->month, date->day);
  if (days > int64_t{kDateMax} + kDaysTo2000) return ValueTrouble::kMalformed;
  Store(column.values, row, static_cast<int32_t>(days));
  return ValueTrouble::kNone;
}

// "+05:30", "-00:44:30" → seconds east.
std::optional<int64_t> ParseZone(TextReader& text) {
  const bool west = text.Skip('-');
  if (!west && !text.Skip('+')) return 0;
  int64_t seconds = 0;
  int64_t unit = 3600;
  do {
    const auto part = text.Digits(2, 2);
    if (!part) return std::nullopt;
    seconds += *part * unit;
    unit /= 60;
  } while (unit > 0 && text.Skip(':'));
  return west ? -seconds : seconds;
}

ValueTrouble TextTimestamp(ColumnBuffer& column, int64_t row, std::string_view text) {
  constexpr int64_t kInfinity = std::numeric_limits<int64_t>::max();
  if (text == "infinity" || text == "-infinity") {
    Store(column.values, row, text[0] == '-' ? -kInfinity : kInfinity);
    return ValueTrouble::kNone;
  }
  TextReader reader(text);
  std::optional<CivilDate> date = ParseDate(reader);
  if (!date || !reader.Skip(' ')) return ValueTrouble::kMalformed;
  const auto clock = reader.Clock(2);
  if (!clock || clock->hours > 23) return ValueTrouble::kMalformed;
  const auto micros = reader.Skip('.') ? reader.Micros(6) : std::optional<int64_t>(0);
  const auto zone = micros ? ParseZone(reader) : std::nullopt;
  if (!zone || !ParseEra(reader.rest(), *date)) return ValueTrouble::kMalformed;
  const int64_t days = DaysFromCivil(date->year, date->month, date->day);
  const int64_t seconds = clock->hours * 3600 + clock->minutes * 60 + clock->seconds - *zone;
  Wide value = (Wide{days} * 86400 + seconds) * 1000000 + *micros;
  if (value >= kInfinity || value <= -kInfinity) return ValueTrouble::kTimestamp;
  Store(column.values, row, static_cast<int64_t>(value));
  return ValueTrouble::kNone;
}

ValueTrouble TextDecimal(ColumnBuffer& column, int64_t row, std::string_view text) {
  if (text.empty() || text == "NaN" || text.ends_with("Infinity")) return ValueTrouble::kDecimal;
  const bool negative = text.front() == '-';
  if (negative) text.remove_prefix(1);
  Wide limit = 1;
  for (int i = 0; i < column.precision; ++i) limit *= 10;
  Wide value = 0;
  int fraction = -1;  // digits after the point; -1 before it
  for (const char c : text) {
    if (c == '.' && fraction < 0) {
      fraction = 0;
      continue;
    }
    if (c < '0' || c > '9') return ValueTrouble::kMalformed;
    if (fraction >= column.scale) {
      if (c != '0') return ValueTrouble::kDecimal;
      continue;
    }
    // Asked before: a 39th digit would not fit into 128 bits.
    if (value > (limit - 1 - (c - '0')) / 10) return ValueTrouble::kDecimal;
    value = value * 10 + (c - '0');
    if (fraction >= 0) ++fraction;
  }
  for (int i = std::max(fraction, 0); i < column.scale; ++i) {
    if (value > (limit - 1) / 10) return ValueTrouble::kDecimal;
    value *= 10;
  }
  Store(column.values, row, negative ? -value : value);
  return ValueTrouble::kNone;
}

ValueTrouble TextMoney(const StreamColumn& how, ColumnBuffer& column, int64_t row,
                       std::string_view text) {
  Wide units = 0;
  bool negative = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') units = units * 10 + (c - '0');
    if (c == '-' || c == '(') negative = true;
    if (units > (Wide{1} << 64)) return ValueTrouble::kMalformed;
  }
  const Wide signed_units = negative ? -units : units;
  if (signed_units != static_cast<int64_t>(signed_units)) return ValueTrouble::kMalformed;
  const uint64_t big = __builtin_bswap64(static_cast<uint64_t>(signed_units));
  StreamColumn binary;
  binary.binary = StreamColumn::Binary::kMoney;
  binary.money_digits = how.money_digits;
  const auto* p = reinterpret_cast<const uint8_t*>(&big);
  return DecodeStreamBinary(binary, {}, column, row, p, 8, p + 8);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

ValueTrouble TextBytes(const ValueRules& rules, ColumnBuffer& column, int64_t row,
                       std::string_view text) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return ValueTrouble::kMalformed;
  text.remove_prefix(2);
  const int64_t bytes = static_cast<int64_t>(text.size() / 2);
  if (bytes > rules.value_bytes_max) return ValueTrouble::kTooLong;
  if (column.chars_size + bytes > column.chars_capacity && !column.GrowChars(bytes).ok()) {
    return ValueTrouble::kMemory;
  }
  uint8_t* to = column.chars + column.chars_size;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]);
    const int low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) return ValueTrouble::kMalformed;
    *to++ = static_cast<uint8_t>(high << 4 | low);
  }
  column.chars_size += bytes;
  Store(column.values, row + 1, static_cast<int32_t>(column.chars_size));
  return ValueTrouble::kNone;
}

ValueTrouble Chars(const ValueRules& rules, ColumnBuffer& column, int64_t row,
                   std::string_view text) {
  return DecodeChars(rules, column, row, Bytes(text), static_cast<int64_t>(text.size()),
                     Bytes(text) + text.size());
}

ValueTrouble Scalar(const StreamColumn& how, const ValueRules& rules, ColumnBuffer& column,
                    int64_t row, std::string_view text) {
  if (how.text == Text::kMoney) return TextMoney(how, column, row, text);
  switch (column.kind) {
    case WireKind::kBool:
      if (text != "t" && text != "f") return ValueTrouble::kMalformed;
      column.values[row] = text == "t" ? 1 : 0;
      return ValueTrouble::kNone;
    case WireKind::kInt16:
    case WireKind::kInt32: {
      int32_t value;
      if (!ParseNumber(text, &value)) return ValueTrouble::kMalformed;
      Store(column.values, row, value);
      return ValueTrouble::kNone;
    }
    case WireKind::kInt64:
    case WireKind::kOid: {
      int64_t value;
      if (!ParseNumber(text, &value)) return ValueTrouble::kMalformed;
      Store(column.values, row, value);
      return ValueTrouble::kNone;
    }
    case WireKind::kFloat32: {
      float value;
      if (!ParseNumber(text, &value)) return ValueTrouble::kMalformed;
      Store(column.values, row, value);
      return ValueTrouble::kNone;
    }
    case WireKind::kFloat64: {
      double value;
      if (how.text == Text::kFloat32) {
        float narrow;
        if (!ParseNumber(text, &narrow)) return ValueTrouble::kMalformed;
        value = narrow;
      } else if (!ParseNumber(text, &value)) {
        return ValueTrouble::kMalformed;
      }
      Store(column.values, row, value);
      return ValueTrouble::kNone;
    }
    case WireKind::kDecimal:
      return TextDecimal(column, row, text);
    case WireKind::kDate:
      return TextDate(column, row, text);
    case WireKind::kTimestamp:
      return TextTimestamp(column, row, text);
    case WireKind::kBytes:
      return TextBytes(rules, column, row, text);
    case WireKind::kText:
      if (how.text == Text::kBool) {
        return Chars(rules, column, row, text == "t" ? "true" : "false");
      }
      if (how.text == Text::kInet && text.find('/') == std::string_view::npos) {
        const bool six = text.find(':') != std::string_view::npos;
        return Chars(rules, column, row, std::string(text) + (six ? "/128" : "/32"));
      }
      return Chars(rules, column, row, text);
    case WireKind::kJsonb:
    case WireKind::kUuid:
      return Chars(rules, column, row, text);
    case WireKind::kJsonVariant:
    case WireKind::kJsonbVariant:
      return DecodeJson(rules, column, row, Bytes(text), static_cast<int64_t>(text.size()));
    case WireKind::kList:
      break;
  }
  return ValueTrouble::kMalformed;
}

// array_out: `{1,NULL,"a\"b"}`, `{{1},{2}}`, `[5:6]={7,8}`.
class ArrayText {
 public:
  ArrayText(const StreamColumn& how, const ValueRules& rules, std::string_view text)
      : how_(how), rules_(rules), text_(text) {}

  ValueTrouble Into(ColumnBuffer& column, int64_t row) {
    if (!text_.empty() && text_.front() == '[') {
      const size_t equals = text_.find('=');
      if (equals == std::string_view::npos) return ValueTrouble::kMalformed;
      text_.remove_prefix(equals + 1);
    }
    if (text_ == "{}") {
      Store(column.values, row + 1, static_cast<int32_t>(column.child->size));
      return ValueTrouble::kNone;
    }
    const ValueTrouble trouble = Level(column, row);
    if (trouble == ValueTrouble::kNone && !text_.empty()) return ValueTrouble::kMalformed;
    return trouble;
  }

 private:
  bool Skip(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  ValueTrouble Level(ColumnBuffer& column, int64_t row) {
    if (!Skip('{')) return ValueTrouble::kDimensions;
    ColumnBuffer& child = *column.child;
    do {
      if (child.size >= child.rows_capacity && !child.GrowRows(child.rows_capacity * 2 + 1).ok()) {
        return ValueTrouble::kMemory;
      }
      const ValueTrouble trouble =
          child.kind == WireKind::kList ? Level(child, child.size) : Element(child);
      if (trouble != ValueTrouble::kNone) return trouble;
      ++child.size;
    } while (Skip(how_.delimiter));
    if (!Skip('}')) return ValueTrouble::kMalformed;
    Store(column.values, row + 1, static_cast<int32_t>(child.size));
    return ValueTrouble::kNone;
  }

  ValueTrouble Element(ColumnBuffer& child) {
    if (text_.empty()) return ValueTrouble::kMalformed;
    if (text_.front() == '{') return ValueTrouble::kDimensions;
    value_.clear();
    if (text_.front() == '"') {
      size_t at = 1;
      while (at < text_.size() && text_[at] != '"') {
        if (text_[at] == '\\') ++at;
        if (at < text_.size()) value_ += text_[at++];
      }
      if (at >= text_.size()) return ValueTrouble::kMalformed;
      text_.remove_prefix(at + 1);
    } else {
      size_t at = 0;
      while (at < text_.size() && text_[at] != how_.delimiter && text_[at] != '}') {
        if (text_[at] == '\\') ++at;
        if (at < text_.size()) value_ += text_[at++];
      }
      text_.remove_prefix(at);
      if (value_ == "NULL") {
        return child.SetNull(child.size).ok() ? ValueTrouble::kNone : ValueTrouble::kMemory;
      }
    }
    return Scalar(how_, rules_, child, child.size, value_);
  }

  const StreamColumn& how_;
  const ValueRules& rules_;
  std::string_view text_;
  std::string value_;
};

}  // namespace

ValueTrouble DecodeStreamText(const StreamColumn& how, const ValueRules& rules,
                              ColumnBuffer& column, int64_t row, const uint8_t* p, int64_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(p), static_cast<size_t>(bytes));
  if (column.kind == WireKind::kList) return ArrayText(how, rules, text).Into(column, row);
  return Scalar(how, rules, column, row, text);
}

}  // namespace tarn::postgres

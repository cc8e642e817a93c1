#include "source/postgres/pg_predicate.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include <arrow/type.h>

#include "base/civil_date.h"
#include "columnar/utf8.h"
#include "columnar/variant_column.h"
#include "source/postgres/pg_names.h"
#include "source/postgres/pg_numeric.h"

namespace tarn::postgres {
namespace {

using Op = Predicate::Op;
using Text = std::optional<std::string>;

// What PostgreSQL's date and timestamp hold, in days and microseconds since 1970-01-01.
constexpr int64_t kFirstDay = -2440588;
constexpr int64_t kLastDay = 2145042905;
constexpr int64_t kDayMicros = 86400000000;
constexpr int64_t kFirstMicros = kFirstDay * kDayMicros;
constexpr int64_t kLastMicros = std::numeric_limits<int64_t>::max() - 1;

// Proleptic Gregorian date of a day number, years counted as PostgreSQL prints them (BC from 1).
std::string DayText(int64_t days, bool* before_christ) {
  const CivilDate date = CivilFromDays(days);
  int64_t year = date.year;
  *before_christ = year <= 0;
  if (year <= 0) year = 1 - year;
  char text[96];
  std::snprintf(text, sizeof(text), "%04lld-%02d-%02d", static_cast<long long>(year), date.month,
                date.day);
  return text;
}

Text DateLiteral(int64_t days) {
  if (days == std::numeric_limits<int32_t>::max()) return "'infinity'::pg_catalog.date";
  if (days == -std::numeric_limits<int32_t>::max()) return "'-infinity'::pg_catalog.date";
  if (days < kFirstDay || days > kLastDay) return std::nullopt;
  bool before_christ = false;
  const std::string text = DayText(days, &before_christ);
  return "'" + text + (before_christ ? " BC" : "") + "'::pg_catalog.date";
}

Text TimestampLiteral(int64_t micros, const std::string& type, const std::string& zone) {
  const std::string cast = "'::pg_catalog." + type;
  if (micros == std::numeric_limits<int64_t>::max()) return "'infinity" + cast;
  if (micros == -std::numeric_limits<int64_t>::max()) return "'-infinity" + cast;
  if (micros < kFirstMicros || micros > kLastMicros) return std::nullopt;
  int64_t days = micros / kDayMicros;
  int64_t rest = micros % kDayMicros;
  if (rest < 0) {
    rest += kDayMicros;
    --days;
  }
  bool before_christ = false;
  const std::string day = DayText(days, &before_christ);
  char time[128];
  std::snprintf(
      time, sizeof(time), " %02lld:%02lld:%02lld.%06lld", static_cast<long long>(rest / 3600000000),
      static_cast<long long>(rest / 60000000 % 60), static_cast<long long>(rest / 1000000 % 60),
      static_cast<long long>(rest % 1000000));
  return "'" + day + time + zone + (before_christ ? " BC" : "") + cast;
}

Text NumberLiteral(const Scalar& value, const arrow::DataType& type) {
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    if (type.id() == arrow::Type::DECIMAL128) return std::nullopt;  // unscaled or not: unclear
    return "'" + std::to_string(*integer) + "'::pg_catalog.int8";
  }
  if (const auto* number = std::get_if<double>(&value)) {
    if (std::isnan(*number)) return "'NaN'::pg_catalog.float8";
    if (std::isinf(*number)) {
      return std::string(*number > 0 ? "'" : "'-") + "Infinity'::pg_catalog.float8";
    }
    char text[64];
    const auto end = std::to_chars(text, text + sizeof(text), *number).ptr;
    return "'" + std::string(text, end) + "'::pg_catalog.float8";
  }
  const auto* unscaled = std::get_if<Int128>(&value);
  if (unscaled == nullptr || type.id() != arrow::Type::DECIMAL128) return std::nullopt;
  UnsignedWide bits =
      (static_cast<UnsignedWide>(static_cast<uint64_t>(unscaled->high)) << 64) | unscaled->low;
  const bool negative = unscaled->high < 0;
  if (negative) bits = -bits;
  std::string digits;
  for (; bits != 0; bits /= 10) digits += static_cast<char>('0' + static_cast<int>(bits % 10));
  const size_t scale = static_cast<size_t>(static_cast<const arrow::Decimal128Type&>(type).scale());
  while (digits.size() <= scale) digits += '0';
  if (scale > 0) digits.insert(scale, 1, '.');
  std::reverse(digits.begin(), digits.end());
  return std::string("'") + (negative ? "-" : "") + digits + "'::pg_catalog.numeric";
}

// A string that the server can be given: no NUL, and nothing its encoding may not have.
bool Sendable(const std::string& text, TextOrder order) {
  if (text.find('\0') != std::string::npos) return false;
  const bool ascii = std::all_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii || order == TextOrder::kOther) return ascii;
  return IsValidUtf8(text);  // the server refuses anything else
}

bool CanonicalUuid(const std::string& text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (dash ? text[i] != '-' : !hex) return false;
  }
  return true;
}

std::string LikePrefix(const std::string& prefix) {
  std::string pattern;
  for (char c : prefix) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return QuoteLiteral(pattern + "%");
}

const char* OperatorOf(Op op) {
  switch (op) {
    case Op::kEq:
      return " = ";
    case Op::kNotEq:
      return " <> ";
    case Op::kLt:
      return " < ";
    case Op::kLtEq:
      return " <= ";
    case Op::kGt:
      return " > ";
    case Op::kGtEq:
      return " >= ";
    default:
      return nullptr;
  }
}

class Renderer {
 public:
  Renderer(const PgTable& table, TextOrder order) : table_(table), order_(order) {}

  Text Render(const Predicate& predicate) const {
    switch (predicate.op) {
      case Op::kTrue:
        return "";
      case Op::kAnd:
      case Op::kOr: {
        if (predicate.children.empty()) return std::nullopt;
        std::string text;
        for (const Predicate& child : predicate.children) {
          const Text part = Render(child);
          if (!part) return std::nullopt;
          if (!text.empty()) text += predicate.op == Op::kAnd ? " AND " : " OR ";
          text += part->empty() ? "true" : *part;
        }
        return "(" + text + ")";
      }
      case Op::kNot: {
        if (predicate.children.size() != 1) return std::nullopt;
        const Text part = Render(predicate.children[0]);
        if (!part) return std::nullopt;
        return "(NOT " + (part->empty() ? "true" : *part) + ")";
      }
      default:
        return RenderLeaf(predicate);
    }
  }

 private:
  Text RenderLeaf(const Predicate& predicate) const {
    const auto found =
        std::find_if(table_.columns.begin(), table_.columns.end(),
                     [&](const PgColumn& column) { return column.name == predicate.column; });
    if (found == table_.columns.end()) return std::nullopt;
    const PgColumn& column = *found;
    const std::string name = QuoteIdentifier(column.name);
    // JSON's own null is no NULL there.
    if (IsVariantStorage(*column.type)) return std::nullopt;
    if (predicate.op == Op::kIsNull || predicate.op == Op::kIsNotNull) {
      const std::string value = column.null_of_text ? column.select : name;
      return "(" + value + (predicate.op == Op::kIsNull ? " IS NULL)" : " IS NOT NULL)");
    }
    if (predicate.values.empty()) return std::nullopt;
    if (predicate.op == Op::kStartsWith) return StartsWith(column, predicate.values[0]);
    if (predicate.op == Op::kIn) {
      std::string list;
      std::string left;
      for (const Scalar& value : predicate.values) {
        const std::optional<Sides> sides = Compared(column, Op::kEq, value);
        if (!sides || (!left.empty() && left != sides->left)) return std::nullopt;
        left = sides->left;
        list += (list.empty() ? "" : ", ") + sides->right;
      }
      return "(" + left + " IN (" + list + "))";
    }
    const char* symbol = OperatorOf(predicate.op);
    if (symbol == nullptr) return std::nullopt;
    const std::optional<Sides> sides = Compared(column, predicate.op, predicate.values[0]);
    if (!sides) return std::nullopt;
    return "(" + sides->left + symbol + sides->right + ")";
  }

  struct Sides {
    std::string left;
    std::string right;
  };

  std::optional<Sides> Compared(const PgColumn& column, Op op, const Scalar& value) const {
    const bool equality = op == Op::kEq || op == Op::kNotEq;
    const auto sides = [&](const Text& right) -> std::optional<Sides> {
      if (!right) return std::nullopt;
      return Sides{column.select, *right};
    };
    const auto* integer = std::get_if<int64_t>(&value);
    const auto* text = std::get_if<std::string>(&value);
    switch (column.compare) {
      case CompareAs::kNothing:
        return std::nullopt;
      case CompareAs::kNumber:
        return sides(NumberLiteral(value, *column.type));
      case CompareAs::kBool:
        if (const auto* flag = std::get_if<bool>(&value)) return sides(*flag ? "true" : "false");
        return std::nullopt;
      case CompareAs::kDate:
        return integer == nullptr ? std::nullopt : sides(DateLiteral(*integer));
      case CompareAs::kTimestamp:
        return integer == nullptr ? std::nullopt
                                  : sides(TimestampLiteral(*integer, "timestamp", ""));
      case CompareAs::kTimestampTz:
        return integer == nullptr ? std::nullopt
                                  : sides(TimestampLiteral(*integer, "timestamptz", "+00"));
      case CompareAs::kBytes: {
        if (text == nullptr) return std::nullopt;
        std::string hex = "'\\x";
        for (const char c : *text) {
          hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
          hex += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
        }
        return sides(hex + "'::pg_catalog.bytea");
      }
      case CompareAs::kUuid:
        if (text == nullptr) return std::nullopt;
        if (CanonicalUuid(*text)) return sides(QuoteLiteral(*text) + "::pg_catalog.uuid");
        break;
      case CompareAs::kText:
      case CompareAs::kTextCollated:
      case CompareAs::kTextForm:
        break;
    }
    if (text == nullptr || !Sendable(*text, order_)) return std::nullopt;
    if (!equality && order_ != TextOrder::kUtf8) return std::nullopt;
    // The column's own collation keeps its index usable; equality is the same in all that are
    // deterministic.
    if (equality && column.compare == CompareAs::kText) {
      return Sides{column.select, QuoteLiteral(*text)};
    }
    return Sides{TextOf(column) + " COLLATE \"C\"", QuoteLiteral(*text)};
  }

  Text StartsWith(const PgColumn& column, const Scalar& value) const {
    const auto* prefix = std::get_if<std::string>(&value);
    if (prefix == nullptr || !Sendable(*prefix, order_)) return std::nullopt;
    if (column.compare == CompareAs::kText) {  // LIKE, for the indexes that serve it
      return "(" + column.select + " LIKE " + LikePrefix(*prefix) + ")";
    }
    if (column.compare != CompareAs::kTextCollated && column.compare != CompareAs::kTextForm &&
        column.compare != CompareAs::kUuid) {
      return std::nullopt;
    }
    return "(" + TextOf(column) + " COLLATE \"C\" LIKE " + LikePrefix(*prefix) + ")";
  }

  // The text that a reader of the column gets.
  static std::string TextOf(const PgColumn& column) {
    return QuoteIdentifier(column.name) + "::pg_catalog.text";
  }

  const PgTable& table_;
  const TextOrder order_;
};

}  // namespace

Predicate PushablePart(const PgTable& table, const Predicate& predicate, TextOrder order) {
  if (predicate.op == Op::kAnd) {
    std::vector<Predicate> kept;
    for (const Predicate& child : predicate.children) {
      Predicate part = PushablePart(table, child, order);
      if (!part.always_true()) kept.push_back(std::move(part));
    }
    if (kept.empty()) return Predicate::True();
    if (kept.size() == 1) return std::move(kept[0]);
    return Predicate::And(std::move(kept));
  }
  return Renderer(table, order).Render(predicate) ? predicate : Predicate::True();
}

std::optional<std::string> RenderPredicate(const PgTable& table, const Predicate& predicate,
                                           TextOrder order) {
  return Renderer(table, order).Render(predicate);
}

}  // namespace tarn::postgres

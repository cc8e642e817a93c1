#include "source/mysql/my_predicate.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include <arrow/type.h>

#include "columnar/utf8.h"
#include "source/mysql/my_names.h"
#include "source/mysql/my_value.h"

namespace tarn::mysql {
namespace {

using Op = Predicate::Op;
using Text = std::optional<std::string>;

constexpr int64_t kDayMicros = 86400000000;
constexpr int64_t kFirstDay = -719162;  // 0001-01-01
constexpr int64_t kLastDay = 2932896;   // 9999-12-31

std::string DayText(int64_t days) {
  const DateParts date = DateOf(days);
  char text[48];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02d", date.year, date.month, date.day);
  return text;
}

Text DateLiteral(int64_t days) {
  if (days < kFirstDay || days > kLastDay) return std::nullopt;
  return "DATE'" + DayText(days) + "'";
}

Text DatetimeLiteral(int64_t micros) {
  int64_t days = micros / kDayMicros;
  int64_t rest = micros % kDayMicros;
  if (rest < 0) {
    rest += kDayMicros;
    --days;
  }
  if (days < kFirstDay || days > kLastDay) return std::nullopt;
  char time[64];
  std::snprintf(time, sizeof(time), " %02d:%02d:%02d.%06d", static_cast<int>(rest / 3600000000),
                static_cast<int>(rest / 60000000 % 60), static_cast<int>(rest / 1000000 % 60),
                static_cast<int>(rest % 1000000));
  return "TIMESTAMP'" + DayText(days) + time + "'";
}

// With an exponent, which makes it a DOUBLE; without, it would be a DECIMAL.
Text DoubleLiteral(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  char text[64];
  const auto end =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific).ptr;
  return std::string(text, static_cast<size_t>(end - text));
}

Text DecimalLiteral(const Int128& unscaled, const arrow::DataType& type) {
  if (type.id() != arrow::Type::DECIMAL128) return std::nullopt;
  std::string digits = ToString(unscaled);
  const bool negative = digits.starts_with('-');
  if (negative) digits.erase(0, 1);
  const size_t scale = static_cast<size_t>(static_cast<const arrow::Decimal128Type&>(type).scale());
  if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
  if (scale > 0) digits.insert(digits.size() - scale, 1, '.');
  return (negative ? "-" : "") + digits;
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

std::string LikePattern(const std::string& prefix) {
  std::string pattern;
  for (const char c : prefix) {
    if (c == '%' || c == '_' || c == '|') pattern += '|';
    pattern += c;
  }
  return pattern + "%";
}

// Whether the column can be asked in its own collation: it may have an index. A server refuses to
// compare a column with text that its character set does not have.
bool AsksCollation(const MyColumn& column, const std::vector<Scalar>& values) {
  if (column.type != MyType::kChars) return false;
  if (column.charset == "utf8mb4") return true;
  return std::all_of(values.begin(), values.end(), [](const Scalar& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text != nullptr && std::all_of(text->begin(), text->end(), [](char c) {
             return static_cast<unsigned char>(c) < 0x80;
           });
  });
}

class Renderer {
 public:
  explicit Renderer(const MyTable& table) : table_(table) {}

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
          text += part->empty() ? "TRUE" : *part;
        }
        return "(" + text + ")";
      }
      case Op::kNot: {
        if (predicate.children.size() != 1) return std::nullopt;
        const Text part = Render(predicate.children[0]);
        if (!part) return std::nullopt;
        return "(NOT " + (part->empty() ? "TRUE" : *part) + ")";
      }
      default:
        return RenderLeaf(predicate);
    }
  }

 private:
  Text RenderLeaf(const Predicate& predicate) const {
    const auto found =
        std::find_if(table_.columns.begin(), table_.columns.end(),
                     [&](const MyColumn& column) { return column.name == predicate.column; });
    if (found == table_.columns.end()) return std::nullopt;
    const MyColumn& column = *found;
    const std::string name = QuoteIdentifier(column.name);
    // JSON's own null is no NULL there.
    if (column.store == Store::kVariant) return std::nullopt;
    if (predicate.op == Op::kIsNull || predicate.op == Op::kIsNotNull) {
      // To a DATE or DATETIME that is NOT NULL, IS NULL asks for the zero date there. What a view
      // says of its columns need not be so.
      if (table_.table.kind == SourceTableKind::kView) {
        if (column.type == MyType::kDate || column.type == MyType::kDatetime) return std::nullopt;
      } else if (!column.nullable) {
        return predicate.op == Op::kIsNull ? "(FALSE)" : "(TRUE)";
      }
      return "(" + name + (predicate.op == Op::kIsNull ? " IS NULL)" : " IS NOT NULL)");
    }
    if (predicate.values.empty()) return std::nullopt;
    if (predicate.op == Op::kStartsWith) return StartsWith(column, predicate.values[0]);
    if (column.compare == CompareAs::kText) return CompareText(column, predicate);
    if (predicate.op == Op::kIn) {
      std::string list;
      for (const Scalar& value : predicate.values) {
        const Text literal = Literal(column, value);
        if (!literal) return std::nullopt;
        list += (list.empty() ? "" : ", ") + *literal;
      }
      return "(" + name + " IN (" + list + "))";
    }
    const char* symbol = OperatorOf(predicate.op);
    if (symbol == nullptr) return std::nullopt;
    const Text literal = Literal(column, predicate.values[0]);
    if (!literal) return std::nullopt;
    return "(" + name + symbol + *literal + ")";
  }

  static Text Literal(const MyColumn& column, const Scalar& value) {
    const auto* integer = std::get_if<int64_t>(&value);
    switch (column.compare) {
      case CompareAs::kInteger:
        if (integer == nullptr || !ComparesAsNumber(column, *integer)) return std::nullopt;
        return std::to_string(*integer);
      case CompareAs::kFloat: {
        const auto* number = std::get_if<double>(&value);
        // Converted to the type of the column, a number that it cannot hold compares as another.
        const bool holds =
            number != nullptr && (column.type != MyType::kFloat32 ||
                                  std::abs(*number) <= std::numeric_limits<float>::max());
        return holds ? DoubleLiteral(*number) : std::nullopt;
      }
      case CompareAs::kDecimal:
        if (const auto* unscaled = std::get_if<Int128>(&value)) {
          return DecimalLiteral(*unscaled, *column.arrow_type);
        }
        return std::nullopt;
      case CompareAs::kBool:
        if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "1" : "0";
        return std::nullopt;
      case CompareAs::kDate:
        return integer == nullptr ? std::nullopt : DateLiteral(*integer);
      case CompareAs::kDatetime:
        return integer == nullptr ? std::nullopt : DatetimeLiteral(*integer);
      case CompareAs::kBytes:
        if (const auto* bytes = std::get_if<std::string>(&value)) return BytesLiteral(*bytes);
        return std::nullopt;
      case CompareAs::kText:
      case CompareAs::kNothing:
        break;
    }
    return std::nullopt;
  }

  // A number beside a YEAR becomes one: 1 to 99 are 1970 to 2069 to it, and others do not fit.
  static bool ComparesAsNumber(const MyColumn& column, int64_t value) {
    return column.type != MyType::kYear || value == 0 || (value >= 1901 && value <= 2155);
  }

  // The text that a reader of the column gets, as bytes.
  static std::string BytesOf(const MyColumn& column) {
    return "CAST(CONVERT(" + QuoteIdentifier(column.name) + " USING utf8mb4) AS BINARY)";
  }

  static Text CompareText(const MyColumn& column, const Predicate& predicate) {
    std::string list;
    std::string collated;
    for (const Scalar& value : predicate.values) {
      const auto* text = std::get_if<std::string>(&value);
      if (text == nullptr || !IsValidUtf8(*text)) return std::nullopt;
      list += (list.empty() ? "" : ", ") + BytesLiteral(*text);
      collated += (collated.empty() ? "" : ", ") + TextLiteral(*text);
    }
    const std::string name = QuoteIdentifier(column.name);
    if (predicate.op == Op::kIn || predicate.op == Op::kEq) {
      const std::string exact = BytesOf(column) + " IN (" + list + ")";
      if (!AsksCollation(column, predicate.values)) return "(" + exact + ")";
      return "(" + name + " IN (" + collated + ") AND " + exact + ")";
    }
    const char* symbol = OperatorOf(predicate.op);
    if (symbol == nullptr) return std::nullopt;
    return "(" + BytesOf(column) + symbol + list + ")";
  }

  static Text StartsWith(const MyColumn& column, const Scalar& value) {
    const auto* prefix = std::get_if<std::string>(&value);
    if (prefix == nullptr) return std::nullopt;
    const std::string pattern = LikePattern(*prefix);
    if (column.compare == CompareAs::kBytes) {
      return "(" + QuoteIdentifier(column.name) + " LIKE " + BytesLiteral(pattern) + " ESCAPE '|')";
    }
    if (column.compare != CompareAs::kText || !IsValidUtf8(*prefix)) return std::nullopt;
    return "(" + BytesOf(column) + " LIKE " + BytesLiteral(pattern) + " ESCAPE '|')";
  }

  const MyTable& table_;
};

}  // namespace

Predicate PushablePart(const MyTable& table, const Predicate& predicate) {
  if (predicate.op == Op::kAnd) {
    std::vector<Predicate> kept;
    for (const Predicate& child : predicate.children) {
      Predicate part = PushablePart(table, child);
      if (!part.always_true()) kept.push_back(std::move(part));
    }
    if (kept.empty()) return Predicate::True();
    if (kept.size() == 1) return std::move(kept[0]);
    return Predicate::And(std::move(kept));
  }
  return Renderer(table).Render(predicate) ? predicate : Predicate::True();
}

std::optional<std::string> RenderPredicate(const MyTable& table, const Predicate& predicate) {
  return Renderer(table).Render(predicate);
}

}  // namespace tarn::mysql

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/nearest.h"
#include "base/text.h"
#include "table/model/partition.h"

namespace tarn {

namespace {

using Kind = Transform::Kind;

struct NamedTransform {
  std::string_view name;
  Kind kind;
};
constexpr std::array kNamed = {
    NamedTransform{"identity", Kind::kIdentity}, NamedTransform{"year", Kind::kYear},
    NamedTransform{"years", Kind::kYear},        NamedTransform{"month", Kind::kMonth},
    NamedTransform{"months", Kind::kMonth},      NamedTransform{"day", Kind::kDay},
    NamedTransform{"days", Kind::kDay},          NamedTransform{"date", Kind::kDay},
    NamedTransform{"hour", Kind::kHour},         NamedTransform{"hours", Kind::kHour},
    NamedTransform{"bucket", Kind::kBucket},     NamedTransform{"truncate", Kind::kTruncate},
    NamedTransform{"void", Kind::kVoid}};
constexpr char kUsage[] =
    "write a column, year(c), month(c), day(c), hour(c), bucket(n, c) or truncate(n, c)";

std::string_view Trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  return text;
}

/// A name as written: bare, or in double quotes with "" for a quote.
std::string Unquote(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  std::string name;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    name += text[i];
    if (text[i] == '"' && i + 2 < text.size() && text[i + 1] == '"') ++i;
  }
  return name;
}

std::optional<int> PositiveNumber(std::string_view text) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

/// Splits "a, b" at the comma that stands outside double quotes; one part where there is none.
std::vector<std::string_view> SplitArguments(std::string_view text) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == ',' && !quoted) {
      parts.push_back(Trim(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  parts.push_back(Trim(text.substr(begin)));
  return parts;
}

struct Parsed {
  Transform transform;
  std::string column;
};

Error BadPartition(std::string_view text, const std::string& why) {
  return InvalidArgument("partition \"" + std::string(text) + "\": " + why, kUsage);
}

Result<Parsed> ParseText(std::string_view text) {
  const std::string_view trimmed = Trim(text);
  const size_t open = trimmed.find('(');
  if (trimmed.empty()) return BadPartition(text, "no column is named");
  if (trimmed.front() == '"' || open == std::string_view::npos) {
    return Parsed{{}, Unquote(trimmed)};
  }
  if (trimmed.back() != ')') return BadPartition(text, "the closing parenthesis is missing");
  const std::string name = LowerAscii(Trim(trimmed.substr(0, open)));
  const auto* named =
      std::find_if(kNamed.begin(), kNamed.end(), [&](const auto& n) { return n.name == name; });
  if (named == kNamed.end()) {
    return BadPartition(text, "there is no transform \"" + name + "\"");
  }
  auto arguments = SplitArguments(trimmed.substr(open + 1, trimmed.size() - open - 2));
  const bool takes_number = named->kind == Kind::kBucket || named->kind == Kind::kTruncate;
  if (!takes_number) {
    if (arguments.size() != 1 || arguments[0].empty()) {
      return BadPartition(text, name + " takes one column");
    }
    return Parsed{{named->kind, 0, {}}, Unquote(arguments[0])};
  }
  if (arguments.size() != 2) return BadPartition(text, name + " takes a number and a column");
  std::optional<int> number = PositiveNumber(arguments[0]);
  if (!number) {
    std::swap(arguments[0], arguments[1]);
    number = PositiveNumber(arguments[0]);
  }
  if (!number) return BadPartition(text, name + " needs a number of at least 1");
  return Parsed{{named->kind, *number, {}}, Unquote(arguments[1])};
}

std::string FieldName(const Transform& transform, const std::string& column) {
  switch (transform.kind) {
    case Kind::kIdentity:
      return column;
    case Kind::kBucket:
      return column + "_bucket";
    case Kind::kTruncate:
      return column + "_trunc";
    case Kind::kVoid:
      return column + "_null";
    default:
      return column + "_" + transform.ToString();
  }
}

std::string QuotedIfNeeded(const std::string& name) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return c == '_' || std::isalnum(static_cast<unsigned char>(c)) || (c & 0x80) != 0;
  });
  if (plain && !PositiveNumber(name)) return name;
  return QuoteIdentifier(name);
}

}  // namespace

Result<PartitionField> ParsePartitionField(std::string_view text, const Schema& schema) {
  Parsed parsed;
  // A column may itself be called "day(x)": its exact name wins.
  const auto exact = std::find_if(schema.fields.begin(), schema.fields.end(),
                                  [&](const Field& field) { return field.name == text; });
  if (exact != schema.fields.end()) {
    parsed.column = exact->name;
  } else {
    TARN_ASSIGN_OR_RETURN(parsed, ParseText(text));
  }
  const Field* column = schema.Find(parsed.column);
  if (column == nullptr) {
    std::vector<std::string> names;
    for (const Field& field : schema.fields) names.push_back(field.name);
    const std::optional<std::string> nearest = NearestName(parsed.column, names);
    return InvalidArgument(
        "partition \"" + std::string(text) + "\": there is no column \"" + parsed.column + "\"",
        nearest ? "did you mean \"" + *nearest + "\"?" : std::string(kUsage));
  }
  if (!CanTransform(parsed.transform, column->type)) {
    return BadPartition(text, parsed.transform.ToString() + " does not apply to column \"" +
                                  column->name + "\" of type " + column->type.ToString());
  }
  PartitionField field;
  field.source_id = column->id;
  field.transform = std::move(parsed.transform);
  field.name = FieldName(field.transform, column->name);
  return field;
}

Result<std::vector<PartitionField>> ParsePartition(const std::vector<std::string>& texts,
                                                   const Schema& schema) {
  std::vector<PartitionField> fields;
  std::set<std::string> taken;
  for (const std::string& text : texts) {
    TARN_ASSIGN_OR_RETURN(PartitionField field, ParsePartitionField(text, schema));
    for (const PartitionField& other : fields) {
      if (other.source_id == field.source_id && other.transform == field.transform) {
        return InvalidArgument("partition \"" + text + "\" is named twice",
                               "remove one of the two");
      }
    }
    const std::string base = field.name;
    const auto clashes = [&](const std::string& name) {
      const bool own = field.transform.kind == Kind::kIdentity && name == base;
      const bool is_column = std::any_of(
          schema.fields.begin(), schema.fields.end(),
          [&](const Field& column) { return LowerAscii(column.name) == LowerAscii(name); });
      return (is_column && !own) || taken.contains(LowerAscii(name));
    };
    for (int i = 2; clashes(field.name); ++i) field.name = base + "_" + std::to_string(i);
    taken.insert(LowerAscii(field.name));
    fields.push_back(std::move(field));
  }
  return fields;
}

std::string PartitionFieldText(const PartitionField& field, const Schema& schema) {
  const Field* column = schema.Find(field.source_id);
  const std::string name = column == nullptr ? "?" : QuotedIfNeeded(column->name);
  switch (field.transform.kind) {
    case Kind::kIdentity:
      return name;
    case Kind::kBucket:
    case Kind::kTruncate:
      return std::string(field.transform.kind == Kind::kBucket ? "bucket(" : "truncate(") +
             std::to_string(field.transform.parameter) + ", " + name + ")";
    default:
      return field.transform.ToString() + "(" + name + ")";
  }
}

}  // namespace tarn

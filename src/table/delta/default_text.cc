#include "table/delta/default_text.h"

#include <algorithm>

namespace tarn::delta {
namespace {

/// Spark's literals know escapes by backslash; a doubled quote is two literals there.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace

std::string DefaultText(const Type& type, const Scalar& value) {
  std::string text = ValueToText(type, value);
  switch (type.kind()) {
    case Type::Kind::kString:
    case Type::Kind::kUuid:
      return Quoted(text);
    case Type::Kind::kFixed:
    case Type::Kind::kBinary:
      return "X'" + text + "'";
    case Type::Kind::kDate:
      return "DATE '" + text + "'";
    case Type::Kind::kTimestamp:
    case Type::Kind::kTimestampTz:
      std::replace(text.begin(), text.end(), 'T', ' ');
      return (type.kind() == Type::Kind::kTimestamp ? "TIMESTAMP_NTZ '" : "TIMESTAMP '") + text +
             "'";
    case Type::Kind::kDouble:
      return "CAST('" + text + "' AS DOUBLE)";
    case Type::Kind::kFloat:
      return "CAST('" + text + "' AS FLOAT)";
    default:
      return text;  // numbers and booleans
  }
}

}  // namespace tarn::delta

#include "columnar/predicate.h"

#include <string_view>

namespace tarn {

namespace {

std::string_view Symbol(Predicate::Op op) {
  switch (op) {
    case Predicate::Op::kEq:
      return " = ";
    case Predicate::Op::kNotEq:
      return " <> ";
    case Predicate::Op::kLt:
      return " < ";
    case Predicate::Op::kLtEq:
      return " <= ";
    case Predicate::Op::kGt:
      return " > ";
    case Predicate::Op::kGtEq:
      return " >= ";
    case Predicate::Op::kStartsWith:
      return " STARTS WITH ";
    default:
      return " ? ";
  }
}

/// The column as SQL would have to write it.
std::string Name(const std::string& column) {
  bool plain = !column.empty() && !(column[0] >= '0' && column[0] <= '9');
  std::string quoted = "\"";
  for (char c : column) {
    plain = plain && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
    quoted += c;
    if (c == '"') quoted += c;
  }
  return plain ? column : quoted + '"';
}

std::string Join(const Predicate& predicate, std::string_view separator,
                 std::string_view when_empty) {
  std::string text;
  for (const Predicate& child : predicate.children) {
    if (!text.empty()) text += separator;
    const bool nested = (child.op == Predicate::Op::kAnd || child.op == Predicate::Op::kOr) &&
                        child.op != predicate.op && child.children.size() > 1;
    text += nested ? "(" + ToString(child) + ")" : ToString(child);
  }
  return text.empty() ? std::string(when_empty) : text;
}

/// With its length in front, so that what follows cannot be taken for a part of it.
void AppendCounted(std::string_view part, std::string* text) {
  *text += std::to_string(part.size()) + ":";
  *text += part;
}

}  // namespace

std::string ToString(const Predicate& predicate) {
  switch (predicate.op) {
    case Predicate::Op::kTrue:
      return "true";
    case Predicate::Op::kAnd:
      return Join(predicate, " AND ", "true");
    case Predicate::Op::kOr:
      return Join(predicate, " OR ", "false");
    case Predicate::Op::kNot:
      return predicate.children.empty() ? "NOT ?" : "NOT (" + ToString(predicate.children[0]) + ")";
    case Predicate::Op::kIsNull:
      return Name(predicate.column) + " IS NULL";
    case Predicate::Op::kIsNotNull:
      return Name(predicate.column) + " IS NOT NULL";
    case Predicate::Op::kIn: {
      std::string list;
      for (const Scalar& value : predicate.values) {
        if (!list.empty()) list += ", ";
        list += ToString(value);
      }
      return Name(predicate.column) + " IN (" + list + ")";
    }
    default:
      return Name(predicate.column) + std::string(Symbol(predicate.op)) +
             (predicate.values.empty() ? "?" : ToString(predicate.values[0]));
  }
}

std::string Identity(const Predicate& predicate) {
  std::string text = "(" + std::to_string(static_cast<int>(predicate.op)) + " ";
  AppendCounted(predicate.column, &text);
  for (const Scalar& value : predicate.values) {
    text += "=" + std::to_string(value.index()) + " ";
    const auto* chars = std::get_if<std::string>(&value);
    AppendCounted(chars != nullptr ? *chars : ToString(value), &text);
  }
  for (const Predicate& child : predicate.children) text += Identity(child);
  return text + ")";
}

}  // namespace tarn

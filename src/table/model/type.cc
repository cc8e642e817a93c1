#include <utility>

#include "table/model/schema.h"

namespace tarn {

namespace {

const std::vector<Field>& NoFields() {
  static const std::vector<Field>* const none = new std::vector<Field>();
  return *none;
}

}  // namespace

Type Type::Decimal(int precision, int scale) {
  Type type(Kind::kDecimal);
  type.a_ = precision;
  type.b_ = scale;
  return type;
}

Type Type::Fixed(int length) {
  Type type(Kind::kFixed);
  type.a_ = length;
  return type;
}

Type Type::Struct(std::vector<Field> fields) {
  Type type(Kind::kStruct);
  type.fields_ = std::make_shared<const std::vector<Field>>(std::move(fields));
  return type;
}

Type Type::List(Field element) {
  Type type(Kind::kList);
  element.name = "element";
  type.fields_ = std::make_shared<const std::vector<Field>>(std::vector<Field>{std::move(element)});
  return type;
}

Type Type::Map(Field key, Field value) {
  Type type(Kind::kMap);
  key.name = "key";
  key.nullability = Nullability::kRequired;
  value.name = "value";
  type.fields_ = std::make_shared<const std::vector<Field>>(
      std::vector<Field>{std::move(key), std::move(value)});
  return type;
}

const std::vector<Field>& Type::fields() const { return fields_ ? *fields_ : NoFields(); }

std::string Type::ToString() const {
  switch (kind_) {
    case Kind::kBoolean:
      return "boolean";
    case Kind::kInt:
      return "int";
    case Kind::kLong:
      return "long";
    case Kind::kFloat:
      return "float";
    case Kind::kDouble:
      return "double";
    case Kind::kDecimal:
      return "decimal(" + std::to_string(a_) + ", " + std::to_string(b_) + ")";
    case Kind::kDate:
      return "date";
    case Kind::kTime:
      return "time";
    case Kind::kTimestamp:
      return "timestamp";
    case Kind::kTimestampTz:
      return "timestamptz";
    case Kind::kTimestampNs:
      return "timestamp_ns";
    case Kind::kTimestampTzNs:
      return "timestamptz_ns";
    case Kind::kUnknown:
      return "unknown";
    case Kind::kVariant:
      return "variant";
    case Kind::kString:
      return "string";
    case Kind::kUuid:
      return "uuid";
    case Kind::kFixed:
      return "fixed[" + std::to_string(a_) + "]";
    case Kind::kBinary:
      return "binary";
    case Kind::kList:
      return "list<" + fields()[0].type.ToString() + ">";
    case Kind::kMap:
      return "map<" + fields()[0].type.ToString() + ", " + fields()[1].type.ToString() + ">";
    case Kind::kStruct: {
      std::string text = "struct<";
      for (size_t i = 0; i < fields().size(); ++i) {
        if (i > 0) text += ", ";
        text += fields()[i].name + ": " + fields()[i].type.ToString();
      }
      return text + ">";
    }
  }
  return "unknown";
}

bool Type::operator==(const Type& other) const {
  if (kind_ != other.kind_ || a_ != other.a_ || b_ != other.b_) return false;
  return fields_ == other.fields_ || fields() == other.fields();
}

}  // namespace tarn

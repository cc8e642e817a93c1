#include <cmath>
#include <limits>
#include <string>
#include <variant>

#include "base/text.h"
#include "table/model/schema.h"
#include "table/model/transform_math.h"

namespace tarn {

namespace {

using Kind = Type::Kind;

constexpr int kVersionOfNewTypes = 3;

bool ScalarsOnly(const Type& type) { return type.primitive() && type.kind() != Kind::kUnknown; }

bool NeedsVersion3(Kind kind) {
  return kind == Kind::kTimestampNs || kind == Kind::kTimestampTzNs || kind == Kind::kUnknown ||
         kind == Kind::kVariant;
}

bool FitsInt32(int64_t value) {
  return value >= std::numeric_limits<int32_t>::min() &&
         value <= std::numeric_limits<int32_t>::max();
}

bool FitsPrecision(Int128 unscaled, int precision) {
  std::string digits = ToString(unscaled);
  if (digits.starts_with('-')) digits.erase(0, 1);
  return static_cast<int>(digits.size()) <= precision;
}

Status CheckField(const Field& field, const std::string& path, int format_version) {
  const std::string column = "column " + QuoteIdentifier(path);
  const bool old = format_version < kVersionOfNewTypes;
  const std::string needs = ", which Iceberg has from format version 3 on; the table has version " +
                            std::to_string(format_version);
  if (old && NeedsVersion3(field.type.kind())) {
    return Unsupported(column + " has the type " + field.type.ToString() + needs,
                       "make the table one of version 3, or choose another type");
  }
  if (old && (field.initial_default || field.write_default)) {
    return Unsupported(column + " has a default" + needs,
                       "make the table one of version 3, or leave the default out");
  }
  if (field.type.kind() == Kind::kUnknown && field.nullability == Nullability::kRequired) {
    return InvalidArgument(column + " has the type unknown, so it cannot be required");
  }
  for (const std::optional<Scalar>* value : {&field.initial_default, &field.write_default}) {
    if (*value) TARN_RETURN_IF_ERROR(CheckDefault(field.type, **value, path));
  }
  for (const Field& nested : field.type.fields()) {
    TARN_RETURN_IF_ERROR(CheckField(nested, path + "." + nested.name, format_version));
  }
  return {};
}

}  // namespace

bool ScalarFits(const Type& type, const Scalar& value) {
  switch (type.kind()) {
    case Kind::kBoolean:
      return std::holds_alternative<bool>(value);
    case Kind::kFloat:
    case Kind::kDouble:
      return std::holds_alternative<double>(value);
    case Kind::kDecimal:
      return std::holds_alternative<Int128>(value);
    case Kind::kString:
    case Kind::kUuid:
    case Kind::kFixed:
    case Kind::kBinary:
      return std::holds_alternative<std::string>(value);
    default:
      return ScalarsOnly(type) && std::holds_alternative<int64_t>(value);
  }
}

bool ScalarInRange(const Type& type, const Scalar& value) {
  switch (type.kind()) {
    case Kind::kInt:
    case Kind::kDate:
      return FitsInt32(std::get<int64_t>(value));
    case Kind::kTime:
      return std::get<int64_t>(value) >= 0 && std::get<int64_t>(value) < kMicrosPerDay;
    case Kind::kDecimal:
      return FitsPrecision(std::get<Int128>(value), type.precision());
    case Kind::kUuid:
      return std::get<std::string>(value).size() == 16;
    case Kind::kFixed:
      return std::get<std::string>(value).size() == static_cast<size_t>(type.length());
    default:
      return true;
  }
}

bool CanWiden(const Type& from, const Type& to, int format_version) {
  switch (from.kind()) {
    case Kind::kInt:
      return to.kind() == Kind::kLong;
    case Kind::kFloat:
      return to.kind() == Kind::kDouble;
    case Kind::kDecimal:
      return to.kind() == Kind::kDecimal && to.scale() == from.scale() &&
             to.precision() > from.precision();
    case Kind::kDate:
      return format_version >= kVersionOfNewTypes &&
             (to.kind() == Kind::kTimestamp || to.kind() == Kind::kTimestampNs);
    case Kind::kUnknown:
      return format_version >= kVersionOfNewTypes &&
             (ScalarsOnly(to) || to.kind() == Kind::kVariant);
    default:
      return false;
  }
}

Status CheckDefault(const Type& type, const Scalar& value, std::string_view column) {
  if (IsNull(value)) return {};
  if (!ScalarsOnly(type)) {
    return InvalidArgument("column " + QuoteIdentifier(std::string(column)) + " of type " +
                               type.ToString() + " can have no other default than null",
                           "leave the default out");
  }
  // JSON, which keeps defaults, has no numbers for NaN and the infinities.
  const auto* number = std::get_if<double>(&value);
  const double magnitude_max = type.kind() == Kind::kFloat ? std::numeric_limits<float>::max()
                                                           : std::numeric_limits<double>::max();
  const bool finite = number == nullptr || std::abs(*number) <= magnitude_max;
  if (!ScalarFits(type, value) || !ScalarInRange(type, value) || !finite) {
    return InvalidArgument("the default " + ToString(value) + " of column " +
                           QuoteIdentifier(std::string(column)) + " is not a value of type " +
                           type.ToString());
  }
  return {};
}

Status CheckTypeForVersion(const Schema& schema, int format_version) {
  for (const Field& field : schema.fields) {
    TARN_RETURN_IF_ERROR(CheckField(field, field.name, format_version));
  }
  return {};
}

}  // namespace tarn

#include <optional>
#include <string>
#include <utility>

#include "table/iceberg/single_value.h"

namespace tarn {

namespace {

using Kind = Type::Kind;

std::optional<Scalar> Read(const Type& type, const Json& json) {
  switch (type.kind()) {
    case Kind::kBoolean:
      if (json.is_boolean()) return Scalar(json.get<bool>());
      return std::nullopt;
    case Kind::kInt:
    case Kind::kLong:
      // By its digits, so that a number beyond 64 bits is refused rather than wrapped.
      if (json.is_number_integer()) return ValueFromText(type, json.dump());
      return std::nullopt;
    case Kind::kFloat:
    case Kind::kDouble:
      if (json.is_number()) return Scalar(json.get<double>());
      return std::nullopt;
    default:
      if (json.is_string()) return ValueFromText(type, json.get_ref<const std::string&>());
      return std::nullopt;
  }
}

}  // namespace

Json SingleValueToJson(const Type& type, const Scalar& value) {
  switch (type.kind()) {
    case Kind::kBoolean:
      return std::get<bool>(value);
    case Kind::kInt:
    case Kind::kLong:
      return std::get<int64_t>(value);
    case Kind::kFloat:
    case Kind::kDouble:
      return std::get<double>(value);
    default:
      return ValueToText(type, value);
  }
}

Result<Scalar> SingleValueFromJson(const Type& type, const Json& json, std::string_view what) {
  std::optional<Scalar> value = Read(type, json);
  if (value && CheckDefault(type, *value, what).ok()) return *std::move(value);
  constexpr size_t kShownMax = 100;
  return Corruption(std::string(what) + ": " + DumpJson(json).substr(0, kShownMax) +
                    " is not a value of type " + type.ToString());
}

}  // namespace tarn

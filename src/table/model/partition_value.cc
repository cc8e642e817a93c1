#include <optional>
#include <string>
#include <utility>

#include "table/model/civil_text.h"
#include "table/model/partition.h"
#include "table/model/transform_math.h"

namespace tarn {

namespace {

using Kind = Transform::Kind;

std::optional<Scalar> ReadOrdinal(Kind kind, std::string_view text) {
  CivilReader reader(text);
  std::optional<int64_t> result;
  if (kind == Kind::kYear) {
    result = reader.Year();
    if (result) *result -= 1970;
  } else if (kind == Kind::kMonth) {
    const auto year = reader.Year();
    const auto month = year && reader.Skip('-') ? reader.TwoDigits(1, 12) : std::nullopt;
    if (month) result = (*year - 1970) * 12 + *month - 1;
  } else {
    const auto days = reader.Days();
    const auto hour = days && reader.Skip('-') ? reader.TwoDigits(0, 23) : std::nullopt;
    if (hour) result = *days * 24 + *hour;
  }
  if (!result || !reader.done()) return std::nullopt;
  return Scalar(*result);
}

}  // namespace

std::string PartitionValueToString(const Transform& transform, const Type& source,
                                   const Scalar& value) {
  if (IsNull(value)) return "null";
  const auto* number = std::get_if<int64_t>(&value);
  switch (transform.kind) {
    case Kind::kYear:
      if (number != nullptr) return YearText(*number + 1970);
      break;
    case Kind::kMonth:
      if (number != nullptr) {
        const int64_t year = FloorDiv(*number, 12);
        return YearText(year + 1970) + "-" + PaddedNumber(*number - year * 12 + 1, 2);
      }
      break;
    case Kind::kDay:
      if (number != nullptr) return DayText(*number);
      break;
    case Kind::kHour:
      if (number != nullptr) {
        const int64_t days = FloorDiv(*number, 24);
        return DayText(days) + "-" + PaddedNumber(*number - days * 24, 2);
      }
      break;
    case Kind::kBucket:
      if (number != nullptr) return std::to_string(*number);
      break;
    case Kind::kIdentity:
    case Kind::kTruncate:
      if (ScalarFits(source, value)) return ValueToText(source, value);
      break;
    default:
      break;
  }
  return ToString(value);
}

Result<Scalar> PartitionValueFromString(const Transform& transform, const Type& source,
                                        std::string_view text) {
  const Type type = TransformResultType(transform, source);
  if (text == "null" && type.kind() != Type::Kind::kString) return Scalar();
  std::optional<Scalar> value;
  switch (transform.kind) {
    case Kind::kYear:
    case Kind::kMonth:
    case Kind::kHour:
      value = ReadOrdinal(transform.kind, text);
      break;
    case Kind::kUnknown:
      break;
    case Kind::kVoid:
      return Scalar();
    default:
      value = ValueFromText(type, text);
  }
  if (!value) {
    return InvalidArgument("\"" + std::string(text) + "\" is not a value of the partition " +
                           transform.ToString() + " of type " + type.ToString());
  }
  return *std::move(value);
}

}  // namespace tarn

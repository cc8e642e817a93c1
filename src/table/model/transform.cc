#include <charconv>
#include <string>
#include <variant>

#include "table/model/partition.h"
#include "table/model/transform_math.h"

namespace tarn {

namespace {

using Kind = Transform::Kind;

bool TakesParameter(Kind kind) { return kind == Kind::kBucket || kind == Kind::kTruncate; }

int64_t ClampToInt(int64_t value) {
  if (value < std::numeric_limits<int32_t>::min()) return std::numeric_limits<int32_t>::min();
  if (value > std::numeric_limits<int32_t>::max()) return std::numeric_limits<int32_t>::max();
  return value;
}

Result<Scalar> TruncateScalar(int64_t width, const Type& source, const Scalar& value) {
  switch (source.kind()) {
    case Type::Kind::kInt:
      return Scalar(static_cast<int64_t>(TruncateInteger<int32_t>(
          static_cast<int32_t>(std::get<int64_t>(value)), static_cast<int32_t>(width))));
    case Type::Kind::kLong:
      return Scalar(TruncateInteger<int64_t>(std::get<int64_t>(value), width));
    case Type::Kind::kDecimal:
      return Scalar(TruncateDecimal(std::get<Int128>(value), width));
    case Type::Kind::kString:
      return Scalar(std::string(TruncateText(std::get<std::string>(value), width)));
    default:
      return Scalar(std::get<std::string>(value).substr(0, static_cast<size_t>(width)));
  }
}

Result<Scalar> TimeScalar(Kind kind, const Type& source, int64_t value) {
  const int64_t ticks_per_day = TicksPerDay(source.kind());
  if (kind == Kind::kHour) return Scalar(ClampToInt(FloorDiv(value, ticks_per_day / 24)));
  const int64_t days = FloorDiv(value, ticks_per_day);
  if (kind == Kind::kDay) return Scalar(ClampToInt(days));
  const CivilDate date = CivilFromDays(days);
  return Scalar(kind == Kind::kYear ? YearOrdinal(date) : MonthOrdinal(date));
}

}  // namespace

Transform ParseTransform(std::string_view text) {
  static constexpr std::pair<std::string_view, Kind> kSimple[] = {
      {"identity", Kind::kIdentity}, {"year", Kind::kYear}, {"month", Kind::kMonth},
      {"day", Kind::kDay},           {"hour", Kind::kHour}, {"void", Kind::kVoid}};
  for (const auto& [name, kind] : kSimple) {
    if (text == name) return {kind, 0, {}};
  }
  for (const auto& [name, kind] : {std::pair<std::string_view, Kind>{"bucket[", Kind::kBucket},
                                   {"truncate[", Kind::kTruncate}}) {
    if (!text.starts_with(name) || !text.ends_with(']')) continue;
    int parameter = 0;
    const char* begin = text.data() + name.size();
    const char* end = text.data() + text.size() - 1;
    auto [stop, error] = std::from_chars(begin, end, parameter);
    if (error == std::errc() && stop == end && parameter > 0) return {kind, parameter, {}};
  }
  return {Kind::kUnknown, 0, std::string(text)};
}

bool CanTransform(const Transform& transform, const Type& source) {
  if (!source.primitive()) return false;
  const Type::Kind type = source.kind();
  const bool timestamp = type == Type::Kind::kTimestamp || type == Type::Kind::kTimestampTz ||
                         type == Type::Kind::kTimestampNs || type == Type::Kind::kTimestampTzNs;
  if (type == Type::Kind::kUnknown) return transform.kind == Kind::kVoid;
  if (TakesParameter(transform.kind) && transform.parameter <= 0) return false;
  switch (transform.kind) {
    case Kind::kIdentity:
    case Kind::kVoid:
      return true;
    case Kind::kYear:
    case Kind::kMonth:
    case Kind::kDay:
      return timestamp || type == Type::Kind::kDate;
    case Kind::kHour:
      return timestamp;
    case Kind::kBucket:
      return type != Type::Kind::kBoolean && type != Type::Kind::kFloat &&
             type != Type::Kind::kDouble;
    case Kind::kTruncate:
      return type == Type::Kind::kInt || type == Type::Kind::kLong ||
             type == Type::Kind::kDecimal || type == Type::Kind::kString ||
             type == Type::Kind::kBinary;
    case Kind::kUnknown:
      return false;
  }
  return false;
}

bool KeepsPartitionValues(const Transform& transform, const Type& from, const Type& to) {
  if (transform.kind == Kind::kVoid) return true;
  if (!CanTransform(transform, from) || !CanTransform(transform, to)) return false;
  // A day keeps its year, month and day as a timestamp, but not its value nor its hash.
  const bool by_value = transform.kind == Kind::kIdentity || transform.kind == Kind::kBucket;
  return from.kind() != Type::Kind::kDate || from == to || !by_value;
}

Type TransformResultType(const Transform& transform, const Type& source) {
  switch (transform.kind) {
    case Kind::kYear:
    case Kind::kMonth:
    case Kind::kHour:
    case Kind::kBucket:
      return Type(Type::Kind::kInt);
    case Kind::kDay:
      return Type(Type::Kind::kDate);
    case Kind::kUnknown:
      return Type(Type::Kind::kString);
    case Kind::kVoid:
      if (!source.primitive() || source.kind() == Type::Kind::kUnknown) {
        return Type(Type::Kind::kInt);
      }
      return source;
    default:
      return source;
  }
}

int32_t BucketHash(const Type& source, const Scalar& value) {
  switch (source.kind()) {
    case Type::Kind::kDecimal:
      return Murmur3OfDecimal(std::get<Int128>(value));
    case Type::Kind::kString:
    case Type::Kind::kUuid:
    case Type::Kind::kFixed:
    case Type::Kind::kBinary: {
      const auto& bytes = std::get<std::string>(value);
      return Murmur3(bytes.data(), bytes.size());
    }
    case Type::Kind::kTimestampNs:
    case Type::Kind::kTimestampTzNs:
      return Murmur3OfNanos(std::get<int64_t>(value));
    default:
      return Murmur3OfLong(std::get<int64_t>(value));
  }
}

Result<Scalar> ApplyTransform(const Transform& transform, const Type& source, const Scalar& value) {
  if (transform.kind == Kind::kUnknown) {
    return Unsupported("the partition transform " + transform.text + " is not known");
  }
  if (!CanTransform(transform, source)) {
    return InvalidArgument("the partition transform " + transform.ToString() +
                           " does not apply to type " + source.ToString());
  }
  if (IsNull(value) || transform.kind == Kind::kVoid) return Scalar();
  if (!ScalarFits(source, value)) {
    return InvalidArgument("the value " + tarn::ToString(value) + " is not of type " +
                           source.ToString());
  }
  switch (transform.kind) {
    case Kind::kIdentity:
      return value;
    case Kind::kBucket:
      return Scalar(static_cast<int64_t>(BucketOf(BucketHash(source, value), transform.parameter)));
    case Kind::kTruncate:
      return TruncateScalar(transform.parameter, source, value);
    default:
      return TimeScalar(transform.kind, source, std::get<int64_t>(value));
  }
}

}  // namespace tarn

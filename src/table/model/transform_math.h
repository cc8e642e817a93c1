#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "base/civil_date.h"
#include "columnar/scalar.h"
#include "table/model/metadata.h"

namespace tarn {

/// \name The arithmetic of partition transforms, shared by the paths for one value and for columns.
/// @{
inline constexpr int64_t kMicrosPerHour = 3'600'000'000;
inline constexpr int64_t kMicrosPerDay = 24 * kMicrosPerHour;
inline constexpr int64_t kNanosPerMicro = 1000;
inline constexpr int64_t kNanosPerDay = kMicrosPerDay * kNanosPerMicro;

/// In how many ticks a time or timestamp type counts a day; 1 for a date.
constexpr int64_t TicksPerDay(Type::Kind kind) {
  if (kind == Type::Kind::kDate) return 1;
  const bool nanos = kind == Type::Kind::kTimestampNs || kind == Type::Kind::kTimestampTzNs;
  return nanos ? kNanosPerDay : kMicrosPerDay;
}

constexpr int64_t FloorDiv(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? quotient - 1 : quotient;
}

constexpr int64_t FloorMod(int64_t a, int64_t b) { return (a % b + b) % b; }
/// days * ticks_per_day + of_day, where 64 bits hold it.
std::optional<int64_t> TicksOfDays(int64_t days, int64_t of_day, int64_t ticks_per_day);

constexpr int64_t YearOrdinal(CivilDate date) { return date.year - 1970; }
constexpr int64_t MonthOrdinal(CivilDate date) { return (date.year - 1970) * 12 + date.month - 1; }

/// v - (v mod width) with a remainder that is never negative. The result for values at the lower
/// end of T, which T cannot hold, is T's lowest value, so that order is kept.
template <typename T>
constexpr T TruncateInteger(T value, T width) {
  T remainder = static_cast<T>(value % width);
  if (remainder < 0) remainder = static_cast<T>(remainder + width);  // a sum could overflow
  return value < std::numeric_limits<T>::min() + remainder ? std::numeric_limits<T>::min()
                                                           : static_cast<T>(value - remainder);
}
Int128 TruncateDecimal(Int128 unscaled, int64_t width);
/// The first `code_points` of UTF-8 text.
std::string_view TruncateText(std::string_view text, int64_t code_points);

/// murmur3_x86_32 with seed 0.
int32_t Murmur3(const void* data, size_t size);
int32_t Murmur3OfLong(int64_t value);
/// Of a timestamp's microseconds, so that it has the hash of a coarser one.
inline int32_t Murmur3OfNanos(int64_t nanos) {
  return Murmur3OfLong(FloorDiv(nanos, kNanosPerMicro));
}
/// Of the least number of big-endian two's complement bytes.
int32_t Murmur3OfDecimal(Int128 unscaled);
constexpr int32_t BucketOf(int32_t hash, int buckets) {
  return (hash & std::numeric_limits<int32_t>::max()) % buckets;
}
/// @}

}  // namespace tarn

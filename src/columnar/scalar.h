#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace tarn {

/// An unscaled 128-bit decimal, two's complement.
struct Int128 {
  int64_t high = 0;
  uint64_t low = 0;
  friend constexpr auto operator<=>(const Int128&, const Int128&) = default;
};

/// One value of a column, without its type: the schema beside it says what it is.
/// boolean → bool · int, long, date (days since 1970-01-01), time (µs), timestamp[tz] (µs since the
/// epoch) → int64_t · float, double → double · string, binary, fixed, uuid (16 bytes) → std::string
/// · decimal → Int128, unscaled · null → monostate.
using Scalar = std::variant<std::monostate, bool, int64_t, double, std::string, Int128>;

inline bool IsNull(const Scalar& value) { return value.index() == 0; }

/// Order of two non-null values of the same kind; unordered for different kinds, nulls and NaN.
/// Strings compare as unsigned bytes.
std::partial_ordering Compare(const Scalar& a, const Scalar& b);

/// For messages and EXPLAIN, for example 42, 'text', 1.5, NULL.
/// Text is cut after 200 bytes, bytes that are no UTF-8 are shown as x'00ff'.
std::string ToString(const Scalar& value);

/// All digits, without regard to a scale.
std::string ToString(const Int128& value);

/// \name Two's complement, big endian: how Avro, Parquet and Iceberg store decimals.
/// @{
/// Any width; empty is 0. Error: Corruption when the value needs more than 128 bits.
Result<Int128> Int128FromBigEndian(std::string_view bytes);
/// The fewest bytes that hold the value, at least one.
std::string Int128ToBigEndian(const Int128& value);
/// Exactly `width` bytes, sign extended; InvalidArgument when the value needs more.
Result<std::string> Int128ToBigEndian(const Int128& value, int width);
/// @}
constexpr Int128 Int128FromInt64(int64_t value) {
  return {value < 0 ? -1 : 0, static_cast<uint64_t>(value)};
}

}  // namespace tarn

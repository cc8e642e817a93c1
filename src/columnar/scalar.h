#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

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
std::string ToString(const Scalar& value);

}  // namespace tarn

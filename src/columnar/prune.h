#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "columnar/predicate.h"
#include "columnar/scalar.h"

namespace tarn {

/// What is known of one column in one file, row group or partition. Everything may be unknown.
/// An identity partition value v is {.lower = v, .upper = v, .null_count = 0}; a column that the
/// file does not have (all NULL) is {.null_count = rows, .value_count = rows}.
struct ColumnBounds {
  /// No value that is neither null nor NaN is smaller (greater). They need not occur: truncated
  /// text bounds as Iceberg writes them (the upper one counted up) are such bounds.
  std::optional<Scalar> lower;
  std::optional<Scalar> upper;
  std::optional<int64_t> null_count;
  std::optional<int64_t> value_count;  ///< all rows, nulls and NaN included
  std::optional<int64_t> nan_count;    ///< of float and double columns
  /// kPrefix: the greatest text was cut to `upper` and not counted up, so values that begin with
  /// `upper` may be greater than it.
  enum class Upper { kInclusive, kPrefix };
  Upper upper_kind = Upper::kInclusive;
};

/// The bounds of a top-level column; nullptr where nothing is known. The pointer stays valid until
/// the next call.
using BoundsLookup = std::function<const ColumnBounds*(const std::string& column)>;

/// Which of SQL's three truth values a predicate can take on the rows behind the bounds: never too
/// few, perhaps too many. NaN is taken to be greater than every number and equal to itself (DuckDB,
/// PostgreSQL, Spark) or to compare with nothing (IEEE): both readings are covered.
/// Values of another kind than the bounds (a double beside an integer column) decide nothing.
struct Outcomes {
  bool can_be_true = false;
  bool can_be_false = false;
  bool can_be_null = false;
};
Outcomes PossibleOutcomes(const Predicate& predicate, const BoundsLookup& bounds);

/// False only when certainly no row matches: the file may be skipped.
bool MayMatch(const Predicate& predicate, const BoundsLookup& bounds);

/// True only when certainly every row matches: the file may be taken (or dropped) whole.
bool AlwaysMatches(const Predicate& predicate, const BoundsLookup& bounds);

}  // namespace tarn

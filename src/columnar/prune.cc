#include "columnar/prune.h"

#include <cmath>
#include <string_view>

namespace tarn {

namespace {

using Op = Predicate::Op;

constexpr Outcomes kUnknown = {true, true, true};

bool IsNan(const Scalar& value) {
  auto* number = std::get_if<double>(&value);
  return number != nullptr && std::isnan(*number);
}

/// The bounds of the values of one column that are neither null nor NaN, made comparable with one
/// constant: an order is `unordered` where nothing is known.
struct Range {
  const ColumnBounds& bounds;

  std::partial_ordering lower(const Scalar& value) const {
    return bounds.lower ? Compare(*bounds.lower, value) : std::partial_ordering::unordered;
  }
  std::partial_ordering upper(const Scalar& value) const {
    if (!bounds.upper) return std::partial_ordering::unordered;
    if (bounds.upper_kind == ColumnBounds::Upper::kPrefix) {
      auto* cut = std::get_if<std::string>(&*bounds.upper);
      auto* text = std::get_if<std::string>(&value);
      // The real maximum begins with `cut`: against a text that does so too it may be anything.
      if (cut && text && std::string_view(*text).starts_with(*cut)) {
        return std::partial_ordering::unordered;
      }
    }
    return Compare(*bounds.upper, value);
  }
  bool below(const Scalar& value) const { return upper(value) < 0; }  ///< all values are smaller
  bool above(const Scalar& value) const { return lower(value) > 0; }  ///< all values are greater
  /// No value is there: all are null or NaN.
  bool empty() const {
    return bounds.value_count && *bounds.value_count > 0 &&
           bounds.null_count.value_or(0) + bounds.nan_count.value_or(0) >= *bounds.value_count;
  }
};

Outcomes CompareOutcomes(Op op, const Range& range, const Scalar& value) {
  bool less = !(range.lower(value) >= 0);     // some value may be smaller
  bool greater = !(range.upper(value) <= 0);  // some value may be greater
  bool equal = !range.below(value) && !range.above(value);
  switch (op) {
    case Op::kEq:
      return {equal, less || greater, false};
    case Op::kNotEq:
      return {less || greater, equal, false};
    case Op::kLt:
      return {less, equal || greater, false};
    case Op::kLtEq:
      return {less || equal, greater, false};
    case Op::kGt:
      return {greater, less || equal, false};
    default:
      return {equal || greater, less, false};
  }
}

Outcomes StartsWithOutcomes(const Range& range, const Scalar& value) {
  auto* prefix = std::get_if<std::string>(&value);
  if (prefix == nullptr) return {true, true, false};
  auto begins = [&](const std::optional<Scalar>& bound) {
    auto* text = bound ? std::get_if<std::string>(&*bound) : nullptr;
    return text != nullptr && std::string_view(*text).starts_with(*prefix);
  };
  const bool none = range.below(value) || (range.above(value) && !begins(range.bounds.lower));
  const bool all = begins(range.bounds.lower) && begins(range.bounds.upper);
  return {!none, !all, false};
}

/// Outcomes for the values that are neither null nor NaN.
Outcomes ValueOutcomes(const Predicate& predicate, const Range& range) {
  if (predicate.op == Op::kIsNull) return {false, true, false};
  if (predicate.op == Op::kIsNotNull) return {true, false, false};
  if (predicate.op == Op::kIn) {
    Outcomes result;
    bool with_null = false;
    bool all = false;
    for (const Scalar& value : predicate.values) {
      if (IsNull(value)) {
        with_null = true;
        continue;
      }
      const Outcomes one = CompareOutcomes(Op::kEq, range, value);
      result.can_be_true |= one.can_be_true;
      all |= !one.can_be_false;
    }
    // x IN (1, NULL) is NULL where x is not 1.
    (with_null ? result.can_be_null : result.can_be_false) = !all;
    return result;
  }
  if (predicate.values.empty()) return {true, true, false};
  const Scalar& value = predicate.values[0];
  if (IsNull(value)) return {false, false, true};
  if (predicate.op == Op::kStartsWith) return StartsWithOutcomes(range, value);
  return CompareOutcomes(predicate.op, range, value);
}

/// Outcomes for NaN: every reading of it is covered.
Outcomes NanOutcomes(const Predicate& predicate) {
  if (predicate.op == Op::kIsNull) return {false, true, false};
  if (predicate.op == Op::kIsNotNull) return {true, false, false};
  Outcomes result = {false, false, false};
  for (const Scalar& value : predicate.values) {
    if (IsNull(value)) {
      result.can_be_null = true;
      continue;
    }
    result.can_be_false = true;
    const bool equality = predicate.op == Op::kEq || predicate.op == Op::kIn;
    const bool smaller = predicate.op == Op::kLt || predicate.op == Op::kLtEq;
    // NaN = 5 and NaN < 5 are false in every reading.
    if (IsNan(value) || !(equality || smaller)) result.can_be_true = true;
  }
  if (predicate.op == Op::kIn) result.can_be_false |= predicate.values.empty();
  return result;
}

void Merge(Outcomes& into, const Outcomes& other) {
  into.can_be_true |= other.can_be_true;
  into.can_be_false |= other.can_be_false;
  into.can_be_null |= other.can_be_null;
}

Outcomes LeafOutcomes(const Predicate& predicate, const BoundsLookup& lookup) {
  static const ColumnBounds kNothingKnown;
  const ColumnBounds* found = lookup(predicate.column);
  const Range range{found != nullptr ? *found : kNothingKnown};
  const ColumnBounds& bounds = range.bounds;
  if (bounds.value_count && *bounds.value_count == 0) return {};  // no rows, no outcomes

  Outcomes result;
  if (bounds.null_count.value_or(1) > 0) {
    if (predicate.op == Op::kIsNull) {
      result.can_be_true = true;
    } else if (predicate.op == Op::kIsNotNull ||
               (predicate.op == Op::kIn && predicate.values.empty())) {
      result.can_be_false = true;
    } else {
      result.can_be_null = true;
    }
  }
  const bool all_null = bounds.value_count.value_or(-1) >= 0 && bounds.null_count &&
                        *bounds.null_count >= *bounds.value_count;
  if (all_null) return result;

  const bool with_bounds = bounds.lower && bounds.upper;
  const bool may_be_double = !with_bounds || std::holds_alternative<double>(*bounds.lower) ||
                             std::holds_alternative<double>(*bounds.upper);
  if (may_be_double && bounds.nan_count.value_or(1) > 0) Merge(result, NanOutcomes(predicate));
  if (!range.empty()) Merge(result, ValueOutcomes(predicate, range));
  return result;
}

/// Outcomes of `a op b` row by row, when nothing is known of how a and b go together.
Outcomes Both(const Outcomes& a, const Outcomes& b) {
  const bool possible_a = a.can_be_true || a.can_be_false || a.can_be_null;
  const bool possible_b = b.can_be_true || b.can_be_false || b.can_be_null;
  if (!possible_a || !possible_b) return {};
  return {a.can_be_true && b.can_be_true, a.can_be_false || b.can_be_false,
          (a.can_be_null && (b.can_be_null || b.can_be_true)) ||
              (b.can_be_null && (a.can_be_null || a.can_be_true))};
}

Outcomes Negate(const Outcomes& a) { return {a.can_be_false, a.can_be_true, a.can_be_null}; }

}  // namespace

Outcomes PossibleOutcomes(const Predicate& predicate, const BoundsLookup& bounds) {
  switch (predicate.op) {
    case Op::kTrue:
      return {true, false, false};
    case Op::kAnd: {
      Outcomes result = {true, false, false};
      for (const Predicate& child : predicate.children) {
        result = Both(result, PossibleOutcomes(child, bounds));
      }
      return result;
    }
    case Op::kOr: {
      Outcomes none = {true, false, false};  // not (not a and not b and …)
      for (const Predicate& child : predicate.children) {
        none = Both(none, Negate(PossibleOutcomes(child, bounds)));
      }
      return Negate(none);
    }
    case Op::kNot:
      return predicate.children.empty() ? kUnknown
                                        : Negate(PossibleOutcomes(predicate.children[0], bounds));
    default:
      return LeafOutcomes(predicate, bounds);
  }
}

bool MayMatch(const Predicate& predicate, const BoundsLookup& bounds) {
  return PossibleOutcomes(predicate, bounds).can_be_true;
}

bool AlwaysMatches(const Predicate& predicate, const BoundsLookup& bounds) {
  const Outcomes outcomes = PossibleOutcomes(predicate, bounds);
  return !outcomes.can_be_false && !outcomes.can_be_null;
}

}  // namespace tarn

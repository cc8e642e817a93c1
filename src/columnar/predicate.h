#pragma once

#include <string>
#include <vector>

#include "columnar/scalar.h"

namespace tarn {

/// A condition on the columns of one table, as far as a scan or a source can use it: to skip what
/// certainly does not match (never the last word: the SQL engine filters again).
/// A value tree; columns are top-level names; SQL's three-valued logic.
struct Predicate {
  enum class Op {
    kTrue,  ///< matches everything; no column
    kAnd,   ///< all of `children`
    kOr,    ///< any of `children`
    kNot,   ///< not `children[0]`
    kEq,
    kNotEq,
    kLt,
    kLtEq,
    kGt,
    kGtEq,  ///< column op values[0]
    kIn,    ///< column is one of `values`
    kIsNull,
    kIsNotNull,
    kStartsWith  ///< string column begins with values[0]
  };
  Op op = Op::kTrue;
  std::string column;
  std::vector<Scalar> values;
  std::vector<Predicate> children;

  static Predicate True() { return {}; }
  static Predicate Compare(Op op, std::string column, Scalar value) {
    return {op, std::move(column), {std::move(value)}, {}};
  }
  static Predicate And(std::vector<Predicate> children) {
    return {Op::kAnd, {}, {}, std::move(children)};
  }
  bool always_true() const { return op == Op::kTrue; }
};

/// For EXPLAIN and logs: `a >= 3 AND b IN ('x', 'y')`. Long texts are cut: two predicates may read
/// the same.
std::string ToString(const Predicate& predicate);

/// Bytes by which predicates are told apart: the same only where nodes, columns and values are.
std::string Identity(const Predicate& predicate);

}  // namespace tarn

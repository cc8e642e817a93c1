#include "columnar/prune.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace tarn {
namespace {

using Op = Predicate::Op;
enum class Truth { kFalse, kNull, kTrue };
/// How an engine compares NaN.
enum class NanOrder { kGreatest, kIeee };

const double kNan = std::numeric_limits<double>::quiet_NaN();

std::partial_ordering CompareAs(const Scalar& a, const Scalar& b, NanOrder nan_order) {
  if (nan_order == NanOrder::kGreatest && a.index() == b.index()) {
    if (auto* x = std::get_if<double>(&a)) {
      const bool nan_a = std::isnan(*x);
      const bool nan_b = std::isnan(std::get<double>(b));
      if (nan_a || nan_b) return nan_a <=> nan_b;
    }
  }
  return Compare(a, b);
}

/// SQL on one row, written down as simply as possible.
Truth Evaluate(const Predicate& p, const std::map<std::string, Scalar>& row, NanOrder nan_order) {
  auto of = [](bool value) { return value ? Truth::kTrue : Truth::kFalse; };
  switch (p.op) {
    case Op::kTrue:
      return Truth::kTrue;
    case Op::kAnd: {
      Truth result = Truth::kTrue;
      for (auto& child : p.children) result = std::min(result, Evaluate(child, row, nan_order));
      return result;
    }
    case Op::kOr: {
      Truth result = Truth::kFalse;
      for (auto& child : p.children) result = std::max(result, Evaluate(child, row, nan_order));
      return result;
    }
    case Op::kNot:
      switch (Evaluate(p.children[0], row, nan_order)) {
        case Truth::kTrue:
          return Truth::kFalse;
        case Truth::kFalse:
          return Truth::kTrue;
        default:
          return Truth::kNull;
      }
    default:
      break;
  }
  const Scalar& x = row.at(p.column);
  if (p.op == Op::kIsNull) return of(IsNull(x));
  if (p.op == Op::kIsNotNull) return of(!IsNull(x));
  if (p.op == Op::kIn) {
    Truth result = Truth::kFalse;
    for (auto& value : p.values) {
      Truth one =
          IsNull(x) || IsNull(value) ? Truth::kNull : of(CompareAs(x, value, nan_order) == 0);
      result = std::max(result, one);
    }
    return result;
  }
  const Scalar& value = p.values[0];
  if (IsNull(x) || IsNull(value)) return Truth::kNull;
  if (p.op == Op::kStartsWith) {
    return of(std::get<std::string>(x).starts_with(std::get<std::string>(value)));
  }
  const auto order = CompareAs(x, value, nan_order);
  switch (p.op) {
    case Op::kEq:
      return of(order == 0);
    case Op::kNotEq:
      return of(order != 0);
    case Op::kLt:
      return of(order < 0);
    case Op::kLtEq:
      return of(order <= 0);
    case Op::kGt:
      return of(order > 0);
    default:
      return of(order >= 0);
  }
}

Scalar RandomInt(Random& random) {
  if (random.Below(5) == 0) return {};
  return static_cast<int64_t>(random.Below(5)) - 2;
}
Scalar RandomDouble(Random& random) {
  static const double kValues[] = {-1, -0.0, 0.0, 1, 2, std::numeric_limits<double>::infinity()};
  if (random.Below(6) == 0) return {};
  if (random.Below(6) == 0) return kNan;
  return kValues[random.Below(6)];
}
Scalar RandomText(Random& random) {
  if (random.Below(6) == 0) return {};
  std::string text;
  for (uint64_t n = random.Below(4); n > 0; --n) text += static_cast<char>('a' + random.Below(3));
  return text;
}
Scalar RandomValue(Random& random, const std::string& column) {
  return column == "i"   ? RandomInt(random)
         : column == "d" ? RandomDouble(random)
                         : RandomText(random);
}

Predicate RandomPredicate(Random& random, int depth) {
  if (depth > 0 && random.Below(2) == 0) {
    static const Op kOps[] = {Op::kAnd, Op::kOr, Op::kNot};
    Predicate p{kOps[random.Below(3)], {}, {}, {}};
    const uint64_t children = p.op == Op::kNot ? 1 : random.Below(4);
    for (uint64_t i = 0; i < children; ++i) {
      p.children.push_back(RandomPredicate(random, depth - 1));
    }
    return p;
  }
  static const std::string kColumns[] = {"i", "d", "s"};
  Predicate p;
  p.column = kColumns[random.Below(3)];
  static const Op kOps[] = {Op::kEq, Op::kNotEq, Op::kLt,     Op::kLtEq,      Op::kGt,
                            Op::kIn, Op::kGtEq,  Op::kIsNull, Op::kIsNotNull, Op::kStartsWith};
  p.op = kOps[random.Below(10)];
  if (p.op == Op::kStartsWith) {
    p.column = "s";
    p.values = {RandomText(random)};
  } else if (p.op == Op::kIn) {
    for (uint64_t n = random.Below(4); n > 0; --n)
      p.values.push_back(RandomValue(random, p.column));
  } else if (p.op != Op::kIsNull && p.op != Op::kIsNotNull) {
    p.values = {RandomValue(random, p.column)};
  }
  return p;
}

/// Bounds as a writer would tell them, some of it withheld.
ColumnBounds BoundsOf(const std::vector<Scalar>& values, Random& random) {
  ColumnBounds bounds;
  int64_t nulls = 0;
  int64_t nans = 0;
  for (const Scalar& value : values) {
    auto* number = std::get_if<double>(&value);
    if (IsNull(value)) {
      ++nulls;
    } else if (number != nullptr && std::isnan(*number)) {
      ++nans;
    } else {
      if (!bounds.lower || Compare(value, *bounds.lower) < 0) bounds.lower = value;
      if (!bounds.upper || Compare(value, *bounds.upper) > 0) bounds.upper = value;
    }
  }
  if (random.Below(4) != 0) bounds.null_count = nulls;
  if (random.Below(4) != 0) bounds.nan_count = nans;
  if (random.Below(4) != 0) bounds.value_count = static_cast<int64_t>(values.size());
  if (bounds.lower && std::holds_alternative<std::string>(*bounds.lower)) {
    if (random.Below(2) == 0)
      std::get<std::string>(*bounds.lower)
          .resize(std::min<size_t>(1, std::get<std::string>(*bounds.lower).size()));
    std::string& upper = std::get<std::string>(*bounds.upper);
    if (upper.size() > 1 && random.Below(2) == 0) {
      upper.resize(1);
      if (random.Below(2) == 0) {
        bounds.upper_kind = ColumnBounds::Upper::kPrefix;
      } else {
        ++upper[0];
      }
    }
  }
  if (random.Below(6) == 0) bounds.lower.reset();
  if (random.Below(6) == 0) bounds.upper.reset();
  return bounds;
}

TEST(PruneTest, NeverPrunesAMatchingRowNorClaimsAMissingOne) {
  auto random = SeededRandom(20261121);
  int64_t pruned = 0;
  int64_t whole = 0;
  constexpr int kRounds = 200000;
  for (int round = 0; round < kRounds; ++round) {
    const size_t rows = random->Below(4);
    std::map<std::string, std::vector<Scalar>> columns;
    std::map<std::string, ColumnBounds> bounds;
    for (const char* name : {"i", "d", "s"}) {
      for (size_t r = 0; r < rows; ++r) columns[name].push_back(RandomValue(*random, name));
      bounds[name] = BoundsOf(columns[name], *random);
    }
    const bool withhold = random->Below(10) == 0;
    auto lookup = [&](const std::string& column) -> const ColumnBounds* {
      return withhold && column == "i" ? nullptr : &bounds[column];
    };
    const Predicate p = RandomPredicate(*random, 3);
    const Outcomes outcomes = PossibleOutcomes(p, lookup);
    for (NanOrder nan_order : {NanOrder::kGreatest, NanOrder::kIeee}) {
      for (size_t r = 0; r < rows; ++r) {
        const std::map<std::string, Scalar> row = {
            {"i", columns["i"][r]}, {"d", columns["d"][r]}, {"s", columns["s"][r]}};
        const Truth truth = Evaluate(p, row, nan_order);
        const bool foreseen = truth == Truth::kTrue    ? outcomes.can_be_true
                              : truth == Truth::kFalse ? outcomes.can_be_false
                                                       : outcomes.can_be_null;
        ASSERT_TRUE(foreseen) << "round " << round << ": " << ToString(p)
                              << " on i=" << ToString(row.at("i")) << " d=" << ToString(row.at("d"))
                              << " s=" << ToString(row.at("s"));
      }
    }
    pruned += !MayMatch(p, lookup);
    whole += AlwaysMatches(p, lookup);
  }
  // Sound by doing nothing would be no use.
  EXPECT_GT(pruned, kRounds / 5);
  EXPECT_GT(whole, kRounds / 10);
}

/// One column x with these bounds and without nulls.
bool May(const Predicate& p, ColumnBounds bounds) {
  return MayMatch(p, [&](const std::string&) { return &bounds; });
}
ColumnBounds Between(Scalar lower, Scalar upper) {
  ColumnBounds bounds;
  bounds.lower = std::move(lower);
  bounds.upper = std::move(upper);
  bounds.null_count = 0;
  bounds.nan_count = 0;
  bounds.value_count = 100;
  return bounds;
}
Predicate X(Op op, Scalar value) { return Predicate::Compare(op, "x", std::move(value)); }
Predicate Not(Predicate p) { return {Op::kNot, {}, {}, {std::move(p)}}; }

TEST(PruneTest, RangesThatDoNotMeetArePruned) {
  const auto ten_to_twenty = Between(int64_t{10}, int64_t{20});
  EXPECT_FALSE(May(X(Op::kEq, int64_t{9}), ten_to_twenty));
  EXPECT_TRUE(May(X(Op::kEq, int64_t{10}), ten_to_twenty));
  EXPECT_FALSE(May(X(Op::kLt, int64_t{10}), ten_to_twenty));
  EXPECT_TRUE(May(X(Op::kLtEq, int64_t{10}), ten_to_twenty));
  EXPECT_FALSE(May(X(Op::kGt, int64_t{20}), ten_to_twenty));
  EXPECT_TRUE(May(X(Op::kGtEq, int64_t{20}), ten_to_twenty));
  EXPECT_FALSE(May(Not(X(Op::kLtEq, int64_t{20})), ten_to_twenty));
  EXPECT_FALSE(May({Op::kIn, "x", {int64_t{1}, int64_t{30}}, {}}, ten_to_twenty));
  EXPECT_TRUE(May({Op::kIn, "x", {int64_t{1}, int64_t{15}}, {}}, ten_to_twenty));
  EXPECT_FALSE(May({Op::kIsNull, "x", {}, {}}, ten_to_twenty));
  EXPECT_FALSE(May(X(Op::kEq, Scalar{}), ten_to_twenty));
}

TEST(PruneTest, AConstantColumnDecidesInequality) {
  EXPECT_FALSE(May(X(Op::kNotEq, int64_t{7}), Between(int64_t{7}, int64_t{7})));
  EXPECT_TRUE(May(X(Op::kNotEq, int64_t{7}), Between(int64_t{7}, int64_t{8})));
}

TEST(PruneTest, AColumnOfNullsMatchesOnlyIsNull) {
  ColumnBounds bounds;
  bounds.null_count = bounds.value_count = 5;
  EXPECT_FALSE(May(X(Op::kEq, int64_t{1}), bounds));
  EXPECT_FALSE(May(Not(X(Op::kEq, int64_t{1})), bounds));
  EXPECT_FALSE(May({Op::kIsNotNull, "x", {}, {}}, bounds));
  EXPECT_TRUE(May({Op::kIsNull, "x", {}, {}}, bounds));
}

TEST(PruneTest, NanIsNotLostAboveTheUpperBound) {
  auto bounds = Between(1.0, 2.0);
  EXPECT_FALSE(May(X(Op::kGt, 3.0), bounds));
  bounds.nan_count = 1;
  EXPECT_TRUE(May(X(Op::kGt, 3.0), bounds));
  EXPECT_FALSE(May(X(Op::kLt, 1.0), bounds));
  EXPECT_FALSE(May(X(Op::kEq, 3.0), bounds));
  bounds.nan_count.reset();
  EXPECT_TRUE(May(X(Op::kGtEq, 3.0), bounds));
  EXPECT_TRUE(May(X(Op::kEq, kNan), bounds));
}

TEST(PruneTest, TextBoundsThatWereCutStaySafe) {
  auto bounds = Between(std::string("ab"), std::string("cd"));
  EXPECT_FALSE(May(X(Op::kEq, std::string("cde")), bounds));
  EXPECT_FALSE(May(X(Op::kStartsWith, std::string("d")), bounds));
  EXPECT_TRUE(May(X(Op::kStartsWith, std::string("cd")), bounds));
  EXPECT_FALSE(May(X(Op::kStartsWith, std::string("aa")), bounds));
  bounds.upper_kind = ColumnBounds::Upper::kPrefix;
  EXPECT_TRUE(May(X(Op::kEq, std::string("cde")), bounds));
  EXPECT_FALSE(May(X(Op::kEq, std::string("ce")), bounds));
}

TEST(PruneTest, UnknownColumnsAndKindsMayMatch) {
  auto nothing = [](const std::string&) -> const ColumnBounds* { return nullptr; };
  EXPECT_TRUE(MayMatch(X(Op::kEq, int64_t{1}), nothing));
  EXPECT_FALSE(AlwaysMatches(X(Op::kEq, int64_t{1}), nothing));
  EXPECT_TRUE(May(X(Op::kEq, 15.0), Between(int64_t{1}, int64_t{2})));
  EXPECT_TRUE(May(X(Op::kEq, std::string("1")), Between(int64_t{1}, int64_t{2})));
  ColumnBounds uncounted = Between(int64_t{1}, int64_t{2});
  uncounted.null_count = 0;
  uncounted.value_count = -1;
  EXPECT_TRUE(May(X(Op::kEq, int64_t{1}), uncounted));
}

TEST(PruneTest, MalformedPredicatesPruneNothing) {
  EXPECT_TRUE(May({Op::kEq, "x", {}, {}}, Between(int64_t{1}, int64_t{2})));
  EXPECT_TRUE(May({Op::kNot, {}, {}, {}}, Between(int64_t{1}, int64_t{2})));
}

}  // namespace
}  // namespace tarn

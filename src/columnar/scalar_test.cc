#include "columnar/scalar.h"

#include <limits>

#include <gtest/gtest.h>

#include "columnar/predicate.h"
#include "columnar/utf8.h"

namespace tarn {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr Int128 kInt128Min = {std::numeric_limits<int64_t>::min(), 0};
constexpr Int128 kInt128Max = {std::numeric_limits<int64_t>::max(), ~uint64_t{0}};

TEST(ScalarTest, ValuesOfOneKindAreOrdered) {
  EXPECT_TRUE(Compare(int64_t{-1}, int64_t{1}) < 0);
  EXPECT_TRUE(Compare(false, true) < 0);
  EXPECT_TRUE(Compare(1.5, 1.5) == 0);
  EXPECT_TRUE(Compare(-0.0, 0.0) == 0);
  EXPECT_TRUE(Compare(kInt128Min, Int128FromInt64(-1)) < 0);
  EXPECT_TRUE(Compare(Int128FromInt64(-1), Int128FromInt64(0)) < 0);
  EXPECT_TRUE(Compare(Int128FromInt64(0), kInt128Max) < 0);
}

TEST(ScalarTest, TextComparesAsUnsignedBytes) {
  EXPECT_TRUE(Compare(std::string("z"), std::string("é")) < 0);
  EXPECT_TRUE(Compare(std::string("a"), std::string("a\0", 2)) < 0);
  EXPECT_TRUE(Compare(std::string(), std::string("a")) < 0);
}

TEST(ScalarTest, NullsNanAndDifferentKindsAreUnordered) {
  EXPECT_EQ(Compare(Scalar{}, Scalar{}), std::partial_ordering::unordered);
  EXPECT_EQ(Compare(kNan, 1.0), std::partial_ordering::unordered);
  EXPECT_EQ(Compare(kNan, kNan), std::partial_ordering::unordered);
  EXPECT_EQ(Compare(int64_t{1}, 1.0), std::partial_ordering::unordered);
  EXPECT_EQ(Compare(int64_t{1}, Int128FromInt64(1)), std::partial_ordering::unordered);
}

TEST(ScalarTest, TextOfValues) {
  EXPECT_EQ(ToString(Scalar{}), "NULL");
  EXPECT_EQ(ToString(Scalar{true}), "true");
  EXPECT_EQ(ToString(Scalar{int64_t{-42}}), "-42");
  EXPECT_EQ(ToString(Scalar{3.0}), "3.0");
  EXPECT_EQ(ToString(Scalar{1e300}), "1e+300");
  EXPECT_EQ(ToString(Scalar{kNan}), "NaN");
  EXPECT_EQ(ToString(Scalar{std::string("it's")}), "'it''s'");
  EXPECT_EQ(ToString(Scalar{std::string("\xff\x01")}), "x'ff01'");
  EXPECT_EQ(ToString(Scalar{std::string(300, 'a')}), "'" + std::string(200, 'a') + "…'");
  EXPECT_EQ(ToString(Scalar{kInt128Min}), "-170141183460469231731687303715884105728");
  EXPECT_EQ(ToString(Scalar{kInt128Max}), "170141183460469231731687303715884105727");
}

TEST(ScalarTest, LongTextIsCutBetweenCharacters) {
  std::string text(199, 'a');
  text += "é";
  EXPECT_EQ(Utf8Prefix(text, 200), std::string(199, 'a'));
  EXPECT_EQ(Utf8Prefix(text, 201), text);
  EXPECT_EQ(Utf8Prefix("é", 1), "");
}

TEST(ScalarTest, MalformedUtf8IsRecognised) {
  for (const char* good : {"", "a", "é", "€", "😀", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsValidUtf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xff"}) {
    EXPECT_FALSE(IsValidUtf8(bad));
  }
}

TEST(ScalarTest, DecimalBytesRoundTrip) {
  for (int64_t value :
       {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{127}, int64_t{128}, int64_t{-128},
        int64_t{-129}, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}) {
    const Int128 wide = Int128FromInt64(value);
    EXPECT_EQ(Int128FromBigEndian(Int128ToBigEndian(wide)).value(), wide) << value;
    EXPECT_EQ(Int128FromBigEndian(Int128ToBigEndian(wide, 20).value()).value(), wide) << value;
  }
  EXPECT_EQ(Int128FromBigEndian(Int128ToBigEndian(kInt128Min)).value(), kInt128Min);
  EXPECT_EQ(Int128FromBigEndian(Int128ToBigEndian(kInt128Max)).value(), kInt128Max);
  EXPECT_EQ(Int128ToBigEndian(Int128FromInt64(127)), "\x7f");
  EXPECT_EQ(Int128ToBigEndian(Int128FromInt64(128)), std::string("\0\x80", 2));
  EXPECT_EQ(Int128ToBigEndian(Int128FromInt64(-128)), "\x80");
  EXPECT_EQ(Int128ToBigEndian(Int128FromInt64(-129)), "\xff\x7f");
  EXPECT_EQ(Int128FromBigEndian("").value(), Int128{});
}

TEST(ScalarTest, DecimalsThatDoNotFitAreRefused) {
  EXPECT_FALSE(Int128ToBigEndian(Int128FromInt64(128), 1).ok());
  EXPECT_TRUE(Int128ToBigEndian(Int128FromInt64(-128), 1).ok());
  EXPECT_FALSE(Int128ToBigEndian(Int128FromInt64(-129), 1).ok());
  EXPECT_FALSE(Int128ToBigEndian(Int128FromInt64(1), 0).ok());
  EXPECT_FALSE(Int128ToBigEndian(Int128FromInt64(1), -1).ok());
  EXPECT_FALSE(Int128FromBigEndian("\x01" + std::string(16, '\0')).ok());
  EXPECT_FALSE(Int128FromBigEndian(std::string("\0\x80", 2) + std::string(15, '\0')).ok());
}

TEST(PredicateTest, ReadsAsSql) {
  using Op = Predicate::Op;
  auto p = Predicate::And({Predicate::Compare(Op::kGtEq, "a", int64_t{3}),
                           {Op::kIn, "b", {std::string("x"), std::string("y")}, {}}});
  EXPECT_EQ(ToString(p), "a >= 3 AND b IN ('x', 'y')");
  Predicate either{Op::kOr, {}, {}, {p, {Op::kIsNull, "Odd \"name\"", {}, {}}}};
  EXPECT_EQ(ToString(either), "(a >= 3 AND b IN ('x', 'y')) OR \"Odd \"\"name\"\"\" IS NULL");
  EXPECT_EQ(ToString(Predicate{Op::kNot, {}, {}, {either}}), "NOT (" + ToString(either) + ")");
  EXPECT_EQ(ToString(Predicate::True()), "true");
  EXPECT_EQ(ToString(Predicate{Op::kOr, {}, {}, {}}), "false");
  EXPECT_EQ(ToString(Predicate{Op::kEq, "a", {}, {}}), "a = ?");
}

TEST(PredicateTest, OnlyEqualPredicatesHaveTheSameIdentity) {
  using Op = Predicate::Op;
  const auto is = [](Op op, std::string column, std::vector<Scalar> values) {
    return Predicate{op, std::move(column), std::move(values), {}};
  };
  const std::string text(200, 'a');
  const std::string bytes(200, '\xff');
  const Predicate a = is(Op::kEq, "a", {int64_t{1}});
  const Predicate b = is(Op::kEq, "b", {int64_t{1}});
  const std::vector<Predicate> different = {Predicate::True(),
                                            a,
                                            b,
                                            is(Op::kNotEq, "a", {int64_t{1}}),
                                            is(Op::kEq, "a", {1.0}),
                                            is(Op::kEq, "a", {Int128FromInt64(1)}),
                                            is(Op::kEq, "a", {true}),
                                            is(Op::kEq, "a", {std::string("1")}),
                                            is(Op::kEq, "a", {kNan}),
                                            is(Op::kEq, "a", {text + "X"}),
                                            is(Op::kEq, "a", {text + "Y"}),
                                            is(Op::kEq, "a", {bytes + "X"}),
                                            is(Op::kEq, "a", {bytes + "Y"}),
                                            is(Op::kIn, "a", {std::string("x', 'y")}),
                                            is(Op::kIn, "a", {std::string("x"), std::string("y")}),
                                            is(Op::kIsNull, "a", {}),
                                            Predicate::And({a, b}),
                                            Predicate::And({Predicate::And({a}), b}),
                                            Predicate::And({Predicate::And({a, b})}),
                                            {Op::kOr, {}, {}, {a, b}},
                                            {Op::kNot, {}, {}, {a}}};
  for (size_t i = 0; i < different.size(); ++i) {
    for (size_t j = 0; j < different.size(); ++j) {
      EXPECT_EQ(Identity(different[i]) == Identity(different[j]), i == j)
          << ToString(different[i]) << " and " << ToString(different[j]);
    }
  }
}

}  // namespace
}  // namespace tarn

#include "change/key_hash.h"

#include <limits>
#include <set>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace tarn {
namespace {

using Column = std::shared_ptr<arrow::Array>;

std::vector<KeyHash> Hash(const std::vector<Column>& columns) {
  std::vector<KeyHash> out(static_cast<size_t>(columns.at(0)->length()));
  const Status status = HashKeys(columns, out);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return out;
}

template <typename Builder, typename Value>
Column Make(Builder builder, const std::vector<Value>& values) {
  for (const Value& value : values) EXPECT_TRUE(builder.Append(value).ok());
  EXPECT_TRUE(builder.AppendNull().ok());
  return builder.Finish().ValueOrDie();
}

template <typename Builder, typename Value>
Column Make(const std::vector<Value>& values) {
  return Make(Builder(), values);
}

template <typename Builder, typename Value>
Column Make(const std::shared_ptr<arrow::DataType>& type, const std::vector<Value>& values) {
  return Make(Builder(type, arrow::default_memory_pool()), values);
}

/// All columns hash alike, row by row; their rows do not.
void CheckAlike(const std::vector<Column>& columns) {
  const std::vector<KeyHash> first = Hash({columns[0]});
  EXPECT_EQ(std::set(first.begin(), first.end()).size(), first.size());
  for (const Column& column : columns) {
    EXPECT_EQ(Hash({column}), first) << column->type()->ToString();
  }
}

TEST(KeyHash, IntegersOfEveryWidthAreAlike) {
  CheckAlike({Make<arrow::Int64Builder, int64_t>({0, 1, -1, 127, -128}),
              Make<arrow::Int32Builder, int32_t>({0, 1, -1, 127, -128}),
              Make<arrow::Int16Builder, int16_t>({0, 1, -1, 127, -128}),
              Make<arrow::Int8Builder, int8_t>({0, 1, -1, 127, -128})});
}

TEST(KeyHash, FloatIsDoubleAndZeroAndNanAreOne) {
  CheckAlike({Make<arrow::DoubleBuilder, double>({0, 1.5, -1.5, 1e30f}),
              Make<arrow::FloatBuilder, float>({0, 1.5f, -1.5f, 1e30f})});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto hashes = Hash({Make<arrow::DoubleBuilder, double>({0.0, -0.0, nan, -nan})});
  EXPECT_EQ(hashes[0], hashes[1]);
  EXPECT_EQ(hashes[2], hashes[3]);
}

TEST(KeyHash, DecimalsOfEveryWidthAreAlike) {
  CheckAlike({Make<arrow::Decimal128Builder>(arrow::decimal128(38, 2),
                                             std::vector<arrow::Decimal128>{0, 1, -1, 123456}),
              Make<arrow::Decimal64Builder>(
                  arrow::decimal64(18, 2),
                  std::vector<arrow::Decimal64>{arrow::Decimal64(0), arrow::Decimal64(1),
                                                arrow::Decimal64(-1), arrow::Decimal64(123456)}),
              Make<arrow::Decimal32Builder>(
                  arrow::decimal32(9, 2),
                  std::vector<arrow::Decimal32>{arrow::Decimal32(0), arrow::Decimal32(1),
                                                arrow::Decimal32(-1), arrow::Decimal32(123456)})});
}

TEST(KeyHash, WideDecimalsDifferInTheirUpperHalf) {
  const std::vector<arrow::Decimal128> values = {
      arrow::Decimal128(0, 5), arrow::Decimal128(1, 5), arrow::Decimal128(-1, 5),
      arrow::Decimal128(-1, ~uint64_t{4}), arrow::Decimal128(0, ~uint64_t{4})};
  CheckAlike({Make<arrow::Decimal128Builder>(arrow::decimal128(38, 0), values)});
}

TEST(KeyHash, TimesAreMicrosecondsAndWhatRemains) {
  const auto type = [](arrow::TimeUnit::type unit) { return arrow::timestamp(unit); };
  CheckAlike({Make<arrow::TimestampBuilder>(type(arrow::TimeUnit::MICRO),
                                            std::vector<int64_t>{0, 3'000'000, -2'000'000}),
              Make<arrow::TimestampBuilder>(type(arrow::TimeUnit::NANO),
                                            std::vector<int64_t>{0, 3'000'000'000, -2'000'000'000}),
              Make<arrow::TimestampBuilder>(type(arrow::TimeUnit::MILLI),
                                            std::vector<int64_t>{0, 3'000, -2'000}),
              Make<arrow::TimestampBuilder>(arrow::timestamp(arrow::TimeUnit::SECOND, "UTC"),
                                            std::vector<int64_t>{0, 3, -2})});
  CheckAlike({Make<arrow::TimestampBuilder>(type(arrow::TimeUnit::NANO),
                                            std::vector<int64_t>{0, 1, 999, 1000, 1001, -1})});
  CheckAlike({Make<arrow::Time64Builder>(arrow::time64(arrow::TimeUnit::MICRO),
                                         std::vector<int64_t>{0, 1'000}),
              Make<arrow::Time32Builder>(arrow::time32(arrow::TimeUnit::MILLI),
                                         std::vector<int32_t>{0, 1})});
}

TEST(KeyHash, TextOfEveryLayoutIsAlike) {
  std::vector<std::string> texts;
  for (size_t size = 0; size < 70; ++size) texts.emplace_back(size, 'a');
  texts.push_back("111111111");
  texts.push_back("2111111111");
  texts.push_back(std::string("a\0", 2));
  CheckAlike({Make<arrow::StringBuilder>(texts), Make<arrow::LargeStringBuilder>(texts),
              Make<arrow::BinaryBuilder>(texts), Make<arrow::LargeBinaryBuilder>(texts),
              Make<arrow::StringViewBuilder>(texts), Make<arrow::StringDictionaryBuilder>(texts)});
}

TEST(KeyHash, EveryByteOfATextCounts) {
  std::set<KeyHash> seen;
  size_t count = 0;
  for (size_t size = 1; size < 40; ++size) {
    std::vector<std::string> texts;
    for (size_t at = 0; at < size; ++at) {
      for (const char c : {'b', 'c', '\x7f'}) {
        std::string& text = texts.emplace_back(size, 'a');
        text[at] = c;
      }
    }
    const auto hashes = Hash({Make<arrow::StringBuilder>(texts)});
    seen.insert(hashes.begin(), hashes.end() - 1);
    count += texts.size();
  }
  EXPECT_EQ(seen.size(), count);
}

TEST(KeyHash, BothHalvesOfNeighbouringKeysAreSpreadEvenly) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < 100'000; ++i) ids.push_back(i);
  const auto hashes = Hash({Make<arrow::Int64Builder>(ids)});
  for (const auto half : {&KeyHash::high, &KeyHash::low}) {
    for (const int shift : {0, 28, 56}) {
      std::vector<int> counts(256);
      for (size_t i = 0; i < ids.size(); ++i) ++counts[hashes[i].*half >> shift & 255];
      for (const int count : counts) EXPECT_NEAR(count, 100'000 / 256, 120);
    }
  }
}

TEST(KeyHash, TheOrderOfColumnsCounts) {
  const Column one = Make<arrow::Int32Builder, int32_t>({1, 2, 2});
  const Column two = Make<arrow::Int32Builder, int32_t>({2, 1, 2});
  const auto hashes = Hash({one, two});
  EXPECT_EQ(Hash({two, one})[0], hashes[1]);
  EXPECT_NE(hashes[0], hashes[1]);
  EXPECT_EQ(std::set(hashes.begin(), hashes.end()).size(), 4U);
}

TEST(KeyHash, PairsOfSmallNumbersDoNotCollideInEitherHalf) {
  std::vector<int64_t> first;
  std::vector<int64_t> second;
  for (int64_t i = 0; i < 300; ++i) {
    for (int64_t j = 0; j < 300; ++j) {
      first.push_back(i - 150);
      second.push_back(j - 150);
    }
  }
  std::set<uint64_t> high;
  std::set<uint64_t> low;
  for (const KeyHash& hash :
       Hash({Make<arrow::Int64Builder>(first), Make<arrow::Int64Builder>(second)})) {
    high.insert(hash.high);
    low.insert(hash.low);
  }
  EXPECT_EQ(high.size(), first.size() + 1);
  EXPECT_EQ(low.size(), first.size() + 1);
}

TEST(KeyHash, TextDoesNotFlowFromOneColumnIntoTheNext) {
  const auto hashes = Hash({Make<arrow::StringBuilder, std::string>({"ab", "a", "", "abc"}),
                            Make<arrow::StringBuilder, std::string>({"c", "bc", "abc", ""})});
  EXPECT_EQ(std::set(hashes.begin(), hashes.end()).size(), 5U);
}

TEST(KeyHash, ASliceHashesAsItsRows) {
  const Column whole = Make<arrow::StringBuilder, std::string>({"a", "b", "c", "d"});
  const auto hashes = Hash({whole});
  EXPECT_EQ(Hash({whole->Slice(2)}), std::vector(hashes.begin() + 2, hashes.end()));
}

/// Indexes on disk hold these: other values need another format there.
TEST(KeyHash, StaysAsItIsOnDisk) {
  const auto hashes = Hash({Make<arrow::Int64Builder, int64_t>({42}),
                            Make<arrow::StringBuilder, std::string>({"a text of 21 letters."})});
  EXPECT_EQ(hashes[0], (KeyHash{0x7a1814d0cec0bbb4, 0x23a98463750c0ab8}));
  EXPECT_EQ(hashes[1], (KeyHash{0x803040173e3987ff, 0xd4c74ca4465f503e}));
}

TEST(KeyHash, RefusesTypesThatNoKeyHas) {
  auto list = arrow::MakeArrayOfNull(arrow::list(arrow::int32()), 1).ValueOrDie();
  std::vector<KeyHash> out(1);
  const Status status = HashKeys({{list}}, out);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(status.error().message, "no key has values of type list<item: int32>");
  EXPECT_EQ(HashKeys({}, out).error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace tarn

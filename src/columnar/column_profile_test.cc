#include "columnar/column_profile.h"

#include <functional>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace tarn {
namespace {

std::vector<std::shared_ptr<arrow::Array>> Longs(int64_t rows,
                                                 const std::function<int64_t(int64_t)>& value) {
  arrow::Int64Builder builder;
  for (int64_t i = 0; i < rows; ++i) EXPECT_TRUE(builder.Append(value(i)).ok());
  const auto array = builder.Finish().ValueOrDie();
  return {array->Slice(0, rows / 3), array->Slice(rows / 3)};
}

std::vector<std::shared_ptr<arrow::Array>> Texts(int64_t rows,
                                                 const std::function<std::string(int64_t)>& value) {
  arrow::StringBuilder builder;
  for (int64_t i = 0; i < rows; ++i) EXPECT_TRUE(builder.Append(value(i)).ok());
  return {builder.Finish().ValueOrDie()};
}

TEST(ColumnProfileTest, RepeatedValuesGetADictionary) {
  EXPECT_EQ(ChooseEncoding(Longs(40000, [](int64_t i) { return i * 7919 % 100; })),
            ColumnEncoding::kDictionary);
  EXPECT_EQ(ChooseEncoding(Texts(40000, [](int64_t i) { return std::to_string(i % 100); })),
            ColumnEncoding::kDictionary);
}

TEST(ColumnProfileTest, DistinctValuesGetNone) {
  auto random = SeededRandom(3);
  EXPECT_EQ(
      ChooseEncoding(Longs(40000, [&](int64_t) { return static_cast<int64_t>(random->Next()); })),
      ColumnEncoding::kDelta);
  EXPECT_EQ(ChooseEncoding(Texts(40000, [](int64_t i) { return std::to_string(i); })),
            ColumnEncoding::kPlain);
}

TEST(ColumnProfileTest, RisingNumbersGetDifferences) {
  EXPECT_EQ(ChooseEncoding(Longs(40000, [](int64_t i) { return i / 4; })), ColumnEncoding::kDelta);
  // The same few values in a row are better off in a dictionary.
  EXPECT_EQ(ChooseEncoding(Longs(40000, [](int64_t i) { return i / 1000; })),
            ColumnEncoding::kDictionary);
}

TEST(ColumnProfileTest, TooFewRowsTellNothing) {
  EXPECT_EQ(ChooseEncoding({}), ColumnEncoding::kDictionary);
  EXPECT_EQ(ChooseEncoding(Longs(100, [](int64_t i) { return i; })), ColumnEncoding::kDictionary);
  const auto nulls = arrow::MakeArrayOfNull(arrow::int64(), 40000).ValueOrDie();
  EXPECT_EQ(ChooseEncoding({nulls}), ColumnEncoding::kDictionary);
}

}  // namespace
}  // namespace tarn

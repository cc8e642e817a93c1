#include "table/dual/row_key.h"

#include <limits>

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace tarn {
namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;

using ArrayPtr = std::shared_ptr<arrow::Array>;

template <typename Builder, typename Value>
ArrayPtr One(const std::shared_ptr<arrow::DataType>& type, Value value) {
  Builder builder(type, arrow::default_memory_pool());
  EXPECT_TRUE(builder.Append(value).ok());
  return builder.Finish().ValueOrDie();
}

ArrayPtr Date(int32_t days) { return One<arrow::Date32Builder>(arrow::date32(), days); }

ArrayPtr Time(int64_t value, arrow::TimeUnit::type unit) {
  return One<arrow::TimestampBuilder>(arrow::timestamp(unit), value);
}

std::string Key(const ArrayPtr& array) {
  std::string key;
  RowKeys::Of({array}, {nullptr}).value().Get(0, key);
  std::string as_default;
  RowKeys::Of({nullptr}, {array}).value().Get(0, as_default);
  EXPECT_EQ(key, as_default) << "a column's only value is the same as that value in each row";
  return key;
}

TEST(RowKeys, ADateIsTheSameAsItsMidnight) {
  for (const int32_t days : {-719162, -1, 0, 1, 19000}) {
    const std::string key = Key(Date(days));
    EXPECT_EQ(key, Key(Time(days * kMicrosPerDay, arrow::TimeUnit::MICRO))) << days;
    EXPECT_EQ(key, Key(Time(days * kMicrosPerDay / 1'000, arrow::TimeUnit::MILLI))) << days;
    EXPECT_NE(key, Key(Time(days * kMicrosPerDay + 1, arrow::TimeUnit::MICRO))) << days;
    EXPECT_NE(key, Key(Time(days * kMicrosPerDay - 1, arrow::TimeUnit::MICRO))) << days;
    EXPECT_NE(key, Key(Date(days + 1))) << days;
  }
  EXPECT_EQ(Key(Date(-1)), Key(Time(-86'400'000'000'000, arrow::TimeUnit::NANO)));
}

TEST(RowKeys, TimesAreTheSameInEveryUnit) {
  for (const int64_t seconds : {-90'001, -1, 0, 1, 90'001}) {
    const std::string key = Key(Time(seconds, arrow::TimeUnit::SECOND));
    EXPECT_EQ(key, Key(Time(seconds * 1'000, arrow::TimeUnit::MILLI)));
    EXPECT_EQ(key, Key(Time(seconds * 1'000'000, arrow::TimeUnit::MICRO)));
    EXPECT_EQ(key, Key(Time(seconds * 1'000'000'000, arrow::TimeUnit::NANO)));
    EXPECT_NE(key, Key(Time(seconds * 1'000'000'000 + 1, arrow::TimeUnit::NANO)));
  }
}

TEST(RowKeys, TheLargestTimesAreTimesToo) {
  using Limits = std::numeric_limits<int64_t>;
  EXPECT_NE(Key(Time(Limits::max(), arrow::TimeUnit::SECOND)),
            Key(Time(Limits::min(), arrow::TimeUnit::SECOND)));
  EXPECT_NE(Key(Date(std::numeric_limits<int32_t>::max())),
            Key(Date(std::numeric_limits<int32_t>::min())));
}

}  // namespace
}  // namespace tarn

#include "table/dual/batches_ahead.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

namespace tarn {
namespace {

std::shared_ptr<arrow::RecordBatch> BatchOf(int64_t value, int64_t rows = 1) {
  arrow::Int64Builder builder;
  for (int64_t row = 0; row < rows; ++row) EXPECT_TRUE(builder.Append(value).ok());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("a", arrow::int64())}), rows,
                                  {builder.Finish().ValueOrDie()});
}

int64_t ValueOf(const arrow::RecordBatch& batch) {
  return static_cast<const arrow::Int64Array&>(*batch.column(0)).Value(0);
}

TEST(BatchesAhead, KeepTheirOrder) {
  const auto read = [](const BatchesAhead::Put& put) -> Status {
    for (int64_t i = 0; i < 1000; ++i) EXPECT_TRUE(put(BatchOf(i)));
    return {};
  };
  auto ahead = BatchesAhead::Start(read, 4 * BatchesAhead::kBatchBytesMin);
  ASSERT_TRUE(ahead.ok());
  for (int64_t i = 0; i < 1000; ++i) {
    const auto batch = (*ahead)->Next();
    ASSERT_TRUE(batch.ok());
    ASSERT_NE(*batch, nullptr);
    EXPECT_EQ(ValueOf(**batch), i);
  }
  EXPECT_EQ((*ahead)->Next().value(), nullptr);
  EXPECT_EQ((*ahead)->Next().value(), nullptr);
}

TEST(BatchesAhead, WhatWasReadBeforeAnErrorComesBeforeIt) {
  const auto read = [](const BatchesAhead::Put& put) -> Status {
    EXPECT_TRUE(put(BatchOf(1)));
    EXPECT_TRUE(put(BatchOf(2)));
    return Corruption("file 3 is broken");
  };
  auto ahead = BatchesAhead::Start(read, 4 * BatchesAhead::kBatchBytesMin);
  ASSERT_TRUE(ahead.ok());
  EXPECT_EQ(ValueOf(**(*ahead)->Next()), 1);
  EXPECT_EQ(ValueOf(**(*ahead)->Next()), 2);
  for (int i = 0; i < 2; ++i) {
    const auto failed = (*ahead)->Next();
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().message, "file 3 is broken");
  }
}

TEST(BatchesAhead, NoMoreBytesWaitThanAllowed) {
  constexpr int64_t kRows = 16 * 1024;  // 128 KiB
  std::atomic<int64_t> given = 0, taken = 0, waiting_max = 0;
  const auto read = [&](const BatchesAhead::Put& put) -> Status {
    for (int64_t i = 0; i < 100; ++i) {
      EXPECT_TRUE(put(BatchOf(i, kRows)));
      waiting_max = std::max<int64_t>(waiting_max, ++given - taken);
    }
    return {};
  };
  auto ahead = BatchesAhead::Start(read, 3 * kRows * 8);
  ASSERT_TRUE(ahead.ok());
  while ((*ahead)->Next().value() != nullptr) ++taken;
  EXPECT_EQ(taken, 100);
  EXPECT_LE(waiting_max, 3 + 1);  // one may be on its way to this thread
}

TEST(BatchesAhead, OneThatIsLargerThanAllowedComesAlone) {
  const auto read = [](const BatchesAhead::Put& put) -> Status {
    for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(put(BatchOf(i, 1000)));
    return {};
  };
  auto ahead = BatchesAhead::Start(read, 1);
  ASSERT_TRUE(ahead.ok());
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(ValueOf(**(*ahead)->Next()), i);
  EXPECT_EQ((*ahead)->Next().value(), nullptr);
}

TEST(BatchesAhead, WhoWantsNoMoreEndsTheReading) {
  std::atomic<bool> told = false;
  const auto read = [&](const BatchesAhead::Put& put) -> Status {
    while (put(BatchOf(1))) {
    }
    told = true;
    return {};
  };
  {
    auto ahead = BatchesAhead::Start(read, 2 * BatchesAhead::kBatchBytesMin);
    ASSERT_TRUE(ahead.ok());
    EXPECT_EQ(ValueOf(**(*ahead)->Next()), 1);
  }
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace tarn

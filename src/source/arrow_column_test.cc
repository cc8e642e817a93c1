#include "source/arrow_column.h"

#include <arrow/array.h>
#include <arrow/memory_pool.h>
#include <gtest/gtest.h>

#include "columnar/variant_column.h"
#include "source/source_test_support.h"

namespace tarn {
namespace {

using testing::Must;
using testing::TextOf;

using Outcome = ArrowColumn::JsonOutcome;

TEST(ArrowColumn, JsonTextsBecomeVariants) {
  ArrowColumn column(VariantStorage(), arrow::default_memory_pool());
  for (int batch = 0; batch < 2; ++batch) {
    ASSERT_TRUE(column.Reset(2, 8).ok());
    EXPECT_EQ(column.AppendJson(0, R"({"b": 1, "a": [true, null]})"), Outcome::kAdded);
    ASSERT_TRUE(column.SetNull(1).ok());
    ASSERT_TRUE(column.GrowRows(4).ok());
    EXPECT_EQ(column.AppendJson(2, "null"), Outcome::kAdded);
    EXPECT_EQ(column.AppendJson(3, "\"" + std::string(1000, 'x') + "\""), Outcome::kAdded);
    const auto array = arrow::MakeArray(Must(column.Finish(4)));
    ASSERT_TRUE(array->ValidateFull().ok()) << array->ValidateFull().ToString();
    EXPECT_TRUE(IsVariantStorage(*array->type()));
    EXPECT_EQ(TextOf(*array, 0), R"({"a":[true,null],"b":1})");
    EXPECT_TRUE(array->IsNull(1));
    EXPECT_TRUE(array->IsValid(2));
    EXPECT_EQ(TextOf(*array, 2), "null");
    EXPECT_EQ(TextOf(*array, 3).size(), 1002u);
    // The parts of a null are empty, never null.
    const auto& parts = static_cast<const arrow::StructArray&>(*array);
    EXPECT_EQ(parts.field(0)->null_count(), 0);
    EXPECT_EQ(static_cast<const arrow::BinaryArray&>(*parts.field(1)).GetView(1), "");
  }
}

TEST(ArrowColumn, ATextThatIsRefusedLeavesTheRowsBefore) {
  ArrowColumn column(VariantStorage(), arrow::default_memory_pool());
  ASSERT_TRUE(column.Reset(2).ok());
  EXPECT_EQ(column.AppendJson(0, "[1]"), Outcome::kAdded);
  EXPECT_EQ(column.AppendJson(1, "[1"), Outcome::kRefused);
  EXPECT_EQ(column.refusal(), "the text is not valid JSON at byte 3");
  const auto array = arrow::MakeArray(Must(column.Finish(1)));
  ASSERT_TRUE(array->ValidateFull().ok()) << array->ValidateFull().ToString();
  EXPECT_EQ(TextOf(*array, 0), "[1]");
}

}  // namespace
}  // namespace tarn

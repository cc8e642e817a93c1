#include "source/checksum.h"

#include <cmath>

#include <arrow/array.h>
#include <arrow/buffer_builder.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>
#include <gtest/gtest.h>

#include "columnar/variant_column.h"

namespace tarn {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

template <typename Builder, typename T>
ArrayPtr Make(std::vector<std::optional<T>> values,
              const std::shared_ptr<arrow::DataType>& type = nullptr) {
  std::shared_ptr<arrow::DataType> wanted = type;
  if constexpr (std::is_constructible_v<Builder, arrow::MemoryPool*>) {
    if (wanted == nullptr) wanted = Builder(arrow::default_memory_pool()).type();
  }
  std::unique_ptr<arrow::ArrayBuilder> any;
  EXPECT_TRUE(arrow::MakeBuilder(arrow::default_memory_pool(), wanted, &any).ok());
  auto& builder = static_cast<Builder&>(*any);
  for (const auto& value : values) {
    EXPECT_TRUE((value ? builder.Append(*value) : builder.AppendNull()).ok());
  }
  return builder.Finish().ValueOrDie();
}

TableChecksum Hash(const std::vector<ArrayPtr>& columns) {
  arrow::FieldVector fields;
  for (const ArrayPtr& column : columns) fields.push_back(arrow::field("c", column->type()));
  TableHasher hasher;
  const auto batch = arrow::RecordBatch::Make(arrow::schema(fields), columns[0]->length(), columns);
  const Status status = hasher.Add(*batch);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return hasher.checksum();
}

ArrayPtr Ints(std::vector<std::optional<int64_t>> values) {
  return Make<arrow::Int64Builder, int64_t>(std::move(values));
}
ArrayPtr Texts(std::vector<std::optional<std::string>> values) {
  return Make<arrow::StringBuilder, std::string>(std::move(values));
}

TEST(TableHasher, OrderOfRowsAndBatchesDoesNotMatter) {
  const TableChecksum forward = Hash({Ints({1, 2, std::nullopt}), Texts({"a", "", std::nullopt})});
  EXPECT_EQ(forward, Hash({Ints({std::nullopt, 2, 1}), Texts({std::nullopt, "", "a"})}));
  TableHasher apart;
  apart.Merge(Hash({Ints({2}), Texts({""})}));
  apart.Merge(Hash({Ints({1, std::nullopt}), Texts({"a", std::nullopt})}));
  EXPECT_EQ(apart.checksum(), forward);
}

/// A column of variants, as a writer of these bytes makes it; of "" a null.
ArrayPtr Variants(const std::vector<std::pair<std::string, std::string>>& values) {
  std::vector<std::optional<std::string>> parts[2];
  arrow::TypedBufferBuilder<bool> valid;
  for (const auto& [metadata, value] : values) {
    parts[0].push_back(metadata);
    parts[1].push_back(value);
    EXPECT_TRUE(valid.Append(!value.empty()).ok());
  }
  return std::make_shared<arrow::StructArray>(
      VariantStorage(), static_cast<int64_t>(values.size()),
      arrow::ArrayVector{Make<arrow::BinaryBuilder, std::string>(parts[0]),
                         Make<arrow::BinaryBuilder, std::string>(parts[1])},
      valid.Finish().ValueOrDie());
}

TEST(TableHasher, VariantsHashByTheirJson) {
  const std::string no_keys("\1\0\0", 3);
  const auto object = [](const std::string& keys, const std::string& ids, char first) {
    // Two keys of a byte, and two booleans.
    const std::string metadata = std::string("\1\2\0\1\2", 5) + keys;
    const std::string offsets = first == 0 ? std::string("\0\1\2", 3) : std::string("\1\0\2", 3);
    const std::string booleans = first == 0 ? "\x04\x08" : "\x08\x04";
    return std::pair(metadata, std::string("\2\2", 2) + ids + offsets + booleans);
  };
  const auto sorted = object("ab", std::string("\0\1", 2), 0);
  const auto unsorted = object("ba", std::string("\1\0", 2), 1);
  EXPECT_EQ(Hash({Variants({sorted})}), Hash({Variants({unsorted})}));
  const std::pair<std::string, std::string> null{no_keys, std::string(1, '\0')};
  EXPECT_EQ(Hash({Variants({{"", ""}})}), Hash({Variants({null})}));
  EXPECT_NE(Hash({Variants({sorted})}), Hash({Variants({null})}));
}

TEST(TableHasher, EveryDifferenceShows) {
  const TableChecksum base = Hash({Ints({1, 2}), Texts({"a", "b"})});
  EXPECT_NE(base, Hash({Ints({1, 2}), Texts({"b", "a"})})) << "values swapped between rows";
  EXPECT_NE(base, Hash({Texts({"a", "b"}), Ints({1, 2})})) << "columns swapped";
  EXPECT_NE(base, Hash({Ints({1, 2, 2}), Texts({"a", "b", "b"})})) << "a row twice";
  EXPECT_NE(Hash({Ints({0})}), Hash({Ints({std::nullopt})}));
  EXPECT_NE(Hash({Texts({""})}), Hash({Texts({std::nullopt})}));
  EXPECT_NE(Hash({Texts({"a"})}), Hash({Texts({std::string("a\0", 2)})}));
  EXPECT_NE(Hash({Texts({"ab"}), Texts({"c"})}), Hash({Texts({"a"}), Texts({"bc"})}));
  EXPECT_NE(Hash({Texts({"12345678"})}), Hash({Texts({"123456781"})}));
  EXPECT_NE(Hash({Make<arrow::DoubleBuilder, double>({0.0})}),
            Hash({Make<arrow::DoubleBuilder, double>({-0.0})}));
}

TEST(TableHasher, TheSameMeaningInAnotherLayoutHashesEqually) {
  EXPECT_EQ(Hash({Ints({-5, 7})}), Hash({Make<arrow::Int16Builder, int16_t>({-5, 7})}));
  EXPECT_EQ(
      Hash({Texts({"x", "a longer text than twelve"})}),
      Hash({Make<arrow::StringViewBuilder, std::string>({"x", "a longer text than twelve"})}));
  EXPECT_EQ(Hash({Texts({"x"})}), Hash({Make<arrow::LargeStringBuilder, std::string>({"x"})}));
  EXPECT_EQ(Hash({Make<arrow::FloatBuilder, float>({1.5F, NAN})}),
            Hash({Make<arrow::DoubleBuilder, double>({1.5, -NAN})}));
  using Decimal128 = arrow::Decimal128;
  using Decimal64 = arrow::Decimal64;
  EXPECT_EQ((Hash({Make<arrow::Decimal128Builder, Decimal128>({Decimal128(-1234), Decimal128(5)},
                                                              arrow::decimal128(10, 2))})),
            (Hash({Make<arrow::Decimal64Builder, Decimal64>({Decimal64(-1234), Decimal64(5)},
                                                            arrow::decimal64(10, 2))})));
  EXPECT_EQ((Hash({Make<arrow::TimestampBuilder, int64_t>(
                {-1500}, arrow::timestamp(arrow::TimeUnit::MILLI))})),
            (Hash({Make<arrow::TimestampBuilder, int64_t>(
                {-1500000}, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))})));
}

TEST(TableHasher, SlicesAndNestedListsHashByTheirValues) {
  const auto lists = [](const std::vector<std::vector<int>>& rows) {
    auto items = std::make_shared<arrow::Int32Builder>();
    arrow::ListBuilder builder(arrow::default_memory_pool(), items);
    for (const auto& row : rows) {
      EXPECT_TRUE(builder.Append().ok());
      for (int value : row) EXPECT_TRUE(items->Append(value).ok());
    }
    return builder.Finish().ValueOrDie();
  };
  const ArrayPtr all = lists({{9}, {1, 2}, {}, {3}});
  EXPECT_EQ(Hash({all->Slice(1, 2)}), Hash({lists({{}, {1, 2}})}));
  EXPECT_NE(Hash({lists({{1, 2}})}), Hash({lists({{2, 1}})}));
  EXPECT_NE(Hash({lists({{1}, {2}})}), Hash({lists({{1, 2}, {}})}));
  EXPECT_EQ(Hash({Ints({1, 2, 3})->Slice(1, 1)}), Hash({Ints({2})}));
}

TEST(TableHasher, RowsWithoutColumnsAreCounted) {
  TableHasher hasher;
  ASSERT_TRUE(
      hasher.Add(*arrow::RecordBatch::Make(arrow::schema({}), 3, arrow::ArrayVector{})).ok());
  EXPECT_EQ(hasher.checksum().rows, 3);
}

}  // namespace
}  // namespace tarn

#include <algorithm>
#include <cmath>
#include <limits>

#include <arrow/api.h>
#include <arrow/array/concatenate.h>
#include <arrow/io/memory.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include "columnar/file_writer.h"
#include "storage/memory/memory_store.h"

namespace tarn {
namespace {

using arrow::field;

std::shared_ptr<arrow::Field> WithId(int id, std::shared_ptr<arrow::Field> of,
                                     const std::string& extension = {}) {
  auto metadata = std::make_shared<arrow::KeyValueMetadata>();
  metadata->Append("PARQUET:field_id", std::to_string(id));
  if (!extension.empty()) metadata->Append("ARROW:extension:name", extension);
  return of->WithMetadata(metadata);
}

std::shared_ptr<arrow::RecordBatch> FromJson(const std::shared_ptr<arrow::Schema>& schema,
                                             const std::vector<std::string>& columns) {
  arrow::ArrayVector arrays;
  for (size_t i = 0; i < columns.size(); ++i) {
    arrays.push_back(
        arrow::json::ArrayFromJSONString(schema->field(static_cast<int>(i))->type(), columns[i])
            .ValueOrDie());
  }
  const int64_t rows = arrays.empty() ? 0 : arrays[0]->length();
  return arrow::RecordBatch::Make(schema, rows, arrays);
}

struct Written {
  WrittenFile file;
  std::string bytes;
  std::unique_ptr<parquet::ParquetFileReader> parquet;
  std::shared_ptr<arrow::Table> table;
};

class ParquetWriterTest : public testing::Test {
 protected:
  Result<Written> Write(const std::shared_ptr<arrow::Schema>& schema,
                        const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
    TARN_ASSIGN_OR_RETURN(auto writer,
                          OpenParquetWriter(store_, "data/a.parquet", schema, options_, limits_));
    for (const auto& batch : batches) TARN_RETURN_IF_ERROR(writer->Write(*batch));
    Written written;
    TARN_ASSIGN_OR_RETURN(written.file, writer->Finish());
    TARN_ASSIGN_OR_RETURN(written.bytes, store_.Get("data/a.parquet"));
    EXPECT_EQ(static_cast<int64_t>(written.bytes.size()), written.file.size_bytes);
    auto input =
        std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(written.bytes));
    written.parquet = parquet::ParquetFileReader::Open(input);
    auto reader = parquet::arrow::OpenFile(input, arrow::default_memory_pool()).ValueOrDie();
    written.table = reader->ReadTable().ValueOrDie();
    EXPECT_TRUE(written.table->ValidateFull().ok());
    return written;
  }

  MemoryStore store_;
  FileWriterOptions options_;
  Limits limits_;
};

TEST_F(ParquetWriterTest, EveryTypeComesBackAndTellsItsBounds) {
  const auto schema = arrow::schema({
      WithId(1, field("flag", arrow::boolean())),
      WithId(2, field("i", arrow::int32())),
      WithId(3, field("l", arrow::int64(), false)),
      WithId(4, field("f", arrow::float32())),
      WithId(5, field("d", arrow::float64())),
      WithId(6, field("day", arrow::date32())),
      WithId(7, field("at", arrow::timestamp(arrow::TimeUnit::MICRO))),
      WithId(8, field("atz", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))),
      WithId(9, field("s", arrow::utf8())),
      WithId(10, field("b", arrow::binary())),
      WithId(11, field("small", arrow::decimal128(9, 2))),
      WithId(12, field("middle", arrow::decimal128(18, 2))),
      WithId(13, field("large", arrow::decimal128(38, 2))),
      WithId(14, field("id", arrow::fixed_size_binary(16)), "arrow.uuid"),
  });
  const auto batch = FromJson(
      schema, {"[true, null, false]", "[3, null, -2147483648]", "[1, 2, 9223372036854775807]",
               "[1.5, null, -2.5]", "[1.5, null, -1e300]", "[0, null, -719162]", "[0, null, -1]",
               "[0, null, 253402300799999999]", R"(["b", null, "é"])", R"(["", null, "x"])",
               R"(["1.00", null, "-9999999.99"])", R"(["1.00", null, "-9999999999999999.99"])",
               R"(["1.00", null, "-999999999999999999999999999999999999.99"])",
               R"(["0123456789abcdef", null, "0023456789abcdef"])"});
  auto written = Write(schema, {batch, batch->Slice(0, 0)});
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  const WrittenFile& file = written->file;
  EXPECT_EQ(file.rows, 3);
  EXPECT_EQ(file.split_offsets, std::vector<int64_t>{4});
  ASSERT_EQ(file.columns.size(), 14u);
  auto expect = [&](int id, const Scalar& lower, const Scalar& upper) {
    const ColumnStatistics& column = file.columns.at(id);
    ASSERT_TRUE(column.lower && column.upper) << id;
    EXPECT_EQ(*column.lower, lower) << id << ": " << ToString(*column.lower);
    EXPECT_EQ(*column.upper, upper) << id << ": " << ToString(*column.upper);
    EXPECT_EQ(column.value_count, 3) << id;
    EXPECT_EQ(column.null_count, id == 3 ? 0 : 1) << id;
    EXPECT_EQ(column.nan_count.has_value(), id == 4 || id == 5) << id;
    EXPECT_GT(column.compressed_bytes, 0) << id;
  };
  expect(1, false, true);
  expect(2, int64_t{-2147483648}, int64_t{3});
  expect(3, int64_t{1}, std::numeric_limits<int64_t>::max());
  expect(4, -2.5, 1.5);
  expect(5, -1e300, 1.5);
  expect(6, int64_t{-719162}, int64_t{0});
  expect(7, int64_t{-1}, int64_t{0});
  expect(8, int64_t{0}, int64_t{253402300799999999});
  expect(9, std::string("b"), std::string("é"));
  expect(10, std::string(), std::string("x"));
  expect(11, Int128FromInt64(-999999999), Int128FromInt64(100));
  expect(12, Int128FromInt64(-999999999999999999), Int128FromInt64(100));
  EXPECT_EQ(ToString(file.columns.at(13).lower.value()), "-" + std::string(38, '9'));
  EXPECT_EQ(ToString(file.columns.at(13).upper.value()), "100");
  expect(14, std::string("0023456789abcdef"), std::string("0123456789abcdef"));

  const parquet::SchemaDescriptor& columns = *written->parquet->metadata()->schema();
  EXPECT_EQ(columns.Column(10)->physical_type(), parquet::Type::INT32);
  EXPECT_EQ(columns.Column(11)->physical_type(), parquet::Type::INT64);
  EXPECT_EQ(columns.Column(12)->physical_type(), parquet::Type::FIXED_LEN_BYTE_ARRAY);
  EXPECT_TRUE(columns.Column(13)->logical_type()->is_UUID());
  EXPECT_EQ(columns.Column(7)->logical_type()->ToString(),
            "Timestamp(isAdjustedToUTC=true, timeUnit=microseconds, "
            "is_from_converted_type=false, force_set_converted_type=false)");
  EXPECT_EQ(columns.Column(0)->schema_node()->field_id(), 1);
  EXPECT_EQ(written->parquet->metadata()->created_by().substr(0, 5), "tarn ");
  const auto& keys = written->parquet->metadata()->key_value_metadata();
  EXPECT_TRUE(keys == nullptr || !keys->Contains("ARROW:schema"));

  for (int c = 0; c < 13; ++c) {
    EXPECT_TRUE(written->table->column(c)->chunk(0)->Equals(*batch->column(c))) << c;
  }
}

TEST_F(ParquetWriterTest, NestedColumnsKeepFieldIdsOfEveryLevel) {
  const auto schema = arrow::schema({
      WithId(1, field("tags", arrow::list(WithId(4, field("element", arrow::utf8()))))),
      WithId(2, field("point", arrow::struct_({WithId(5, field("x", arrow::float64())),
                                               WithId(6, field("y", arrow::int32()))}))),
      WithId(3, field("prices", std::make_shared<arrow::MapType>(
                                    WithId(7, field("key", arrow::utf8(), false)),
                                    WithId(8, field("value", arrow::float64()))))),
  });
  const auto batch = FromJson(
      schema, {R"([["a", null], [], null])", R"([{"x": 1.5, "y": 3}, null, {"x": null, "y": 4}])",
               R"([[["a", 1.5]], [], null])"});
  auto written = Write(schema, {batch});
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  const auto& columns = written->file.columns;
  EXPECT_EQ(columns.size(), 5u);
  EXPECT_FALSE(columns.at(4).lower.has_value());
  EXPECT_EQ(columns.at(5).lower, Scalar{1.5});
  EXPECT_EQ(columns.at(6).upper, Scalar{int64_t{4}});
  EXPECT_EQ(columns.at(6).null_count, 1);
  EXPECT_FALSE(columns.at(8).upper.has_value());
  EXPECT_EQ(columns.at(8).nan_count, 0);
  const parquet::SchemaDescriptor& leaves = *written->parquet->metadata()->schema();
  EXPECT_EQ(leaves.Column(0)->path()->ToDotString(), "tags.list.element");
  EXPECT_EQ(leaves.Column(3)->path()->ToDotString(), "prices.key_value.key");
  EXPECT_EQ(leaves.group_node()->field(0)->field_id(), 1);
  for (int c = 0; c < 3; ++c) {
    EXPECT_TRUE(written->table->column(c)->chunk(0)->Equals(*batch->column(c))) << c;
  }
}

TEST_F(ParquetWriterTest, NanIsCountedAndLeavesNoBounds) {
  const auto schema = arrow::schema(
      {WithId(1, field("d", arrow::float64())),
       WithId(2, field("l", arrow::list(WithId(3, field("element", arrow::float32())))))});
  const auto batch = FromJson(schema, {"[1, NaN, null, NaN]", "[[NaN, 1], null, [], [NaN]]"});
  auto written = Write(schema, {batch, batch->Slice(1, 1), batch->Slice(3, 1)});
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_EQ(written->file.columns.at(1).nan_count, 4);
  EXPECT_FALSE(written->file.columns.at(1).lower.has_value());
  EXPECT_EQ(written->file.columns.at(3).nan_count, 3);
}

TEST_F(ParquetWriterTest, TextOverTheLimitHasNoBounds) {
  const auto schema = arrow::schema({WithId(1, field("s", arrow::utf8()))});
  const std::string fits(64 << 10, 'b');
  auto batch = FromJson(schema, {R"(["a", ")" + fits + R"("])"});
  auto written = Write(schema, {batch});
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_EQ(written->file.columns.at(1).upper, Scalar{fits});
  batch = FromJson(schema, {R"(["a", ")" + fits + R"(c"])"});
  written = Write(schema, {batch});
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_FALSE(written->file.columns.at(1).upper.has_value());
}

TEST_F(ParquetWriterTest, RowGroupsEndByRowsAndByBytes) {
  const auto schema = arrow::schema({WithId(1, field("l", arrow::int64()))});
  arrow::Int64Builder builder;
  for (int64_t i = 0; i < 1000; ++i) ASSERT_TRUE(builder.Append(i).ok());
  const auto batch = arrow::RecordBatch::Make(schema, 1000, {builder.Finish().ValueOrDie()});
  limits_.row_group_rows = 1500;
  auto written = Write(schema, {batch, batch, batch, batch});
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_EQ(written->file.split_offsets.size(), 3u);
  EXPECT_EQ(written->file.rows, 4000);
  EXPECT_EQ(written->file.columns.at(1).value_count, 4000);
  EXPECT_EQ(written->file.columns.at(1).upper, Scalar{int64_t{999}});
  limits_ = Limits();
  limits_.row_group_bytes = 10000;
  written = Write(schema, {batch, batch, batch, batch});
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_EQ(written->file.split_offsets.size(), 4u);
}

TEST_F(ParquetWriterTest, EveryChosenEncodingComesBack) {
  const auto schema = arrow::schema(
      {WithId(1, field("rising", arrow::int64())), WithId(2, field("many", arrow::int32())),
       WithId(3, field("few", arrow::int32())), WithId(4, field("text", arrow::utf8())),
       WithId(5, field("money", arrow::decimal128(15, 2))),
       WithId(6, field("at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")))});
  auto builder = arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool()).ValueOrDie();
  constexpr int64_t kRows = 50000;
  for (int64_t i = 0; i < kRows; ++i) {
    const int64_t mixed = i * 7919 % 104729 - 50000;
    ASSERT_TRUE(builder->GetFieldAs<arrow::Int64Builder>(0)->Append(i / 3).ok());
    auto* many = builder->GetFieldAs<arrow::Int32Builder>(1);
    ASSERT_TRUE(
        (i % 10 == 0 ? many->AppendNull() : many->Append(static_cast<int32_t>(mixed))).ok());
    ASSERT_TRUE(builder->GetFieldAs<arrow::Int32Builder>(2)->Append(i % 7).ok());
    ASSERT_TRUE(builder->GetFieldAs<arrow::StringBuilder>(3)->Append(std::to_string(mixed)).ok());
    ASSERT_TRUE(builder->GetFieldAs<arrow::Decimal128Builder>(4)
                    ->Append(arrow::Decimal128(mixed * 1000000))
                    .ok());
    ASSERT_TRUE(builder->GetFieldAs<arrow::TimestampBuilder>(5)
                    ->Append(i * i * (i % 2 == 0 ? 1 : -1))
                    .ok());
  }
  const auto batch = builder->Flush().ValueOrDie();
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  for (int64_t at = 0; at < kRows; at += 999) batches.push_back(batch->Slice(at, 999));
  const auto written = Write(schema, batches);
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_EQ(written->file.rows, kRows);
  const auto group = written->parquet->metadata()->RowGroup(0);
  auto uses = [&](int column, parquet::Encoding::type encoding) {
    const auto chunk = group->ColumnChunk(column);
    const auto& encodings = chunk->encodings();
    return std::find(encodings.begin(), encodings.end(), encoding) != encodings.end();
  };
  for (int column : {0, 1, 4, 5}) {
    EXPECT_TRUE(uses(column, parquet::Encoding::DELTA_BINARY_PACKED)) << column;
  }
  EXPECT_TRUE(uses(2, parquet::Encoding::RLE_DICTIONARY));
  EXPECT_FALSE(uses(3, parquet::Encoding::RLE_DICTIONARY));
  const auto read = written->table->CombineChunksToBatch().ValueOrDie();
  for (int c = 0; c < 6; ++c) EXPECT_TRUE(read->column(c)->Equals(*batch->column(c))) << c;
}

TEST_F(ParquetWriterTest, AFileWithoutRowsIsAFile) {
  const auto schema = arrow::schema({WithId(1, field("l", arrow::int64()))});
  auto written = Write(schema, {});
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_EQ(written->file.rows, 0);
  EXPECT_EQ(written->table->num_rows(), 0);
  EXPECT_EQ(written->file.columns.at(1).value_count, 0);
}

TEST_F(ParquetWriterTest, AWriterThatIsNotFinishedLeavesNoObject) {
  const auto schema = arrow::schema({WithId(1, field("l", arrow::int64()))});
  {
    auto writer = OpenParquetWriter(store_, "gone.parquet", schema, options_, limits_);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Write(*FromJson(schema, {"[1, 2]"})).ok());
  }
  EXPECT_EQ(store_.Get("gone.parquet").status().error().kind, ErrorKind::kNotFound);
}

TEST_F(ParquetWriterTest, RowsOfAnotherTypeAreRefusedByName) {
  const auto schema = arrow::schema({WithId(1, field("l", arrow::int64()))});
  const auto other = arrow::schema({field("l", arrow::int32())});
  const auto written = Write(schema, {FromJson(other, {"[1]"})});
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(written.error().message, "column l has type int32, the file has int64");
}

TEST_F(ParquetWriterTest, NullInARequiredColumnIsRefused) {
  const auto schema = arrow::schema({WithId(1, field("l", arrow::int64(), false))});
  const auto written = Write(schema, {FromJson(schema, {"[1, null]"})});
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().kind, ErrorKind::kInvalidArgument) << written.error().message;
}

TEST_F(ParquetWriterTest, AColumnWithoutFieldIdIsRefused) {
  const auto schema =
      arrow::schema({WithId(1, field("s", arrow::struct_({field("x", arrow::int32())})))});
  const auto writer = OpenParquetWriter(store_, "a", schema, options_, limits_);
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(writer.error().message, "column s.x has no field id");
}

TEST_F(ParquetWriterTest, BloomFiltersAreWrittenOnDemand) {
  const auto schema = arrow::schema({WithId(1, field("l", arrow::int64()))});
  options_.bloom_filter_columns = {"l"};
  limits_.row_group_rows = 1000;
  const auto written = Write(schema, {FromJson(schema, {"[1, 2]"})});
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_TRUE(
      written->parquet->metadata()->RowGroup(0)->ColumnChunk(0)->bloom_filter_offset().has_value());
}

}  // namespace
}  // namespace tarn

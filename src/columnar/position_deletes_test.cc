#include "columnar/position_deletes.h"

#include <map>
#include <random>

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include "storage/memory/memory_store.h"

namespace tarn {
namespace {

using arrow::field;
using Deletes = std::map<std::string, std::vector<int64_t>>;

constexpr char kKey[] = "deletes/d.parquet";

class PositionDeletesTest : public testing::Test {
 protected:
  Result<WrittenFile> Write(const std::map<std::string, DeletionVector>& deletes) {
    TARN_ASSIGN_OR_RETURN(auto writer, PositionDeleteWriter::Open(store_, kKey, limits_));
    for (const auto& [path, positions] : deletes) {
      TARN_RETURN_IF_ERROR(writer->Add(path, positions));
    }
    return writer->Finish();
  }

  Result<Deletes> Read(const std::optional<std::string>& wanted = std::nullopt) {
    Deletes deletes;
    TARN_RETURN_IF_ERROR(ReadPositionDeletes(
        store_, kKey, std::nullopt, wanted,
        [&](std::string_view path, std::span<const int64_t> positions) -> Status {
          ++visits_;
          auto& all = deletes[std::string(path)];
          all.insert(all.end(), positions.begin(), positions.end());
          return {};
        },
        limits_));
    return deletes;
  }

  /// A file of Arrow's own writer.
  void WriteForeign(const std::shared_ptr<arrow::Schema>& schema,
                    const std::vector<std::string>& columns) {
    arrow::ArrayVector arrays;
    for (int i = 0; i < schema->num_fields(); ++i) {
      arrays.push_back(arrow::json::ArrayFromJSONString(schema->field(i)->type(),
                                                        columns[static_cast<size_t>(i)])
                           .ValueOrDie());
    }
    auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
    const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    ASSERT_TRUE(parquet::arrow::WriteTable(*arrow::Table::Make(schema, arrays),
                                           arrow::default_memory_pool(), sink, 1 << 20,
                                           parquet::default_writer_properties(), arrow_properties)
                    .ok());
    ASSERT_TRUE(store_.Put(kKey, sink->Finish().ValueOrDie()->ToString()).ok());
  }

  MemoryStore store_;
  Limits limits_;
  int visits_ = 0;
};

DeletionVector Range(int64_t begin, int64_t end) {
  DeletionVector vector;
  vector.AddRange(begin, end);
  return vector;
}

std::vector<int64_t> Numbers(int64_t begin, int64_t end) { return Range(begin, end).ToVector(); }

TEST_F(PositionDeletesTest, WhatIsWrittenIsRead) {
  limits_.batch_rows = 100;
  const Deletes expected = {
      {"s3://b/1.parquet", Numbers(0, 1)},
      {"s3://b/2.parquet", Numbers(5, 1000)},
      {"s3://b/é.parquet", Numbers(int64_t{1} << 33, (int64_t{1} << 33) + 3)}};
  std::map<std::string, DeletionVector> deletes;
  for (const auto& [path, positions] : expected) {
    for (const int64_t position : positions) deletes[path].Add(position);
  }
  deletes["s3://b/none.parquet"];
  auto file = Write(deletes);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ(file->rows, 999);
  EXPECT_EQ(file->columns.at(kDeleteFilePathId).lower, Scalar{std::string("s3://b/1.parquet")});
  EXPECT_EQ(file->columns.at(kDeleteFilePathId).upper, Scalar{std::string("s3://b/é.parquet")});
  EXPECT_EQ(file->columns.at(kDeletePosId).lower, Scalar{int64_t{0}});
  auto read = Read();
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(*read, expected);
  EXPECT_GT(visits_, 10) << "batch by batch";
}

TEST_F(PositionDeletesTest, BoundsOfALongPathAreExact) {
  const std::string path = "s3://bucket/" + std::string(900, 'x') + ".parquet";
  auto file = Write({{path, Range(0, 10)}});
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->columns.at(kDeleteFilePathId).lower, Scalar{path});
  EXPECT_EQ(file->columns.at(kDeleteFilePathId).upper, Scalar{path});
}

TEST_F(PositionDeletesTest, TheSchemaIsThatOfTheSpecification) {
  ASSERT_TRUE(Write({{"a", Range(0, 10)}}).ok());
  auto input = std::make_shared<arrow::io::BufferReader>(
      arrow::Buffer::FromString(store_.Get(kKey).value()));
  auto reader = parquet::arrow::OpenFile(input, arrow::default_memory_pool()).ValueOrDie();
  std::shared_ptr<arrow::Schema> schema;
  ASSERT_TRUE(reader->GetSchema(&schema).ok());
  const auto id = [&](int i) {
    return schema->field(i)->metadata()->Get("PARQUET:field_id").ValueOrDie();
  };
  ASSERT_EQ(schema->field_names(), (std::vector<std::string>{"file_path", "pos"}));
  EXPECT_EQ(id(0), "2147483546");
  EXPECT_EQ(id(1), "2147483545");
  EXPECT_TRUE(schema->field(0)->type()->Equals(arrow::utf8()));
  EXPECT_TRUE(schema->field(1)->type()->Equals(arrow::int64()));
  EXPECT_FALSE(schema->field(0)->nullable());
  EXPECT_FALSE(schema->field(1)->nullable());
}

TEST_F(PositionDeletesTest, OfOneWantedFileOnlyItsRowGroupsAreFetched) {
  limits_.row_group_rows = 100000;
  limits_.batch_rows = 10000;
  std::map<std::string, DeletionVector> deletes;
  std::mt19937_64 random(1);
  for (int i = 0; i < 20; ++i) {
    // Spread, so that the file is too large to come with its footer.
    DeletionVector& vector = deletes["f" + std::to_string(10 + i)];
    for (int64_t row = 0; row < 50000; ++row)
      vector.Add(row * 100000 + static_cast<int64_t>(random() % 100000));
  }
  ASSERT_TRUE(Write(deletes).ok());
  ASSERT_GT(store_.Head(kKey).value().size_bytes, 1 << 20);
  int requests = 0;
  store_.SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
    requests += call.operation == StorageOperation::kGetRange &&
                call.moment == StorageCall::Moment::kBefore;
    return std::nullopt;
  });
  auto read = Read("f15");
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ(read->at("f15"), deletes["f15"].ToVector());
  EXPECT_EQ(requests, 2) << "the footer and one row group of ten";
  requests = 0;
  EXPECT_EQ(Read("f999").value(), Deletes());
  EXPECT_EQ(requests, 1);
}

TEST_F(PositionDeletesTest, PathsComeInOrder) {
  auto writer = PositionDeleteWriter::Open(store_, kKey, limits_).value();
  ASSERT_TRUE(writer->Add("b", Range(0, 2)).ok());
  EXPECT_EQ(writer->rows(), 2);
  EXPECT_EQ(writer->Add("b", Range(2, 3)).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(writer->Add("a", Range(2, 3)).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_TRUE(writer->Add("c", Range(0, 1)).ok());
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(Read().value(), (Deletes{{"b", {0, 1}}, {"c", {0}}}));
}

TEST_F(PositionDeletesTest, FilesOfOthersAreRead) {
  const auto row = arrow::struct_({field("id", arrow::int64())});
  // Unsorted, with the deleted rows, columns in another order, of other types.
  for (const auto& text :
       {arrow::utf8(), arrow::large_utf8(), arrow::dictionary(arrow::int32(), arrow::utf8())}) {
    WriteForeign(
        arrow::schema({field("row", row), field("pos", arrow::int64()), field("file_path", text)}),
        {R"([{"id": 1}, null, {"id": 3}, {"id": 4}])", "[7, 3, 2, 1]", R"(["b", "a", "a", "b"])"});
    auto read = Read();
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ(*read, (Deletes{{"a", {3, 2}}, {"b", {7, 1}}}));
    EXPECT_EQ(Read("a").value(), (Deletes{{"a", {3, 2}}}));
  }
}

TEST_F(PositionDeletesTest, OtherParquetFilesAreCorruption) {
  const auto path = field("file_path", arrow::utf8());
  const auto pos = field("pos", arrow::int64());
  const struct {
    std::shared_ptr<arrow::Schema> schema;
    std::vector<std::string> columns;
  } cases[] = {
      {arrow::schema({path}), {R"(["a"])"}},
      {arrow::schema({path, field("pos", arrow::utf8())}), {R"(["a"])", R"(["1"])"}},
      {arrow::schema({field("file_path", arrow::struct_({path})), pos}),
       {R"([{"file_path": "a"}])", "[1]"}},
      {arrow::schema({path, pos}), {R"(["a"])", "[-1]"}},
      {arrow::schema({path, pos}), {R"(["a"])", "[9223372036854775807]"}},
      {arrow::schema({path, pos}), {R"(["a", null])", "[1, 2]"}},
      {arrow::schema({path, pos}), {R"(["a", "a"])", "[1, null]"}},
  };
  for (const auto& one : cases) {
    WriteForeign(one.schema, one.columns);
    auto read = Read();
    ASSERT_FALSE(read.ok()) << one.schema->ToString() << one.columns.back();
    EXPECT_EQ(read.error().kind, ErrorKind::kCorruption) << read.status().ToString();
    EXPECT_NE(read.error().message.find(kKey), std::string::npos);
  }
}

TEST_F(PositionDeletesTest, MutatedBytesNeverCrash) {
  ASSERT_TRUE(Write({{"a", Range(0, 10)}, {"b", Range(7, 9)}}).ok());
  const std::string bytes = store_.Get(kKey).value();
  std::mt19937_64 random(6);
  int bad = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    ASSERT_TRUE(store_.Put(kKey, damaged).ok());
    const auto read = Read(round % 2 == 0 ? std::optional<std::string>("b") : std::nullopt);
    if (read.ok()) continue;
    ++bad;
    const ErrorKind kind = read.error().kind;
    ASSERT_TRUE(kind == ErrorKind::kCorruption || kind == ErrorKind::kUnsupported ||
                kind == ErrorKind::kResourceExhausted)
        << read.status().ToString();
  }
  EXPECT_GT(bad, 500);
}

TEST_F(PositionDeletesTest, AnErrorOfTheVisitorStopsTheReading) {
  ASSERT_TRUE(Write({{"a", Range(0, 10)}, {"b", Range(0, 10)}}).ok());
  int visits = 0;
  const Status status = ReadPositionDeletes(
      store_, kKey, std::nullopt, std::nullopt,
      [&](std::string_view, std::span<const int64_t>) -> Status {
        ++visits;
        return Cancelled("enough");
      },
      limits_);
  EXPECT_EQ(status.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(visits, 1);
}

}  // namespace
}  // namespace tarn

#include "columnar/parquet_reader.h"

#include <fstream>
#include <random>
#include <sstream>

#include <arrow/api.h>
#include <arrow/array/concatenate.h>
#include <arrow/io/memory.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include "columnar/file_writer.h"
#include "storage/memory/memory_store.h"

namespace tarn {
namespace {

using arrow::field;
using Op = Predicate::Op;

constexpr char kKey[] = "data/a.parquet";

std::shared_ptr<arrow::Field> WithId(int id, const std::shared_ptr<arrow::Field>& of) {
  return of->WithMetadata(arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(id)}));
}

std::shared_ptr<arrow::Array> FromJson(const std::shared_ptr<arrow::DataType>& type,
                                       const std::string& json) {
  return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
}

std::shared_ptr<arrow::Array> Numbers(int64_t begin, int64_t end) {
  arrow::Int64Builder builder;
  for (int64_t i = begin; i < end; ++i) EXPECT_TRUE(builder.Append(i).ok());
  return builder.Finish().ValueOrDie();
}

class ParquetReaderTest : public testing::Test {
 protected:
  /// Batches through our own writer; a row group for each, if `limits_` say so.
  void Write(const std::shared_ptr<arrow::Schema>& schema,
             const std::vector<arrow::ArrayVector>& batches) {
    auto writer = OpenParquetWriter(store_, kKey, schema, {}, limits_).value();
    for (const auto& columns : batches) {
      const auto batch = arrow::RecordBatch::Make(schema, columns.at(0)->length(), columns);
      const Status written = writer->Write(*batch);
      ASSERT_TRUE(written.ok()) << written.ToString();
    }
    ASSERT_TRUE(writer->Finish().ok());
  }

  /// The same through Arrow's own, which knows nothing of field ids.
  void WriteForeign(const arrow::Table& table, int64_t row_group_rows) {
    auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
    const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    ASSERT_TRUE(parquet::arrow::WriteTable(table, arrow::default_memory_pool(), sink,
                                           row_group_rows, parquet::default_writer_properties(),
                                           arrow_properties)
                    .ok());
    ASSERT_TRUE(store_.Put(kKey, sink->Finish().ValueOrDie()->ToString()).ok());
  }

  Result<std::unique_ptr<ParquetReader>> Open(ParquetReadOptions options) {
    return ParquetReader::Open(store_, kKey, std::nullopt, std::move(options), limits_);
  }

  struct All {
    std::shared_ptr<arrow::Table> table;
    std::vector<int64_t> positions;  ///< of every row
    std::vector<int64_t> batch_rows;
    std::vector<int> places;
    int skipped = 0;
  };
  Result<All> Read(ParquetReadOptions options) {
    TARN_ASSIGN_OR_RETURN(auto reader, Open(std::move(options)));
    All all;
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
    while (true) {
      TARN_ASSIGN_OR_RETURN(auto batch, reader->Next());
      if (!batch) break;
      EXPECT_TRUE(batch->rows->ValidateFull().ok());
      EXPECT_TRUE(batch->rows->schema()->Equals(*reader->schema(), true));
      for (int64_t i = 0; i < batch->rows->num_rows(); ++i) {
        all.positions.push_back(batch->first_row + i);
      }
      all.batch_rows.push_back(batch->rows->num_rows());
      batches.push_back(batch->rows);
    }
    all.table = arrow::Table::FromRecordBatches(reader->schema(), batches).ValueOrDie();
    all.places = reader->places();
    all.skipped = reader->row_groups_skipped();
    return all;
  }

  static std::shared_ptr<arrow::Array> Column(const All& all, int i) {
    const auto& column = all.table->column(i);
    return column->num_chunks() == 0 ? arrow::MakeEmptyArray(column->type()).ValueOrDie()
                                     : arrow::Concatenate(column->chunks()).ValueOrDie();
  }

  MemoryStore store_;
  Limits limits_;
};

std::shared_ptr<arrow::Schema> Nested() {
  return arrow::schema(
      {WithId(1, field("id", arrow::int64(), false)),
       WithId(2, field("s", arrow::struct_({WithId(3, field("a", arrow::int32())),
                                            WithId(4, field("b", arrow::utf8()))}))),
       WithId(5, field("l", arrow::list(WithId(6, field("element", arrow::float64()))))),
       WithId(7, field("m", std::make_shared<arrow::MapType>(
                                WithId(8, field("key", arrow::utf8(), false)),
                                WithId(9, field("value", arrow::int64())))))});
}

arrow::ArrayVector NestedRows() {
  const auto schema = Nested();
  return {
      FromJson(schema->field(0)->type(), "[1, 2, 3]"),
      FromJson(schema->field(1)->type(), R"([{"a": 1, "b": "x"}, null, {"a": null, "b": "z"}])"),
      FromJson(schema->field(2)->type(), "[[1.5, null], [], null]"),
      FromJson(schema->field(3)->type(), R"([[["k", 1]], null, [["x", null], ["y", 2]]])")};
}

TEST_F(ParquetReaderTest, EveryColumnComesBack) {
  Write(Nested(), {NestedRows()});
  auto all = Read({});
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  const auto expected = NestedRows();
  ASSERT_EQ(all->table->num_columns(), 4);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(Column(*all, i)->Equals(expected[static_cast<size_t>(i)])) << i;
    EXPECT_TRUE(all->table->schema()->field(i)->metadata()->Contains("PARQUET:field_id"));
  }
  EXPECT_EQ(all->places, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(all->positions, (std::vector<int64_t>{0, 1, 2}));
}

TEST_F(ParquetReaderTest, ColumnsAreFoundByIdAndComeInTheOrderOfTheWish) {
  Write(Nested(), {NestedRows()});
  // Renamed since: `id` is another column of that name, and what was `id` is called `number`.
  ParquetReadOptions options;
  options.columns = {{"tags", 7}, {"id", 99}, {"number", 1}, {"l"}, {"number", 1}, {"none"}};
  auto all = Read(options);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->places, (std::vector<int>{0, -1, 1, 2, 1, -1}));
  EXPECT_EQ(all->table->schema()->field_names(), (std::vector<std::string>{"m", "id", "l"}));
  EXPECT_TRUE(Column(*all, 0)->Equals(NestedRows()[3]));
  EXPECT_TRUE(Column(*all, 1)->Equals(NestedRows()[0]));
  EXPECT_TRUE(Column(*all, 2)->Equals(NestedRows()[2]));
}

TEST_F(ParquetReaderTest, PartsOfAStructCanBeChosen) {
  Write(Nested(), {NestedRows()});
  ParquetReadOptions options;
  options.columns = {{"s", 2, {{"b", 4}, {"gone", 44}}}, {"s", 2, {{"gone", 44}}}};
  auto all = Read(options);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->places, (std::vector<int>{0, -1}));
  EXPECT_TRUE(Column(*all, 0)->Equals(
      FromJson(arrow::struct_({field("b", arrow::utf8())}), R"([{"b": "x"}, null, {"b": "z"}])")))
      << all->table->ToString();
  options.columns = {{"l", 5, {{"element", 6}}}};
  EXPECT_EQ(Read(options).error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(ParquetReaderTest, WithoutColumnsRowsAreCounted) {
  Write(Nested(), {NestedRows()});
  ParquetReadOptions options;
  options.columns = std::vector<ParquetColumn>{};
  auto all = Read(options);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->positions, (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(all->table->num_columns(), 0);
}

TEST_F(ParquetReaderTest, AFileWithoutRowsHasASchema) {
  auto writer = OpenParquetWriter(store_, kKey, Nested(), {}, limits_).value();
  ASSERT_TRUE(writer->Finish().ok());
  auto reader = Open({});
  ASSERT_TRUE(reader.ok()) << reader.status().ToString();
  EXPECT_EQ((*reader)->rows(), 0);
  EXPECT_EQ((*reader)->schema()->num_fields(), 4);
  EXPECT_FALSE((*reader)->Next().value());
  EXPECT_FALSE((*reader)->Next().value());
}

TEST_F(ParquetReaderTest, ForeignFilesAreReadByName) {
  const auto dictionary = arrow::dictionary(arrow::int32(), arrow::utf8());
  const auto schema = arrow::schema({field("a", arrow::large_utf8()), field("b", dictionary)},
                                    arrow::key_value_metadata({"pandas"}, {"{}"}));
  const auto table = arrow::Table::Make(schema, {FromJson(arrow::large_utf8(), R"(["x", null])"),
                                                 FromJson(dictionary, R"(["p", "q"])")});
  WriteForeign(*table, 10);
  ParquetReadOptions options;
  options.columns = {{"b", 2}, {"a", 1}};
  auto all = Read(options);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->places, (std::vector<int>{0, 1}));
  EXPECT_EQ(all->table->schema()->metadata(), nullptr);
  EXPECT_TRUE(Column(*all, 1)->Equals(FromJson(arrow::large_utf8(), R"(["x", null])")));
}

TEST_F(ParquetReaderTest, RowGroupsThatCannotMatchAreSkippedAndStillCounted) {
  limits_.row_group_rows = 100;
  limits_.batch_rows = 30;
  Write(
      arrow::schema({WithId(1, field("n", arrow::int64())), WithId(2, field("k", arrow::int64()))}),
      {{Numbers(0, 1000), Numbers(5000, 6000)}});
  ParquetReadOptions options;
  // The file's `n` is called `m` by the table.
  options.columns = {{"m", 1}, {"k", 2}};
  options.predicate = Predicate::And({Predicate::Compare(Op::kGtEq, "m", int64_t{250}),
                                      Predicate::Compare(Op::kLt, "k", int64_t{5350}),
                                      Predicate::Compare(Op::kEq, "unknown", int64_t{1})});
  auto all = Read(options);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->skipped, 8);
  EXPECT_EQ(all->positions.front(), 200);
  EXPECT_EQ(all->positions.back(), 399);
  EXPECT_EQ(all->positions.size(), 200u);
  EXPECT_TRUE(Column(*all, 0)->Equals(Numbers(200, 400)));
  EXPECT_EQ(all->batch_rows, (std::vector<int64_t>{30, 30, 30, 10, 30, 30, 30, 10}));
  options.predicate = Predicate::Compare(Op::kEq, "m", int64_t{-1});
  EXPECT_EQ(Read(options).value().positions.size(), 0u);
}

TEST_F(ParquetReaderTest, BoundsOfForeignTypesAreInTheUnitsOfScalars) {
  const auto schema = arrow::schema({
      field("ms", arrow::timestamp(arrow::TimeUnit::MILLI)),
      field("ns", arrow::timestamp(arrow::TimeUnit::NANO)),
      field("u32", arrow::uint32()),
      field("u64", arrow::uint64()),
      field("s", arrow::struct_({field("x", arrow::int64())})),
      field("f", arrow::float64()),
  });
  const auto table =
      arrow::Table::Make(schema, {FromJson(schema->field(0)->type(), "[1000, 2000]"),
                                  FromJson(schema->field(1)->type(), "[1000, 2000]"),
                                  FromJson(arrow::uint32(), "[1, 4000000000]"),
                                  FromJson(arrow::uint64(), "[1, 10000000000000000000]"),
                                  FromJson(schema->field(4)->type(), R"([{"x": 1}, {"x": 2}])"),
                                  FromJson(arrow::float64(), "[1, 2]")});
  WriteForeign(*table, 10);
  auto skipped = [&](const char* column, Scalar value) {
    ParquetReadOptions options;
    options.predicate = Predicate::Compare(Op::kEq, column, std::move(value));
    return Open(options).value()->row_groups_skipped() == 1;
  };
  EXPECT_TRUE(skipped("ms", int64_t{1500}));
  EXPECT_FALSE(skipped("ms", int64_t{1500000}));
  EXPECT_TRUE(skipped("ms", int64_t{2000001}));
  EXPECT_FALSE(skipped("ns", int64_t{5}));
  EXPECT_TRUE(skipped("u32", int64_t{0}));
  EXPECT_TRUE(skipped("u32", int64_t{-5}));
  EXPECT_FALSE(skipped("u32", int64_t{3000000000}));
  EXPECT_FALSE(skipped("u64", int64_t{5}));
  EXPECT_FALSE(skipped("s", int64_t{7}));
  EXPECT_FALSE(skipped("x", int64_t{7}));
  EXPECT_TRUE(skipped("f", 3.0));
}

/// What was asked of the store.
struct Requests {
  int ranges = 0;
  int others = 0;
};
FaultInjector Count(Requests& requests) {
  return [&](const StorageCall& call) -> std::optional<Error> {
    if (call.moment == StorageCall::Moment::kBefore) {
      ++(call.operation == StorageOperation::kGetRange ? requests.ranges : requests.others);
    }
    return std::nullopt;
  };
}

TEST_F(ParquetReaderTest, ASmallFileIsOneRequest) {
  limits_.row_group_rows = 100;
  Write(arrow::schema({WithId(1, field("n", arrow::int64()))}), {{Numbers(0, 1000)}});
  const int64_t size = store_.Head(kKey).value().size_bytes;
  Requests requests;
  store_.SetFaultInjector(Count(requests));
  auto reader = ParquetReader::Open(store_, kKey, size, {}, limits_).value();
  int64_t rows = 0;
  while (auto batch = reader->Next().value()) rows += batch->rows->num_rows();
  EXPECT_EQ(rows, 1000);
  EXPECT_EQ(requests.ranges, 1);
  EXPECT_EQ(requests.others, 0);
}

/// Two columns of noise, about 5 MB a row group of 300,000 rows.
arrow::ArrayVector Noise(uint64_t seed, int64_t rows) {
  std::mt19937_64 random(seed);
  arrow::ArrayVector columns;
  for (int i = 0; i < 2; ++i) {
    arrow::Int64Builder builder;
    for (int64_t row = 0; row < rows; ++row) {
      EXPECT_TRUE(builder.Append(static_cast<int64_t>(random())).ok());
    }
    columns.push_back(builder.Finish().ValueOrDie());
  }
  return columns;
}

TEST_F(ParquetReaderTest, RowGroupsAreFetchedWholeWhileTheyFitAndInPiecesWhenNot) {
  constexpr int64_t kRows = 300000;
  limits_.row_group_rows = kRows / 2;
  const auto schema =
      arrow::schema({WithId(1, field("a", arrow::int64())), WithId(2, field("b", arrow::int64()))});
  const auto noise = Noise(1, kRows);
  Write(schema, {noise});
  auto read = [&](ParquetReadOptions options) {
    Requests requests;
    store_.SetFaultInjector(Count(requests));
    auto all = Read(std::move(options));
    store_.SetFaultInjector(nullptr);
    EXPECT_TRUE(all.ok()) << all.status().ToString();
    EXPECT_TRUE(Column(*all, 0)->Equals(noise[0]));
    EXPECT_TRUE(Column(*all, all->table->num_columns() - 1)
                    ->Equals(noise[static_cast<size_t>(all->table->num_columns() - 1)]));
    EXPECT_LE(*std::max_element(all->batch_rows.begin(), all->batch_rows.end()),
              limits_.batch_rows);
    EXPECT_EQ(requests.others, 1) << "the size";
    return requests.ranges;
  };
  EXPECT_EQ(read({}), 3) << "the footer and two row groups";
  ParquetReadOptions one;
  one.columns = {{"a", 1}};
  EXPECT_EQ(read(one), 3);
  ParquetReadOptions pieces;
  pieces.read_bytes_max = 256 << 10;  // 128 KiB of each column
  EXPECT_GT(read(pieces), 20);
}

TEST_F(ParquetReaderTest, LargeRowsMakeSmallBatches) {
  limits_.batch_bytes_max = 1 << 20;
  arrow::StringBuilder builder;
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string text(2000, ' ');
    for (char& c : text) c = static_cast<char>('a' + random() % 26);
    ASSERT_TRUE(builder.Append(text).ok());
  }
  Write(arrow::schema({WithId(1, field("s", arrow::utf8()))}), {{builder.Finish().ValueOrDie()}});
  auto all = Read({});
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->positions.size(), 2000u);
  EXPECT_LE(all->batch_rows.front(), 600);
}

TEST_F(ParquetReaderTest, AFaultOfTheStoreIsNotTakenForACorruptFile) {
  limits_.row_group_rows = 100000;
  const auto schema =
      arrow::schema({WithId(1, field("a", arrow::int64())), WithId(2, field("b", arrow::int64()))});
  Write(schema, {Noise(2, 300000)});
  for (int failing = 0; failing < 4; ++failing) {
    int calls = 0;
    store_.SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
      if (call.operation != StorageOperation::kGetRange) return std::nullopt;
      if (call.moment != StorageCall::Moment::kBefore || calls++ != failing) return std::nullopt;
      return Unavailable("connection reset");
    });
    auto all = Read({});
    ASSERT_FALSE(all.ok()) << failing;
    EXPECT_EQ(all.error().kind, ErrorKind::kUnavailable);
    EXPECT_NE(all.error().message.find("memory://test/data/a.parquet"), std::string::npos);
    EXPECT_NE(all.error().message.find("connection reset"), std::string::npos);
  }
  store_.SetFaultInjector(nullptr);
  EXPECT_EQ(ParquetReader::Open(store_, "data/b.parquet", std::nullopt, {}, limits_).error().kind,
            ErrorKind::kNotFound);
}

TEST_F(ParquetReaderTest, BytesThatAreNoParquetAreCorruption) {
  Write(Nested(), {NestedRows()});
  const std::string bytes = store_.Get(kKey).value();
  for (const std::string& damaged :
       {std::string(), std::string("PAR1"), std::string(100, 'x'), bytes.substr(1),
        bytes.substr(0, bytes.size() - 1), bytes.substr(0, bytes.size() / 2)}) {
    ASSERT_TRUE(store_.Put(kKey, damaged).ok());
    auto all = Read({});
    ASSERT_FALSE(all.ok()) << damaged.size();
    EXPECT_EQ(all.error().kind, ErrorKind::kCorruption) << all.status().ToString();
    EXPECT_NE(all.error().message.find("data/a.parquet"), std::string::npos);
  }
}

TEST_F(ParquetReaderTest, APageThatClaimsMoreThanItsColumnTakesNoMemory) {
  std::ifstream in("src/columnar/testdata/page_larger_than_chunk.parquet", std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  ASSERT_TRUE(store_.Put("damaged.parquet", bytes.str()).ok());
  auto reader = ParquetReader::Open(store_, "damaged.parquet", std::nullopt, {}, Limits{});
  ASSERT_TRUE(reader.ok()) << reader.error().message;
  Status status;
  while (status.ok()) status = (*reader)->Next().status();
  EXPECT_EQ(status.error().kind, ErrorKind::kCorruption) << status.ToString();
  EXPECT_NE(status.error().message.find("damaged.parquet"), std::string::npos);
  // The header of a page says that it has 1.2 GB.
  EXPECT_LT(arrow::default_memory_pool()->max_memory(), 256 << 20);
}

TEST_F(ParquetReaderTest, MutatedBytesNeverCrash) {
  limits_.row_group_rows = 2;
  Write(Nested(), {NestedRows()});
  const std::string bytes = store_.Get(kKey).value();
  std::mt19937_64 random(5);
  int good = 0;
  int bad = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string damaged = bytes;
    for (uint64_t changes = 1 + random() % 2; changes > 0; --changes) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    if (random() % 8 == 0) damaged.erase(random() % damaged.size(), 1 + random() % 8);
    ASSERT_TRUE(store_.Put(kKey, damaged).ok());
    ParquetReadOptions options;
    options.predicate = Predicate::Compare(Op::kGt, "id", int64_t{0});
    auto reader = Open(options);
    Status status = reader.status();
    while (status.ok()) {
      auto batch = (*reader)->Next();
      if (batch.ok() && !*batch) break;
      status = batch.status();
    }
    ++(status.ok() ? good : bad);
    if (status.ok()) continue;
    const ErrorKind kind = status.error().kind;
    ASSERT_TRUE(kind == ErrorKind::kCorruption || kind == ErrorKind::kUnsupported ||
                kind == ErrorKind::kResourceExhausted)
        << status.ToString();
  }
  EXPECT_GT(good, 0);
  EXPECT_GT(bad, 1000);
}

}  // namespace
}  // namespace tarn

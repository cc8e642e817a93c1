// How fast one thread encodes rows into Parquet: rows per CPU second and bytes a row.
// Usage: encode_bench [--rows N] [--level ZSTD] [FILE.parquet]
// Without a file, rows like TPC-H's lineitem are generated from a seed.
#include <ctime>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>

#include "base/random.h"
#include "columnar/conform.h"
#include "columnar/file_writer.h"
#include "storage/object_store.h"

namespace tarn {
namespace {

using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

/// Counts what is written and keeps nothing: the encoder alone is measured.
class NullWriter final : public ObjectWriter {
 public:
  Status Append(std::string_view bytes) override {
    bytes_ += static_cast<int64_t>(bytes.size());
    return {};
  }
  Status Close() override { return {}; }
  int64_t bytes_written() const override { return bytes_; }

 private:
  int64_t bytes_ = 0;
};

class NullStore final : public ObjectStore {
 public:
  Result<std::string> Get(std::string_view) override { return NotFound("nothing is kept"); }
  Result<std::string> GetRange(std::string_view, int64_t, int64_t) override { return Get(""); }
  Result<ObjectInfo> Head(std::string_view) override { return NotFound("nothing is kept"); }
  Status Put(std::string_view, std::string_view) override { return {}; }
  Status PutIfAbsent(std::string_view, std::string_view) override { return {}; }
  Result<std::unique_ptr<ObjectWriter>> OpenWriter(std::string_view) override {
    return std::unique_ptr<ObjectWriter>(std::make_unique<NullWriter>());
  }
  Status List(std::string_view, const std::function<Status(const ObjectInfo&)>&) override {
    return {};
  }
  Status Delete(std::string_view) override { return {}; }
  Status RemoveEmptyFolders(std::string_view) override { return {}; }
  Status CheckAccess() override { return {}; }
  const std::string& root_uri() const override { return root_uri_; }

 private:
  std::string root_uri_ = "null:";
};

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::shared_ptr<arrow::Schema> WithFieldIds(const arrow::Schema& schema) {
  arrow::FieldVector fields;
  for (int i = 0; i < schema.num_fields(); ++i) {
    fields.push_back(schema.field(i)->WithMetadata(
        arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(i + 1)})));
  }
  return arrow::schema(std::move(fields));
}

/// Text of some words out of a small vocabulary, as TPC-H's comments are.
std::string Comment(Random& random) {
  static const char* const kWords[] = {
      "carefully", "final",   "deposits",    "sleep", "quickly", "ironic",  "packages", "haggle",
      "furiously", "pending", "requests",    "along", "slyly",   "express", "accounts", "detect",
      "blithely",  "special", "theodolites", "use",   "regular", "even",    "pinto",    "beans",
      "unusual",   "foxes",   "the",         "after", "boldly",  "silent",  "ideas",    "nag"};
  const size_t size = 10 + random.Below(34);
  std::string text;
  while (text.size() < size) {
    text += kWords[random.Below(std::size(kWords))];
    text += ' ';
  }
  text.resize(size);
  return text;
}

/// Rows like lineitem's: the same types, widths, cardinalities and order.
Batches Generate(int64_t rows, int64_t batch_rows) {
  const auto money = arrow::decimal128(15, 2);
  const auto schema = WithFieldIds(*arrow::schema(
      {arrow::field("l_orderkey", arrow::int64()), arrow::field("l_partkey", arrow::int64()),
       arrow::field("l_suppkey", arrow::int64()), arrow::field("l_linenumber", arrow::int32()),
       arrow::field("l_quantity", money), arrow::field("l_extendedprice", money),
       arrow::field("l_discount", money), arrow::field("l_tax", money),
       arrow::field("l_returnflag", arrow::utf8()), arrow::field("l_linestatus", arrow::utf8()),
       arrow::field("l_shipdate", arrow::date32()), arrow::field("l_commitdate", arrow::date32()),
       arrow::field("l_receiptdate", arrow::date32()),
       arrow::field("l_shipinstruct", arrow::utf8()), arrow::field("l_shipmode", arrow::utf8()),
       arrow::field("l_comment", arrow::utf8())}));
  static const char* const kInstructions[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE",
                                              "TAKE BACK RETURN"};
  static const char* const kModes[] = {"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"};
  auto random = SeededRandom(1);
  Batches batches;
  int64_t order = 1;
  int line = 1;
  int64_t lines = 4;
  while (rows > 0) {
    auto builder = arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool(), batch_rows)
                       .ValueOrDie();
    auto ints = [&](int c) { return builder->GetFieldAs<arrow::Int64Builder>(c); };
    auto decimals = [&](int c) { return builder->GetFieldAs<arrow::Decimal128Builder>(c); };
    auto texts = [&](int c) { return builder->GetFieldAs<arrow::StringBuilder>(c); };
    auto dates = [&](int c) { return builder->GetFieldAs<arrow::Date32Builder>(c); };
    for (int64_t i = std::min(rows, batch_rows); i > 0; --i, --rows) {
      const auto quantity = static_cast<int64_t>(1 + random->Below(50));
      const auto part = static_cast<int64_t>(1 + random->Below(200000));
      const auto ship = static_cast<int32_t>(8036 + random->Below(2526));
      bool ok = ints(0)->Append(order).ok() && ints(1)->Append(part).ok();
      ok = ok && ints(2)->Append(static_cast<int64_t>(1 + random->Below(10000))).ok();
      ok = ok && builder->GetFieldAs<arrow::Int32Builder>(3)->Append(line).ok();
      ok = ok && decimals(4)->Append(arrow::Decimal128(quantity * 100)).ok();
      ok = ok && decimals(5)->Append(arrow::Decimal128(quantity * (90000 + part % 20001))).ok();
      ok = ok &&
           decimals(6)->Append(arrow::Decimal128(static_cast<int64_t>(random->Below(11)))).ok();
      ok =
          ok && decimals(7)->Append(arrow::Decimal128(static_cast<int64_t>(random->Below(9)))).ok();
      ok = ok && texts(8)->Append(ship > 9298 ? "N" : random->Below(2) == 0 ? "A" : "R").ok();
      ok = ok && texts(9)->Append(ship > 9298 ? "O" : "F").ok();
      ok = ok && dates(10)->Append(ship).ok();
      ok = ok && dates(11)->Append(ship + static_cast<int32_t>(random->Below(121)) - 60).ok();
      ok = ok && dates(12)->Append(ship + 1 + static_cast<int32_t>(random->Below(30))).ok();
      ok = ok && texts(13)->Append(kInstructions[random->Below(4)]).ok();
      ok = ok && texts(14)->Append(kModes[random->Below(7)]).ok();
      ok = ok && texts(15)->Append(Comment(*random)).ok();
      if (!ok) std::abort();
      if (++line > lines) {
        line = 1;
        lines = static_cast<int64_t>(1 + random->Below(7));
        order += random->Below(8) == 7 ? 25 : 1;
      }
    }
    batches.push_back(builder->Flush().ValueOrDie());
  }
  return batches;
}

Batches Load(const std::string& path, int64_t rows, int64_t batch_rows) {
  auto input = arrow::io::ReadableFile::Open(path).ValueOrDie();
  auto reader = parquet::arrow::OpenFile(input, arrow::default_memory_pool()).ValueOrDie();
  reader->set_batch_size(batch_rows);
  auto stream = reader->GetRecordBatchReader().ValueOrDie();
  Batches batches;
  std::shared_ptr<arrow::Schema> schema;
  while (rows > 0) {
    auto batch = stream->Next().ValueOrDie();
    if (batch == nullptr) break;
    if (batch->num_rows() > rows) batch = batch->Slice(0, rows);
    if (schema == nullptr) schema = WithFieldIds(*StorableSchema(*batch->schema()).value());
    rows -= batch->num_rows();
    batches.push_back(Conform(batch, schema).value());
  }
  return batches;
}

int Run(int argc, char** argv) {
  int64_t rows = 3'000'000;
  FileWriterOptions options;
  std::string path;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--rows") == 0 && i + 1 < argc) {
      rows = std::atoll(argv[++i]);
    } else if (std::strcmp(argv[i], "--level") == 0 && i + 1 < argc) {
      options.compression_level = std::atoi(argv[++i]);
    } else {
      path = argv[i];
    }
  }
  const Limits limits;
  const Batches batches =
      path.empty() ? Generate(rows, limits.batch_rows) : Load(path, rows, limits.batch_rows);
  NullStore store;
  double best = 1e9;
  WrittenFile file;
  for (int round = 0; round < 3; ++round) {
    const double begin = CpuSeconds();
    auto writer =
        OpenParquetWriter(store, "a.parquet", batches[0]->schema(), options, limits).value();
    for (const auto& batch : batches) {
      if (auto status = writer->Write(*batch); !status.ok()) {
        std::fprintf(stderr, "%s\n", status.ToString().c_str());
        return 1;
      }
    }
    file = writer->Finish().value();
    best = std::min(best, CpuSeconds() - begin);
  }
  std::printf("%lld rows, zstd %d: %.2f M rows per CPU second, %.1f bytes a row\n",
              static_cast<long long>(file.rows), options.compression_level,
              static_cast<double>(file.rows) / best * 1e-6,
              static_cast<double>(file.size_bytes) / static_cast<double>(file.rows));
  for (const auto& [id, column] : file.columns) {
    std::printf("  %-16s %7.2f bytes a row\n", batches[0]->schema()->field(id - 1)->name().c_str(),
                static_cast<double>(column.compressed_bytes) / static_cast<double>(file.rows));
  }
  return 0;
}

}  // namespace
}  // namespace tarn

int main(int argc, char** argv) { return tarn::Run(argc, argv); }

#include "columnar/parquet_bytes.h"

#include <utility>

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>

namespace tarn {
namespace {

constexpr int64_t kRowGroupRows = 65536;

arrow::Result<std::string> Encode(const arrow::Table& table) {
  ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::BufferOutputStream::Create());
  const auto properties =
      parquet::WriterProperties::Builder().compression(arrow::Compression::ZSTD)->build();
  ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(table, arrow::default_memory_pool(), sink,
                                                 kRowGroupRows, properties));
  ARROW_ASSIGN_OR_RAISE(const auto buffer, sink->Finish());
  return buffer->ToString();
}

arrow::Result<std::shared_ptr<arrow::Table>> Decode(std::string bytes) {
  auto source =
      std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(std::move(bytes)));
  ARROW_ASSIGN_OR_RAISE(auto reader,
                        parquet::arrow::OpenFile(source, arrow::default_memory_pool()));
  return reader->ReadTable();
}

}  // namespace

Result<std::string> TableToParquet(const arrow::Table& table) {
  // The Parquet library throws where its Arrow layer does not catch.
  try {
    arrow::Result<std::string> bytes = Encode(table);
    if (bytes.ok()) return std::move(bytes).ValueUnsafe();
    return Internal("parquet: " + bytes.status().ToString());
  } catch (const std::exception& error) {
    return Internal(std::string("parquet: ") + error.what());
  }
}

Result<std::shared_ptr<arrow::Table>> ParquetToTable(std::string bytes, const std::string& what) {
  try {
    arrow::Result<std::shared_ptr<arrow::Table>> table = Decode(std::move(bytes));
    if (table.ok()) return std::move(table).ValueUnsafe();
    return Corruption(what + ": " + table.status().ToString());
  } catch (const std::exception& error) {
    return Corruption(what + ": " + error.what());
  }
}

}  // namespace tarn

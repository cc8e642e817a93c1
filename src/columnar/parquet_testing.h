#pragma once

#include <string>

#include <arrow/io/memory.h>
#include <arrow/memory_pool.h>
#include <arrow/table.h>
#include <parquet/arrow/writer.h>

namespace tarn {

/// A Parquet file as another writer makes it: Arrow's own, without field ids where the columns have
/// none.
inline std::string ParquetOfArrow(const arrow::Table& table) {
  const auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  const auto written = parquet::arrow::WriteTable(table, arrow::default_memory_pool(), sink);
  return written.ok() ? sink->Finish().ValueOrDie()->ToString() : written.ToString();
}

}  // namespace tarn

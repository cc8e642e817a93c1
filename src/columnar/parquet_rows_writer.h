#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "storage/object_store.h"

namespace tarn {

/// Writes Parquet files of metadata (the checkpoints of a Delta log): zstd, row groups of
/// kParquetRowsGroupRows, columns without field ids and without bounds that anybody collects. Data
/// files go through FileWriter. Memory: a row group. Threads: one at a time.
class ParquetRowsWriter {
 public:
  virtual ~ParquetRowsWriter() = default;
  /// The batch's schema must be the writer's. Errors: those of ObjectWriter.
  virtual Status Write(const arrow::RecordBatch& batch) = 0;
  /// Ends the file and makes it visible; returns its size in bytes. A writer destroyed without it
  /// leaves no object.
  virtual Result<int64_t> Finish() = 0;
};
inline constexpr int64_t kParquetRowsGroupRows = 65536;

/// Ownership: borrows the store.
Result<std::unique_ptr<ParquetRowsWriter>> OpenParquetRowsWriter(
    ObjectStore& store, const std::string& key, const std::shared_ptr<arrow::Schema>& schema);

}  // namespace tarn

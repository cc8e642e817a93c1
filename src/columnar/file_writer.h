#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/limits.h"
#include "base/result.h"
#include "columnar/scalar.h"
#include "storage/object_store.h"

namespace tarn {

/// What a finished file says of one leaf column, keyed by field id. Absent bounds mean "unknown".
/// Bounds are exact values; float and double bounds are absent when a NaN or nothing but NaN was
/// seen.
struct ColumnStatistics {
  int64_t compressed_bytes = 0;
  int64_t value_count = 0;  ///< nulls and NaN included
  int64_t null_count = 0;
  std::optional<int64_t> nan_count;
  std::optional<Scalar> lower;
  std::optional<Scalar> upper;
};

/// One data file that is durable but that no snapshot refers to yet.
struct WrittenFile {
  std::string key;
  int64_t size_bytes = 0;
  int64_t rows = 0;
  std::vector<int64_t> split_offsets;           ///< file offsets of the row groups
  std::map<int32_t, ColumnStatistics> columns;  ///< by field id, leaves only
};

/// Encodes RecordBatches into one Parquet object: zstd, field ids, statistics of every leaf.
/// Memory is bounded by one row group. Threads: one at a time.
class FileWriter {
 public:
  virtual ~FileWriter() = default;
  /// The batch's schema must be the writer's. Errors: those of ObjectWriter; InvalidArgument.
  virtual Status Write(const arrow::RecordBatch& batch) = 0;
  /// Bytes that the file would have about now (written + buffered, compressed estimate).
  virtual int64_t estimated_bytes() const = 0;
  virtual int64_t rows() const = 0;
  /// Ends the file. A writer destroyed without it leaves no object.
  virtual Result<WrittenFile> Finish() = 0;
};

struct FileWriterOptions {
  int compression_level = 3;  ///< zstd
  std::vector<std::string> bloom_filter_columns;
};

/// Opens one file at `key`. Field ids are the "PARQUET:field_id" metadata of `schema`'s fields,
/// nested ones too; every field has one.
Result<std::unique_ptr<FileWriter>> OpenParquetWriter(ObjectStore& store, std::string key,
                                                      std::shared_ptr<arrow::Schema> schema,
                                                      const FileWriterOptions& options,
                                                      const Limits& limits);

}  // namespace tarn

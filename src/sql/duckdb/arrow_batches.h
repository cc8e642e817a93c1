#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "base/limits.h"
#include "base/result.h"
#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {

/// Gathers DuckDB's chunks (2048 rows) into Arrow batches of about batch_rows rows or
/// batch_bytes_max bytes, with plain Arrow types (see ExportType). Threads: one at a time.
class BatchBuilder {
 public:
  /// Errors: Internal for a type that Arrow cannot hold.
  static Result<std::unique_ptr<BatchBuilder>> Make(
      duckdb::ClientContext& context, const duckdb::vector<duckdb::LogicalType>& types,
      const duckdb::vector<std::string>& names, const Limits& limits);
  ~BatchBuilder();

  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
  /// Copies the rows. Throws what DuckDB's casts throw.
  void Append(duckdb::DataChunk& chunk);
  int64_t rows() const;
  bool full() const;
  /// The rows gathered so far as one batch; the builder is empty afterwards.
  Result<std::shared_ptr<arrow::RecordBatch>> Finish();

 private:
  BatchBuilder(duckdb::ClientContext& context, const Limits& limits)
      : context_(context), limits_(limits) {}
  void Reset();

  duckdb::ClientContext& context_;
  const Limits limits_;
  duckdb::vector<duckdb::LogicalType> types_;         ///< as they come
  duckdb::vector<duckdb::LogicalType> export_types_;  ///< as they leave
  bool casts_ = false;
  std::shared_ptr<arrow::Schema> schema_;
  duckdb::DataChunk exported_;
  std::unique_ptr<duckdb::ArrowAppender> appender_;
  int64_t bytes_ = 0;
};

}  // namespace tarn::duck

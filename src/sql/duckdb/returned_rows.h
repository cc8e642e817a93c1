#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "columnar/deletion_vector.h"
#include "duckdb/common/types/column/column_data_collection.hpp"
#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"

namespace tarn::duck {

/// The rows that a statement wrote, for its RETURNING. They spill to disk beyond DuckDB's memory.
/// Threads: Take() and Next() may be called concurrently.
class ReturnedRows {
 public:
  ReturnedRows(duckdb::ClientContext& context, const duckdb::vector<duckdb::LogicalType>& types);

  /// Rows of one thread, in their order.
  class Part {
   public:
    explicit Part(const ReturnedRows& rows);
    /// The first columns of the chunk; those behind them are not the table's.
    void Append(duckdb::DataChunk& chunk);

   private:
    friend class ReturnedRows;
    duckdb::unique_ptr<duckdb::ColumnDataCollection> rows_;
    duckdb::DataChunk columns_;
  };
  void Take(Part& part);
  /// The next rows; none at the end.
  void Next(duckdb::DataChunk& chunk);

 private:
  duckdb::ClientContext& context_;
  const duckdb::vector<duckdb::LogicalType> types_;
  std::mutex mutex_;
  duckdb::ColumnDataCollection rows_;
  duckdb::ColumnDataScanState scan_;
  bool scanning_ = false;
};

/// Reads chosen rows of a table's files: those that a statement deleted, for its RETURNING.
/// Memory: that of one scan. Threads: one at a time.
class ChosenRows {
 public:
  /// `positions` by the index of their file in `files`.
  ChosenRows(duckdb::ClientContext& context, EngineState& engine,
             std::shared_ptr<const LakeTable> table, std::shared_ptr<const ScanPlan> files,
             std::map<uint64_t, DeletionVector> positions);
  ~ChosenRows();

  /// The next rows; none at the end.
  void Next(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk);

 private:
  struct Scan;
  std::unique_ptr<Scan> scan_;
};

}  // namespace tarn::duck

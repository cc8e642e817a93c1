#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "sql/duckdb/arrow_batches.h"
#include "sql/duckdb/constraints.h"
#include "sql/duckdb/lake_catalog.h"
#include "table/dual/data_writer.h"

namespace tarn::duck {

/// The data files that one statement writes, on their way from its threads to the transaction.
/// What nobody took is deleted by the destructor. Threads: may be called concurrently.
class WrittenFiles {
 public:
  /// Whether the rows have the table's columns only, or their row ids behind them.
  enum class Lineage { kNone, kRowIds };
  /// Whether they come in the table's order, in one thread.
  enum class Order { kNone, kOfTable };
  /// Asks the transaction how files of the table have to look. Throws.
  WrittenFiles(LakeTransaction& lake, const TableName& table, Lineage lineage = Lineage::kNone,
               Order order = Order::kNone);
  ~WrittenFiles();

  void Add(std::vector<DataFile> files, int64_t rows);
  /// The files, now the caller's.
  std::vector<DataFile> Take();
  int64_t rows() const { return rows_; }

  EngineState& engine() const { return engine_; }
  const DataWriterOptions& options() const { return options_; }
  const std::shared_ptr<arrow::Schema>& file_schema() const { return file_schema_; }
  const TableName& table() const { return table_; }
  /// What every row has to keep.
  const std::map<std::string, std::string>& constraints() const { return constraints_; }

 private:
  EngineState& engine_;
  const TableName table_;
  DataWriterOptions options_;
  std::map<std::string, std::string> constraints_;
  std::shared_ptr<arrow::Schema> file_schema_;
  std::mutex mutex_;
  std::vector<DataFile> files_;
  int64_t rows_ = 0;
};

/// Turns the chunks of one thread into data files. Throws what goes wrong.
class RowWriter {
 public:
  explicit RowWriter(WrittenFiles& files) : files_(files) {}

  /// The columns of the table, in its order.
  void Append(duckdb::ClientContext& context, duckdb::DataChunk& chunk);
  /// Ends the files and hands them over.
  void Finish();

 private:
  void Flush();

  WrittenFiles& files_;
  std::unique_ptr<RowChecks> checks_;
  std::unique_ptr<BatchBuilder> builder_;
  std::unique_ptr<DataWriter> writer_;
};

}  // namespace tarn::duck

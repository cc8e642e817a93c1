#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "columnar/file_writer.h"
#include "table/dual/table.h"

namespace tarn {

/// Opens one Parquet file; injected so that the encoder can be chosen (OpenParquetWriter by
/// default).
using FileWriterFactory = std::function<Result<std::unique_ptr<FileWriter>>(
    ObjectStore&, std::string key, std::shared_ptr<arrow::Schema>, const FileWriterOptions&,
    const Limits&)>;

struct DataWriterOptions {
  std::string location;  ///< the table's, absolute URI
  Schema schema;
  PartitionSpec spec;
  std::map<int32_t, std::string> physical_names;
  FileWriterOptions file;
  FileWriterFactory factory;  ///< empty: OpenParquetWriter
  /// Of rows that come in this order of the table (Iceberg "Sorting").
  std::optional<int32_t> sort_order_id = {};
};

/// Where a row was written: the place of its file in what Finish() returns, and its row there.
struct RowPlacement {
  uint32_t file = 0;
  int64_t row = 0;
};

/// Rows → data files under `<location>/data/`, split by partition and at target_file_bytes.
/// Columns are taken by position: the batch has the table's columns in the schema's order, and
/// types that equal SchemaToArrow's (nullability aside); a null in a required column is
/// InvalidArgument. At most `partition_writers_max` files are open: past it the longest idle one is
/// finished early. Threads: one writer a thread; several writers may serve one table.
class DataWriter {
 public:
  static Result<std::unique_ptr<DataWriter>> Open(const TableContext& context,
                                                  DataWriterOptions options);
  virtual ~DataWriter() = default;
  virtual Status Write(const arrow::RecordBatch& batch) = 0;
  /// The same, and tells where the rows went: `placed` becomes one placement a row, in the batch's
  /// order.
  virtual Status Write(const arrow::RecordBatch& batch, std::vector<RowPlacement>& placed) = 0;
  /// Ends all files and returns them in the order in which they were begun. Without it (or after an
  /// error) Abort() or the destructor deletes what was written: nothing refers to it.
  virtual Result<std::vector<DataFile>> Finish() = 0;
  virtual Status Abort() = 0;
  virtual int64_t rows_written() const = 0;
};

}  // namespace tarn

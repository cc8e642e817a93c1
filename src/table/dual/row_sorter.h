#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "table/dual/table.h"
#include "table/model/metadata.h"

namespace tarn {

/// Sorts more rows than fit into memory: what was added is sorted in runs of a bounded size, which
/// wait in files below the table's data/ that nobody refers to, and are merged when all is there.
/// Rows of equal keys stay in their order. Memory: about two runs. The files are removed by the
/// destructor; those of a process that died are orphans for `tarn maintain`.
/// Threads: one at a time. Errors: those of ObjectStore, of the Parquet writer and reader.
class RowSorter {
 public:
  /// Batches have the columns of SchemaToArrow(columns). RowOrder::CanCompare() holds.
  static Result<std::unique_ptr<RowSorter>> Open(const TableContext& context,
                                                 const std::string& table_location,
                                                 const Schema& columns, const SortOrder& order);
  virtual ~RowSorter() = default;

  virtual Status Add(std::shared_ptr<arrow::RecordBatch> batch) = 0;
  /// The next rows in order; nullptr at the end. No row is added after the first call.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
};

/// Bytes of a run, as Arrow holds the rows. A test makes it small.
struct RowSorterLimits {
  int64_t run_bytes = 128 << 20;
};
Result<std::unique_ptr<RowSorter>> OpenRowSorter(const TableContext& context,
                                                 const std::string& table_location,
                                                 const Schema& columns, const SortOrder& order,
                                                 const RowSorterLimits& limits);

}  // namespace tarn

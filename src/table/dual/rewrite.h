#pragma once

#include <functional>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "table/dual/data_writer.h"
#include "table/dual/table.h"

namespace tarn {

struct RewriteOptions {
  FileWriterOptions file = {};
  FileWriterFactory factory = {};      ///< empty: OpenParquetWriter
  const CancelFlag* cancel = nullptr;  ///< asked between batches; may be absent
};

/// Copies the rows of data files that are not deleted into new data files, in their order: for
/// TableTransaction::RewriteFiles(). The new files have the table's current columns and
/// partitioning, and in tables of version 3 each row's lineage beside it ("Row Lineage"), in two
/// columns of reserved ids that readers of Delta do not know and pass over.
/// Rows are read in a thread of their own while others are written. Memory: a few batches, a row
/// group of what is read and the open row groups of DataWriter, however large the files are.
/// Nothing is left behind after an error. Errors: those of LiveRows and DataWriter; Cancelled.
Result<std::vector<DataFile>> CopyLiveRows(const TableContext& context, const TableMetadata& table,
                                           const std::vector<ScanFile>& files,
                                           const RewriteOptions& options);

}  // namespace tarn

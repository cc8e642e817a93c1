#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "columnar/deletion_vector.h"
#include "table/dual/data_writer.h"
#include "table/dual/table.h"

namespace tarn {

struct RewriteOptions {
  FileWriterOptions file = {};
  FileWriterFactory factory = {};      ///< empty: OpenParquetWriter
  const CancelFlag* cancel = nullptr;  ///< asked between batches; may be absent
  /// Rows that are left out besides those that are deleted, by the path of their file.
  std::map<std::string, std::shared_ptr<const DeletionVector>> leave_out = {};
  /// The columns, partitioning and names of the new files where they are not the table's current
  /// ones: those that a transaction changed.
  std::optional<DataWriterOptions> writing = {};
  /// The order that the rows are brought into, if RowSorter can; else they keep theirs.
  SortOrder sort = {};
  /// Whether rows keep their ids, in tables that have them.
  enum class RowIds { kKept, kNone } row_ids = RowIds::kKept;
};

/// Copies the rows of data files that are not deleted into new data files, in their order: for
/// TableTransaction::RewriteFiles(), and for copy on write beside RemoveFiles(). The new files have
/// the table's current columns and partitioning, and in tables of version 3 each row's lineage
/// beside it ("Row Lineage"), in two columns of reserved ids that readers of Delta do not know and
/// pass over. Rows are read in a thread of their own while others are written. Memory: a few
/// batches, a row group of what is read and the open row groups of DataWriter, however large the
/// files are. Nothing is left behind after an error. Errors: those of LiveRows and DataWriter;
/// Cancelled.
Result<std::vector<DataFile>> CopyLiveRows(const TableContext& context, const TableMetadata& table,
                                           const std::vector<ScanFile>& files,
                                           const RewriteOptions& options);

}  // namespace tarn

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/deletion_vector.h"
#include "table/dual/table.h"
#include "table/model/schema.h"

namespace tarn {

/// The table's current columns and, from version 3 on, behind them the two that keep "Row Lineage":
/// `_row_id` and `_last_updated_sequence_number`, under their reserved ids.
Schema WithLineage(const TableMetadata& table);
/// The same for other columns than the current ones.
Schema WithLineage(Schema columns, int format_version);

/// The rows of one data file that are not deleted, as rows of the table's present columns (Iceberg
/// "Column Projection"): found by field id, nested ones too; where the file has no ids at all, by
/// physical name. A column that the file does not have is its partition value, where the file's
/// spec has it as it is, else its initial default, else null. Narrower types become the columns'
/// own. Lineage columns are what the file stores, and where that is null what its manifest says:
/// the file's first row id plus the row's position, and the file's data sequence number; null where
/// the file has no row ids yet. Memory: that of ParquetReader, and one batch. Ownership: borrows
/// the context; `table` must outlive it. Threads: one at a time. Errors: those of ParquetReader and
/// LoadDeletes; Corruption for values that do not fit the table's columns; Unsupported for files
/// that are no Parquet. All name the file.
class LiveRows {
 public:
  /// `columns`: of the table's, any of them in any order, and lineage columns. `leave_out`: rows
  /// that are left out besides those that are deleted; may be absent.
  static Result<std::unique_ptr<LiveRows>> Open(
      const TableContext& context, const TableMetadata& table, const Schema& columns,
      const ScanFile& file, std::shared_ptr<const DeletionVector> leave_out = nullptr);
  /// Of the rows at `positions` (ascending) alone.
  static Result<std::unique_ptr<LiveRows>> OpenAt(const TableContext& context,
                                                  const TableMetadata& table, const Schema& columns,
                                                  const ScanFile& file,
                                                  std::vector<int64_t> positions);
  virtual ~LiveRows() = default;
  /// The next rows, at least one, with the types of SchemaToArrow(); nullptr at the end.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
  /// The same, with the rows' positions in the file; `positions` is overwritten.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next(std::vector<int64_t>& positions) = 0;
};

}  // namespace tarn

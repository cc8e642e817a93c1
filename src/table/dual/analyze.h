#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "table/dual/earlier_sketches.h"
#include "table/dual/table.h"
#include "table/model/metadata.h"

namespace tarn {

/// Reads the rows of the table's current snapshot and estimates how many different values each
/// column of a simple type has: one Theta sketch a column, in a Puffin file below metadata/
/// (Iceberg "Table Statistics"; the property "ndv" tells the estimate to those that read no
/// sketches). The file is the caller's: TableTransaction::SetStatistics() makes it the table's.
/// All rows, or those that are not in `earlier`, of this very state of the table (nullptr: none).
/// Memory: a few batches of rows, and up to 192 KiB a column. `cancel` may be nullptr.
/// Errors: NotFound (a table without rows ever); those of LiveRows; Cancelled.
Result<StatisticsFile> AnalyzeTable(const TableContext& context, const TableMetadata& table,
                                    const EarlierSketches* earlier, const CancelFlag* cancel);

/// Gives the files to their snapshots in place of those that they have; none to one that is gone.
void AddStatistics(const std::vector<StatisticsFile>& files, TableMetadata& state);

/// The newest estimate of a column's different values in the snapshot, or in one that it comes
/// from, by whoever wrote it; nullopt where there is none.
std::optional<int64_t> DistinctValuesOf(const TableMetadata& table, SnapshotId snapshot,
                                        FieldId column);

}  // namespace tarn

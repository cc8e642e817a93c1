#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "columnar/deletion_vector.h"
#include "table/dual/table.h"

namespace tarn {

/// The snapshots that lead from one state of a table to a later one, the oldest first, without the
/// one of `from` itself.
struct SnapshotRange {
  std::vector<const Snapshot*> snapshots;
  /// Absent `from`: the state before the first of them, which is no snapshot or one that expired.
  enum class Begin { kEmptyTable, kExpired, kSnapshot } begin = Begin::kSnapshot;
};

/// The range (from, to]; without `from`, everything that the history of `to` still tells: after its
/// oldest snapshot, or from the empty table on where that one is the table's first.
/// Errors: NotFound for a snapshot that the table does not have, also one between the two that
/// expired (the hint names the oldest point that is left); InvalidArgument when `to` does not stem
/// from `from` (the table was rolled back).
Result<SnapshotRange> SnapshotsBetween(const TableMetadata& table, std::optional<SnapshotId> from,
                                       SnapshotId to);

/// The oldest snapshot that `to` stems from and that did not expire; nullptr for an unknown `to`.
const Snapshot* OldestAncestor(const TableMetadata& table, SnapshotId to);

/// Rows of one data file that one snapshot added to the table or took out of it.
struct ChangedFile {
  /// With the deletes that apply to the rows: for rows taken out, those of the snapshot before.
  ScanFile file;
  /// The only rows; nullptr for all that are not deleted.
  std::shared_ptr<const DeletionVector> only;
};

/// What one snapshot did to the table's rows. A row that only moved from one file to another, as
/// copy on write moves those that it keeps, stands on both sides.
struct ChangedFiles {
  std::vector<ChangedFile> added;
  std::vector<ChangedFile> removed;
};

/// Reads the manifests of the snapshot and of its parent as far as it takes; bitmaps of deleted
/// rows too, and for equality deletes the data files that they are about. Snapshots of operation
/// "replace" (compaction) change nothing. Files carry no counts or bounds. Errors: as PlanScan;
/// NotFound when the parent expired and rows were taken out.
Result<ChangedFiles> ReadChangedFiles(const TableContext& context, const TableMetadata& table,
                                      const Snapshot& snapshot);

}  // namespace tarn

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sql/duckdb/changes_scan.h"

namespace tarn::duck {

/// The query behind `t$changes` and `table_changes('s.t', from, to)`: one row for each row that the
/// snapshots of a range added or took out, with `change_type` ('insert', 'delete' and, where row
/// ids tell it, 'update_preimage' and 'update_postimage'), `snapshot_id`, `sequence_number`,
/// `committed_at`, `_row_id` and the table's columns of now. Columns of the table that have one of
/// these names keep it; the other one gets a '_' before it.
/// A row that one snapshot takes out of one file and puts into another as it was is no change:
/// compaction, copy on write, tables that are loaded anew.
std::string ChangesQuery(const EngineState& engine, const ChangesRange& range);

/// The whole history of a table as far as it goes, up to `to`.
std::shared_ptr<const ViewEntry> ChangesView(const EngineState& engine,
                                             std::shared_ptr<const LakeTable> table,
                                             std::optional<SnapshotId> to);

/// Makes `table_changes(table, from [, to])` known: the changes that make the state at `from` into
/// the state at `to`, or of now. Points are what AT takes: a snapshot's number, 'a tag or branch',
/// 'sequence 42', a timestamp; NULL for the beginning.
void RegisterTableChanges(duckdb::ExtensionLoader& loader, EngineState& engine);

}  // namespace tarn::duck

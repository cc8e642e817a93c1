#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sql/duckdb/lake_files.h"
#include "sql/duckdb/lake_state.h"

namespace tarn::duck {

/// A range of a table's history whose changes are read: the raw rows that its snapshots added and
/// took out, of which changes_view.h makes the changes that people see.
struct ChangesRange {
  std::shared_ptr<const LakeTable> table;
  std::optional<SnapshotId> from;  ///< absent: as far back as the history goes
  std::optional<SnapshotId> to;    ///< absent: a table without rows ever
  /// The rows of snapshots that only added or only took out rows are changes as they are; of the
  /// others it has to be found out which were updated and which only moved.
  enum class Part { kPlain, kPaired } part = Part::kPlain;
};

/// \name What the raw rows have before the table's columns. No column of a table has such a name.
/// @{
inline constexpr char kChangeIsInsert[] = "$tarn$is_insert";
inline constexpr char kChangeSnapshot[] = "$tarn$snapshot_id";
inline constexpr char kChangeSequence[] = "$tarn$sequence_number";
inline constexpr char kChangeTime[] = "$tarn$committed_at";
inline constexpr char kChangeRowId[] = "$tarn$row_id";          ///< where the file stores it
inline constexpr char kChangePosition[] = "$tarn$position";     ///< in its file
inline constexpr char kChangeFirstRowId[] = "$tarn$first_row";  ///< of the file, where it has one
inline constexpr char kChangeUpdated[] = "$tarn$updated";       ///< where the file stores it
/// @}

/// A name by which a lake's schema finds the raw rows: "t$changed.<from>.<to>.<part>".
std::string NameOfChanges(const ChangesRange& range);
/// The same, taken apart again; `table` is left out, and its name is the first of the pair.
std::optional<std::pair<std::string, ChangesRange>> SplitChangesName(const std::string& name);

/// The raw rows as a table of DuckDB's, which nobody can write to.
std::unique_ptr<duckdb::CatalogEntry> MakeChangesEntry(duckdb::SchemaCatalogEntry& schema,
                                                       EngineState& engine, ChangesRange range);

}  // namespace tarn::duck

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "catalog/delta_snapshot.h"
#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/file_fields.h"
#include "sql/duckdb/lake_files.h"

namespace tarn::duck {

/// A table that somebody else keeps, as one statement reads it.
struct ForeignTable {
  ScanColumns columns;
  FileFields file_fields;
  LakeFilePlanner planner;
};

/// Which state of it: `version` is a snapshot's number, a tag or a branch of an Iceberg table, the
/// number of a version of a Delta table; empty for the newest.
struct ForeignPoint {
  std::string version;
  std::optional<int64_t> timestamp_ms;
};

/// A state of an Iceberg table that somebody else keeps.
struct ForeignIceberg {
  uint64_t store_id = 0;
  TableContext context;
  /// The context's, where the lake's own may not keep files of the table; for this one state of it.
  std::shared_ptr<TableCache> cache;
  std::shared_ptr<const TableMetadata> metadata;
  const Snapshot* snapshot = nullptr;  ///< of `metadata`; nullptr for a table without rows
};

/// A version of a Delta table that somebody else keeps.
struct ForeignDelta {
  uint64_t store_id = 0;
  ObjectStore* store = nullptr;
  std::shared_ptr<const DeltaSnapshot> snapshot;
};

/// \name From the table's folder (or the metadata file of an Iceberg table): a path or URI.
/// Errors: NotFound; PermissionDenied outside of the lake where that is shut; Unsupported,
/// Corruption.
/// @{
Result<ForeignIceberg> FindForeignIceberg(EngineState& engine, const std::string& location,
                                          const ForeignPoint& point);
Result<ForeignDelta> FindForeignDelta(EngineState& engine, const std::string& location,
                                      const ForeignPoint& point);
Result<ForeignTable> OpenForeignIceberg(EngineState& engine, const std::string& location,
                                        const ForeignPoint& point);
Result<ForeignTable> OpenForeignDelta(EngineState& engine, const std::string& location,
                                      const ForeignPoint& point);
/// @}

}  // namespace tarn::duck

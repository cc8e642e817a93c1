#pragma once

#include <string>

#include "sql/duckdb/foreign_table.h"

namespace tarn::duck {

/// The change data feed of a Delta table that somebody else keeps: its columns, then _change_type,
/// _commit_version and _commit_timestamp. `point.version` is "<first>:<last>", both included, the
/// last may be left out. Errors: those of ReadDeltaFeed(); InvalidArgument.
Result<ForeignTable> OpenDeltaChanges(EngineState& engine, const std::string& location,
                                      const ForeignPoint& point);

/// `delta_changes(path, from [, to])`: versions, or times between which they were committed.
void RegisterDeltaChanges(duckdb::ExtensionLoader& loader, EngineState& engine);

/// The scan behind it, which takes the versions as one text.
inline constexpr char kDeltaChangesScan[] = "tarn_delta_changes";

}  // namespace tarn::duck

#pragma once

#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

/// The wall between users' SQL and everything that is not a table of the lake or of a source:
/// DuckDB may not touch files or the network by itself, its settings are locked, and every bound
/// plan is checked for table functions that read elsewhere and for writes to DuckDB's own
/// databases.

/// Adds the check of bound plans. Sessions are checked, the engine's own connections are not.
void RegisterGate(duckdb::DBConfig& config, EngineState& engine);

/// Shuts external access and locks the settings; what users may still SET is the time zone and the
/// form of EXPLAIN. The last thing that is done to an engine that opens.
Status LockDown(duckdb::Connection& connection);

}  // namespace tarn::duck

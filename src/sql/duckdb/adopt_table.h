#pragma once

#include <optional>
#include <string>

#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

/// `CREATE TABLE [IF NOT EXISTS] name FROM iceberg_table(…)` or `delta_table(…)`, which DuckDB's
/// parser does not know, as a call of the functions below; nothing for any other statement. Errors:
/// InvalidArgument for OR REPLACE, and for what stands behind the parenthesis.
Result<std::optional<std::string>> RewriteAdopt(const std::string& sql);

/// `tarn_adopt_iceberg(name, on_taken, location [, version] [, timestamp])`, and the same of Delta:
/// makes a table of the lake of the files of somebody else's (docs/decisions/0009). Answers with
/// the table, its files and its rows; without any when the table was there and is kept.
void RegisterAdoptTable(duckdb::ExtensionLoader& loader, EngineState& engine);

}  // namespace tarn::duck

#pragma once

#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

/// What SHOW statements and `system.runs` read: small tables made when they are bound, from the
/// lake's catalog and from the one source that is asked.
///   tarn_catalogs() · tarn_schemas(catalog) · tarn_relations(catalog | schema, schema) ·
///   tarn_show_create(catalog, schema, name) · tarn_runs() · tarn_commits()
/// Also adds the views system.runs and system.commits. Throws what DuckDB throws.
void RegisterInfoFunctions(duckdb::DatabaseInstance& database, EngineState& engine);

}  // namespace tarn::duck

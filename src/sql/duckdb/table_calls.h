#pragma once

#include <string>

#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

/// What CALL does with the history of tables; part of the transaction, like any other change:
///   create_tag(table, name [, point]) · create_branch(table, name [, point]) · drop_tag(table,
///   name) · drop_branch(table, name) · rollback_table(table, point) · rollback_lake(point)
/// `table` is "schema.name"; a point is what AT (VERSION => …) takes. Each answers with the tables
/// that it was about and what became of them.
void RegisterTableCalls(duckdb::ExtensionLoader& loader, EngineState& engine);

/// "schema.table" or "catalog.schema.table"; throws what is neither.
TableName TableNameOf(const std::string& text);

}  // namespace tarn::duck

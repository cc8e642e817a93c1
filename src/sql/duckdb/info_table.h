#pragma once

#include <string>
#include <vector>

#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"

namespace tarn::duck {

using duckdb::LogicalType;
using duckdb::Value;

/// A small table that is made whole when a statement is bound: what the catalog or a table's
/// metadata has to say.
struct InfoTable {
  duckdb::vector<std::string> names;
  duckdb::vector<LogicalType> types;
  std::vector<std::vector<Value>> rows;
  void Column(const std::string& name, const LogicalType& type) {
    names.push_back(name);
    types.push_back(type);
  }
};

/// Makes one from the function's arguments; throws what goes wrong.
using InfoMaker = InfoTable (*)(duckdb::ClientContext&, EngineState&, const std::vector<Value>&);

/// Makes a table function known that takes `arguments` texts and answers with a table.
void AddInfoFunction(duckdb::ExtensionLoader& loader, EngineState& engine, const std::string& name,
                     duckdb::idx_t arguments, InfoMaker maker);

/// `system` is DuckDB's own database: a view in it answers to `system.<name>`.
void AddSystemView(duckdb::DatabaseInstance& database, const std::string& name,
                   const std::string& sql);

/// The lake as the statement's transaction sees it.
LakeState& Lake(duckdb::ClientContext& context, EngineState& engine);

/// Empty for NULL.
std::string Text(const Value& value);
/// A moment, from microseconds since the epoch.
Value Time(int64_t micros);

}  // namespace tarn::duck

#pragma once

#include "sql/duckdb/lake_files.h"
#include "sql/duckdb/lake_table.h"

namespace tarn::duck {

/// The scan of a lake table: DuckDB's own Parquet scan with our file list, columns mapped by field
/// id, and `tarn://` beneath it.
duckdb::TableFunction BindLakeScan(duckdb::ClientContext& context, LakeTableEntry& entry,
                                   duckdb::unique_ptr<duckdb::FunctionData>& bind_data);

/// `iceberg_table(location [, version => …] [, timestamp => …])` and `delta_table(…)`: tables that
/// somebody else keeps, read as those of the lake are.
void RegisterForeignTables(duckdb::DatabaseInstance& database, EngineState& engine);

/// The same for any schema and plan; `entry` may be null.
duckdb::TableFunction BindLakeScan(duckdb::ClientContext& context, EngineState& engine,
                                   const Schema& schema,
                                   std::shared_ptr<const LakeFilePlanner> plan,
                                   duckdb::optional_ptr<duckdb::TableCatalogEntry> entry,
                                   duckdb::unique_ptr<duckdb::FunctionData>& bind_data);

}  // namespace tarn::duck

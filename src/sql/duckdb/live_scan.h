#pragma once

#include <memory>

#include "sql/duckdb/live_catalog.h"

namespace tarn::duck {

/// The scan of one table of a live source: the columns that are needed, the filters and the limit
/// that the source takes exactly, the rest stays with DuckDB. Arrow batches go over without copies
/// where DuckDB allows.

std::unique_ptr<duckdb::CatalogEntry> MakeLiveTableEntry(duckdb::ClientContext& context,
                                                         duckdb::SchemaCatalogEntry& schema,
                                                         Source& source,
                                                         std::shared_ptr<const SourceTable> table);

duckdb::TableFunction BindLiveScan(duckdb::ClientContext& context, LiveTableEntry& entry,
                                   duckdb::unique_ptr<duckdb::FunctionData>& bind_data);

/// Pushes LIMIT into scans all of whose filters were pushed.
void RegisterLimitPushdown(duckdb::DBConfig& config);

}  // namespace tarn::duck

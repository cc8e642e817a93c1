#pragma once

#include "sql/duckdb/lake_catalog.h"
#include "sql/duckdb/lake_table.h"

namespace tarn::duck {

/// Plans of INSERT and CREATE TABLE AS: a sink that turns chunks into data files, a writer a
/// thread. The files become part of the transaction when the statement ends, and are deleted when
/// it fails.

duckdb::PhysicalOperator& PlanLakeInsert(duckdb::PhysicalPlanGenerator& planner,
                                         LakeCatalog& catalog, duckdb::LogicalInsert& op,
                                         duckdb::optional_ptr<duckdb::PhysicalOperator> plan);
/// What a sink answers with when its statement is done: how many rows there were, or the rows.
enum class RowResult { kCount, kRows };
/// The sink of MERGE's inserts; its rows have the table's columns in their order. `types` are those
/// of what it answers with.
duckdb::PhysicalOperator& PlanLakeMergeInsert(duckdb::PhysicalPlanGenerator& planner,
                                              LakeCatalog& catalog, LakeTableEntry& table,
                                              const duckdb::vector<duckdb::LogicalType>& types,
                                              RowResult result, Gone gone);
duckdb::PhysicalOperator& PlanLakeCreateTableAs(duckdb::PhysicalPlanGenerator& planner,
                                                LakeCatalog& catalog,
                                                duckdb::LogicalCreateTable& op,
                                                duckdb::PhysicalOperator& plan);

}  // namespace tarn::duck

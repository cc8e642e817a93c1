#pragma once

#include "sql/duckdb/lake_catalog.h"

namespace tarn::duck {

/// Plans of DELETE, UPDATE and MERGE: sinks that gather the places of the rows that leave, and
/// write the rows that take their place. All of it becomes part of the transaction when the
/// statement ends.

duckdb::PhysicalOperator& PlanLakeDelete(duckdb::PhysicalPlanGenerator& planner,
                                         LakeCatalog& catalog, duckdb::LogicalDelete& op,
                                         duckdb::PhysicalOperator& plan);
duckdb::PhysicalOperator& PlanLakeUpdate(duckdb::PhysicalPlanGenerator& planner,
                                         LakeCatalog& catalog, duckdb::LogicalUpdate& op,
                                         duckdb::PhysicalOperator& plan);
/// A row of the table that two rows of the source match is an error, as the SQL standard says.
duckdb::PhysicalOperator& PlanLakeMerge(duckdb::PhysicalPlanGenerator& planner,
                                        LakeCatalog& catalog, duckdb::LogicalMergeInto& op,
                                        duckdb::PhysicalOperator& plan);

}  // namespace tarn::duck

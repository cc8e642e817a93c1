#pragma once

#include <vector>

#include "base/result.h"
#include "sql/duckdb/duckdb_headers.h"
#include "table/dual/transaction.h"

namespace tarn::duck {

/// SORTED BY of ALTER TABLE: columns, ASC or DESC, NULLS FIRST or LAST (LAST unless said, as in
/// ORDER BY). Errors: InvalidArgument for what is no column.
Result<std::vector<SortKey>> SortKeysOf(const duckdb::vector<duckdb::OrderByNode>& orders);
/// SORTED BY of CREATE TABLE, whose grammar has columns only.
Result<std::vector<SortKey>> SortKeysOf(
    const duckdb::vector<duckdb::unique_ptr<duckdb::ParsedExpression>>& keys);

/// Whether rows of SQL can be brought into the order: columns, not transforms of them.
bool CanSortRows(const Schema& schema, const SortOrder& order);
/// `plan`, which gives the table's columns, in that order; rows of a partition stand together where
/// its columns tell it. Spills to disk beyond DuckDB's memory.
duckdb::PhysicalOperator& PlanSorted(duckdb::PhysicalPlanGenerator& planner, const Schema& schema,
                                     const PartitionSpec& spec, const SortOrder& order,
                                     duckdb::PhysicalOperator& plan);

}  // namespace tarn::duck

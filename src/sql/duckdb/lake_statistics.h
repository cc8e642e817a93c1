#pragma once

#include "sql/duckdb/lake_files.h"

namespace tarn::duck {

/// What the manifests say of a column over all files of a scan: bounds, whether there are nulls,
/// and an estimate of its distinct values (from the bounds for whole numbers and dates, from the
/// compressed size for others). DuckDB orders joins, narrows keys and drops filters by it. Deleted
/// rows count as if they stood. Nullptr where a file leaves the column unknown, for nested columns,
/// and where LakeFileList gives no metrics. Error (thrown): those of planning.
duckdb::unique_ptr<duckdb::BaseStatistics> ColumnStatistics(
    const LakeFileList& files, const duckdb::MultiFileColumnDefinition& column);

}  // namespace tarn::duck

#pragma once

#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {

/// The filters of a scan as DuckDB may ask them of one file. For a column that the file holds in
/// another type, it casts the filter's constants to that type, whatever they lose: 0.1 becomes the
/// nearest float, a time of day its date. Where they may lose something, the filter is evaluated on
/// the values in the table's type instead, and row groups are not skipped by it; those that are
/// there for speed alone are left out. nullptr where all filters can be asked as they are.
/// `columns`: of the table; `column_ids`: which of them are read, as the filters count them;
/// `file_columns`: of the file, by the same identifiers.
duckdb::unique_ptr<duckdb::TableFilterSet> FiltersOfFile(
    const duckdb::TableFilterSet& filters,
    const duckdb::vector<duckdb::MultiFileColumnDefinition>& columns,
    const duckdb::vector<duckdb::ColumnIndex>& column_ids,
    const duckdb::vector<duckdb::MultiFileColumnDefinition>& file_columns);

}  // namespace tarn::duck

#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "sql/duckdb/duckdb_headers.h"
#include "table/model/schema.h"

namespace tarn::duck {

/// Table types ↔ DuckDB's types ↔ Arrow's.

duckdb::LogicalType ToLogicalType(const Type& type);

/// A column as DuckDB's Parquet scan maps it: by field id, nested ones too, NULL where a file does
/// not have it.
duckdb::MultiFileColumnDefinition ToScanColumn(const Field& field);

/// The type under which a column leaves the engine: DuckDB's special types (enum, bit, union, …)
/// become their text, all timestamps but nanoseconds become microseconds. Equal to `type` where
/// nothing has to be cast.
duckdb::LogicalType ExportType(const duckdb::LogicalType& type);

/// Plain Arrow types: no views, no large offsets, no dictionaries.
duckdb::ClientProperties ExportProperties(duckdb::ClientContext& context);

/// The Arrow schema of columns that already have export types.
Result<std::shared_ptr<arrow::Schema>> ToArrowSchema(
    duckdb::ClientContext& context, const duckdb::vector<duckdb::LogicalType>& types,
    const duckdb::vector<std::string>& names);

/// The table schema for columns that SQL defines. Types without a counterpart in tables are stored
/// as columnar/conform.h says. Errors: Unsupported, naming the column.
Result<Schema> ToTableSchema(
    duckdb::ClientContext& context, const duckdb::ColumnList& columns,
    const duckdb::vector<duckdb::unique_ptr<duckdb::Constraint>>& constraints);

}  // namespace tarn::duck

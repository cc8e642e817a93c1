#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "sql/duckdb/duckdb_headers.h"
#include "table/model/schema.h"

namespace tarn::duck {

/// Table types ↔ DuckDB's types ↔ Arrow's.

duckdb::LogicalType ToLogicalType(const Type& type);

/// A value of a column of that type; NULL where it does not fit.
duckdb::Value ToValue(const duckdb::LogicalType& type, const Scalar& value);

/// A column as DuckDB's Parquet scan maps it: by field id, nested ones too, NULL where a file does
/// not have it.
duckdb::MultiFileColumnDefinition ToScanColumn(const Field& field);

/// Several of them. DuckDB does not tell names apart that differ in case alone: the second of such
/// is called "name_2" (as Delta has it: delta::DisplayNames()), here and within structs.
duckdb::vector<duckdb::MultiFileColumnDefinition> ToScanColumns(const std::vector<Field>& fields);

/// The type under which a column leaves the engine: DuckDB's special types (enum, bit, union, …)
/// become their text, all timestamps but nanoseconds become microseconds, VARIANT becomes its
/// encoding (variant_export.h). Equal to `type` where
/// nothing has to be cast.
duckdb::LogicalType ExportType(const duckdb::LogicalType& type);

/// Plain Arrow types: no views, no large offsets, no dictionaries.
duckdb::ClientProperties ExportProperties(duckdb::ClientContext& context);

/// The Arrow schema of columns that already have export types.
Result<std::shared_ptr<arrow::Schema>> ToArrowSchema(
    duckdb::ClientContext& context, const duckdb::vector<duckdb::LogicalType>& types,
    const duckdb::vector<std::string>& names);

/// The table schema for columns that SQL defines. Types without a counterpart in tables are stored
/// as columnar/conform.h says. TIMESTAMP_NS becomes a timestamp of microseconds (a value that has
/// more digits is refused when it is written), or stays what it is, which Delta does not have.
/// Errors: Unsupported, naming the column.
enum class Nanoseconds { kRefuse, kKeep };
Result<Schema> ToTableSchema(
    duckdb::ClientContext& context, const duckdb::ColumnList& columns,
    const duckdb::vector<duckdb::unique_ptr<duckdb::Constraint>>& constraints,
    Nanoseconds nanoseconds = Nanoseconds::kRefuse);

}  // namespace tarn::duck

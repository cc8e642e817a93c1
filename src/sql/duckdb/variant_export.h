#pragma once

#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {

/// How DuckDB's VARIANT leaves the engine: Parquet's encoding (columnar/variant.h), which Arrow
/// holds as VariantStorage(). DuckDB's own function leaves keys in the order in which they came and
/// says that they are sorted, so that readers would look for them in the wrong places.

/// STRUCT(metadata BLOB, value BLOB) under a name of its own, so that a cast of VARIANT to it is
/// this encoding and not a struct of what an object holds.
duckdb::LogicalType VariantExportType();
bool IsVariantExport(const duckdb::LogicalType& type);

/// Teaches an engine the cast from VARIANT, also within structs, lists and maps, and that to JSON:
/// DuckDB's own gives decimals below 1 as ".25", which is no JSON. Errors of the casts:
/// InvalidArgument for values that the encoding has no type for.
void RegisterVariantExport(duckdb::DatabaseInstance& database);

}  // namespace tarn::duck

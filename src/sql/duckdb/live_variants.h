#pragma once

#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {

/// Variants of a source as DuckDB takes them from Arrow (a struct of two blobs, VariantStorage()) →
/// VARIANT. A source makes them of JSON: no other values than JSON's are in them. Throws what
/// Throw() does where they are.
void ImportVariants(duckdb::Vector& stored, duckdb::Vector& result, duckdb::idx_t rows);

}  // namespace tarn::duck

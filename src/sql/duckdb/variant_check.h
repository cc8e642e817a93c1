#pragma once

#include "base/result.h"
#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/file_fields.h"

namespace tarn::duck {

/// Whether a type is VARIANT or has one within.
bool HoldsVariant(const duckdb::LogicalType& type);

/// Reads the variants of a file, of the columns that are selected, once before DuckDB does: its
/// decoder trusts the depth and the references of a value, so that a few bytes could use up the
/// stack or all memory, and its errors name neither file nor column. What a file held is
/// remembered, as files never change. `reader`: the file, its columns identified.
/// `kTables`: files of a table of the lake; those that say to be Tarn's own are taken as such.
/// Errors: Corruption, Unsupported, naming file and column; those of reading.
enum class VariantFiles { kTables, kForeign };
Status CheckVariants(EngineState& engine, const FileFields& fields,
                     const duckdb::BaseFileReader& reader, const ScanColumns& columns,
                     const duckdb::vector<duckdb::ColumnIndex>& column_ids, VariantFiles origin);

}  // namespace tarn::duck

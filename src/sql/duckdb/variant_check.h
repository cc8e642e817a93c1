#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

/// A column with variants, in a file with and without field ids.
struct VariantColumn {
  const duckdb::MultiFileColumnDefinition* column = nullptr;
  std::string name_in_file;  ///< where the file has no field ids, or the table goes by names
};

/// Whether a type is VARIANT or has one within.
bool HoldsVariant(const duckdb::LogicalType& type);

/// Reads the variants of a file once before DuckDB does: its decoder trusts the depth and the
/// references of a value, so that a few bytes could use up the stack or all memory, and its errors
/// name neither file nor column. What a file held is remembered, as files never change.
/// `kTables`: files of a table of the lake; those that say to be Tarn's own are taken as such.
/// Errors: Corruption, Unsupported, naming file and column; those of reading.
enum class VariantFiles { kTables, kForeign };
Status CheckVariants(EngineState& engine, const duckdb::OpenFileInfo& file,
                     const std::vector<VariantColumn>& columns, VariantFiles origin);

}  // namespace tarn::duck

#pragma once

#include <cstdint>

#include "base/result.h"
#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

/// Iceberg "Row Lineage": a file that stores row ids may leave some of them null, and those rows
/// count on from the file's first id by their position. Writers make such files when they put
/// updated and new rows together.
/// @{
/// Whether the footer leaves open that a column of the file has nulls.
bool MayBeNull(duckdb::ClientContext& context, duckdb::BaseFileReader& reader,
               const std::string& column);
/// The ids of such a file, made of its rows' positions, which stand at `position_index` of the
/// chunk. Holds all ids of the file, 8 bytes a row, until the scan leaves it.
/// Errors: those of ParquetReader.
Result<duckdb::unique_ptr<duckdb::Expression>> MixedRowIds(EngineState& engine,
                                                           const duckdb::OpenFileInfo& file,
                                                           int64_t first_row_id,
                                                           duckdb::idx_t position_index);
/// @}

}  // namespace tarn::duck

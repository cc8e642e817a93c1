#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace tarn {

/// Small Parquet files held in memory, for metadata (checkpoints); data files go through
/// FileWriter. Threads: may be called concurrently.
/// @{
/// The whole file, zstd, one row group for every 65,536 rows, columns nullable as in the table.
Result<std::string> TableToParquet(const arrow::Table& table);
/// Error Corruption; `what` names the file.
Result<std::shared_ptr<arrow::Table>> ParquetToTable(std::string bytes, const std::string& what);
/// @}

}  // namespace tarn

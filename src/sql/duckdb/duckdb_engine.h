#pragma once

#include <memory>

#include "sql/engine.h"

namespace tarn {

/// Starts an in-process DuckDB. Errors: InvalidArgument (a catalog or source name that SQL
/// reserves, or one that is used twice).
Result<std::unique_ptr<SqlEngine>> OpenDuckDbEngine(SqlEngineOptions options);

}  // namespace tarn

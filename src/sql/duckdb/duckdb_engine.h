#pragma once

#include <memory>

#include "sql/engine.h"

namespace tarn {

/// Starts an in-process DuckDB. Errors: InvalidArgument (a catalog or source name that SQL reserves).
Result<std::unique_ptr<SqlEngine>> OpenDuckDbEngine(SqlEngineOptions options);

}  // namespace tarn

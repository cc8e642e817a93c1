#pragma once

#include <memory>

#include "catalog/query_log.h"
#include "sql/engine.h"

namespace tarn {

/// OpenDuckDbEngine() with a memory: what people run in it is kept in `queries`, and shown as
/// `system.queries`. Sessions of the pipeline (with overlays, or an author such as "model:x") are
/// not people's.
Result<std::unique_ptr<SqlEngine>> OpenDuckDbEngine(SqlEngineOptions options,
                                                    std::unique_ptr<QueryLog> queries);

}  // namespace tarn

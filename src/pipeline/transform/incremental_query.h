#pragma once

#include <string>

#include "base/result.h"
#include "catalog/catalog.h"
#include "pipeline/context.h"
#include "pipeline/transform/model.h"
#include "sql/engine.h"

namespace tarn {

/// The query for the rows of a model with a cursor that its table, and that of its rejected rows,
/// did not have at `at`: all where there is no table. The model's own query begins after
/// `*lines_before` lines, which is added to. Errors: the catalog's and the session's.
Result<std::string> IncrementalQuery(const PipelineContext& context, const Model& model,
                                     Sequence at, Session& session, int* lines_before);

}  // namespace tarn

#pragma once

#include "base/result.h"
#include "pipeline/transform/dag.h"
#include "project/plan.h"

namespace tarn {

/// Binds every model as it will run once the plan is applied, before anything exists: against empty
/// tables with the columns that the sources' tables and the models before it have. So a wrong
/// column, type, key or name is an error of `plan` already. Errors: the SQL engine's, with the
/// model's file; InvalidArgument for a key that is no column and for columns that share a name.
Status ValidateModels(OpenProject& project, const Plan& plan, const ModelGraph& graph);

}  // namespace tarn

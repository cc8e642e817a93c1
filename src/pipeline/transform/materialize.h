#pragma once

#include "base/result.h"
#include "pipeline/transform/runner.h"

namespace tarn {

/// Builds, checks and commits one model. The outcome's rows, checks and sequence are filled in as
/// far as it came, also when an error is returned.
Status MaterializeModel(const PipelineContext& context, const Model& model,
                        const std::vector<CommitOp>& record, const std::string& author,
                        ModelOutcome* outcome);

/// The table that takes a model's rejected rows: `<name>__rejected` in the same schema.
TableName RejectedTable(const Model& model);

}  // namespace tarn

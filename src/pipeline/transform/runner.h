#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/query_writer.h"
#include "pipeline/transform/checks.h"
#include "pipeline/transform/dag.h"
#include "pipeline/transform/model.h"

namespace tarn {

enum class ModelStatus { kSucceeded, kFailed, kSkipped };
std::string_view ModelStatusName(ModelStatus status);

/// How one model's run went.
struct ModelOutcome {
  TableName model;
  ModelStatus status = ModelStatus::kSucceeded;
  int64_t rows = 0;
  int64_t bytes = 0;
  int64_t rejected_rows = 0;
  std::vector<CheckResult> checks;
  Status error;       ///< of kFailed; of kSkipped it tells whose failure
  Sequence sequence;  ///< of the commit, when it succeeded
  int64_t duration_micros = 0;
};

struct RunOptions {
  std::string author = "run";
  /// Operations that a model's success adds to its own commit (what `apply` remembers).
  std::function<Result<std::vector<CommitOp>>(const Model&)> record;
  /// Incremental and merge models whose tables are built again as a whole: their rows were made by
  /// another query.
  std::set<std::string> rebuild;
  /// Told after every model, in order.
  std::function<void(const ModelOutcome&)> finished;
};

/// Runs the models `wanted` (indexes of the graph, in running order) one after the other. A model
/// reads all its inputs at one sequence; its checks run before its result is visible; one that
/// fails leaves its old table and makes those that need it kSkipped. Every run is recorded in the
/// catalog. Errors: only what prevents all work (the catalog is gone, cancelled); a model's own
/// failure is in its outcome.
Result<std::vector<ModelOutcome>> RunModels(const PipelineContext& context, const ModelGraph& graph,
                                            const std::vector<size_t>& wanted,
                                            const RunOptions& options);

}  // namespace tarn

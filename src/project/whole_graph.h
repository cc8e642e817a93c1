#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "pipeline/transform/dag.h"
#include "project/plan.h"

namespace tarn {

/// The mirrored tables, as nodes without inputs, before the models: one graph for selectors and for
/// "downstream of what was loaded".
struct WholeGraph {
  std::vector<Model> nodes;
  size_t tables = 0;  ///< nodes [0, tables) are mirrored tables, the others models
  std::unique_ptr<ModelGraph> graph;
};

Result<std::unique_ptr<WholeGraph>> BuildWholeGraph(OpenProject& project,
                                                    const std::vector<TableName>& tables);

/// What makes the models downstream of the tables that are being loaded due again, in the load's
/// own commit: an apply that stops before it ran them is continued by the next one.
Result<std::vector<CommitOp>> ForgetDownstream(OpenProject& project, const WholeGraph& whole);

}  // namespace tarn

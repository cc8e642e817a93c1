#pragma once

#include <memory>
#include <set>
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

/// What makes the models downstream of `roots` due, in the commit that changes these: whoever stops
/// before they have run is followed by an apply that runs them.
std::vector<CommitOp> DueDownstream(const WholeGraph& whole, const std::set<size_t>& roots,
                                    const AliveObjects& alive);
/// The same of all mirrored tables.
std::vector<CommitOp> DueDownstream(const WholeGraph& whole, const AliveObjects& alive);

}  // namespace tarn

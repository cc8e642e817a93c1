#include "project/whole_graph.h"

#include <utility>

namespace tarn {

Result<std::unique_ptr<WholeGraph>> BuildWholeGraph(OpenProject& project,
                                                    const std::vector<TableName>& tables) {
  TARN_RETURN_IF_ERROR(BuildModelGraph(project));
  auto whole = std::make_unique<WholeGraph>();
  for (const TableName& table : tables) {
    Model node;
    node.name = table;
    node.path = table.ToString();
    whole->nodes.push_back(std::move(node));
  }
  whole->tables = tables.size();
  whole->nodes.insert(whole->nodes.end(), project.spec.models.begin(), project.spec.models.end());
  TARN_ASSIGN_OR_RETURN(ModelGraph graph, ModelGraph::Build(whole->nodes));
  whole->graph = std::make_unique<ModelGraph>(std::move(graph));
  return whole;
}

std::vector<CommitOp> DueDownstream(const WholeGraph& whole, const std::set<size_t>& roots,
                                    const AliveObjects& alive) {
  std::vector<CommitOp> ops;
  for (size_t i : whole.graph->Downstream(roots)) {
    const std::string name = whole.nodes[i].name.ToString();
    if (i < whole.tables || roots.contains(i) || !alive.models.contains(name)) continue;
    ops.push_back(PutObjectOp{kDueObject, name, "{}"});
  }
  return ops;
}

std::vector<CommitOp> DueDownstream(const WholeGraph& whole, const AliveObjects& alive) {
  std::set<size_t> tables;
  for (size_t i = 0; i < whole.tables; ++i) tables.insert(i);
  return DueDownstream(whole, tables, alive);
}

}  // namespace tarn

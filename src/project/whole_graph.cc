#include "project/whole_graph.h"

#include <set>
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

Result<std::vector<CommitOp>> ForgetDownstream(OpenProject& project, const WholeGraph& whole) {
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*project.catalog));
  std::set<size_t> tables;
  for (size_t i = 0; i < whole.tables; ++i) tables.insert(i);
  std::vector<CommitOp> ops;
  for (size_t i : whole.graph->Downstream(tables)) {
    auto model = alive.models.find(whole.nodes[i].name.ToString());
    if (i < whole.tables || model == alive.models.end()) continue;
    ModelObject due = model->second;
    due.fingerprint.clear();
    ops.push_back(PutObjectOp{kModelObject, model->first, due.ToJson()});
  }
  return ops;
}

}  // namespace tarn

#include "pipeline/transform/dag.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/nearest.h"
#include "base/text.h"

namespace tarn {

Result<ModelGraph> ModelGraph::Build(const std::vector<Model>& models) {
  ModelGraph graph;
  graph.models_ = &models;
  graph.inputs_.resize(models.size());
  graph.dependents_.resize(models.size());
  // SQL finds names without regard to case.
  std::map<std::string, size_t> by_name;
  for (size_t i = 0; i < models.size(); ++i) by_name[LowerAscii(models[i].name.ToString())] = i;
  for (size_t i = 0; i < models.size(); ++i) {
    for (const auto* inputs : {&models[i].inputs, &models[i].check_inputs}) {
      for (const TableName& input : *inputs) {
        auto it = by_name.find(LowerAscii(input.ToString()));
        if (it == by_name.end()) continue;
        graph.inputs_[i].push_back(it->second);
        graph.dependents_[it->second].push_back(i);
      }
    }
  }

  enum class Mark { kWhite, kOpen, kDone };
  std::vector<Mark> marks(models.size(), Mark::kWhite);
  std::vector<size_t> path;
  std::string cycle;
  std::function<bool(size_t)> visit = [&](size_t i) {
    if (marks[i] == Mark::kDone) return true;
    path.push_back(i);
    if (marks[i] == Mark::kOpen) {
      auto start = std::find(path.begin(), path.end(), i);
      for (auto it = start; it != path.end(); ++it) {
        cycle += (cycle.empty() ? "" : " → ") + models[*it].name.ToString() + " (" +
                 models[*it].path + ")";
      }
      return false;
    }
    marks[i] = Mark::kOpen;
    for (size_t input : graph.inputs_[i]) {
      if (!visit(input)) return false;
    }
    marks[i] = Mark::kDone;
    path.pop_back();
    graph.order_.push_back(i);
    return true;
  };
  std::vector<size_t> by_text(models.size());
  for (size_t i = 0; i < models.size(); ++i) by_text[i] = i;
  std::sort(by_text.begin(), by_text.end(),
            [&](size_t a, size_t b) { return models[a].name < models[b].name; });
  for (size_t i : by_text) {
    if (!visit(i)) {
      return InvalidArgument("the models need each other in a cycle: " + cycle,
                             "take one of these inputs out of its query or checks");
    }
  }
  return graph;
}

void ModelGraph::Walk(size_t start, const std::vector<std::vector<size_t>>& edges,
                      std::set<size_t>* reached) const {
  std::set<size_t> seen = {start};
  std::vector<size_t> todo = {start};
  while (!todo.empty()) {
    const size_t i = todo.back();
    todo.pop_back();
    for (size_t next : edges[i]) {
      if (seen.insert(next).second) todo.push_back(next);
    }
  }
  reached->insert(seen.begin(), seen.end());
}

std::vector<size_t> ModelGraph::Ordered(const std::set<size_t>& wanted) const {
  std::vector<size_t> out;
  for (size_t i : order_) {
    if (wanted.count(i) != 0) out.push_back(i);
  }
  return out;
}

Result<std::vector<size_t>> ModelGraph::Select(const std::vector<std::string>& selectors) const {
  if (selectors.empty()) return order_;
  std::set<size_t> wanted;
  for (const std::string& selector : selectors) {
    std::string_view pattern = selector;
    const bool upstream = !pattern.empty() && pattern.front() == '+';
    if (upstream) pattern.remove_prefix(1);
    const bool downstream = !pattern.empty() && pattern.back() == '+';
    if (downstream) pattern.remove_suffix(1);
    bool found = false;
    for (size_t i = 0; i < models_->size(); ++i) {
      if (!MatchesPattern(pattern, (*models_)[i].name.ToString())) continue;
      found = true;
      wanted.insert(i);
      if (upstream) Walk(i, inputs_, &wanted);
      if (downstream) Walk(i, dependents_, &wanted);
    }
    if (!found) {
      std::vector<std::string> names;
      for (const Model& model : *models_) names.push_back(model.name.ToString());
      auto nearest = NearestName(std::string(pattern), names);
      return NotFound("no model matches \"" + selector + "\"",
                      nearest ? "did you mean \"" + *nearest + "\"?"
                              : "models are the .sql files below models/");
    }
  }
  return Ordered(wanted);
}

std::vector<size_t> ModelGraph::Downstream(const std::set<size_t>& roots) const {
  std::set<size_t> wanted;
  for (size_t root : roots) {
    wanted.insert(root);
    Walk(root, dependents_, &wanted);
  }
  return Ordered(wanted);
}

}  // namespace tarn

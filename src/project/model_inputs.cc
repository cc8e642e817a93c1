#include <algorithm>

#include "base/text.h"
#include "pipeline/transform/model_error.h"
#include "project/plan.h"

namespace tarn {
namespace {

bool IsSame(const TableName& a, const TableName& b) {
  return LowerAscii(a.ToString()) == LowerAscii(b.ToString());
}

/// What the model's checks read beside its own rows and what its query reads.
Status ReadCheckInputs(SqlEngine& engine, Model* model) {
  model->check_inputs.clear();
  const auto add = [&](const TableName& name) {
    const auto same = [&](const TableName& other) { return IsSame(name, other); };
    const bool known = same(model->name) ||
                       std::any_of(model->inputs.begin(), model->inputs.end(), same) ||
                       std::any_of(model->check_inputs.begin(), model->check_inputs.end(), same);
    if (!known) model->check_inputs.push_back(name);
  };
  for (const Check& check : model->checks) {
    if (check.kind == Check::Kind::kRelationships) add(check.to);
    if (check.kind != Check::Kind::kExpect) continue;
    auto inputs = engine.InputsOf("SELECT (" + check.condition + "\n)");
    if (!inputs.ok()) {
      return std::move(inputs)
          .Wrap(check.where + ": the check " + check.ToString() + " does not run")
          .status();
    }
    for (const TableName& input : *inputs) add(input);
  }
  return {};
}

}  // namespace

Result<ModelGraph> BuildModelGraph(OpenProject& project) {
  for (Model& model : project.spec.models) {
    auto inputs = project.engine->InputsOf(model.sql);
    if (!inputs.ok()) return InModelFile(model, inputs.status());
    model.inputs = *inputs;
    TARN_RETURN_IF_ERROR(ReadCheckInputs(*project.engine, &model));
    // Runs put the query into parentheses: what follows its ';', a remark say, must not come along.
    TARN_ASSIGN_OR_RETURN(const auto session, project.engine->NewSession({}));
    TARN_ASSIGN_OR_RETURN(const auto statements, session->Split(model.sql));
    if (!statements.empty()) model.sql = statements[0];
    while (!model.sql.empty() && (model.sql.back() == ';' || model.sql.back() == '\n')) {
      model.sql.pop_back();
    }
  }
  return ModelGraph::Build(project.spec.models);
}

}  // namespace tarn

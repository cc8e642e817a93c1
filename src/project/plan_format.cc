#include <algorithm>

#include "base/json.h"
#include "project/plan.h"

namespace tarn {
namespace {

using Action = PlanStep::Action;

const char* Sign(Action action) {
  switch (action) {
    case Action::kAdd:
      return "+";
    case Action::kChange:
      return "~";
    case Action::kRemove:
      return "-";
  }
  return "?";
}

}  // namespace

int64_t Plan::Count(PlanStep::Action action) const {
  return std::count_if(steps.begin(), steps.end(),
                       [&](const PlanStep& step) { return step.action == action; });
}

std::string FormatPlan(const Plan& plan) {
  if (plan.empty()) return "No changes: the lake is as the project says.\n";
  size_t kind_width = 0, name_width = 0;
  for (const PlanStep& step : plan.steps) {
    kind_width = std::max(kind_width, step.kind.size());
    name_width = std::max(name_width, step.name.size());
  }
  std::string out;
  for (const PlanStep& step : plan.steps) {
    std::string line = std::string("  ") + Sign(step.action) + " " + step.kind +
                       std::string(kind_width - step.kind.size() + 2, ' ') + step.name;
    if (!step.detail.empty()) {
      line += std::string(name_width - step.name.size() + 2, ' ') + step.detail;
    }
    out += line + "\n";
  }
  out += "Plan: " + std::to_string(plan.Count(Action::kAdd)) + " to add, " +
         std::to_string(plan.Count(Action::kChange)) + " to change, " +
         std::to_string(plan.Count(Action::kRemove)) + " to remove.\n";
  return out;
}

std::string PlanJson(const Plan& plan) {
  static const std::map<Action, const char*> names = {
      {Action::kAdd, "add"}, {Action::kChange, "change"}, {Action::kRemove, "remove"}};
  Json changes = Json::array();
  for (const PlanStep& step : plan.steps) {
    changes.push_back({{"action", names.at(step.action)},
                       {"kind", step.kind},
                       {"name", step.name},
                       {"detail", step.detail}});
  }
  return DumpJson(Json{{"changes", changes},
                       {"add", plan.Count(Action::kAdd)},
                       {"change", plan.Count(Action::kChange)},
                       {"remove", plan.Count(Action::kRemove)}},
                  2) +
         "\n";
}

}  // namespace tarn

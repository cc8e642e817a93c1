// Rules of tables that every row has to keep, and properties that are taken away: a part of
// LakeState.

#include "base/nearest.h"
#include "sql/duckdb/constraints.h"
#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"
#include "table/delta/properties.h"

namespace tarn::duck {

Result<std::map<std::string, std::string>> LakeState::Constraints(const TableName& name) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(const LakeRelation relation, FindLocked(name));
  std::map<std::string, std::string> constraints;
  if (relation.table == nullptr) return constraints;
  const LakeTable& table = *relation.table;
  if (table.metadata != nullptr) constraints = ConstraintsOf(table.metadata->properties);
  const auto local = tables_.find(table.entry.name);
  if (local == tables_.end()) return constraints;
  if (table.metadata == nullptr) constraints = ConstraintsOf(local->second.properties);
  for (const auto& [constraint, expression] : local->second.constraints) {
    if (expression) {
      constraints[constraint] = *expression;
    } else {
      constraints.erase(constraint);
    }
  }
  return constraints;
}

Status LakeState::AddConstraint(const TableName& name, const std::string& constraint,
                                const std::string& expression) {
  const std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(Alter(name, [&](TableTransaction& table) {
    return table.SetProperty(delta::kConstraintPrefix + constraint, expression);
  }));
  TARN_ASSIGN_OR_RETURN(Local * local, ChangeLocked(name));
  local->constraints[constraint] = expression;
  return {};
}

Result<bool> LakeState::DropConstraint(const TableName& name, const std::string& constraint) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(const auto known, Constraints(name));
  if (!known.contains(constraint)) return false;
  TARN_RETURN_IF_ERROR(Alter(name, [&](TableTransaction& table) {
    return table.RemoveProperty(delta::kConstraintPrefix + constraint);
  }));
  TARN_ASSIGN_OR_RETURN(Local * local, ChangeLocked(name));
  local->constraints[constraint] = std::nullopt;
  return true;
}

Status LakeState::RemoveProperties(const TableName& name, const std::vector<std::string>& keys) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(Local * local, ChangeLocked(name));
  for (const std::string& key : keys) {
    if (local->properties.contains(key) && !key.starts_with(delta::kConstraintPrefix)) continue;
    std::vector<std::string> known;
    for (const auto& [one, value] : local->properties) known.push_back(one);
    const std::optional<std::string> nearest = NearestName(key, known);
    return NotFound("table " + name.ToString() + " has no property " + key,
                    nearest ? "did you mean " + *nearest + "?" : "");
  }
  found_.clear();
  local->touched = true;
  for (const std::string& key : keys) {
    TARN_RETURN_IF_ERROR(local->transaction->RemoveProperty(key));
    local->properties.erase(key);
  }
  return {};
}

}  // namespace tarn::duck

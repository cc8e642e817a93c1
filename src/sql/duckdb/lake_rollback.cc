// Going back to what a table was: a part of LakeState.

#include <utility>

#include "sql/duckdb/constraints.h"
#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"
#include "sql/duckdb/source_points.h"

namespace tarn::duck {

Result<LakeState::Moment> LakeState::MomentLocked(const TableName& name, const LakePoint& asked) {
  TARN_ASSIGN_OR_RETURN(const LakePoint point, ResolveSourcePoint(engine_, *this, name, asked));
  Moment moment;
  if (!point.sequence) {
    TARN_ASSIGN_OR_RETURN(const LakeRelation then, FindAt(name, point));
    if (then.table == nullptr) return NotFound("table " + name.ToString() + " does not exist");
    moment.snapshot = then.table->snapshot;
    moment.schema = then.table->schema;
    return moment;
  }
  TARN_ASSIGN_OR_RETURN(const LakeRelation now, FindLocked(name));
  if (now.table == nullptr) return NotFound("table " + name.ToString() + " does not exist");
  auto then = engine_.options.catalog->LoadTableByUuid(now.table->entry.uuid, point.sequence);
  TARN_RETURN_IF_ERROR(then.status().Wrap("table " + name.ToString() + " at commit " +
                                          std::to_string(point.sequence->value())));
  TARN_ASSIGN_OR_RETURN(moment.state,
                        LoadTableMetadata(engine_.options.tables, then->metadata_location)
                            .Wrap("table " + name.ToString()));
  moment.snapshot = moment.state->current_snapshot;
  moment.schema = moment.state->schema();
  return moment;
}

Result<std::optional<SnapshotId>> LakeState::SnapshotAt(const TableName& name,
                                                        const LakePoint& point) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(const Moment moment, MomentLocked(name, point));
  return moment.snapshot;
}

Result<std::shared_ptr<const TableMetadata>> LakeState::StateOf(const TableEntry& entry,
                                                                const Snapshot& snapshot) const {
  const std::shared_ptr<const TableMetadata> unknown;
  const auto commit_id = snapshot.summary.find(kCommitIdKey);
  if (commit_id == snapshot.summary.end()) return unknown;
  const auto commit = engine_.options.catalog->FindCommit(commit_id->second);
  if (!commit.ok() && commit.error().kind == ErrorKind::kNotFound) return unknown;
  TARN_RETURN_IF_ERROR(commit.status());
  const auto then = engine_.options.catalog->LoadTableByUuid(entry.uuid, commit->sequence);
  if (!then.ok() && then.error().kind == ErrorKind::kNotFound) return unknown;
  TARN_RETURN_IF_ERROR(then.status());
  return LoadTableMetadata(engine_.options.tables, then->metadata_location);
}

Status LakeState::CheckConstraintsThen(const TableName& name, const Local& local, Moment moment) {
  TARN_ASSIGN_OR_RETURN(const auto constraints, Constraints(name));
  if (constraints.empty()) return {};
  const Snapshot* snapshot = moment.snapshot ? local.base->FindSnapshot(*moment.snapshot) : nullptr;
  if (moment.state == nullptr && snapshot != nullptr) {
    TARN_ASSIGN_OR_RETURN(moment.state, StateOf(local.entry, *snapshot));
  }
  std::map<std::string, std::string> then;
  if (moment.state != nullptr) then = ConstraintsOf(moment.state->properties);
  for (const auto& [constraint, expression] : constraints) {
    const auto known = then.find(constraint);
    if (known != then.end() && known->second == expression) continue;
    return InvalidArgument("table " + name.ToString() + " got the constraint " + constraint +
                               " later than that: its rows of then may break it",
                           "ALTER TABLE … DROP CONSTRAINT, then roll back, then add it again");
  }
  return {};
}

Status LakeState::RollBack(const TableName& name, const LakePoint& point) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(Local * local, ChangeLocked(name));
  if (!local->files.empty() || !local->deletes.empty() || !local->defaulted_columns.empty() ||
      local->base_rows == LakeTable::Base::kReplaced) {
    return InvalidArgument("table " + name.ToString() + " has rows of this transaction",
                           "COMMIT or ROLLBACK them first");
  }
  if (local->base == nullptr) {
    return NotFound("table " + name.ToString() + " is not committed yet");
  }
  TARN_ASSIGN_OR_RETURN(const Moment moment, MomentLocked(name, point));
  TARN_RETURN_IF_ERROR(CheckConstraintsThen(name, *local, moment));
  found_.clear();
  local->touched = true;
  if (!local->transaction->schema().SameColumns(moment.schema)) {
    TARN_RETURN_IF_ERROR(local->transaction->RestoreColumns(moment.schema));
  }
  if (!moment.snapshot) {
    // It had no rows yet.
    local->base_rows = LakeTable::Base::kReplaced;
    return Status::Ok();
  }
  if (*moment.snapshot != local->base->current_snapshot) {
    TARN_RETURN_IF_ERROR(local->transaction->RollBackTo(*moment.snapshot));
  }
  local->rolled_back = *moment.snapshot;
  return Status::Ok();
}

}  // namespace tarn::duck

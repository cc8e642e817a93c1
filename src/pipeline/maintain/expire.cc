#include "pipeline/maintain/expire.h"

#include <utility>

#include "base/fault_point.h"
#include "pipeline/maintain/expiry_plan.h"
#include "pipeline/maintain/policy.h"
#include "pipeline/maintain/reachable.h"
#include "pipeline/maintain/table_state.h"

namespace tarn {

namespace {

class Expiry {
 public:
  Expiry(const PipelineContext& context, const std::string& uuid, MaintainMode mode)
      : context_(context), uuid_(uuid), mode_(mode) {
    step_.part = "snapshots";
  }

  Result<MaintainStep> Run() {
    for (int64_t attempt = 1;; ++attempt) {
      TARN_ASSIGN_OR_RETURN(const bool may_go_on, Plan());
      if (!may_go_on) return step_;
      TARN_FAULT_POINT(kExpirePlanned);
      const Status committed = Commit();
      if (committed.ok()) break;
      if (committed.error().kind != ErrorKind::kConflict) return committed;
      if (attempt >= context_.tables.limits->commit_retries_max) {
        return Held("writers were faster " + std::to_string(attempt) + " times");
      }
    }
    TARN_FAULT_POINT(kExpireCommitted);
    step_.outcome = MaintainStep::Outcome::kDone;
    step_.taken = static_cast<int64_t>(plan_.snapshots.size());
    TARN_RETURN_IF_ERROR(RemoveFiles());
    return step_;
  }

 private:
  MaintainStep Held(std::string why) {
    step_.outcome = MaintainStep::Outcome::kHeld;
    step_.why = std::move(why);
    return step_;
  }

  /// Whether there is something to commit.
  Result<bool> Plan() {
    TARN_ASSIGN_OR_RETURN(before_, LoadTableState(context_, uuid_));
    const TableMetadata& table = *before_.metadata;
    TARN_ASSIGN_OR_RETURN(const MaintainPolicy policy,
                          MaintainPolicy::Of(table, *context_.tables.limits));
    plan_ = PlanExpiry(table, policy, context_.tables.clock->NowMillis());
    const size_t kept = table.snapshots.size() - plan_.snapshots.size();
    step_.why = std::to_string(plan_.snapshots.size()) + " of " +
                std::to_string(table.snapshots.size()) + " are old, " + std::to_string(kept) +
                " stay";
    if (!plan_.refs.empty()) {
      step_.why += ", " + std::to_string(plan_.refs.size()) + " branches and tags are old";
    }
    if (plan_.snapshots.empty() && plan_.refs.empty()) return false;
    // Asked after the state was read: what that state had published stays so.
    TARN_ASSIGN_OR_RETURN(const bool pending, HasPendingPublications(context_, uuid_));
    if (pending) {
      Held("commits wait for their Delta log entries");
      return false;
    }
    step_.taken = static_cast<int64_t>(plan_.snapshots.size());
    if (mode_ == MaintainMode::kDo) return true;
    step_.outcome = MaintainStep::Outcome::kWould;
    return false;
  }

  Status Commit() {
    TARN_ASSIGN_OR_RETURN(auto transaction,
                          TableTransaction::Change(context_.tables, before_.metadata,
                                                   before_.entry.metadata_location));
    for (const std::string& ref : plan_.refs) {
      TARN_RETURN_IF_ERROR(transaction->RemoveRef(ref, TableTransaction::RefKind::kAny));
    }
    TARN_RETURN_IF_ERROR(transaction->ExpireSnapshots(plan_.snapshots));
    LakeCommit commit =
        context_.NewCommit("maintain", "expire snapshots of " + before_.entry.name.ToString());
    commit.tables.push_back({before_.entry.name, "", uuid_, transaction.get()});
    return CommitToLake(context_.tables, *context_.catalog, commit).status();
  }

  Status RemoveFiles() {
    // Whoever publishes later than this stands on a state that knows none of these snapshots.
    TARN_ASSIGN_OR_RETURN(const bool pending, HasPendingPublications(context_, uuid_));
    if (pending) {
      step_.why += "; their files go later: commits wait for their Delta log entries";
      return {};
    }
    TARN_ASSIGN_OR_RETURN(const TableState after, LoadTableState(context_, uuid_));
    TARN_ASSIGN_OR_RETURN(const std::string folder, TableFolder(context_, after));
    ReachableFiles reachable(context_);
    TARN_RETURN_IF_ERROR(reachable.AddState(*after.metadata));
    ObjectRemover remover(context_);
    TARN_RETURN_IF_ERROR(
        VisitUnreachable(context_, *before_.metadata, plan_.snapshots, reachable, folder,
                         [&](std::string key) { return remover.Add(std::move(key)); }));
    TARN_RETURN_IF_ERROR(remover.Flush());
    step_.why += ", " + std::to_string(remover.removed()) + " files removed";
    return {};
  }

  const PipelineContext& context_;
  const std::string uuid_;
  const MaintainMode mode_;
  MaintainStep step_;
  TableState before_;
  ExpiryPlan plan_;
};

}  // namespace

Result<MaintainStep> ExpireTable(const PipelineContext& context, const std::string& uuid,
                                 MaintainMode mode) {
  return Expiry(context, uuid, mode).Run();
}

}  // namespace tarn

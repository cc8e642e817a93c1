#include "pipeline/maintain/compact.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/fault_point.h"
#include "base/log.h"
#include "catalog/asked_catalog.h"
#include "catalog/committer.h"
#include "pipeline/maintain/compaction_plan.h"
#include "pipeline/maintain/policy.h"
#include "pipeline/maintain/table_state.h"
#include "table/dual/rewrite.h"
#include "table/dual/sort_orders.h"

namespace tarn {

namespace {

/// How often a table is looked at anew: for candidates beyond CompactionPlanner's, for groups that
/// were given up, and for the small files that become of an earlier partitioning.
constexpr int kPassesMax = 16;
/// How many of them may come to nothing: where rows are deleted all the time, copying is in vain.
constexpr int kFruitlessPassesMax = 1;
/// Rows of one file of an earlier partitioning may go to many partitions at once.
constexpr int64_t kPartitionWritersMax = 16;
constexpr int64_t kRowGroupBytes = 64 << 20;

/// A group and what it became.
struct Rewritten {
  const CompactionGroup* group = nullptr;
  std::vector<DataFile> files;
};

class Compaction {
 public:
  Compaction(const PipelineContext& context, const std::string& uuid, MaintainMode mode)
      : context_(context), uuid_(uuid), mode_(mode) {
    step_.part = "data files";
  }

  Result<MaintainStep> Run() {
    int fruitless = 0;
    for (int pass = 0; pass < kPassesMax; ++pass) {
      TARN_ASSIGN_OR_RETURN(state_, LoadTableState(context_, uuid_));
      TARN_ASSIGN_OR_RETURN(policy_, MaintainPolicy::Of(*state_.metadata, *context_.tables.limits));
      TARN_ASSIGN_OR_RETURN(const CompactionPlan plan, MakePlan());
      if (pass == 0) step_.why = plan.Explain();
      if (plan.groups.empty()) break;
      if (mode_ == MaintainMode::kDryRun) {
        step_.outcome = MaintainStep::Outcome::kWould;
        step_.taken = plan.files();
        step_.bytes = plan.bytes();
        return step_;
      }
      given_up_ = 0;  // those are among the candidates again
      const int64_t taken_before = step_.taken;
      TARN_RETURN_IF_ERROR(Rewrite(plan));
      const bool again = given_up_ > 0 || !plan.complete || plan.old_spec_files > 0;
      if (step_.taken == taken_before) ++fruitless;
      if (!again || fruitless > kFruitlessPassesMax) break;
    }
    if (step_.taken > 0) {
      step_.outcome = MaintainStep::Outcome::kDone;
    } else if (given_up_ > 0) {
      step_.outcome = MaintainStep::Outcome::kHeld;
    }
    if (given_up_ > 0) step_.why += "; writers changed " + std::to_string(given_up_) + " groups";
    return step_;
  }

 private:
  Result<CompactionPlan> MakePlan() {
    CompactionPlanner planner(*state_.metadata, policy_);
    TARN_RETURN_IF_ERROR(VisitScan(context_.tables, *state_.metadata, std::nullopt,
                                   Predicate::True(),
                                   [&](ScanFile&& file) -> Status {
                                     planner.Add(std::move(file));
                                     return {};
                                   })
                             .status());
    return std::move(planner).Finish();
  }

  Status Rewrite(const CompactionPlan& plan) {
    Limits limits = *context_.tables.limits;
    limits.target_file_bytes = policy_.target_file_bytes;
    if (plan.old_spec_files > 0) {
      limits.partition_writers_max = std::min(limits.partition_writers_max, kPartitionWritersMax);
      limits.row_group_bytes = std::min(limits.row_group_bytes, kRowGroupBytes);
    }
    TableContext tables = context_.tables;
    tables.limits = &limits;
    for (size_t begin = 0; begin < plan.groups.size();) {
      std::vector<Rewritten> batch;
      int64_t bytes = 0;
      while (begin < plan.groups.size() && (batch.empty() || bytes < policy_.group_bytes_max)) {
        batch.push_back({&plan.groups[begin++], {}});
        bytes += batch.back().group->bytes;
      }
      TARN_RETURN_IF_ERROR(RewriteBatch(tables, batch));
    }
    return {};
  }

  Status RewriteBatch(const TableContext& tables, std::vector<Rewritten>& batch) {
    may_be_committed_ = false;
    for (Rewritten& one : batch) {
      auto copied = CopyLiveRows(tables, *state_.metadata, one.group->files,
                                 {.factory = context_.file_writer,
                                  .cancel = context_.cancel,
                                  .sort = CurrentSortOrder(*state_.metadata)});
      if (!copied.ok()) {
        for (const Rewritten& written : batch) Discard(written);
        return copied.status();
      }
      one.files = std::move(copied).value();
    }
    TARN_FAULT_POINT(kCompactCopied);
    Status status = Commit(batch);
    if (status.ok()) return ReachFaultPoint(FaultPoint::kCompactCommitted);
    if (status.error().kind != ErrorKind::kConflict) return NotCommitted(batch, 0, status);
    // Some of the groups may stand all the same.
    for (size_t i = 0; i < batch.size(); ++i) {
      Rewritten& one = batch[i];
      if (batch.size() > 1) {
        std::vector<Rewritten> alone = {one};
        status = Commit(alone);
        if (status.ok()) {
          TARN_FAULT_POINT(kCompactCommitted);
          continue;
        }
        if (status.error().kind != ErrorKind::kConflict) return NotCommitted(batch, i, status);
      }
      Log(LogLevel::kInfo, "compaction of " + state_.entry.name.ToString() +
                               " gave up a group of " + std::to_string(one.group->files.size()) +
                               " files: " + status.error().message);
      ++given_up_;
      if (!may_be_committed_) Discard(one);
    }
    return {};
  }

  Status NotCommitted(const std::vector<Rewritten>& batch, size_t from,
                      const Status& reason) const {
    for (size_t i = from; i < batch.size() && !may_be_committed_; ++i) Discard(batch[i]);
    return reason;
  }

  /// Conflict when rows of the groups were deleted meanwhile, or their files went.
  Status Commit(const std::vector<Rewritten>& batch) {
    TARN_ASSIGN_OR_RETURN(
        auto transaction,
        TableTransaction::Change(context_.tables, state_.metadata, state_.entry.metadata_location));
    std::vector<DataFile> removed, added;
    MaintainStep done = step_;
    for (const Rewritten& one : batch) {
      for (const ScanFile& file : one.group->files) removed.push_back(file.file);
      added.insert(added.end(), one.files.begin(), one.files.end());
      done.taken += static_cast<int64_t>(one.group->files.size());
      done.made += static_cast<int64_t>(one.files.size());
      done.bytes += one.group->bytes;
    }
    TARN_RETURN_IF_ERROR(transaction->RewriteFiles(std::move(removed), std::move(added)));
    TARN_ASSIGN_OR_RETURN(TableState now, LoadTableState(context_, uuid_));
    if (now.entry.metadata_location != state_.entry.metadata_location) {
      TARN_RETURN_IF_ERROR(
          transaction->Rebase(std::move(now.metadata), now.entry.metadata_location));
    }
    LakeCommit commit = context_.NewCommit("maintain", "compact " + state_.entry.name.ToString());
    commit.tables.push_back({state_.entry.name, "", uuid_, transaction.get()});
    AskedCatalog catalog(*context_.catalog);
    const bool before = std::exchange(may_be_committed_, true);
    const Status committed = CommitToLake(context_.tables, catalog, commit).status();
    may_be_committed_ = before || (!committed.ok() && !catalog.RulesOut(committed.error()));
    TARN_RETURN_IF_ERROR(committed);
    step_ = std::move(done);
    return {};
  }

  void Discard(const Rewritten& written) const {
    for (const DataFile& file : written.files) {
      const auto key = context_.tables.store->KeyOf(file.path);
      const Status deleted = key.ok() ? context_.tables.store->Delete(*key) : key.status();
      if (!deleted.ok()) {
        Log(LogLevel::kWarning, "an unused file remains: " + deleted.error().message);
      }
    }
  }

  const PipelineContext& context_;
  const std::string uuid_;
  const MaintainMode mode_;
  MaintainStep step_;
  TableState state_;
  MaintainPolicy policy_;
  int64_t given_up_ = 0;  ///< groups of the last pass
  /// Whether a commit of the batch that was tried happened: its files stay.
  bool may_be_committed_ = false;
};

}  // namespace

Result<MaintainStep> CompactTable(const PipelineContext& context, const std::string& uuid,
                                  MaintainMode mode) {
  return Compaction(context, uuid, mode).Run();
}

}  // namespace tarn

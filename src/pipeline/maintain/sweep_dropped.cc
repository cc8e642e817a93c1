#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/fault_point.h"
#include "base/log.h"
#include "catalog/garbage.h"
#include "pipeline/intention.h"
#include "pipeline/maintain/clocks.h"
#include "pipeline/maintain/sweep.h"
#include "pipeline/maintain/table_state.h"

namespace tarn {

namespace {

/// What Tarn writes into a table's folder: anything else there is somebody else's.
constexpr const char* kParts[] = {"/data/", "/metadata/", "/deletes/", "/_delta_log/"};

Result<std::set<std::string>> FoldersAt(const PipelineContext& context,
                                        std::optional<Sequence> sequence) {
  std::set<std::string> folders;
  TARN_ASSIGN_OR_RETURN(const auto tables, context.catalog->ListTables(std::nullopt, sequence));
  for (const TableEntry& table : tables) {
    const auto folder = context.tables.store->KeyOf(table.location);
    if (folder.ok()) folders.insert(*folder);
  }
  return folders;
}

struct DroppedFolder {
  std::vector<std::string> keys;
  int64_t bytes = 0;
  bool young = false;
  bool published = false;  ///< a table was made there, whoever made it
};

Result<DroppedFolder> ListFolder(const PipelineContext& context, const std::string& folder,
                                 int64_t born_before) {
  DroppedFolder dropped;
  for (const char* part : kParts) {
    const auto visit = [&](const ObjectInfo& object) -> Status {
      dropped.keys.push_back(object.key);
      dropped.bytes += object.size_bytes;
      dropped.young = dropped.young || object.modified_micros >= born_before;
      const std::string_view name = std::string_view(object.key).substr(folder.size() + 1);
      dropped.published = dropped.published || TellsOfTable(name);
      return {};
    };
    TARN_RETURN_IF_ERROR(context.tables.store->List(folder + part, visit));
  }
  return dropped;
}

/// One sweep of dropped folders at a time: a second one would go on with a list of files made
/// before the first one emptied a folder and somebody made another table there, whose files have
/// the same names.
class SweepLease {
 public:
  static Result<SweepLease> Take(const PipelineContext& context) {
    const int64_t lease_ms = context.tables.limits->lock_lease_ms;
    TARN_ASSIGN_OR_RETURN(LockInfo lock,
                          context.catalog->AcquireLock("dropped tables", "maintain",
                                                       context.tables.random->Uuid(), lease_ms));
    return SweepLease(*context.catalog, std::move(lock), lease_ms);
  }
  SweepLease(SweepLease&& other) noexcept
      : catalog_(std::exchange(other.catalog_, nullptr)),
        lock_(std::move(other.lock_)),
        lease_ms_(other.lease_ms_) {}
  SweepLease& operator=(SweepLease&&) = delete;
  ~SweepLease() {
    if (catalog_ == nullptr) return;
    const Status released = catalog_->ReleaseLock(lock_);
    if (!released.ok()) {
      Log(LogLevel::kDebug, "the lock of a sweep runs out: " + released.ToString());
    }
  }

  Status Renew() const { return catalog_->RenewLock(lock_, lease_ms_); }

 private:
  SweepLease(Catalog& catalog, LockInfo lock, int64_t lease_ms)
      : catalog_(&catalog), lock_(std::move(lock)), lease_ms_(lease_ms) {}

  Catalog* catalog_;
  LockInfo lock_;
  int64_t lease_ms_;
};

/// Whether what was found is still so: somebody else may have finished the folder, or the first
/// load for which it was meant, and somebody made a table there.
Result<bool> IsStillNobodys(const PipelineContext& context, const ObjectEntry& seen) {
  TARN_ASSIGN_OR_RETURN(const auto objects, context.catalog->ListObjects(seen.kind));
  const bool same = std::any_of(objects.begin(), objects.end(), [&](const ObjectEntry& one) {
    return one.name == seen.name && one.json == seen.json;
  });
  if (!same) return false;
  TARN_ASSIGN_OR_RETURN(const auto alive, FoldersAt(context, std::nullopt));
  return !alive.contains(seen.name);
}

/// False when the folder turns out to be somebody's: what is left of it stays.
Result<bool> RemoveFiles(const PipelineContext& context, const SweepLease& lease,
                         const ObjectEntry& folder, const DroppedFolder& files) {
  bool still = true;
  ObjectRemover remover(context, [&]() -> Status {
    TARN_RETURN_IF_ERROR(lease.Renew());
    TARN_ASSIGN_OR_RETURN(still, IsStillNobodys(context, folder));
    return still ? Status() : Cancelled("the folder " + folder.name + " is in use by now");
  });
  Status removed;
  for (const std::string& key : files.keys) {
    removed = remover.Add(key);
    if (!removed.ok()) break;
  }
  if (removed.ok()) removed = remover.Flush();
  if (!still) return false;
  TARN_RETURN_IF_ERROR(removed);
  TARN_RETURN_IF_ERROR(context.tables.store->RemoveEmptyFolders(folder.name));
  return true;
}

/// Only what was looked at: a folder may have had another table meanwhile, which was dropped too.
Status Forget(const PipelineContext& context, const std::vector<ObjectEntry>& folders) {
  LakeCommit commit = context.NewCommit("maintain", "folders of dropped tables");
  for (const ObjectEntry& folder : folders) {
    commit.ops.push_back(DropObjectOp{kGarbageObject, folder.name, folder.json});
  }
  return CommitToLake(context.tables, *context.catalog, commit).status();
}

/// Where tables were going to stand whose makers died. That they were is not forgotten, for another
/// maker may just be at it, whose files are young.
Status SweepIntentions(const PipelineContext& context, const std::optional<SweepLease>& lease,
                       const std::vector<ObjectEntry>& objects, const std::set<std::string>& in_use,
                       int64_t born_before, MaintainStep& step) {
  for (const ObjectEntry& object : objects) {
    if (in_use.contains(object.name)) continue;
    TARN_ASSIGN_OR_RETURN(const DroppedFolder left, ListFolder(context, object.name, born_before));
    if (left.keys.empty() || left.young || left.published) continue;
    if (lease) {
      TARN_ASSIGN_OR_RETURN(const bool removed, RemoveFiles(context, *lease, object, left));
      if (!removed) continue;
    }
    step.taken += static_cast<int64_t>(left.keys.size());
    step.bytes += left.bytes;
    step.names.push_back(object.name);
  }
  return {};
}

}  // namespace

Result<MaintainStep> SweepDroppedTables(const PipelineContext& context, MaintainMode mode) {
  MaintainStep step;
  step.part = "dropped tables";
  const Limits& limits = *context.tables.limits;
  const int64_t now = context.tables.clock->NowMicros();
  const int64_t asked_for =
      now - std::max(limits.snapshot_age_ms_max, limits.reader_grace_ms) * 1000;
  TARN_ASSIGN_OR_RETURN(auto objects, context.catalog->ListObjects(kGarbageObject));
  TARN_ASSIGN_OR_RETURN(const auto intentions, context.catalog->ListObjects(kIntentionObject));
  if (objects.empty() && intentions.empty()) {
    step.why = "no folders of dropped tables";
    return step;
  }
  std::optional<SweepLease> lease;
  if (mode == MaintainMode::kDo) {
    Result<SweepLease> taken = SweepLease::Take(context);
    if (!taken.ok() && taken.error().kind == ErrorKind::kConflict) {
      step.outcome = MaintainStep::Outcome::kHeld;
      step.why = "another `tarn maintain` is at it: the next one looks again";
      return step;
    }
    TARN_RETURN_IF_ERROR(taken.status());
    lease.emplace(std::move(taken).value());
    TARN_ASSIGN_OR_RETURN(objects, context.catalog->ListObjects(kGarbageObject));
    const std::vector<ObjectEntry>& folders = objects.empty() ? intentions : objects;
    if (!folders.empty()) {
      TARN_ASSIGN_OR_RETURN(step.why, WhyAgesAreUncertain(context, folders.front().name));
    }
    if (!step.why.empty()) {
      step.outcome = MaintainStep::Outcome::kHeld;
      return step;
    }
  }
  TARN_ASSIGN_OR_RETURN(const Sequence then, context.catalog->SequenceAt(asked_for));
  TARN_ASSIGN_OR_RETURN(std::set<std::string> in_use, FoldersAt(context, then));
  // Read last: a table that is made there meanwhile takes another folder, for this one is not
  // empty.
  TARN_ASSIGN_OR_RETURN(const std::set<std::string> alive, FoldersAt(context, std::nullopt));
  in_use.insert(alive.begin(), alive.end());
  const int64_t born_before = std::min(asked_for, now - limits.orphan_grace_ms * 1000);
  std::vector<ObjectEntry> gone;
  int64_t waiting = 0;
  for (const ObjectEntry& object : objects) {
    TARN_ASSIGN_OR_RETURN(const DroppedFolder dropped,
                          ListFolder(context, object.name, born_before));
    if (dropped.young || in_use.contains(object.name)) {
      ++waiting;
      continue;
    }
    if (lease) {
      TARN_ASSIGN_OR_RETURN(const bool removed, RemoveFiles(context, *lease, object, dropped));
      if (!removed) continue;
      TARN_FAULT_POINT(kDroppedRemoved);
    }
    step.taken += static_cast<int64_t>(dropped.keys.size());
    step.bytes += dropped.bytes;
    gone.push_back(object);
    step.names.push_back(object.name);
  }
  TARN_RETURN_IF_ERROR(SweepIntentions(context, lease, intentions, in_use, born_before, step));
  step.why = std::to_string(gone.size()) + " folders of dropped tables";
  if (waiting > 0) step.why += ", " + std::to_string(waiting) + " may still be asked for";
  if (step.names.size() > gone.size()) {
    step.why +=
        ", " + std::to_string(step.names.size() - gone.size()) + " of first loads that never ended";
  }
  if (step.names.empty()) return step;
  step.outcome = MaintainStep::Outcome::kWould;
  if (mode == MaintainMode::kDryRun) return step;
  if (!gone.empty()) TARN_RETURN_IF_ERROR(Forget(context, gone));
  step.outcome = MaintainStep::Outcome::kDone;
  return step;
}

}  // namespace tarn

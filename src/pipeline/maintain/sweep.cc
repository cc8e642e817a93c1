#include "pipeline/maintain/sweep.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/fault_point.h"
#include "catalog/committer.h"
#include "catalog/delta_vectors.h"
#include "pipeline/maintain/policy.h"
#include "pipeline/maintain/reachable.h"
#include "pipeline/maintain/table_state.h"
#include "pipeline/reload_mark.h"

namespace tarn {

namespace {

constexpr size_t kNamesTold = 100;
constexpr int64_t kPublicationsRead = 256;

bool EndsWithAny(std::string_view name, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(),
                     [&](std::string_view end) { return name.ends_with(end); });
}

/// Whether a table's writer gives such names; `name` is relative to the table's folder.
bool IsTableFile(std::string_view name) {
  if (name.starts_with("data/")) return EndsWithAny(name, {".parquet", ".puffin"});
  if (name.starts_with("deletes/")) return EndsWithAny(name, {".parquet", ".puffin", ".bin"});
  if (name.starts_with("metadata/")) {
    return EndsWithAny(name, {".json", ".avro", ".puffin", ".stats", ".parquet"});
  }
  return false;
}

class Sweep {
 public:
  Sweep(const PipelineContext& context, const std::string& uuid, MaintainMode mode)
      : context_(context), uuid_(uuid), mode_(mode), reachable_(context) {
    step_.part = "orphans";
  }

  Result<MaintainStep> Run() {
    TARN_ASSIGN_OR_RETURN(TableState state, LoadTableState(context_, uuid_));
    TARN_ASSIGN_OR_RETURN(const MaintainPolicy policy,
                          MaintainPolicy::Of(*state.metadata, *context_.tables.limits));
    // Asked before the files are listed: they are found as they stand from here on.
    const LookAtLock look = mode_ == MaintainMode::kDryRun ? LookAtLock::kOnly : LookAtLock::kTake;
    TARN_ASSIGN_OR_RETURN(const Reloading reloading, IsBeingReloaded(context_, uuid_, look));
    if (reloading != Reloading::kNo) {
      step_.outcome = MaintainStep::Outcome::kHeld;
      step_.why = reloading == Reloading::kYes
                      ? "the table is being loaded anew: its new files stand there already; once "
                        "`tarn resync` has ended, `tarn maintain` looks again"
                      : "a process of another machine, container or boot was loading the table "
                        "anew, and a `tarn resync` goes on, maybe that one: once it has ended, "
                        "`tarn maintain` removes what is left";
      return step_;
    }
    TARN_ASSIGN_OR_RETURN(folder_, TableFolder(context_, state));
    TARN_RETURN_IF_ERROR(FindReachable(state, policy));
    TARN_RETURN_IF_ERROR(ListOrphans(policy));
    TARN_RETURN_IF_ERROR(KeepDeltaVectors(*state.metadata));
    // A commit meanwhile may have taken up what lay there for long.
    const std::string looked_at = state.entry.metadata_location;
    TARN_ASSIGN_OR_RETURN(state, LoadTableState(context_, uuid_));
    if (state.entry.metadata_location != looked_at) {
      TARN_RETURN_IF_ERROR(FindReachable(state, policy));
      std::erase_if(orphans_, [&](const auto& one) { return reachable_.ContainsKey(one.key); });
    }
    // What is removed below may be what a hint still names that fell back.
    if (mode_ == MaintainMode::kDo) {
      TARN_RETURN_IF_ERROR(RaiseVersionHint(context_.tables, *context_.catalog, uuid_));
    }
    step_.taken = static_cast<int64_t>(orphans_.size());
    for (const ObjectInfo& one : orphans_) step_.bytes += one.size_bytes;
    step_.why = step_.taken == 0 ? "every file is in use or young"
                                 : std::to_string(step_.taken) + " files that nothing refers to";
    if (mode_ == MaintainMode::kDryRun) return orphans_.empty() ? step_ : Tell();
    if (orphans_.empty()) {
      TARN_RETURN_IF_ERROR(ForgetStates());
      return step_;
    }
    TARN_FAULT_POINT(kSweepFound);
    ObjectRemover remover(context_);
    for (const ObjectInfo& one : orphans_) TARN_RETURN_IF_ERROR(remover.Add(one.key));
    TARN_RETURN_IF_ERROR(remover.Flush());
    TARN_FAULT_POINT(kSweepRemoved);
    TARN_RETURN_IF_ERROR(ForgetStates());
    step_.outcome = MaintainStep::Outcome::kDone;
    return step_;
  }

 private:
  /// The catalog's history ends where the metadata does.
  Status ForgetStates() {
    if (left_.empty()) return {};
    return context_.catalog->ForgetStates(uuid_, oldest_);
  }

  MaintainStep Tell() {
    step_.outcome = MaintainStep::Outcome::kWould;
    for (const ObjectInfo& one : orphans_) {
      if (step_.names.size() >= kNamesTold) break;
      step_.names.push_back(one.key);
    }
    return step_;
  }

  Status FindReachable(const TableState& state, const MaintainPolicy& policy) {
    TARN_RETURN_IF_ERROR(reachable_.AddState(*state.metadata));
    for (const auto& [ms, location] : state.metadata->metadata_log) reachable_.AddUri(location);
    TARN_ASSIGN_OR_RETURN(const int64_t oldest, OldestVersionToAskFor(*state.metadata, policy));
    TARN_ASSIGN_OR_RETURN(const auto history, context_.catalog->TableHistory(uuid_));
    left_.clear();
    oldest_ = oldest;
    for (const TableEntry& one : history) {
      if (one.version >= oldest) {
        AddMetadata(one.version, one.metadata_location);
        continue;
      }
      left_.insert(PublishedMetadata(one.version));
      const auto key = context_.tables.store->KeyOf(one.metadata_location);
      if (key.ok()) left_.insert(*key);
    }
    AddMetadata(state.entry.version, state.entry.metadata_location);
    return AddPublications();
  }

  void AddMetadata(int64_t version, const std::string& location) {
    reachable_.AddUri(location);
    reachable_.AddKey(PublishedMetadata(version));
  }

  std::string PublishedMetadata(int64_t version) const {
    return folder_ + "/metadata/v" + std::to_string(version) + ".metadata.json";
  }

  /// The version that the lake had at the oldest moment that can be asked for.
  Result<int64_t> OldestVersionToAskFor(const TableMetadata& table, const MaintainPolicy& policy) {
    int64_t then = context_.tables.clock->NowMicros() - policy.snapshot_age_ms_max * 1000;
    // Where the oldest that are left follow on one that left, they begin the history.
    const Snapshot* at =
        table.current_snapshot ? table.FindSnapshot(*table.current_snapshot) : nullptr;
    while (at != nullptr && at->parent) {
      const Snapshot* const parent = table.FindSnapshot(*at->parent);
      if (parent == nullptr) then = std::max(then, at->timestamp_ms * 1000);
      at = parent;
    }
    TARN_ASSIGN_OR_RETURN(const Sequence sequence, context_.catalog->SequenceAt(then));
    const auto entry = context_.catalog->LoadTableByUuid(uuid_, sequence);
    if (entry.ok()) return entry->version;
    if (entry.error().kind == ErrorKind::kNotFound) return 0;
    return entry.error();
  }

  Status AddPublications() {
    OutboxRange range{.limit = kPublicationsRead, .table_uuid = uuid_};
    while (true) {
      TARN_ASSIGN_OR_RETURN(const auto page, context_.catalog->PendingPublications(range));
      for (const Publication& one : page) {
        AddMetadata(one.version, one.metadata_location);
        reachable_.AddUri(one.previous_metadata_location);
      }
      if (static_cast<int64_t>(page.size()) < range.limit) return {};
      range.after_id = page.back().id;
    }
  }

  Status ListOrphans(const MaintainPolicy& policy) {
    const int64_t now = context_.tables.clock->NowMicros();
    const int64_t born_before = now - policy.orphan_grace_ms * 1000;
    const int64_t left_before = now - policy.reader_grace_ms * 1000;
    const std::string prefix = folder_ + "/";
    return context_.tables.store->List(prefix, [&](const ObjectInfo& object) -> Status {
      if (context_.cancel != nullptr) TARN_RETURN_IF_ERROR(context_.cancel->Check());
      const int64_t old = left_.contains(object.key) ? left_before : born_before;
      if (object.modified_micros < old &&
          IsTableFile(std::string_view(object.key).substr(prefix.size())) &&
          !reachable_.ContainsKey(object.key)) {
        orphans_.push_back(object);
      }
      return {};
    });
  }

  /// Delta's vectors that were put together from position deletes have names that only those who
  /// put them together know: that is done when such files are in question.
  Status KeepDeltaVectors(const TableMetadata& table) {
    const bool in_question = std::any_of(orphans_.begin(), orphans_.end(), [](const auto& one) {
      return std::string_view(one.key).ends_with(".bin");
    });
    if (!in_question) return {};
    DeltaVectorReader reader(context_.tables, std::nullopt);
    for (const Snapshot& snapshot : table.snapshots) {
      TableMetadata then = table;
      then.current_snapshot = snapshot.id;
      TARN_ASSIGN_OR_RETURN(const DeltaVectors vectors, reader.Read(then));
      for (const auto& [path, vector] : vectors) {
        if (vector.descriptor.storage == delta::DeletionVectorDescriptor::Storage::kInline) {
          continue;
        }
        TARN_ASSIGN_OR_RETURN(const std::string uri,
                              delta::VectorFileUri(table.location, vector.descriptor));
        reachable_.AddUri(uri);
      }
    }
    std::erase_if(orphans_, [&](const auto& one) { return reachable_.ContainsKey(one.key); });
    return {};
  }

  const PipelineContext& context_;
  const std::string uuid_;
  const MaintainMode mode_;
  MaintainStep step_;
  std::string folder_;
  ReachableFiles reachable_;
  std::unordered_set<std::string> left_;  ///< metadata of states that can be asked for no more
  int64_t oldest_ = 0;                    ///< version that can be
  std::vector<ObjectInfo> orphans_;
};

}  // namespace

Result<MaintainStep> SweepTable(const PipelineContext& context, const std::string& uuid,
                                MaintainMode mode) {
  return Sweep(context, uuid, mode).Run();
}

}  // namespace tarn

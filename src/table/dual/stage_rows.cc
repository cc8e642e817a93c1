#include <functional>
#include <map>
#include <set>
#include <utility>

#include "table/dual/manifest_io.h"
#include "table/dual/manifest_roller.h"
#include "table/dual/snapshot_tally.h"
#include "table/dual/stage.h"
#include "table/dual/stage_deletes.h"

namespace tarn {

namespace {

constexpr size_t kManifestsBeforeMerge = 100;

using Content = ManifestFile::Content;

class RowStager {
 public:
  RowStager(const TableContext& context, const StageRowsRequest& request, StagedFiles& files)
      : context_(context),
        request_(request),
        files_(files),
        types_(*request.table),
        io_(*context.store, context.cache, *request.table),
        names_(*context.random) {}

  Result<StagedRows> Run() {
    parent_ = request_.base == nullptr ? nullptr : request_.base->current();
    if (parent_ != nullptr) {
      TARN_ASSIGN_OR_RETURN(base_manifests_, io_.List(*parent_));
      std::erase_if(base_manifests_,
                    [](const ManifestFile& m) { return !m.may_have_live_files(); });
    }
    if (request_.change->takes_rows()) {
      // An overwrite leaves nothing of the base to delete from.
      const bool replaced = request_.change->kind == RowChange::Kind::kOverwrite;
      TARN_ASSIGN_OR_RETURN(
          deletes_, StageDeletes(context_, request_, io_,
                                 replaced ? std::vector<ManifestFile>() : base_manifests_, files_));
    }
    TARN_RETURN_IF_ERROR(WriteAdded());
    switch (request_.change->kind) {
      case RowChange::Kind::kOverwrite:
        TARN_RETURN_IF_ERROR(RemoveAll());
        break;
      case RowChange::Kind::kReplacePartitions:
        TARN_RETURN_IF_ERROR(RemovePartitions());
        break;
      default:
        TARN_RETURN_IF_ERROR(RemoveFiles());
        TARN_RETURN_IF_ERROR(KeepAndMerge());
    }
    Summarise();
    return std::move(staged_);
  }

 private:
  ManifestRoller Roller() { return {context_, request_, types_, files_, names_}; }

  Status Take(Result<std::vector<ManifestFile>> manifests) {
    TARN_RETURN_IF_ERROR(manifests.status());
    for (ManifestFile& manifest : *manifests) staged_.manifests.push_back(std::move(manifest));
    return {};
  }

  Status WriteAdded() {
    ManifestRoller roller = Roller();
    ManifestEntry entry;
    entry.status = EntryStatus::kAdded;
    entry.snapshot = request_.snapshot;
    const auto add = [&](const DataFile& file) -> Status {
      entry.file = file;
      tally_.Added(file);
      return roller.Add(entry);
    };
    for (const DataFile& file : request_.change->files) {
      if (!deletes_.emptied.contains(file.path)) TARN_RETURN_IF_ERROR(add(file));
    }
    for (const DataFile& file : deletes_.added) TARN_RETURN_IF_ERROR(add(file));
    return Take(roller.Finish());
  }

  Status AddRemoved(ManifestRoller& roller, ManifestEntry&& entry) {
    tally_.Removed(entry.file);
    entry.status = EntryStatus::kDeleted;
    entry.snapshot = request_.snapshot;
    return roller.Add(entry);
  }

  Status RemoveAll() {
    ManifestRoller roller = Roller();
    TARN_RETURN_IF_ERROR(io_.Read(base_manifests_, {}, [&](ManifestEntry&& entry) -> Status {
      if (entry.status == EntryStatus::kDeleted) return {};
      return AddRemoved(roller, std::move(entry));
    }));
    return Take(roller.Finish());
  }

  Status RemovePartitions() {
    if (request_.change->files.empty()) return KeepAndMerge();
    std::set<std::string> replaced;
    const SpecId spec = request_.change->files.front().spec_id;
    for (const DataFile& file : request_.change->files) {
      if (file.spec_id != spec) {
        return InvalidArgument("the files that replace partitions are partitioned in two ways");
      }
      replaced.insert(PartitionKey(file.spec_id, file.partition));
    }
    const PartitionSpec* fields = request_.table->FindSpec(spec);
    for (const DataFile& file : request_.change->files) {
      if (fields == nullptr || file.partition.size() != fields->fields.size()) {
        return InvalidArgument("the file " + file.path + " has no value for each partition field");
      }
    }
    if (fields != nullptr && fields->fields.empty()) return RemoveAll();
    std::vector<ManifestFile> rewritten;
    for (ManifestFile& manifest : base_manifests_) {
      if (manifest.spec_id != spec) {
        return Unsupported("partitions of " + request_.table->location +
                               " cannot be replaced: it has files of an earlier partitioning",
                           "overwrite the whole table once");
      }
      auto& destination =
          io_.MayHoldPartitionOf(manifest, request_.change->files) ? rewritten : staged_.manifests;
      destination.push_back(std::move(manifest));
    }
    for (ManifestFile& manifest : rewritten) {
      TARN_RETURN_IF_ERROR(RewriteWithout(manifest, [&](const DataFile& file) {
        return replaced.contains(PartitionKey(file.spec_id, file.partition));
      }));
    }
    return {};
  }

  /// Takes the files that StageDeletes() named out of their manifests.
  Status RemoveFiles() {
    if (deletes_.removed_data.empty() && deletes_.removed.empty()) return {};
    std::vector<ManifestFile> kept;
    for (ManifestFile& manifest : base_manifests_) {
      const bool data = manifest.content == Content::kData;
      if (data ? deletes_.removed_data.empty() : deletes_.removed.empty()) {
        kept.push_back(std::move(manifest));
        continue;
      }
      const auto gone = [&](const DataFile& file) {
        return data ? deletes_.removed_data.contains(file.path)
                    : deletes_.removed.contains(KeyOfDeletes(file));
      };
      TARN_ASSIGN_OR_RETURN(const bool touched, Holds(manifest, gone));
      if (!touched) {
        kept.push_back(std::move(manifest));
        continue;
      }
      TARN_RETURN_IF_ERROR(RewriteWithout(manifest, gone));
    }
    base_manifests_ = std::move(kept);
    return {};
  }

  Result<bool> Holds(const ManifestFile& manifest,
                     const std::function<bool(const DataFile&)>& gone) {
    bool touched = false;
    const ManifestMetrics none{ManifestMetrics::Kind::kNone, {}};
    TARN_RETURN_IF_ERROR(io_.Read({manifest}, none, [&](ManifestEntry&& entry) -> Status {
      touched = touched || (entry.status != EntryStatus::kDeleted && gone(entry.file));
      return {};
    }));
    return touched;
  }

  /// Keeps a manifest that holds none of the files as it is.
  Status RewriteWithout(const ManifestFile& manifest,
                        const std::function<bool(const DataFile&)>& is_gone) {
    std::vector<ManifestEntry> entries;
    bool touched = false;
    TARN_RETURN_IF_ERROR(io_.Read({manifest}, {}, [&](ManifestEntry&& entry) -> Status {
      if (entry.status == EntryStatus::kDeleted) return {};
      const bool gone = is_gone(entry.file);
      entry.status = gone ? EntryStatus::kDeleted : EntryStatus::kExisting;
      touched = touched || gone;
      entries.push_back(std::move(entry));
      return {};
    }));
    if (!touched) {
      staged_.manifests.push_back(manifest);
      return {};
    }
    ManifestRoller roller = Roller();
    for (ManifestEntry& entry : entries) {
      TARN_RETURN_IF_ERROR(entry.status == EntryStatus::kDeleted
                               ? AddRemoved(roller, std::move(entry))
                               : roller.Add(entry));
    }
    return Take(roller.Finish());
  }

  /// Appends share their base's manifests; once there are many, the small ones are put together.
  Status KeepAndMerge() {
    const bool merge = request_.change->manifests == RowChange::Manifests::kMerge ||
                       staged_.manifests.size() + base_manifests_.size() > kManifestsBeforeMerge;
    std::map<std::pair<int32_t, Content>, std::vector<ManifestFile>> small;
    for (ManifestFile& manifest : base_manifests_) {
      if (merge && manifest.length < kManifestBytesSmall && manifest.key_metadata.empty()) {
        small[{manifest.spec_id.value(), manifest.content}].push_back(std::move(manifest));
      } else {
        staged_.manifests.push_back(std::move(manifest));
      }
    }
    for (auto& [place, manifests] : small) {
      if (manifests.size() == 1) {
        staged_.manifests.push_back(std::move(manifests[0]));
        continue;
      }
      ManifestRoller roller = Roller();
      TARN_RETURN_IF_ERROR(io_.Read(manifests, {}, [&](ManifestEntry&& entry) -> Status {
        if (entry.status == EntryStatus::kDeleted) return {};
        entry.status = EntryStatus::kExisting;
        return roller.Add(entry);
      }));
      TARN_RETURN_IF_ERROR(Take(roller.Finish()));
    }
    return {};
  }

  void Summarise() {
    staged_.operation =
        request_.change->kind == RowChange::Kind::kRewrite ? "replace" : tally_.Operation();
    const auto base = request_.change->kind == RowChange::Kind::kOverwrite
                          ? SnapshotTally::Base::kReplaced
                          : SnapshotTally::Base::kKept;
    staged_.summary = tally_.Summary(parent_, base);
  }

  const TableContext& context_;
  const StageRowsRequest& request_;
  StagedFiles& files_;
  const ManifestTypes types_;
  ManifestIo io_;
  const Snapshot* parent_ = nullptr;
  std::vector<ManifestFile> base_manifests_;
  ManifestNames names_;
  StagedRows staged_;
  StagedDeletes deletes_;
  SnapshotTally tally_;
};

}  // namespace

Result<StagedRows> StageRows(const TableContext& context, const StageRowsRequest& request,
                             StagedFiles& files) {
  return RowStager(context, request, files).Run();
}

}  // namespace tarn

#include "catalog/delta_changes.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "table/dual/changes.h"
#include "table/dual/manifest_io.h"

namespace tarn {
namespace {

// The snapshots after `previous`'s current one, oldest first; nothing when the history does not
// lead there (a rollback, expired snapshots).
std::optional<std::vector<const Snapshot*>> SnapshotsBetween(const TableMetadata* previous,
                                                             const TableMetadata& current) {
  const std::optional<SnapshotId> from = previous ? previous->current_snapshot : std::nullopt;
  std::vector<const Snapshot*> between;
  std::optional<SnapshotId> next = current.current_snapshot;
  while (next != from) {
    const Snapshot* snapshot = next ? current.FindSnapshot(*next) : nullptr;
    if (snapshot == nullptr || between.size() > current.snapshots.size()) return std::nullopt;
    between.push_back(snapshot);
    next = snapshot->parent;
  }
  std::reverse(between.begin(), between.end());
  return between;
}

bool IsReplace(const Snapshot* snapshot) {
  const auto operation = snapshot->summary.find("operation");
  return operation != snapshot->summary.end() && operation->second == "replace";
}

struct LiveFiles {
  std::map<std::string, DataFile> data;
  /// By path and place within it: vectors share their files.
  std::map<std::pair<std::string, int64_t>, DataFile> deletes;
};

// The manifests that may have live files of a table's current snapshot.
Result<std::vector<ManifestFile>> ListManifests(ManifestIo& io, const TableMetadata& table) {
  std::vector<ManifestFile> manifests;
  if (table.current() == nullptr) return manifests;
  TARN_ASSIGN_OR_RETURN(manifests, io.List(*table.current()));
  std::erase_if(manifests, [](const ManifestFile& m) { return !m.may_have_live_files(); });
  return manifests;
}

Result<LiveFiles> ReadLive(ManifestIo& io, const std::vector<ManifestFile>& manifests) {
  LiveFiles files;
  TARN_RETURN_IF_ERROR(io.Read(manifests, {}, [&](ManifestEntry&& entry) -> Status {
    if (entry.status == EntryStatus::kDeleted) return {};
    const std::string path = entry.file.path;
    if (entry.file.content == FileContent::kData) {
      files.data.emplace(path, std::move(entry.file));
    } else {
      const int64_t offset = entry.file.content_offset.value_or(-1);
      files.deletes.emplace(std::pair(path, offset), std::move(entry.file));
    }
    return {};
  }));
  return files;
}

class ChangeFinder {
 public:
  ChangeFinder(const TableContext& context, const TableMetadata* previous,
               const TableMetadata& current)
      : context_(context), previous_(previous), current_(current) {}

  Result<DeltaChanges> Find() {
    const auto snapshots = SnapshotsBetween(previous_, current_);
    if (snapshots) {
      for (const Snapshot* snapshot : *snapshots) TARN_RETURN_IF_ERROR(TakeSnapshot(*snapshot));
      changes_.moved_only =
          !snapshots->empty() && std::all_of(snapshots->begin(), snapshots->end(), IsReplace);
    } else {
      TARN_RETURN_IF_ERROR(CompareAll());
    }
    TARN_RETURN_IF_ERROR(FindVectors());
    return std::move(changes_);
  }

 private:
  Status TakeSnapshot(const Snapshot& snapshot) {
    TARN_ASSIGN_OR_RETURN(SnapshotChanges one,
                          ReadSnapshotChanges(*context_.store, current_, snapshot.id));
    for (DataFile& file : one.removed) {
      const std::string path = file.path;
      if (changes_.added.erase(path) == 0) changes_.removed.emplace(path, std::move(file));
    }
    for (DataFile& file : one.added) {
      const std::string path = file.path;
      if (changes_.removed.erase(path) == 0) changes_.added.emplace(path, std::move(file));
    }
    for (const auto* deletes : {&one.added_deletes, &one.removed_deletes}) {
      for (const DataFile& file : *deletes) {
        TARN_RETURN_IF_ERROR(AddDataFilesOf(context_, file, touched_));
      }
    }
    return {};
  }

  // Manifests that both states have hold files of both, and are not read.
  Status CompareAll() {
    const TableMetadata& previous = previous_ != nullptr ? *previous_ : current_;
    ManifestIo io_before(*context_.store, context_.cache, previous);
    ManifestIo io_after(*context_.store, context_.cache, current_);
    std::vector<ManifestFile> list_before;
    if (previous_ != nullptr) {
      TARN_ASSIGN_OR_RETURN(list_before, ListManifests(io_before, previous));
    }
    TARN_ASSIGN_OR_RETURN(std::vector<ManifestFile> list_after, ListManifests(io_after, current_));
    std::set<std::string> paths_before, in_both;
    for (const ManifestFile& manifest : list_before) paths_before.insert(manifest.path);
    for (const ManifestFile& manifest : list_after) {
      if (paths_before.contains(manifest.path)) in_both.insert(manifest.path);
    }
    const auto is_in_both = [&](const ManifestFile& m) { return in_both.contains(m.path); };
    std::erase_if(list_before, is_in_both);
    std::erase_if(list_after, is_in_both);
    TARN_ASSIGN_OR_RETURN(LiveFiles before, ReadLive(io_before, list_before));
    TARN_ASSIGN_OR_RETURN(LiveFiles after, ReadLive(io_after, list_after));
    for (auto file = after.data.begin(); file != after.data.end();) {
      file = before.data.erase(file->first) > 0 ? after.data.erase(file) : std::next(file);
    }
    changes_.removed = std::move(before.data);
    changes_.added = std::move(after.data);
    const auto touch = [&](const LiveFiles& one, const LiveFiles& other) -> Status {
      for (const auto& [key, file] : one.deletes) {
        if (other.deletes.contains(key)) continue;
        TARN_RETURN_IF_ERROR(AddDataFilesOf(context_, file, touched_));
      }
      return {};
    };
    TARN_RETURN_IF_ERROR(touch(before, after));
    return touch(after, before);
  }

  Status FindVectors() {
    std::set<std::string> wanted = touched_;
    for (const auto* files : {&changes_.added, &changes_.removed}) {
      for (const auto& [path, file] : *files) wanted.insert(path);
    }
    if (wanted.empty()) return {};
    DeltaVectorReader reader(context_, std::move(wanted));
    DeltaVectors before;
    if (previous_ != nullptr) {
      TARN_ASSIGN_OR_RETURN(before, reader.Read(*previous_));
    }
    TARN_ASSIGN_OR_RETURN(DeltaVectors after, reader.Read(current_));
    TARN_RETURN_IF_ERROR(FindTouchedFiles(before, after));
    const auto keep = [](DeltaVectors& vectors, const std::map<std::string, DataFile>& files) {
      std::erase_if(vectors, [&](const auto& vector) { return !files.contains(vector.first); });
      return std::move(vectors);
    };
    changes_.vectors_removed = keep(before, changes_.removed);
    changes_.vectors_added = keep(after, changes_.added);
    return {};
  }

  // The data files that stay and have another vector, or one for the first time.
  Status FindTouchedFiles(const DeltaVectors& before, const DeltaVectors& after) {
    std::set<std::string> missing;
    for (const std::string& path : touched_) {
      if (changes_.added.contains(path) || changes_.removed.contains(path)) continue;
      const auto old_vector = before.find(path);
      const auto new_vector = after.find(path);
      const bool had = old_vector != before.end();
      const bool has = new_vector != after.end();
      const bool same =
          had == has && (!had || old_vector->second.descriptor == new_vector->second.descriptor);
      if (!same) missing.insert(path);
    }
    if (missing.empty() || current_.current() == nullptr) return {};
    ManifestIo io(*context_.store, context_.cache, current_);
    TARN_ASSIGN_OR_RETURN(const std::vector<ManifestFile> manifests, io.List(*current_.current()));
    for (const ManifestFile& manifest : manifests) {
      if (missing.empty()) break;
      if (manifest.content != ManifestFile::Content::kData || !manifest.may_have_live_files()) {
        continue;
      }
      TARN_RETURN_IF_ERROR(TakeTouchedFiles(io, manifest, missing));
    }
    // What is missing still are data files that are gone: deletes of them say nothing.
    return {};
  }

  // Most manifests have none of them, which is cheap to see; decoding all metrics is not.
  Status TakeTouchedFiles(ManifestIo& io, const ManifestFile& manifest,
                          std::set<std::string>& missing) {
    bool has_some = false;
    const ManifestMetrics no_metrics{ManifestMetrics::Kind::kNone, {}};
    TARN_RETURN_IF_ERROR(io.Read({manifest}, no_metrics, [&](ManifestEntry&& entry) -> Status {
      has_some |= entry.status != EntryStatus::kDeleted && missing.contains(entry.file.path);
      return {};
    }));
    if (!has_some) return {};
    return io.Read({manifest}, {}, [&](ManifestEntry&& entry) -> Status {
      if (entry.status == EntryStatus::kDeleted || missing.erase(entry.file.path) == 0) return {};
      const std::string path = entry.file.path;
      changes_.removed.emplace(path, entry.file);
      changes_.added.emplace(path, std::move(entry.file));
      return {};
    });
  }

  const TableContext& context_;
  const TableMetadata* previous_;
  const TableMetadata& current_;
  DeltaChanges changes_;
  std::set<std::string> touched_;  // data files that deletes which came or went speak of
};

}  // namespace

Result<std::map<std::string, DataFile>> LiveDataFiles(const TableContext& context,
                                                      const TableMetadata& table) {
  ManifestIo io(*context.store, context.cache, table);
  TARN_ASSIGN_OR_RETURN(std::vector<ManifestFile> manifests, ListManifests(io, table));
  std::erase_if(manifests,
                [](const ManifestFile& m) { return m.content == ManifestFile::Content::kDeletes; });
  TARN_ASSIGN_OR_RETURN(LiveFiles live, ReadLive(io, manifests));
  return std::move(live.data);
}

Result<DeltaChanges> FindDeltaChanges(const TableContext& context, const TableMetadata* previous,
                                      const TableMetadata& current) {
  return ChangeFinder(context, previous, current).Find();
}

}  // namespace tarn

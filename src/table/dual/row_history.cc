#include "table/dual/row_history.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "table/dual/delete_index.h"
#include "table/dual/deletes.h"
#include "table/dual/manifest_io.h"
#include "table/dual/stage_deletes.h"

namespace tarn {

namespace {

using Content = ManifestFile::Content;

const ManifestMetrics kNoMetrics{ManifestMetrics::Kind::kNone, {}};

std::string IdText(SnapshotId id) { return std::to_string(id.value()); }

std::string OldestText(const Snapshot* oldest) {
  if (oldest == nullptr) return "";
  return "the oldest point that is left is snapshot " + IdText(oldest->id);
}

/// Works out the changes of one snapshot.
class ChangeReader {
 public:
  ChangeReader(const TableContext& context, const TableMetadata& table, const Snapshot& snapshot)
      : context_(context),
        table_(table),
        snapshot_(snapshot),
        io_(*context.store, context.cache, table) {}

  Result<ChangedFiles> Run() {
    const auto operation = snapshot_.summary.find("operation");
    if (operation != snapshot_.summary.end() && operation->second == "replace") {
      return ChangedFiles();
    }
    TARN_ASSIGN_OR_RETURN(manifests_, io_.List(snapshot_));
    TARN_RETURN_IF_ERROR(ReadOwnEntries());
    if (!removed_.empty() || !deletes_.empty()) TARN_RETURN_IF_ERROR(ReadParent());
    for (ManifestEntry& entry : added_) {
      changes_.added.push_back({FileOf(std::move(entry), own_deletes_), nullptr});
    }
    for (ManifestEntry& entry : removed_) {
      changes_.removed.push_back({FileOf(std::move(entry), deletes_before_), nullptr});
    }
    if (!deletes_.empty()) TARN_RETURN_IF_ERROR(ReadThinnedFiles());
    return std::move(changes_);
  }

 private:
  static ScanFile FileOf(ManifestEntry&& entry, const DeleteIndex& deletes) {
    ScanFile file;
    file.deletes = deletes.For(entry.file, entry.data_sequence_number);
    file.data_sequence_number = entry.data_sequence_number;
    file.file = std::move(entry.file);
    return file;
  }

  /// Entries of a snapshot stand only in manifests that it wrote itself.
  Status ReadOwnEntries() {
    std::vector<ManifestFile> own;
    for (const ManifestFile& manifest : manifests_) {
      if (manifest.added_snapshot == snapshot_.id) own.push_back(manifest);
    }
    const ManifestMetrics paths{ManifestMetrics::Kind::kPruning, {kDeletePathFieldId}};
    return io_.Read(own, paths, [&](ManifestEntry&& entry) -> Status {
      if (entry.status == EntryStatus::kExisting || entry.snapshot != snapshot_.id) return {};
      const bool added = entry.status == EntryStatus::kAdded;
      if (entry.file.content == FileContent::kData) {
        (added ? added_ : removed_).push_back(std::move(entry));
      } else if (added) {
        equality_ = equality_ || entry.file.content == FileContent::kEqualityDeletes;
        deletes_.push_back(entry.file);
        own_deletes_.Add(std::move(entry));
      }
      return {};
    });
  }

  Status ReadDeletes(const std::vector<ManifestFile>& manifests, DeleteIndex& index) {
    std::vector<ManifestFile> wanted;
    for (const ManifestFile& manifest : manifests) {
      if (manifest.content == Content::kDeletes && manifest.may_have_live_files()) {
        wanted.push_back(manifest);
      }
    }
    const ManifestMetrics paths{ManifestMetrics::Kind::kPruning, {kDeletePathFieldId}};
    return io_.Read(wanted, paths, [&](ManifestEntry&& entry) -> Status {
      if (entry.status != EntryStatus::kDeleted) index.Add(std::move(entry));
      return {};
    });
  }

  Status ReadParent() {
    if (!snapshot_.parent) return {};
    const Snapshot* parent = table_.FindSnapshot(*snapshot_.parent);
    if (parent == nullptr) {
      return NotFound("the rows that snapshot " + IdText(snapshot_.id) + " of " + table_.location +
                          " took out cannot be told: the snapshot before it expired",
                      OldestText(&snapshot_));
    }
    TARN_ASSIGN_OR_RETURN(const std::vector<ManifestFile> manifests, io_.List(*parent));
    return ReadDeletes(manifests, deletes_before_);
  }

  /// Files that stayed and lost rows.
  Status ReadThinnedFiles() {
    DeleteIndex deletes_after(table_);
    TARN_RETURN_IF_ERROR(ReadDeletes(manifests_, deletes_after));
    std::vector<ManifestFile> wanted;
    for (const ManifestFile& manifest : manifests_) {
      if (manifest.content != Content::kData || !manifest.may_have_live_files()) continue;
      // Equality deletes without a partition are about the rows of all.
      if (equality_ || io_.MayHoldPartitionOf(manifest, deletes_)) wanted.push_back(manifest);
    }
    return io_.Read(wanted, kNoMetrics, [&](ManifestEntry&& entry) -> Status {
      if (entry.status == EntryStatus::kDeleted) return {};
      if (entry.snapshot == snapshot_.id && entry.status == EntryStatus::kAdded) return {};
      return AddThinned(std::move(entry), deletes_after);
    });
  }

  Status AddThinned(ManifestEntry&& entry, const DeleteIndex& deletes_after) {
    ScanFile before = FileOf(ManifestEntry(entry), deletes_before_);
    ScanFile after = FileOf(std::move(entry), deletes_after);
    std::set<DeleteFileKey> old;
    for (const DataFile& file : before.deletes) old.insert(KeyOfDeletes(file));
    const bool same =
        std::all_of(after.deletes.begin(), after.deletes.end(),
                    [&](const DataFile& file) { return old.contains(KeyOfDeletes(file)); });
    if (same) return {};
    TARN_ASSIGN_OR_RETURN(const auto now, LoadDeletes(context_, table_, after));
    if (now == nullptr) return {};
    TARN_ASSIGN_OR_RETURN(const auto then, LoadDeletes(context_, table_, before));
    DeletionVector fresh = *now;
    if (then != nullptr) fresh.RemoveAll(*then);
    if (fresh.empty()) return {};
    changes_.removed.push_back(
        {std::move(before), std::make_shared<const DeletionVector>(std::move(fresh))});
    return {};
  }

  const TableContext& context_;
  const TableMetadata& table_;
  const Snapshot& snapshot_;
  ManifestIo io_;
  std::vector<ManifestFile> manifests_;
  std::vector<ManifestEntry> added_, removed_;  ///< data files
  std::vector<DataFile> deletes_;               ///< delete files that the snapshot added
  bool equality_ = false;                       ///< whether equality deletes are among them
  DeleteIndex own_deletes_{table_};
  DeleteIndex deletes_before_{table_};
  ChangedFiles changes_;
};

}  // namespace

const Snapshot* OldestAncestor(const TableMetadata& table, SnapshotId to) {
  const Snapshot* oldest = table.FindSnapshot(to);
  for (size_t steps = 0; oldest != nullptr && oldest->parent && steps < table.snapshots.size();
       ++steps) {
    const Snapshot* parent = table.FindSnapshot(*oldest->parent);
    if (parent == nullptr) break;
    oldest = parent;
  }
  return oldest;
}

Result<SnapshotRange> SnapshotsBetween(const TableMetadata& table, std::optional<SnapshotId> from,
                                       SnapshotId to) {
  const Snapshot* oldest = OldestAncestor(table, to);
  for (const std::optional<SnapshotId>& end : {from, std::optional<SnapshotId>(to)}) {
    if (!end || table.FindSnapshot(*end) != nullptr) continue;
    return NotFound("snapshot " + IdText(*end) + " of " + table.location + " expired or never was",
                    OldestText(oldest != nullptr ? oldest : table.current()));
  }
  SnapshotRange range;
  std::optional<SnapshotId> next = to;
  while (next && next != from) {
    const Snapshot* snapshot = table.FindSnapshot(*next);
    if (snapshot == nullptr || range.snapshots.size() > table.snapshots.size()) break;
    range.snapshots.push_back(snapshot);
    next = snapshot->parent;
  }
  std::reverse(range.snapshots.begin(), range.snapshots.end());
  if (next == from) {
    range.begin = from ? SnapshotRange::Begin::kSnapshot : SnapshotRange::Begin::kEmptyTable;
    return range;
  }
  if (!from) {
    // What the oldest one did to the state before it is not known; it is that state.
    range.begin = SnapshotRange::Begin::kExpired;
    range.snapshots.erase(range.snapshots.begin());
    return range;
  }
  if (next) {
    return NotFound("the changes of " + table.location + " between the snapshots " + IdText(*from) +
                        " and " + IdText(to) + " cannot be told: some between them expired",
                    OldestText(oldest));
  }
  return InvalidArgument("snapshot " + IdText(to) + " of " + table.location +
                             " does not stem from snapshot " + IdText(*from) +
                             ": it is older, or the table was rolled back in between",
                         "compare the two states with EXCEPT ALL instead");
}

Result<ChangedFiles> ReadChangedFiles(const TableContext& context, const TableMetadata& table,
                                      const Snapshot& snapshot) {
  return ChangeReader(context, table, snapshot).Run();
}

}  // namespace tarn

#include "table/dual/changes.h"

#include <utility>

#include "table/dual/manifest_io.h"

namespace tarn {

Result<SnapshotChanges> ReadSnapshotChanges(ObjectStore& store, const TableMetadata& table,
                                            SnapshotId snapshot_id) {
  TARN_ASSIGN_OR_RETURN(const Snapshot* snapshot, FindSnapshot(table, snapshot_id));
  ManifestIo io(store, nullptr, table);
  TARN_ASSIGN_OR_RETURN(std::vector<ManifestFile> manifests, io.List(*snapshot));
  // Entries of a snapshot stand only in manifests that it wrote itself.
  std::erase_if(manifests, [&](const ManifestFile& m) { return m.added_snapshot != snapshot_id; });
  SnapshotChanges changes;
  TARN_RETURN_IF_ERROR(io.Read(manifests, {}, [&](ManifestEntry&& entry) -> Status {
    if (entry.status == EntryStatus::kExisting || entry.snapshot != snapshot_id) return {};
    const bool data = entry.file.content == FileContent::kData;
    const bool added = entry.status == EntryStatus::kAdded;
    auto& files = data ? (added ? changes.added : changes.removed)
                       : (added ? changes.added_deletes : changes.removed_deletes);
    files.push_back(std::move(entry.file));
    return {};
  }));
  return changes;
}

Result<std::vector<LiveFile>> ListLiveFiles(ObjectStore& store, const TableMetadata& table,
                                            SnapshotId snapshot_id) {
  TARN_ASSIGN_OR_RETURN(const Snapshot* snapshot, FindSnapshot(table, snapshot_id));
  ManifestIo io(store, nullptr, table);
  TARN_ASSIGN_OR_RETURN(std::vector<ManifestFile> manifests, io.List(*snapshot));
  std::erase_if(manifests, [](const ManifestFile& m) { return !m.may_have_live_files(); });
  std::vector<LiveFile> files;
  TARN_RETURN_IF_ERROR(io.Read(manifests, {}, [&](ManifestEntry&& entry) -> Status {
    if (entry.status == EntryStatus::kDeleted) return {};
    files.push_back({std::move(entry.file), entry.snapshot, entry.data_sequence_number,
                     entry.file_sequence_number});
    return {};
  }));
  return files;
}

}  // namespace tarn

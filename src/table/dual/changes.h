#pragma once

#include <vector>

#include "base/result.h"
#include "storage/object_store.h"
#include "table/model/metadata.h"

namespace tarn {

/// What one snapshot did to the table's data files. Delete files are listed apart.
struct SnapshotChanges {
  std::vector<DataFile> added;
  std::vector<DataFile> removed;
  std::vector<DataFile> added_deletes;
  std::vector<DataFile> removed_deletes;
};

/// A data or delete file that a snapshot holds, with what its manifest says of its age.
struct LiveFile {
  DataFile file;
  SnapshotId added_by;
  int64_t data_sequence_number = 0;
  int64_t file_sequence_number = 0;
};

/// The files that a snapshot added and removed: the entries ADDED and DELETED of that snapshot id
/// in the manifests that this snapshot wrote. A snapshot that removed all rows of a partition names
/// every removed file. All metrics are decoded. Errors: NotFound (no such snapshot, or a file of
/// it); Corruption, naming the file.
Result<SnapshotChanges> ReadSnapshotChanges(ObjectStore& store, const TableMetadata& table,
                                            SnapshotId snapshot);

/// Every live file of a snapshot, data and deletes, with all metrics; in the order of the
/// manifests. Errors: as above.
Result<std::vector<LiveFile>> ListLiveFiles(ObjectStore& store, const TableMetadata& table,
                                            SnapshotId snapshot);

}  // namespace tarn

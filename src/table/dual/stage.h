#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "table/dual/table.h"
#include "table/iceberg/manifest.h"

namespace tarn {

/// Metadata objects that one staging wrote. They are removed again by the destructor unless
/// Release() handed them over: nobody refers to them before that.
class StagedFiles {
 public:
  /// `folder` is the key of the table's metadata folder, with its '/'.
  StagedFiles(ObjectStore& store, std::string folder) : store_(store), folder_(std::move(folder)) {}
  ~StagedFiles();
  StagedFiles(const StagedFiles&) = delete;
  StagedFiles& operator=(const StagedFiles&) = delete;

  /// Writes an object of a name that nobody else uses; returns its URI.
  Result<std::string> Put(const std::string& name, std::string_view bytes);
  /// Writes `<stem><k><suffix>` for the first k from `next` on that is free. A crashed attempt of
  /// the same commit may have left files, and a commit that won may refer to them: never replaced.
  Result<std::string> PutNumbered(const std::string& stem, int64_t& next, const std::string& suffix,
                                  std::string_view bytes);
  /// The keys, now the caller's.
  std::vector<std::string> Release();

 private:
  ObjectStore& store_;
  const std::string folder_;
  std::vector<std::string> keys_;
};

/// What happens to the table's rows in one snapshot.
struct RowChange {
  enum class Kind { kNone, kAppend, kOverwrite, kReplacePartitions };
  Kind kind = Kind::kNone;
  std::vector<DataFile> files;
};

/// The snapshot's manifests and what they add up to.
struct StagedRows {
  std::vector<ManifestFile> manifests;  ///< of the new snapshot, in order
  std::string operation;                ///< "append", "overwrite", "delete"
  /// "added-data-files", "total-records", … as Iceberg names them.
  std::map<std::string, std::string> summary;
};

/// Writes the manifests of one snapshot on top of `base` (nullptr: a table without rows).
struct StageRowsRequest {
  const TableMetadata* base = nullptr;
  const TableMetadata* table = nullptr;  ///< the state to be: schemas and specs
  const RowChange* change = nullptr;
  SnapshotId snapshot;
  int64_t sequence_number = 0;
  std::string commit_id;
};
/// Errors: those of the store; Unsupported for partitions that cannot be replaced, saying why.
Result<StagedRows> StageRows(const TableContext& context, const StageRowsRequest& request,
                             StagedFiles& files);

}  // namespace tarn

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "table/dual/table.h"
#include "table/dual/transaction.h"
#include "table/iceberg/manifest.h"

namespace tarn {

/// Metadata objects that one staging wrote. They are removed again by the destructor unless
/// Release() handed them over: nobody refers to them before that.
class StagedFiles {
 public:
  /// `table_key` is the key of the table's folder, without '/' at its end.
  StagedFiles(ObjectStore& store, const std::string& table_key)
      : store_(store), table_(table_key.empty() ? "" : table_key + "/") {}
  ~StagedFiles();
  StagedFiles(const StagedFiles&) = delete;
  StagedFiles& operator=(const StagedFiles&) = delete;

  /// Writes an object below metadata/ under a name that nobody else uses; returns its URI.
  Result<std::string> Put(const std::string& name, std::string_view bytes);
  /// The key of a file of deletes that is about to be written; it counts as staged.
  std::string NewDeletesKey(const std::string& name);
  /// The keys, now the caller's.
  std::vector<std::string> Release();

 private:
  ObjectStore& store_;
  const std::string table_;
  std::vector<std::string> keys_;
};

/// What happens to the table's rows in one snapshot.
struct RowChange {
  enum class Kind {
    kNone,
    kAppend,             ///< files come; rows and files of the base may leave
    kOverwrite,          ///< all rows of the base leave
    kReplacePartitions,  ///< rows of the partitions of `files` leave
    kRewrite             ///< rows move from `removed` to `files`
  };
  Kind kind = Kind::kNone;
  /// Whether small manifests of the base are put together even while they are few.
  enum class Manifests { kMergeWhenMany, kMerge };
  Manifests manifests = Manifests::kMergeWhenMany;
  std::vector<DataFile> files;
  std::map<std::string, RowDeletes> deletes;  ///< by the data file's path
  std::map<std::string, DataFile> removed;    ///< by path

  bool takes_rows() const { return !deletes.empty() || !removed.empty(); }
  /// Whether rows go, and not only move.
  bool loses_rows() const {
    return kind == Kind::kOverwrite || kind == Kind::kReplacePartitions ||
           (kind == Kind::kAppend && takes_rows());
  }
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
};
/// Errors: those of the store; Unsupported for partitions that cannot be replaced, saying why.
Result<StagedRows> StageRows(const TableContext& context, const StageRowsRequest& request,
                             StagedFiles& files);

}  // namespace tarn

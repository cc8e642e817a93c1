#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/result.h"
#include "columnar/predicate.h"
#include "storage/object_store.h"
#include "table/model/metadata.h"

namespace tarn {

class TableCache;

/// What every operation on tables needs from outside. Borrowed: outlives all that is made with it.
struct TableContext {
  ObjectStore* store = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
  const Limits* limits = nullptr;
  TableCache* cache = nullptr;  ///< of this store's immutable metadata; may be absent
};

/// Reads metadata.json of either form (also gzip) at an absolute URI under the store's root.
/// Errors: NotFound; Corruption, naming the file.
Result<std::shared_ptr<const TableMetadata>> LoadTableMetadata(
    ObjectStore& store, const std::string& metadata_location);
/// The same through the context's cache.
Result<std::shared_ptr<const TableMetadata>> LoadTableMetadata(
    const TableContext& context, const std::string& metadata_location);

/// One data file of a scan with the deletes that apply to it.
struct ScanFile {
  DataFile file;
  std::vector<DataFile> deletes;
  int64_t data_sequence_number = 0;
};

/// The files of a snapshot that may hold rows matching `predicate`: manifests by their partition
/// summaries, then files by partition values and column bounds. No data file is opened.
/// `snapshot` defaults to the current one; a table without snapshot has no files. Columns of the
/// predicate are those of the snapshot's own schema where `snapshot` is given, else the current
/// one's. Files carry the counts and bounds of the predicate's columns only. Errors: NotFound;
/// Corruption, naming the file.
struct ScanPlan {
  std::vector<ScanFile> files;
  int64_t manifests_total = 0, manifests_skipped = 0;
  int64_t files_total = 0, files_skipped = 0;  ///< of the manifests that were read
};
Result<ScanPlan> PlanScan(const TableContext& context, const TableMetadata& table,
                          std::optional<SnapshotId> snapshot, const Predicate& predicate);

/// The same, file by file, for those who keep few of them: memory is that of the delete files and
/// of one manifest. An error of `visit` ends the scan and is returned. The counts of the plan come
/// back; its files are empty.
Result<ScanPlan> VisitScan(const TableContext& context, const TableMetadata& table,
                           std::optional<SnapshotId> snapshot, const Predicate& predicate,
                           const std::function<Status(ScanFile&&)>& visit);

}  // namespace tarn

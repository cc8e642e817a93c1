#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/object_store.h"
#include "table/dual/table.h"
#include "table/dual/table_cache.h"
#include "table/iceberg/manifest.h"

namespace tarn {

class FilePruner;
class ManifestIndex;

/// Reads the metadata files of one table out of a store, through a cache where there is one.
/// Borrows everything; `table` must outlive it. Threads: one at a time.
class ManifestIo {
 public:
  ManifestIo(ObjectStore& store, TableCache* cache, const TableMetadata& table)
      : ManifestIo(store, cache, table, table.schema()) {}
  /// Of snapshots whose columns were `schema`'s.
  ManifestIo(ObjectStore& store, TableCache* cache, const TableMetadata& table,
             const Schema& schema)
      : store_(store), cache_(cache), table_(table), types_(table, schema) {}

  const ManifestTypes& types() const { return types_; }

  /// The manifests of a snapshot. What lists of version 1 leave out, and manifests that a snapshot
  /// of version 1 names without a list, are read whole. Errors: NotFound; Corruption; Unsupported
  /// for an encrypted snapshot.
  Result<std::vector<ManifestFile>> List(const Snapshot& snapshot);

  /// False only when certainly no entry of the manifest is in the partition of one of the files.
  bool MayHoldPartitionOf(const ManifestFile& manifest, const std::vector<DataFile>& files) const;

  /// Calls `visit` with every entry of these manifests, in their order. Several are fetched at
  /// once, at most kFetchesMax.
  Status Read(const std::vector<ManifestFile>& manifests, const ManifestMetrics& metrics,
              const std::function<Status(ManifestEntry&&)>& visit);

  /// Live files, and those among them that certainly hold no matching row.
  struct FileCounts {
    int64_t total = 0, skipped = 0;
  };
  /// Calls `visit` with those live entries of these manifests of data that may hold matching rows,
  /// in their order. With a cache it keeps an index of each manifest there: of manifests that are
  /// asked again only blocks with such entries are read. `metrics` has the columns of `pruner`.
  Result<FileCounts> ReadMatching(const std::vector<ManifestFile>& manifests,
                                  const ManifestMetrics& metrics, FilePruner& pruner,
                                  const std::function<Status(ManifestEntry&&)>& visit);

 private:
  static constexpr size_t kFetchesMax = 8;
  struct Way;
  using Object = std::shared_ptr<const std::string>;

  Result<Object> Fetch(const std::string& uri);
  /// The bytes of each; at once.
  Result<std::vector<Object>> FetchAll(const std::vector<const ManifestFile*>& manifests);
  Result<const PartitionSpec*> SpecOf(const ManifestFile& manifest) const;
  Result<Way> WayTo(const ManifestFile& manifest, FilePruner& pruner) const;
  Status ReadOneMatching(const Way& way, const Object& bytes, const ManifestMetrics& metrics,
                         FilePruner& pruner, const std::function<Status(ManifestEntry&&)>& visit,
                         FileCounts& counts);

  ObjectStore& store_;
  TableCache* cache_;
  const TableMetadata& table_;
  const ManifestTypes types_;
};

/// A snapshot of the table by id. Error NotFound.
Result<const Snapshot*> FindSnapshot(const TableMetadata& table, SnapshotId id);

/// Text that is equal just for files of the same spec and partition values.
std::string PartitionKey(SpecId spec, const std::vector<Scalar>& values);

}  // namespace tarn

#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "pipeline/context.h"
#include "table/iceberg/manifest.h"
#include "table/model/metadata.h"

namespace tarn {

/// The objects that states of one table refer to: data files, deletes, Delta's copies of deletion
/// vectors, manifests, their lists, statistics. Remembered by 64-bit hashes of their keys: two
/// objects of one hash can only make one of them stay that could have gone.
/// Memory: about 40 bytes an object, and while a state is added a few manifests and what their
/// lists say of them. Threads: one at a time; a state is read by several. Errors: those of reading
/// manifests.
class ReachableFiles {
 public:
  explicit ReachableFiles(const PipelineContext& context) : context_(context) {}

  /// Everything that a state refers to, but its own metadata files. After an error this is of no
  /// use any more: what it does not contain may be referred to.
  Status AddState(const TableMetadata& table);
  void AddUri(const std::string& uri);
  void AddKey(std::string_view key);
  bool ContainsKey(std::string_view key) const;
  /// False as well for what lies outside of the store.
  bool ContainsUri(const std::string& uri) const;

 private:
  /// The manifests of a state that were not read before.
  Result<std::vector<ManifestFile>> FindManifests(const TableMetadata& table);
  void Insert(const std::vector<uint64_t>& objects);

  const PipelineContext& context_;
  std::mutex mutex_;  ///< while a state is added
  std::unordered_set<uint64_t> objects_;
  std::unordered_set<uint64_t> read_;  ///< manifests whose entries are in already
};

/// Calls `visit` with the keys of all objects that these snapshots of `table` refer to and `others`
/// does not contain, each once; those outside of `folder` are left out: they belong to somebody
/// else. What cannot be found any more is passed over.
Status VisitUnreachable(const PipelineContext& context, const TableMetadata& table,
                        const std::vector<SnapshotId>& snapshots, const ReachableFiles& others,
                        const std::string& folder,
                        const std::function<Status(std::string key)>& visit);

/// The URI of Delta's copy of a Puffin file of deletion vectors.
std::string DeltaCopyOf(const std::string& table_uri, const std::string& puffin_uri);

}  // namespace tarn

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "pipeline/context.h"
#include "table/model/metadata.h"

namespace tarn {

/// The objects that states of one table refer to: data files, deletes, Delta's copies of deletion
/// vectors, manifests, their lists, statistics. Remembered by 64-bit hashes of their keys: two
/// objects of one hash can only make one of them stay that could have gone.
/// Memory: about 40 bytes an object. Threads: one at a time. Errors: those of reading manifests.
class ReachableFiles {
 public:
  explicit ReachableFiles(const PipelineContext& context) : context_(context) {}

  /// Everything that a state refers to, but its own metadata files.
  Status AddState(const TableMetadata& table);
  void AddUri(const std::string& uri);
  void AddKey(std::string_view key);
  bool ContainsKey(std::string_view key) const;
  /// False as well for what lies outside of the store.
  bool ContainsUri(const std::string& uri) const;

 private:
  Status AddSnapshot(const TableMetadata& table, const Snapshot& snapshot);

  const PipelineContext& context_;
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

#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "columnar/deletion_vector.h"
#include "table/model/metadata.h"

namespace tarn {

class ManifestIndex;

/// Positions of deleted rows by the path (URI) of the data file that they stand in.
using DeletedPositions = std::map<std::string, DeletionVector>;

/// Keeps parsed metadata, the bytes of manifests and manifest lists, indexes of manifests and
/// deleted positions of one store, by URI: SQL plans the same tables again and again, and these
/// objects never change once written. Only files with a UUID in their name are kept: such a name is
/// never used twice.
/// Memory: at most `bytes_max` (parsed metadata counts three times its file); the least recently
/// used goes first. Threads: every method may be called concurrently.
class TableCache {
 public:
  explicit TableCache(int64_t bytes_max = int64_t{64} << 20) : bytes_max_(bytes_max) {}

  std::shared_ptr<const TableMetadata> FindMetadata(const std::string& uri);
  void PutMetadata(const std::string& uri, std::shared_ptr<const TableMetadata> metadata,
                   int64_t file_bytes);
  std::shared_ptr<const std::string> FindObject(const std::string& uri);
  void PutObject(const std::string& uri, std::shared_ptr<const std::string> bytes);
  /// What a delete file says, by its URI and the offset of the vector in it.
  std::shared_ptr<const DeletedPositions> FindDeletes(const std::string& uri);
  void PutDeletes(const std::string& uri, std::shared_ptr<const DeletedPositions> deletes);
  std::shared_ptr<const ManifestIndex> FindIndex(const std::string& manifest_uri);
  /// Takes the place of an earlier index of the manifest. The manifest's own bytes go before all
  /// others then: with an index they are seldom wanted.
  void PutIndex(const std::string& manifest_uri, std::shared_ptr<const ManifestIndex> index);
  /// Whether anything is kept under such a name.
  static bool Keeps(const std::string& uri);
  /// What costs more is not kept.
  int64_t entry_bytes_max() const { return bytes_max_ / 2; }
  int64_t bytes();

 private:
  struct Entry {
    std::string uri;
    std::shared_ptr<const TableMetadata> metadata = nullptr;
    std::shared_ptr<const std::string> object = nullptr;
    std::shared_ptr<const DeletedPositions> deletes = nullptr;
    std::shared_ptr<const ManifestIndex> index = nullptr;
    int64_t cost = 0;  ///< of what it keeps; once it is in the list, of all of it
  };
  static int64_t CostOf(const std::string& uri, int64_t kept_bytes);
  Entry Find(const std::string& uri);
  void Put(Entry entry);
  /// \name With the lock held.
  /// @{
  void Insert(Entry entry);
  void Erase(const std::string& uri);
  /// @}

  const int64_t bytes_max_;
  std::mutex mutex_;
  int64_t bytes_ = 0;
  std::list<Entry> entries_;  ///< most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_uri_;
};

}  // namespace tarn

#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/local/posix.h"

namespace tarn {

/// Files kept open for further reads, at most `files_max`, the least recently used closed first,
/// and now and then those that somebody has removed, whose bytes stay on the disk for as long as
/// they are open. A file stays open while somebody reads it, also when it has left the cache.
/// Threads: every method may be called concurrently.
class FileCache {
 public:
  using File = std::shared_ptr<const UniqueFd>;

  explicit FileCache(int64_t files_max) : files_max_(files_max) {}

  /// nullptr when it is not there.
  File Find(std::string_view key);
  void Insert(std::string_view key, File file);
  void Erase(std::string_view key);
  void Clear();

 private:
  struct Entry {
    std::string key;
    File file;
  };

  void CloseRemoved();

  const int64_t files_max_;
  std::mutex mutex_;
  int64_t inserted_ = 0;
  std::list<Entry> entries_;  // the most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;  // views of the entries
};

}  // namespace tarn

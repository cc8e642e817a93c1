#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "storage/object_store.h"

namespace tarn {

/// Blocks of remote objects in a folder of the local disk, the least recently used removed first.
/// Several processes share one folder: a block appears by a rename and is checked by its checksums,
/// so that nobody needs a lock to read or insert, and a process that dies at any point leaves
/// nothing that is taken for a block. What cannot be read or written is no error: it is not cached.
/// The folder holds no more than `bytes_max` and a sixteenth of it for each process that writes.
/// Threads: every method may be called concurrently.
class BlockCache {
 public:
  struct Options {
    std::string folder;  ///< made when the first block comes
    int64_t bytes_max = 0;
  };
  BlockCache(Options options, Clock& clock) : options_(std::move(options)), clock_(clock) {}
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// The bytes of a block from `offset` on, as many as there are up to out.size(), and the object's
  /// size; nullopt when the block is not here. `object` is 32 hex digits.
  std::optional<ReadExtent> Read(std::string_view object, int64_t index, int64_t offset,
                                 std::span<char> out);
  /// Whether there is a file of this name; it may still turn out to hold no block.
  bool MayHave(std::string_view object, int64_t index) const;
  void Insert(std::string_view object, int64_t index, int64_t object_size, std::string_view bytes);
  /// Drops the blocks of an object.
  void Forget(std::string_view object);

 private:
  std::string FolderOf(std::string_view object) const;
  std::string PathOf(std::string_view object, int64_t index) const;
  bool Write(const std::string& path, std::string_view header, std::string_view bytes);
  /// Counts what is in the folder, and makes room when it is too much.
  void Trim();

  const Options options_;
  Clock& clock_;
  std::atomic<bool> gave_up_{false};  // writing failed: the disk is full or not ours
  std::atomic<int64_t> names_{0};
  std::mutex trim_mutex_;                   // one thread of the process trims at a time
  std::atomic<int64_t> found_bytes_{-1};    // in the folder, when it was last counted
  std::atomic<int64_t> inserted_bytes_{0};  // by this process since then
};

}  // namespace tarn

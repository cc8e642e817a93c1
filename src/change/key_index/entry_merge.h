#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "change/key_index/entry.h"
#include "change/key_index/run_file.h"

namespace tarn {

/// Entries of one origin by their keys, ascending.
class EntryCursor {
 public:
  virtual ~EntryCursor() = default;
  /// The next entry, nullptr after the last; valid until the next call.
  virtual Result<const KeyEntry*> Next() = 0;
};
std::unique_ptr<EntryCursor> CursorOf(std::shared_ptr<const Run> run);
std::unique_ptr<EntryCursor> CursorOf(std::vector<KeyEntry> entries);

/// Puts several origins together: for every key its youngest entry. Threads: one.
class EntryMerge {
 public:
  /// Oldest first.
  explicit EntryMerge(std::vector<std::unique_ptr<EntryCursor>> cursors)
      : cursors_(std::move(cursors)) {}

  /// The next entry, nullopt after the last; of removed keys too.
  Result<std::optional<KeyEntry>> Next();
  /// Two entries of the first key that more than one origin has, if there was one.
  const std::optional<std::pair<KeyEntry, KeyEntry>>& twice() const { return twice_; }

 private:
  struct Head {
    KeyEntry entry;
    size_t age;  // of cursors_: the greater, the younger
    bool Before(const Head& other) const {
      return entry.key != other.entry.key ? entry.key < other.entry.key : age > other.age;
    }
  };
  Status Begin();
  /// Replaces the first head by what follows it.
  Status Advance();
  void SiftDown(size_t at);

  std::vector<std::unique_ptr<EntryCursor>> cursors_;
  std::vector<Head> heads_;  // a heap, the first one at its top
  bool begun_ = false;
  std::optional<std::pair<KeyEntry, KeyEntry>> twice_;
};

/// Writes the merged entries of runs to another one, piece by piece. Threads: one.
class RunMerge {
 public:
  /// Whether an older run remains that an entry of a removed key must hide.
  enum class Removed { kKept, kDropped };
  RunMerge(std::span<const std::shared_ptr<const Run>> runs, std::unique_ptr<RunWriter> out,
           Removed removed);

  /// Moves up to `entries`; true when none is left.
  Result<bool> Step(size_t entries);
  Result<RunInfo> Finish() { return out_->Finish(); }
  const EntryMerge& merge() const { return merge_; }

 private:
  EntryMerge merge_;
  const std::unique_ptr<RunWriter> out_;
  const Removed removed_;
};

/// The first of the runs to merge (sizes oldest first; all after it go with it), or sizes.size()
/// for none. Runs of like sizes are merged four at a time, so that an entry is written about once
/// for each time that the index quadruples; the oldest run is written again once the younger ones
/// have half of its entries, so that the files never hold more than half again of what they could.
size_t FirstToMerge(std::span<const uint64_t> sizes);

}  // namespace tarn

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "change/key_index/entry.h"
#include "change/key_index/key_index.h"

namespace tarn {

/// Builds the contents of a key index anew from a stream of keys and places in any order: sorts
/// pieces in memory, writes each as a run, and merges these to one. Memory: that of the index's
/// options; disk: twice 24 bytes a key until it is done. Until Finish() the index answers as
/// before; when the builder goes without it, nothing has happened.
/// Threads: one, the caller of the index. Borrows the index.
class KeyIndexBuilder {
 public:
  ~KeyIndexBuilder();
  KeyIndexBuilder(const KeyIndexBuilder&) = delete;
  KeyIndexBuilder& operator=(const KeyIndexBuilder&) = delete;

  /// File numbers are those of KeyIndex::FileNumber(). Errors: those of the disk.
  Status Add(std::span<const KeyHash> keys, std::span<const RowPlace> places);
  /// Puts what was added in the place of all that the index had; files without a row in it lose
  /// their numbers. Errors: InvalidArgument when a key was added twice, naming both places; those
  /// of the disk. The index is then as before.
  Status Finish(std::string state);

 private:
  friend class KeyIndex;
  explicit KeyIndexBuilder(KeyIndex& index);
  Status Spill();
  /// Merges the first of the pieces until so few are left that they can be read at once.
  Status MergePieces(size_t pieces_max);
  Result<std::shared_ptr<const Run>> Merge(std::span<const std::shared_ptr<const Run>> runs);
  Status CheckOnce(const KeyEntry& first, const KeyEntry& second) const;
  void RemoveRun(uint64_t number);

  KeyIndex& index_;
  const size_t entries_max_;  // of one piece
  std::vector<KeyEntry> entries_;
  std::vector<KeyEntry> scratch_;
  RunList pieces_;
  std::vector<bool> used_files_;
};

}  // namespace tarn

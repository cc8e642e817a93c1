#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "change/key_index/entry.h"
#include "change/key_index/index_folder.h"
#include "change/key_index/key_filter.h"

namespace tarn {

/// \name Sorted runs of entries in files that never change: docs/formats/key_index.md.
/// A file is blocks of 4 KiB, each with a checksum that every read of it verifies; then the first
/// key of every block and the filter, which an open run keeps in memory (a tenth of a byte for each
/// entry, and ten bits where there is a filter). Reads are reads: nothing is mapped, so that memory
/// is what the program counts, and a bad disk is an error and no signal.
/// @{

/// What the manifest knows of a run: enough to tell its file from any other.
struct RunInfo {
  uint64_t number = 0;  ///< unique in the life of an index; names the file
  uint64_t entries = 0;
  uint32_t checksum = 0;  ///< of everything after the blocks
  friend bool operator==(const RunInfo&, const RunInfo&) = default;
};

std::string RunFileName(uint64_t number);

/// A block as it stands on disk.
struct RunBlock {
  static constexpr size_t kEntries = 170;
  KeyEntry entries[kEntries];
  uint64_t index;
  uint32_t count;
  uint32_t checksum;  ///< of everything before it, begun with the run's life and number
};
static_assert(sizeof(RunBlock) == 4096);

/// Writes a run. Threads: one. Errors: those of the disk; what was written is then to be removed.
class RunWriter {
 public:
  enum class Filter { kNone, kWanted };
  /// `life` is the index's; at most `entries_max` are added.
  static Result<std::unique_ptr<RunWriter>> Create(IndexFolder& folder, uint64_t life,
                                                   uint64_t number, uint64_t entries_max,
                                                   Filter filter);
  /// Keys ascend.
  Status Add(const KeyEntry& entry);
  /// The run is on the disk after it; its name is not yet.
  Result<RunInfo> Finish();

 private:
  RunWriter(std::unique_ptr<IndexFile> file, uint64_t life, uint64_t number, KeyFilter filter);
  Status FlushBlocks();

  const std::unique_ptr<IndexFile> file_;
  const uint64_t life_;
  const uint64_t number_;
  const uint32_t seed_;
  KeyFilter filter_;
  std::vector<KeyHash> fences_;   // the first key of every block
  std::vector<RunBlock> blocks_;  // not written yet; the last may have room
  uint64_t entries_ = 0;
  int64_t unsynced_bytes_ = 0;
};

/// A key to look up and which of the caller's it is.
struct WantedKey {
  KeyHash key;
  size_t index = 0;
};

/// An open run. Threads: any.
class Run {
 public:
  /// Memory that look-ups of one caller share.
  struct Buffers {
    std::vector<uint32_t> at;
    std::vector<RunBlock> blocks;
  };

  /// Errors: Corruption when the file is missing or is not this run; those of the disk.
  static Result<std::shared_ptr<const Run>> Open(IndexFolder& folder, uint64_t life,
                                                 const RunInfo& info);

  /// `wanted`, ascending, loses the keys that the run has an entry of; places[index] of these is
  /// where they are, or not found when the entry says that they were removed.
  Status Lookup(std::vector<WantedKey>& wanted, std::span<RowPlace> places, Buffers& buffers) const;

  /// Blocks [first, first + out.size()), verified.
  Status ReadBlocks(uint64_t first, std::span<RunBlock> out) const;
  uint64_t blocks() const { return fences_.size(); }
  const RunInfo& info() const { return info_; }

 private:
  static constexpr uint32_t kNoBlock = UINT32_MAX;

  Run(std::unique_ptr<IndexFile> file, uint32_t seed, const RunInfo& info)
      : file_(std::move(file)), seed_(seed), info_(info) {}
  Status Load(uint64_t life);
  Status ReadRaw(uint64_t first, std::span<RunBlock> out) const;
  Status Verify(const RunBlock& block, uint64_t index) const;
  /// The block that has the key if one has; `from` is one that does not stand after it.
  uint32_t BlockOf(const KeyHash& key, uint32_t from) const;
  Error Damaged(std::string_view what) const;

  const std::unique_ptr<IndexFile> file_;
  const uint32_t seed_;
  const RunInfo info_;
  std::vector<KeyHash> fences_;
  KeyFilter filter_;
};

/// Goes through the entries of a run. Threads: one.
class RunScanner {
 public:
  explicit RunScanner(std::shared_ptr<const Run> run) : run_(std::move(run)) {}
  /// The next entry, nullptr after the last; valid until the next call.
  Result<const KeyEntry*> Next();

 private:
  const std::shared_ptr<const Run> run_;
  std::vector<RunBlock> blocks_;
  uint64_t next_block_ = 0;
  size_t block_ = 0;  // of blocks_
  uint32_t entry_ = 0;
};
/// @}

}  // namespace tarn

#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "change/key_hash.h"
#include "change/key_index/entry.h"
#include "change/key_index/index_folder.h"
#include "change/key_index/index_store.h"
#include "change/key_index/log_record.h"
#include "change/key_index/mem_table.h"

namespace tarn {

class KeyIndexBuilder;
class RunMerge;

struct KeyIndexOptions {
  /// Memory of the entries that are not in a run yet, and of a builder's pieces. Filters add up to
  /// an eighth of it for each run that is small enough for one; first keys of blocks, 0.1 bytes a
  /// key.
  int64_t memory_bytes = 48LL << 20;
  /// A batch waits while there are more runs than this, and some of them to merge.
  int64_t runs_max = 32;
  /// Who writes and merges runs: a thread of the index, or Apply() itself before it returns (then
  /// every call on the disk comes in the same order in every run of a test).
  enum class Upkeep { kThread, kCaller };
  Upkeep upkeep = Upkeep::kThread;
  Random* random = &SystemRandom();
};

/// Which row of a table has a key: hash of the key → file and row. Capture keeps one for each keyed
/// table, in a folder of the local disk; it is a cache that can always be built again from the
/// table's key columns.
///
/// It stands for one state of the table, which state() names, and gets from one to the next with
/// Apply(), a step that is taken as a whole or not at all. A killed process loses nothing; a power
/// cut may take the index back to an earlier state (batches are not synced, runs are), and what is
/// found damaged when it is opened makes it empty, with the state "". So whoever opens it compares
/// state() with the table's own, and builds the index again when they differ. An answer is never of
/// another state than state(): every byte that it rests on is verified when it is read.
///
/// Shape: a table in memory and its log; sorted runs that never change; a thread that writes full
/// tables as runs and merges runs, so that a batch waits for neither. docs/formats/key_index.md.
/// Memory: KeyIndexOptions::memory_bytes, and 48 bytes a row of the largest batch. Disk: 24 bytes a
/// key, at most three times that while runs are merged.
///
/// Threads: one caller at a time. Errors: those of the disk (ResourceExhausted when it is full;
/// nothing is lost, and the call may be repeated); Corruption when a file turned out damaged: the
/// index gives no answers then until it is built again.
class KeyIndex {
 public:
  /// Opens what stands in `folder`, or begins an empty index there. Errors: Conflict, naming the
  /// lock's file, when the folder is in use; those of the disk.
  static Result<std::unique_ptr<KeyIndex>> Open(const std::string& folder,
                                                KeyIndexOptions options = {});
  static Result<std::unique_ptr<KeyIndex>> Open(std::unique_ptr<IndexFolder> folder,
                                                KeyIndexOptions options = {});
  ~KeyIndex();
  KeyIndex(const KeyIndex&) = delete;
  KeyIndex& operator=(const KeyIndex&) = delete;

  /// The state of the table that the index stands for, in the words of who applied it; "" for none.
  std::string state() const;
  /// Why what stood in the folder was not taken; "" when there was nothing wrong with it.
  const std::string& discarded() const { return store_->discarded(); }
  /// Whether a file turned out damaged since.
  bool damaged() const { return !Usable().ok(); }

  /// The number of a file in places; a path that has none gets one. It is kept with the next batch
  /// that is applied. Error: ResourceExhausted after 4 thousand million files.
  Result<uint32_t> FileNumber(std::string_view path);
  /// The path of a file that a place names; nullptr for a number that was not given or is
  /// forgotten.
  const std::string* FilePath(uint32_t number) const;
  /// Whether the path has a number.
  bool HasFile(const std::string& path) const { return file_numbers_.contains(path); }
  /// All files that have a number, by it.
  const std::map<uint32_t, std::string>& files() const { return files_.paths; }

  /// places[i] becomes the place of keys[i], not found() when there is no such row. Any order; keys
  /// may repeat. One call for many keys is much cheaper than many calls.
  Status Lookup(std::span<const KeyHash> keys, std::span<RowPlace> places);

  struct Batch {
    std::span<const KeyHash> removed = {};     ///< goes first; absent keys do no harm
    std::span<const KeyHash> put = {};         ///< of keys that repeat the last counts
    std::span<const RowPlace> places = {};     ///< of put; each found()
    std::span<const uint32_t> forgotten = {};  ///< files that no row is in any longer
    std::string_view state = {};
  };
  /// Changes rows, and with them the state. What moves more rows than one batch should have (a
  /// compaction) is several batches, each but the last with a state that no table is ever in: who
  /// opens an index that was left between them sees that it is to be built again.
  Status Apply(const Batch& batch);

  /// For building the index again, see there. At most one at a time.
  std::unique_ptr<KeyIndexBuilder> Rebuild();

  /// Every key and its place, by the keys ascending: for checks. An error of `visit` ends it.
  Status ForEach(const std::function<Status(const KeyHash&, const RowPlace&)>& visit);

  struct Stats {
    uint64_t memory_entries = 0;
    uint64_t run_entries = 0;  ///< a key may have several, of which the youngest counts
    uint64_t runs = 0;
  };
  Stats stats() const;
  /// Until there is nothing to write or merge: for tests and measurements. Error: what keeps it
  /// from being done.
  Status Settle();

 private:
  friend class KeyIndexBuilder;

  /// A table that is full, and what the manifest says once it is a run.
  struct Sealed {
    std::shared_ptr<const MemTable> table;
    uint64_t sequence = 0;
    uint32_t chain = 0;
    uint64_t next_log = 0;
    std::string state;
    IndexFileTable files;
    std::shared_ptr<const Run> run;  ///< when it is written, and only not named yet
  };
  struct Merging {
    RunList inputs;
    uint64_t number = 0;
    std::unique_ptr<RunMerge> merge;
    std::shared_ptr<const Run> run;  ///< when it is written, and only not named yet
  };

  KeyIndex(std::unique_ptr<IndexStore> store, const KeyIndexOptions& options);
  size_t rows_max() const;
  int64_t filter_bytes_max() const { return options_.memory_bytes / 8; }

  Status Usable() const;
  /// Takes note of an error: after a Corruption nobody gets answers.
  Status Noted(const Status& status);

  // The log: key_index_log.cc.
  Status Replay();
  Status ReplayLog(const std::string& name, bool* whole);
  Status BeginLog();
  Status AppendToLog(const Batch& batch);
  void TakeIn(const LogBatch& batch);

  // Upkeep: key_index_upkeep.cc.
  Status StartUpkeep();
  void StopUpkeep();
  Status RunUpkeep();
  void Kick();
  /// Waits until there is room for a batch in memory, and among the runs.
  Status MakeRoom();
  Status Seal();
  /// One piece of work; false when there is none.
  Result<bool> UpkeepStep();
  Status WriteSealed(const std::shared_ptr<Sealed>& sealed);
  bool BeginMerge();
  Status ContinueMerge();
  void AbandonMerge();
  Status Replace(std::shared_ptr<const Run> run, std::string state, IndexFileTable files);

  const std::unique_ptr<IndexStore> store_;
  const KeyIndexOptions options_;

  // Of the caller.
  std::unique_ptr<MemTable> active_;
  IndexFileTable files_;
  std::unordered_map<std::string, uint32_t> file_numbers_;
  uint32_t files_logged_ = 0;  // numbers below it are in the log or the manifest
  uint64_t sequence_ = 0;      // of the last batch
  uint32_t chain_ = 0;         // its checksum
  std::unique_ptr<IndexFile> log_;
  uint64_t log_number_ = 0;
  int64_t log_bytes_ = 0;
  std::vector<WantedKey> wanted_;
  std::vector<WantedKey> wanted_scratch_;
  Run::Buffers buffers_;

  // Of the one who does a step of the upkeep.
  std::mutex upkeep_mutex_;
  std::optional<Merging> merging_;

  mutable std::mutex mutex_;
  std::string state_;
  std::optional<Error> broken_;
  std::shared_ptr<Sealed> sealed_;
  Status upkeep_status_;
  bool idle_ = false;
  bool kicked_ = false;
  bool stopping_ = false;
  std::condition_variable work_;  // for the thread
  std::condition_variable done_;  // for who waits for the thread
  std::thread thread_;
};

}  // namespace tarn

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "change/key_index/index_folder.h"
#include "change/key_index/manifest.h"
#include "change/key_index/run_file.h"

namespace tarn {

using RunList = std::vector<std::shared_ptr<const Run>>;  ///< oldest first

/// What of a key index stands on disk and is named by its manifest: the runs. Every change of them
/// is one step: what a new manifest names is on the disk before it gets its name, and what it does
/// not name any longer is removed after.
/// Threads: every method may be called concurrently.
class IndexStore {
 public:
  /// Opens what stands in the folder. What cannot be trusted is removed, and the store is empty;
  /// discarded() then says why. Errors: those of the disk.
  static Result<std::unique_ptr<IndexStore>> Open(std::unique_ptr<IndexFolder> folder,
                                                  Random& random);

  const std::string& discarded() const { return discarded_; }
  IndexFolder& folder() { return *folder_; }
  IndexManifest manifest() const;
  std::shared_ptr<const RunList> runs() const;

  /// For a run or a log.
  uint64_t TakeNumber() { return next_number_.fetch_add(1); }
  /// Numbers up to this one are taken.
  void SkipNumber(uint64_t number);
  /// A run that Change() may name; keys get a filter when `filter_bytes_max` suffices.
  Result<std::unique_ptr<RunWriter>> CreateRun(uint64_t number, uint64_t entries_max,
                                               int64_t filter_bytes_max);
  Result<std::shared_ptr<const Run>> OpenRun(const RunInfo& info) {
    return Run::Open(*folder_, life_, info);
  }
  uint64_t life() const { return life_; }

  /// Edits runs and manifest (whose own list of runs follows from them); durable after it. An error
  /// leaves both as they are in memory; on disk either of the two stands.
  Status Change(const std::function<void(RunList&, IndexManifest&)>& edit);
  /// Lets nobody open what is here again.
  Status Forsake();

 private:
  IndexStore(std::unique_ptr<IndexFolder> folder, Random& random)
      : folder_(std::move(folder)), random_(random) {}
  Status Load();
  /// Removes the files of an index from the folder, but not those that `manifest` needs.
  Status Sweep(const IndexManifest* manifest);
  Status Begin();
  Status WriteManifest(const IndexManifest& manifest);

  const std::unique_ptr<IndexFolder> folder_;
  Random& random_;
  uint64_t life_ = 0;
  std::string discarded_;
  std::atomic<uint64_t> next_number_{1};
  std::mutex change_mutex_;  // held through a change, with its waits for the disk
  mutable std::mutex mutex_;
  IndexManifest manifest_;
  std::shared_ptr<const RunList> runs_ = std::make_shared<const RunList>();
};

}  // namespace tarn

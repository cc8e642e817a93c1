#include <algorithm>
#include <utility>

#include "base/thread.h"
#include "change/key_index/entry_merge.h"
#include "change/key_index/key_index.h"

namespace tarn {
namespace {

/// Of a merge between two looks at whether a table waits to be written: some milliseconds.
constexpr size_t kMergeStepEntries = 64 << 10;

}  // namespace

Status KeyIndex::StartUpkeep() {
  if (options_.upkeep == KeyIndexOptions::Upkeep::kCaller) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(thread_, StartThread([this] { return RunUpkeep(); },
                                             [this](const Status& status) {
                                               std::lock_guard lock(mutex_);
                                               if (!broken_) broken_ = status.error();
                                               idle_ = true;
                                               done_.notify_all();
                                             }));
  return Status::Ok();
}

void KeyIndex::StopUpkeep() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    work_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  std::lock_guard step(upkeep_mutex_);
  AbandonMerge();
}

Status KeyIndex::RunUpkeep() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    kicked_ = false;
    lock.unlock();
    bool worked = false;
    // Within its wall: a step for which there is no memory is a step to try again.
    const Status status = RunWalled([&]() -> Status {
      TARN_ASSIGN_OR_RETURN(worked, UpkeepStep());
      return Status::Ok();
    });
    lock.lock();
    upkeep_status_ = status;
    // What failed is tried again when somebody asks for it.
    idle_ = !worked && !kicked_;
    done_.notify_all();
    if (idle_) work_.wait(lock, [this] { return stopping_ || kicked_; });
  }
  return Status::Ok();
}

void KeyIndex::Kick() {
  kicked_ = true;
  idle_ = false;
  work_.notify_all();
}

Status KeyIndex::Settle() {
  if (options_.upkeep == KeyIndexOptions::Upkeep::kCaller) {
    for (;;) {
      TARN_ASSIGN_OR_RETURN(const bool worked, UpkeepStep());
      if (!worked) return Status::Ok();
    }
  }
  std::unique_lock lock(mutex_);
  Kick();
  done_.wait(lock, [this] { return idle_ || broken_; });
  return broken_ ? Status(*broken_) : upkeep_status_;
}

Status KeyIndex::MakeRoom() {
  // A log may be long although its table is small: the same keys again and again.
  const bool full = active_->size() >= rows_max() || log_bytes_ >= options_.memory_bytes;
  if (options_.upkeep == KeyIndexOptions::Upkeep::kCaller) {
    if (!full) return Status::Ok();
    // A table that could not be written before goes first.
    TARN_RETURN_IF_ERROR(Settle());
    TARN_RETURN_IF_ERROR(Seal());
    return Settle();
  }
  {
    std::unique_lock lock(mutex_);
    const auto crowded = [&] {
      return full && (sealed_ != nullptr ||
                      static_cast<int64_t>(store_->runs()->size()) >= options_.runs_max);
    };
    if (crowded() || !upkeep_status_.ok()) Kick();
    done_.wait(lock, [&] { return broken_ || !crowded() || idle_; });
    if (broken_) return *broken_;
    if (crowded()) {
      if (!upkeep_status_.ok()) return upkeep_status_;
      // Idle with many runs: there is nothing to merge. More of them are better than no progress.
      if (sealed_ != nullptr) return Internal("key index: a full table is not being written");
    }
  }
  return full ? Seal() : Status::Ok();
}

Status KeyIndex::Seal() {
  auto sealed = std::make_shared<Sealed>();
  sealed->sequence = sequence_;
  sealed->chain = chain_;
  sealed->files = files_;
  auto fresh = std::make_unique<MemTable>();
  TARN_RETURN_IF_ERROR(BeginLog());
  sealed->next_log = log_number_;
  sealed->table = std::exchange(active_, std::move(fresh));
  std::lock_guard lock(mutex_);
  sealed->state = state_;
  sealed_ = std::move(sealed);
  Kick();
  return Status::Ok();
}

Result<bool> KeyIndex::UpkeepStep() {
  std::lock_guard step(upkeep_mutex_);
  std::shared_ptr<Sealed> sealed;
  {
    std::lock_guard lock(mutex_);
    if (broken_) return false;
    sealed = sealed_;
  }
  if (sealed) {
    TARN_RETURN_IF_ERROR(WriteSealed(sealed));
    std::lock_guard lock(mutex_);
    sealed_.reset();
    return true;
  }
  if (!merging_ && !BeginMerge()) return false;
  TARN_RETURN_IF_ERROR(Noted(ContinueMerge()));
  return true;
}

Status KeyIndex::WriteSealed(const std::shared_ptr<Sealed>& sealed) {
  if (sealed->run == nullptr && sealed->table->size() > 0) {
    const uint64_t number = store_->TakeNumber();
    const auto write = [&]() -> Result<RunInfo> {
      const std::vector<KeyEntry> entries = sealed->table->Sorted();
      TARN_ASSIGN_OR_RETURN(auto writer,
                            store_->CreateRun(number, entries.size(), filter_bytes_max()));
      for (const KeyEntry& entry : entries) TARN_RETURN_IF_ERROR(writer->Add(entry));
      return writer->Finish();
    };
    const auto info = write();
    if (!info.ok()) {
      static_cast<void>(store_->folder().Remove(RunFileName(number)).ok());
      return info.error();
    }
    TARN_ASSIGN_OR_RETURN(sealed->run, store_->OpenRun(*info));
  }
  return store_->Change([&](RunList& runs, IndexManifest& manifest) {
    if (sealed->run != nullptr) runs.push_back(sealed->run);
    manifest.sequence = sealed->sequence;
    manifest.chain = sealed->chain;
    manifest.state = sealed->state;
    manifest.files = sealed->files;
    manifest.first_log = sealed->next_log;
  });
}

bool KeyIndex::BeginMerge() {
  const auto runs = store_->runs();
  std::vector<uint64_t> sizes;
  for (const auto& run : *runs) sizes.push_back(run->info().entries);
  const size_t first = FirstToMerge(sizes);
  if (first == sizes.size()) return false;
  merging_.emplace();
  merging_->inputs.assign(runs->begin() + static_cast<ptrdiff_t>(first), runs->end());
  return true;
}

Status KeyIndex::ContinueMerge() {
  Merging& merging = *merging_;
  const auto work = [&]() -> Status {
    if (merging.merge == nullptr) {
      uint64_t entries_max = 0;
      for (const auto& run : merging.inputs) entries_max += run->info().entries;
      const bool oldest = merging.inputs.front() == store_->runs()->front();
      merging.number = store_->TakeNumber();
      TARN_ASSIGN_OR_RETURN(auto writer,
                            store_->CreateRun(merging.number, entries_max, filter_bytes_max()));
      merging.merge = std::make_unique<RunMerge>(
          merging.inputs, std::move(writer),
          oldest ? RunMerge::Removed::kDropped : RunMerge::Removed::kKept);
    }
    TARN_ASSIGN_OR_RETURN(const bool all, merging.merge->Step(kMergeStepEntries));
    if (!all) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(const RunInfo info, merging.merge->Finish());
    TARN_ASSIGN_OR_RETURN(merging.run, store_->OpenRun(info));
    return Status::Ok();
  };
  if (merging.run == nullptr) {
    const Status worked = work();
    if (!worked.ok()) AbandonMerge();
    if (!worked.ok() || merging.run == nullptr) return worked;
  }
  TARN_RETURN_IF_ERROR(store_->Change([&](RunList& runs, IndexManifest&) {
    // Tables that were written meanwhile stand after them.
    const auto first = std::find(runs.begin(), runs.end(), merging.inputs.front());
    *first = merging.run;
    runs.erase(first + 1, first + static_cast<ptrdiff_t>(merging.inputs.size()));
  }));
  merging_.reset();
  return Status::Ok();
}

void KeyIndex::AbandonMerge() {
  // A finished run may be named by a manifest whose last sync failed: it is swept when it is not.
  if (merging_ && merging_->number != 0 && merging_->run == nullptr) {
    static_cast<void>(store_->folder().Remove(RunFileName(merging_->number)).ok());
  }
  merging_.reset();
}

Status KeyIndex::Replace(std::shared_ptr<const Run> run, std::string state, IndexFileTable files) {
  std::lock_guard step(upkeep_mutex_);
  AbandonMerge();
  auto fresh = std::make_unique<MemTable>();
  TARN_RETURN_IF_ERROR(BeginLog());
  TARN_RETURN_IF_ERROR(store_->Change([&](RunList& runs, IndexManifest& manifest) {
    runs.assign(1, run);
    manifest.life = store_->life();
    manifest.sequence = sequence_ + 1;
    manifest.chain = run->info().checksum;
    manifest.state = state;
    manifest.files = files;
    manifest.first_log = log_number_;
  }));
  active_ = std::move(fresh);
  ++sequence_;
  chain_ = run->info().checksum;
  files_ = std::move(files);
  files_logged_ = files_.next;
  file_numbers_.clear();
  for (const auto& [number, path] : files_.paths) file_numbers_.emplace(path, number);
  std::lock_guard lock(mutex_);
  sealed_.reset();
  broken_.reset();
  upkeep_status_ = Status::Ok();
  state_ = std::move(state);
  return Status::Ok();
}

}  // namespace tarn

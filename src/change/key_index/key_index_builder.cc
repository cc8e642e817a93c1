#include "change/key_index/key_index_builder.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "change/key_index/entry_merge.h"

namespace tarn {
namespace {

constexpr size_t kMergeRunsMax = 64;  // read at once: 128 KiB of memory each
constexpr size_t kStepEntries = 1 << 20;
constexpr int64_t kEntriesMin = 1024;

}  // namespace

KeyIndexBuilder::KeyIndexBuilder(KeyIndex& index)
    : index_(index),
      // With as much again for sorting them.
      entries_max_(static_cast<size_t>(
          std::max(kEntriesMin,
                   index.options_.memory_bytes / (2 * static_cast<int64_t>(sizeof(KeyEntry)))))) {}

KeyIndexBuilder::~KeyIndexBuilder() {
  for (const auto& piece : pieces_) RemoveRun(piece->info().number);
}

void KeyIndexBuilder::RemoveRun(uint64_t number) {
  // What stays behind is swept when the index is opened.
  static_cast<void>(index_.store_->folder().Remove(RunFileName(number)).ok());
}

Status KeyIndexBuilder::Add(std::span<const KeyHash> keys, std::span<const RowPlace> places) {
  TARN_CHECK(keys.size() == places.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    TARN_CHECK(places[i].file < index_.files_.next);
    if (entries_.size() == entries_max_) TARN_RETURN_IF_ERROR(Spill());
    entries_.push_back({keys[i], places[i]});
    if (places[i].file >= used_files_.size()) used_files_.resize(places[i].file + size_t{1});
    used_files_[places[i].file] = true;
  }
  return Status::Ok();
}

Status KeyIndexBuilder::CheckOnce(const KeyEntry& first, const KeyEntry& second) const {
  const auto text = [this](const RowPlace& place) {
    const std::string* path = index_.FilePath(place.file);
    return (path == nullptr ? "?" : *path) + " row " + std::to_string(place.row);
  };
  return InvalidArgument("two rows have the same key: " + text(first.place) + " and " +
                         text(second.place));
}

Status KeyIndexBuilder::Spill() {
  SortByKey(entries_, scratch_);
  const auto twice = std::adjacent_find(
      entries_.begin(), entries_.end(),
      [](const KeyEntry& first, const KeyEntry& second) { return first.key == second.key; });
  if (twice != entries_.end()) return CheckOnce(twice[0], twice[1]);
  const uint64_t number = index_.store_->TakeNumber();
  const auto write = [&]() -> Result<std::shared_ptr<const Run>> {
    TARN_ASSIGN_OR_RETURN(
        auto writer, index_.store_->CreateRun(number, entries_.size(), index_.filter_bytes_max()));
    for (const KeyEntry& entry : entries_) TARN_RETURN_IF_ERROR(writer->Add(entry));
    TARN_ASSIGN_OR_RETURN(const RunInfo info, writer->Finish());
    return index_.store_->OpenRun(info);
  };
  auto run = write();
  if (!run.ok()) {
    RemoveRun(number);
    return run.error();
  }
  pieces_.push_back(std::move(run).value());
  entries_.clear();
  return Status::Ok();
}

Result<std::shared_ptr<const Run>> KeyIndexBuilder::Merge(
    std::span<const std::shared_ptr<const Run>> runs) {
  const uint64_t number = index_.store_->TakeNumber();
  uint64_t entries = 0;
  for (const auto& run : runs) entries += run->info().entries;
  const auto write = [&]() -> Result<std::shared_ptr<const Run>> {
    TARN_ASSIGN_OR_RETURN(auto writer,
                          index_.store_->CreateRun(number, entries, index_.filter_bytes_max()));
    RunMerge merge(runs, std::move(writer), RunMerge::Removed::kKept);
    for (bool all = false; !all;) {
      TARN_ASSIGN_OR_RETURN(all, merge.Step(kStepEntries));
      if (const auto& twice = merge.merge().twice()) return CheckOnce(twice->first, twice->second);
    }
    TARN_ASSIGN_OR_RETURN(const RunInfo info, merge.Finish());
    return index_.store_->OpenRun(info);
  };
  auto run = write();
  if (!run.ok()) RemoveRun(number);
  return run;
}

Status KeyIndexBuilder::MergePieces(size_t pieces_max) {
  while (pieces_.size() > pieces_max) {
    const size_t count = std::min(kMergeRunsMax, pieces_.size());
    const RunList merged(pieces_.begin(), pieces_.begin() + static_cast<ptrdiff_t>(count));
    TARN_ASSIGN_OR_RETURN(auto run, Merge(merged));
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<ptrdiff_t>(count));
    pieces_.push_back(std::move(run));
    for (const auto& piece : merged) RemoveRun(piece->info().number);
  }
  return Status::Ok();
}

Status KeyIndexBuilder::Finish(std::string state) {
  if (!entries_.empty() || pieces_.empty()) TARN_RETURN_IF_ERROR(Spill());
  entries_ = {};
  scratch_ = {};
  TARN_RETURN_IF_ERROR(MergePieces(1));
  IndexFileTable files;
  files.next = index_.files_.next;
  for (const auto& [number, path] : index_.files_.paths) {
    if (number < used_files_.size() && used_files_[number]) files.paths.emplace(number, path);
  }
  TARN_RETURN_IF_ERROR(index_.Replace(pieces_.front(), std::move(state), std::move(files)));
  pieces_.clear();
  return Status::Ok();
}

}  // namespace tarn

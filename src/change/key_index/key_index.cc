#include "change/key_index/key_index.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "change/key_index/entry_merge.h"
#include "change/key_index/key_index_builder.h"

namespace tarn {
namespace {

constexpr size_t kPrefetchAhead = 12;
constexpr int64_t kMemoryBytesMin = 64 << 10;
/// Two tables, the second one while it is written, with their empty slots; and its sorted entries.
constexpr int64_t kBytesPerRow = 6 * static_cast<int64_t>(sizeof(KeyEntry));

}  // namespace

KeyIndex::KeyIndex(std::unique_ptr<IndexStore> store, const KeyIndexOptions& options)
    : store_(std::move(store)), options_(options), active_(std::make_unique<MemTable>()) {
  IndexManifest manifest = store_->manifest();
  sequence_ = manifest.sequence;
  chain_ = manifest.chain;
  state_ = std::move(manifest.state);
  files_ = std::move(manifest.files);
  files_logged_ = files_.next;
  for (const auto& [number, path] : files_.paths) file_numbers_.emplace(path, number);
}

size_t KeyIndex::rows_max() const {
  return static_cast<size_t>(std::max(options_.memory_bytes, kMemoryBytesMin) / kBytesPerRow);
}

Result<std::unique_ptr<KeyIndex>> KeyIndex::Open(const std::string& folder,
                                                 KeyIndexOptions options) {
  TARN_ASSIGN_OR_RETURN(auto opened, OpenIndexFolder(folder));
  return Open(std::move(opened), options);
}

Result<std::unique_ptr<KeyIndex>> KeyIndex::Open(std::unique_ptr<IndexFolder> folder,
                                                 KeyIndexOptions options) {
  TARN_ASSIGN_OR_RETURN(auto store, IndexStore::Open(std::move(folder), *options.random));
  std::unique_ptr<KeyIndex> index(new KeyIndex(std::move(store), options));
  TARN_RETURN_IF_ERROR(index->Replay());
  TARN_RETURN_IF_ERROR(index->StartUpkeep());
  return index;
}

KeyIndex::~KeyIndex() { StopUpkeep(); }

std::string KeyIndex::state() const {
  std::lock_guard lock(mutex_);
  return broken_ ? std::string() : state_;
}

Status KeyIndex::Usable() const {
  std::lock_guard lock(mutex_);
  return broken_ ? Status(*broken_) : Status::Ok();
}

Status KeyIndex::Noted(const Status& status) {
  if (status.ok() || status.error().kind != ErrorKind::kCorruption) return status;
  {
    std::lock_guard lock(mutex_);
    if (!broken_) broken_ = status.error();
  }
  // When this fails, who opens the index next finds the damage as we did.
  static_cast<void>(store_->Forsake().ok());
  return status;
}

Result<uint32_t> KeyIndex::FileNumber(std::string_view path) {
  std::string text(path);
  if (const auto found = file_numbers_.find(text); found != file_numbers_.end()) {
    return found->second;
  }
  if (files_.next == RowPlace::kNoFile) {
    return ResourceExhausted(
        "key index: " + store_->folder().path() + " has no numbers left for " + text,
        "remove the folder: it is built again");
  }
  const uint32_t number = files_.next++;
  files_.paths.emplace(number, text);
  file_numbers_.emplace(std::move(text), number);
  return number;
}

const std::string* KeyIndex::FilePath(uint32_t number) const {
  const auto found = files_.paths.find(number);
  return found == files_.paths.end() ? nullptr : &found->second;
}

Status KeyIndex::Lookup(std::span<const KeyHash> keys, std::span<RowPlace> places) {
  TARN_CHECK(keys.size() == places.size());
  std::shared_ptr<const MemTable> sealed;
  {
    std::lock_guard lock(mutex_);
    if (broken_) return *broken_;
    if (sealed_) sealed = sealed_->table;
  }
  // After the sealed table: it may become a run between the two, never the other way.
  const auto runs = store_->runs();
  wanted_.clear();
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i + kPrefetchAhead < keys.size()) {
      active_->Prefetch(keys[i + kPrefetchAhead]);
      if (sealed) sealed->Prefetch(keys[i + kPrefetchAhead]);
    }
    const RowPlace* place = active_->Find(keys[i]);
    if (place == nullptr && sealed) place = sealed->Find(keys[i]);
    places[i] = place == nullptr ? RowPlace() : *place;
    if (place == nullptr) wanted_.push_back({keys[i], i});
  }
  if (runs->empty()) return Status::Ok();
  SortByKey(wanted_, wanted_scratch_);
  for (auto run = runs->rbegin(); run != runs->rend() && !wanted_.empty(); ++run) {
    TARN_RETURN_IF_ERROR(Noted((*run)->Lookup(wanted_, places, buffers_)));
  }
  return Status::Ok();
}

Status KeyIndex::Apply(const Batch& batch) {
  TARN_CHECK(batch.put.size() == batch.places.size());
  for (const RowPlace& place : batch.places) TARN_CHECK(place.found());
  TARN_RETURN_IF_ERROR(Usable());
  TARN_RETURN_IF_ERROR(MakeRoom());
  return AppendToLog(batch);
}

std::unique_ptr<KeyIndexBuilder> KeyIndex::Rebuild() {
  return std::unique_ptr<KeyIndexBuilder>(new KeyIndexBuilder(*this));
}

Status KeyIndex::ForEach(const std::function<Status(const KeyHash&, const RowPlace&)>& visit) {
  TARN_RETURN_IF_ERROR(Usable());
  std::shared_ptr<const MemTable> sealed;
  {
    std::lock_guard lock(mutex_);
    if (sealed_) sealed = sealed_->table;
  }
  std::vector<std::unique_ptr<EntryCursor>> cursors;
  for (const auto& run : *store_->runs()) cursors.push_back(CursorOf(run));
  if (sealed) cursors.push_back(CursorOf(sealed->Sorted()));
  cursors.push_back(CursorOf(active_->Sorted()));
  EntryMerge merge(std::move(cursors));
  for (;;) {
    auto entry = merge.Next();
    if (!entry.ok()) return Noted(entry.status());
    if (!*entry) return Status::Ok();
    if ((*entry)->place.found()) TARN_RETURN_IF_ERROR(visit((*entry)->key, (*entry)->place));
  }
}

KeyIndex::Stats KeyIndex::stats() const {
  Stats stats;
  stats.memory_entries = active_->size();
  {
    std::lock_guard lock(mutex_);
    if (sealed_) stats.memory_entries += sealed_->table->size();
  }
  const auto runs = store_->runs();
  stats.runs = runs->size();
  for (const auto& run : *runs) stats.run_entries += run->info().entries;
  return stats;
}

}  // namespace tarn

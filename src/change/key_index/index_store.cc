#include "change/key_index/index_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "change/key_index/log_record.h"

namespace tarn {
namespace {

constexpr char kUnfinishedManifestName[] = "manifest.new";
constexpr int64_t kManifestBytesMax = 1LL << 30;

/// What a folder of an index may have to lose; anything else is not ours.
bool IsOurs(const std::string& name) {
  return name.starts_with("run-") || name.starts_with("log-") || name == kManifestName ||
         name == kUnfinishedManifestName;
}

Result<std::string> ReadWhole(const IndexFile& file, int64_t bytes_max) {
  TARN_ASSIGN_OR_RETURN(const int64_t size, file.Size());
  if (size > bytes_max) return Corruption("key index: " + file.path() + " is too large");
  std::string bytes(static_cast<size_t>(size), '\0');
  TARN_RETURN_IF_ERROR(file.Read(0, bytes));
  return bytes;
}

}  // namespace

Result<std::unique_ptr<IndexStore>> IndexStore::Open(std::unique_ptr<IndexFolder> folder,
                                                     Random& random) {
  std::unique_ptr<IndexStore> store(new IndexStore(std::move(folder), random));
  const Status loaded = store->Load();
  if (!loaded.ok()) {
    if (loaded.error().kind != ErrorKind::kCorruption) return loaded.error();
    store->discarded_ = loaded.error().message;
    store->manifest_ = {};
    store->runs_ = std::make_shared<const RunList>();
    store->next_number_ = 1;
    TARN_RETURN_IF_ERROR(store->Begin());
  }
  return store;
}

Status IndexStore::Load() {
  auto file = folder_->Open(kManifestName);
  if (!file.ok()) {
    if (file.error().kind != ErrorKind::kNotFound) return file.error();
    return Begin();
  }
  TARN_ASSIGN_OR_RETURN(const std::string bytes, ReadWhole(**file, kManifestBytesMax));
  TARN_ASSIGN_OR_RETURN(IndexManifest manifest, DecodeManifest(bytes, (*file)->path()));
  life_ = manifest.life;
  RunList runs;
  for (const RunInfo& info : manifest.runs) {
    TARN_ASSIGN_OR_RETURN(auto run, OpenRun(info));
    runs.push_back(std::move(run));
  }
  TARN_RETURN_IF_ERROR(Sweep(&manifest));
  next_number_ = manifest.next_number;
  manifest_ = std::move(manifest);
  runs_ = std::make_shared<const RunList>(std::move(runs));
  return Status::Ok();
}

Status IndexStore::Sweep(const IndexManifest* manifest) {
  std::set<std::string> needed;
  std::string first_log;
  if (manifest != nullptr) {
    needed.insert(kManifestName);
    for (const RunInfo& run : manifest->runs) needed.insert(RunFileName(run.number));
    first_log = LogFileName(manifest->first_log);
  }
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder_->List());
  for (const std::string& name : names) {
    if (!IsOurs(name) || needed.contains(name)) continue;
    // Their numbers have a fixed width, so that names sort as they do.
    if (manifest != nullptr && name.starts_with("log-") && name >= first_log) continue;
    TARN_RETURN_IF_ERROR(folder_->Remove(name));
  }
  return Status::Ok();
}

Status IndexStore::Begin() {
  // The manifest goes first and for good: without it nothing else is taken for an index.
  TARN_RETURN_IF_ERROR(Forsake());
  TARN_RETURN_IF_ERROR(Sweep(nullptr));
  life_ = random_.Next();
  return Change([this](RunList&, IndexManifest& manifest) {
    manifest.life = life_;
    manifest.first_log = next_number_;
  });
}

IndexManifest IndexStore::manifest() const {
  std::lock_guard lock(mutex_);
  return manifest_;
}

std::shared_ptr<const RunList> IndexStore::runs() const {
  std::lock_guard lock(mutex_);
  return runs_;
}

void IndexStore::SkipNumber(uint64_t number) {
  uint64_t next = next_number_;
  while (next <= number && !next_number_.compare_exchange_weak(next, number + 1)) {
  }
}

Result<std::unique_ptr<RunWriter>> IndexStore::CreateRun(uint64_t number, uint64_t entries_max,
                                                         int64_t filter_bytes_max) {
  const auto filter = KeyFilter::BytesFor(entries_max) <= filter_bytes_max
                          ? RunWriter::Filter::kWanted
                          : RunWriter::Filter::kNone;
  return RunWriter::Create(*folder_, life_, number, entries_max, filter);
}

Status IndexStore::WriteManifest(const IndexManifest& manifest) {
  TARN_ASSIGN_OR_RETURN(auto file, folder_->Create(kUnfinishedManifestName));
  TARN_RETURN_IF_ERROR(file->Append(EncodeManifest(manifest)));
  TARN_RETURN_IF_ERROR(file->Sync());
  // The names of the runs before the name that leads to them.
  TARN_RETURN_IF_ERROR(folder_->SyncNames());
  TARN_RETURN_IF_ERROR(folder_->Rename(kUnfinishedManifestName, kManifestName));
  return folder_->SyncNames();
}

Status IndexStore::Change(const std::function<void(RunList&, IndexManifest&)>& edit) {
  std::lock_guard change(change_mutex_);
  RunList runs = *this->runs();
  IndexManifest manifest = this->manifest();
  const uint64_t first_log_before = manifest.first_log;
  const std::vector<RunInfo> runs_before = manifest.runs;
  edit(runs, manifest);
  manifest.next_number = next_number_;
  manifest.runs.clear();
  for (const auto& run : runs) manifest.runs.push_back(run->info());
  TARN_RETURN_IF_ERROR(WriteManifest(manifest));
  const uint64_t first_log = manifest.first_log;
  const std::vector<RunInfo> runs_after = manifest.runs;
  {
    std::lock_guard lock(mutex_);
    runs_ = std::make_shared<const RunList>(std::move(runs));
    manifest_ = std::move(manifest);
  }
  // What stays behind is swept when the index is opened.
  for (uint64_t log = first_log_before; log < first_log; ++log) {
    static_cast<void>(folder_->Remove(LogFileName(log)).ok());
  }
  for (const RunInfo& run : runs_before) {
    if (std::find(runs_after.begin(), runs_after.end(), run) == runs_after.end()) {
      static_cast<void>(folder_->Remove(RunFileName(run.number)).ok());
    }
  }
  return Status::Ok();
}

Status IndexStore::Forsake() {
  std::lock_guard change(change_mutex_);
  TARN_RETURN_IF_ERROR(folder_->Remove(kManifestName));
  return folder_->SyncNames();
}

}  // namespace tarn

#include <cstdlib>
#include <utility>

#include "change/key_index/key_index.h"

namespace tarn {

/// Takes in what the logs have since the manifest, and goes on with the last of them. Where they
/// end early (a power cut), so does what the index knows: at the state of the last whole batch.
Status KeyIndex::Replay() {
  const std::string first = LogFileName(store_->manifest().first_log);
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string> names, store_->folder().List());
  bool whole = true;
  for (const std::string& name : names) {
    if (!name.starts_with("log-") || name < first) continue;
    if (whole) {
      TARN_RETURN_IF_ERROR(ReplayLog(name, &whole));
    } else {
      TARN_RETURN_IF_ERROR(store_->folder().Remove(name));
    }
  }
  return log_ == nullptr ? BeginLog() : Status::Ok();
}

Status KeyIndex::ReplayLog(const std::string& name, bool* whole) {
  *whole = false;
  TARN_ASSIGN_OR_RETURN(auto file, store_->folder().Open(name));
  TARN_ASSIGN_OR_RETURN(const int64_t size, file->Size());
  std::string bytes(static_cast<size_t>(size), '\0');
  TARN_RETURN_IF_ERROR(file->Read(0, bytes));

  const uint64_t number = std::strtoull(name.c_str() + 4, nullptr, 10);
  std::string_view rest = bytes;
  if (!DecodeLogHeader(rest, store_->life(), number)) return store_->folder().Remove(name);
  while (!rest.empty()) {
    std::string_view next = rest;
    uint32_t chain = chain_;
    const auto decoded = DecodeLogBatch(next, &chain);
    if (!decoded || decoded->batch.sequence != sequence_ + 1) break;
    TakeIn(decoded->batch);
    chain_ = chain;
    rest = next;
  }
  *whole = rest.empty();
  log_bytes_ = size - static_cast<int64_t>(rest.size());
  if (!*whole) TARN_RETURN_IF_ERROR(file->Truncate(log_bytes_));
  log_ = std::move(file);
  log_number_ = number;
  store_->SkipNumber(number);
  return Status::Ok();
}

Status KeyIndex::BeginLog() {
  const uint64_t number = store_->TakeNumber();
  TARN_ASSIGN_OR_RETURN(auto file, store_->folder().Create(LogFileName(number)));
  const std::string header = EncodeLogHeader(store_->life(), number);
  const Status written = file->Append(header);
  if (!written.ok()) {
    static_cast<void>(store_->folder().Remove(LogFileName(number)).ok());
    return written;
  }
  log_ = std::move(file);
  log_number_ = number;
  log_bytes_ = static_cast<int64_t>(header.size());
  return Status::Ok();
}

Status KeyIndex::AppendToLog(const Batch& batch) {
  LogBatch record;
  record.sequence = sequence_ + 1;
  record.removed = batch.removed;
  record.put = batch.put;
  record.places = batch.places;
  record.forgotten.assign(batch.forgotten.begin(), batch.forgotten.end());
  for (auto file = files_.paths.lower_bound(files_logged_); file != files_.paths.end(); ++file) {
    record.files.emplace_back(*file);
  }
  record.state = batch.state;
  uint32_t chain = chain_;
  const std::string bytes = EncodeLogBatch(record, &chain);
  const Status written = log_->Append(bytes);
  if (!written.ok()) {
    // What follows half a batch would never be read: without it, or not at all.
    const Status cut = log_->Truncate(log_bytes_);
    if (!cut.ok()) {
      std::lock_guard lock(mutex_);
      broken_ = cut.error();
    }
    return written;
  }
  log_bytes_ += static_cast<int64_t>(bytes.size());
  chain_ = chain;
  TakeIn(record);
  return Status::Ok();
}

void KeyIndex::TakeIn(const LogBatch& batch) {
  constexpr size_t kAhead = 12;
  for (size_t i = 0; i < batch.removed.size(); ++i) {
    if (i + kAhead < batch.removed.size()) active_->Prefetch(batch.removed[i + kAhead]);
    active_->Put({batch.removed[i], RowPlace()});
  }
  for (size_t i = 0; i < batch.put.size(); ++i) {
    if (i + kAhead < batch.put.size()) active_->Prefetch(batch.put[i + kAhead]);
    active_->Put({batch.put[i], batch.places[i]});
  }
  for (const auto& [number, path] : batch.files) {
    std::string owned(path);  // `path` may be a view of the very entry that is replaced
    file_numbers_.insert_or_assign(owned, number);
    files_.paths.insert_or_assign(number, std::move(owned));
    files_.next = std::max(files_.next, number + 1);
  }
  files_logged_ = files_.next;
  for (const uint32_t number : batch.forgotten) {
    const auto file = files_.paths.find(number);
    if (file == files_.paths.end()) continue;
    file_numbers_.erase(file->second);
    files_.paths.erase(file);
  }
  sequence_ = batch.sequence;
  std::lock_guard lock(mutex_);
  state_ = batch.state;
}

}  // namespace tarn

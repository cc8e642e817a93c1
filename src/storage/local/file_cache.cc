#include "storage/local/file_cache.h"

#include <sys/stat.h>

namespace tarn {
namespace {

constexpr int64_t kInsertsBetweenLooks = 16;

bool IsRemoved(const UniqueFd& file) {
  struct stat info {};
  return ::fstat(file.get(), &info) == 0 && info.st_nlink == 0;
}

}  // namespace

FileCache::File FileCache::Find(std::string_view key) {
  std::lock_guard lock(mutex_);
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, it->second);
  return it->second->file;
}

void FileCache::Insert(std::string_view key, File file) {
  if (files_max_ <= 0) return;
  std::lock_guard lock(mutex_);
  if (const auto it = by_key_.find(key); it != by_key_.end()) {
    it->second->file = std::move(file);
    entries_.splice(entries_.begin(), entries_, it->second);
    return;
  }
  if (++inserted_ % kInsertsBetweenLooks == 0) CloseRemoved();
  entries_.push_front({std::string(key), std::move(file)});
  by_key_.emplace(entries_.front().key, entries_.begin());
  if (static_cast<int64_t>(entries_.size()) > files_max_) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

void FileCache::Erase(std::string_view key) {
  std::lock_guard lock(mutex_);
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return;
  const auto entry = it->second;
  by_key_.erase(it);
  entries_.erase(entry);
}

void FileCache::CloseRemoved() {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (!IsRemoved(*entry->file)) {
      ++entry;
      continue;
    }
    by_key_.erase(entry->key);
    entry = entries_.erase(entry);
  }
}

void FileCache::Clear() {
  std::lock_guard lock(mutex_);
  by_key_.clear();
  entries_.clear();
}

}  // namespace tarn

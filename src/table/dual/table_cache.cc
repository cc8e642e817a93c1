#include "table/dual/table_cache.h"

#include <cctype>
#include <string_view>
#include <utility>

namespace tarn {

namespace {

constexpr int64_t kParsedFactor = 3;

bool IsUuid(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) {
      return false;
    }
  }
  return true;
}

bool NamedByUuid(std::string_view uri) {
  constexpr size_t kUuidLength = 36;
  const std::string_view name = uri.substr(uri.rfind('/') + 1);
  for (size_t i = 0; i + kUuidLength <= name.size(); ++i) {
    if (IsUuid(name.substr(i, kUuidLength))) return true;
  }
  return false;
}

}  // namespace

TableCache::Entry TableCache::Find(const std::string& uri) {
  std::lock_guard lock(mutex_);
  auto found = by_uri_.find(uri);
  if (found == by_uri_.end()) return {};
  entries_.splice(entries_.begin(), entries_, found->second);
  return entries_.front();
}

void TableCache::Put(Entry entry) {
  if (!NamedByUuid(entry.uri) || entry.cost > bytes_max_ / 2) return;
  std::lock_guard lock(mutex_);
  if (by_uri_.contains(entry.uri)) return;
  bytes_ += entry.cost;
  entries_.push_front(std::move(entry));
  by_uri_[entries_.front().uri] = entries_.begin();
  while (bytes_ > bytes_max_) {
    bytes_ -= entries_.back().cost;
    by_uri_.erase(entries_.back().uri);
    entries_.pop_back();
  }
}

std::shared_ptr<const TableMetadata> TableCache::FindMetadata(const std::string& uri) {
  return Find(uri).metadata;
}

void TableCache::PutMetadata(const std::string& uri, std::shared_ptr<const TableMetadata> metadata,
                             int64_t file_bytes) {
  Put({uri, std::move(metadata), nullptr, nullptr, file_bytes * kParsedFactor});
}

std::shared_ptr<const std::string> TableCache::FindObject(const std::string& uri) {
  return Find(uri).object;
}

void TableCache::PutObject(const std::string& uri, std::shared_ptr<const std::string> bytes) {
  const auto cost = static_cast<int64_t>(bytes->size());
  Put({uri, nullptr, std::move(bytes), nullptr, cost});
}

std::shared_ptr<const DeletedPositions> TableCache::FindDeletes(const std::string& uri) {
  return Find(uri).deletes;
}

void TableCache::PutDeletes(const std::string& uri,
                            std::shared_ptr<const DeletedPositions> deletes) {
  int64_t cost = 0;
  for (const auto& [path, positions] : *deletes) {
    cost += static_cast<int64_t>(path.size()) + positions.memory_bytes();
  }
  Put({uri, nullptr, nullptr, std::move(deletes), cost});
}

int64_t TableCache::bytes() {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace tarn

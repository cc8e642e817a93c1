#include "table/dual/table_cache.h"

#include <cctype>
#include <string_view>
#include <utility>

#include "table/dual/manifest_index.h"

namespace tarn {

namespace {

constexpr int64_t kParsedFactor = 3;

/// What an entry takes beside its name and what it keeps: its places in the list and in the map,
/// and the head that is counted with what it keeps.
constexpr int64_t kEntryBytes = 256;

/// A node of a map from paths to deleted positions, without the path.
constexpr int64_t kDeletesNodeBytes = 96;

bool IsUuid(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) {
      return false;
    }
  }
  return true;
}

/// No object is called so.
std::string IndexKey(const std::string& manifest_uri) { return manifest_uri + "#index"; }

}  // namespace

bool TableCache::Keeps(const std::string& uri) {
  constexpr size_t kUuidLength = 36;
  const std::string_view name = std::string_view(uri).substr(uri.rfind('/') + 1);
  for (size_t i = 0; i + kUuidLength <= name.size(); ++i) {
    if (IsUuid(name.substr(i, kUuidLength))) return true;
  }
  return false;
}

TableCache::Entry TableCache::Find(const std::string& uri) {
  std::lock_guard lock(mutex_);
  auto found = by_uri_.find(uri);
  if (found == by_uri_.end()) return {};
  entries_.splice(entries_.begin(), entries_, found->second);
  return entries_.front();
}

int64_t TableCache::CostOf(const std::string& uri, int64_t kept_bytes) {
  return kept_bytes + kEntryBytes + 2 * static_cast<int64_t>(uri.size());
}

void TableCache::Put(Entry entry) {
  entry.cost = CostOf(entry.uri, entry.cost);
  if (!Keeps(entry.uri) || entry.cost > entry_bytes_max()) return;
  std::lock_guard lock(mutex_);
  if (by_uri_.contains(entry.uri)) return;
  Insert(std::move(entry));
}

void TableCache::Insert(Entry entry) {
  bytes_ += entry.cost;
  entries_.push_front(std::move(entry));
  by_uri_[entries_.front().uri] = entries_.begin();
  while (bytes_ > bytes_max_) Erase(std::string(entries_.back().uri));
}

void TableCache::Erase(const std::string& uri) {
  const auto found = by_uri_.find(uri);
  if (found == by_uri_.end()) return;
  bytes_ -= found->second->cost;
  entries_.erase(found->second);
  by_uri_.erase(found);
}

std::shared_ptr<const TableMetadata> TableCache::FindMetadata(const std::string& uri) {
  return Find(uri).metadata;
}

void TableCache::PutMetadata(const std::string& uri, std::shared_ptr<const TableMetadata> metadata,
                             int64_t file_bytes) {
  Put({.uri = uri, .metadata = std::move(metadata), .cost = file_bytes * kParsedFactor});
}

std::shared_ptr<const std::string> TableCache::FindObject(const std::string& uri) {
  return Find(uri).object;
}

void TableCache::PutObject(const std::string& uri, std::shared_ptr<const std::string> bytes) {
  // Its room and not its size: who read it may have made room for more.
  const auto cost = static_cast<int64_t>(bytes->capacity());
  Put({.uri = uri, .object = std::move(bytes), .cost = cost});
}

std::shared_ptr<const DeletedPositions> TableCache::FindDeletes(const std::string& uri) {
  return Find(uri).deletes;
}

void TableCache::PutDeletes(const std::string& uri,
                            std::shared_ptr<const DeletedPositions> deletes) {
  int64_t cost = 0;
  for (const auto& [path, positions] : *deletes) {
    cost += kDeletesNodeBytes + static_cast<int64_t>(path.capacity()) + positions.memory_bytes();
  }
  Put({.uri = uri, .deletes = std::move(deletes), .cost = cost});
}

std::shared_ptr<const ManifestIndex> TableCache::FindIndex(const std::string& manifest_uri) {
  return Find(IndexKey(manifest_uri)).index;
}

void TableCache::PutIndex(const std::string& manifest_uri,
                          std::shared_ptr<const ManifestIndex> index) {
  const std::string key = IndexKey(manifest_uri);
  const int64_t cost = CostOf(key, index->memory_bytes());
  if (!Keeps(manifest_uri) || cost > entry_bytes_max()) return;
  std::lock_guard lock(mutex_);
  if (const auto object = by_uri_.find(manifest_uri); object != by_uri_.end()) {
    entries_.splice(entries_.end(), entries_, object->second);
  }
  Erase(key);
  Insert({.uri = key, .index = std::move(index), .cost = cost});
}

int64_t TableCache::bytes() {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace tarn

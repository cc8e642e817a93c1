#include "table/delta/checkpoint_merge.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "table/delta/text.h"

namespace tarn::delta {
namespace {

constexpr int64_t kAlive = INT64_MAX;

/// The file that a vector stands in; empty where there is none. As in the log: Tarn's own writers,
/// and others for all that is known, spell one file in one way.
std::string VectorFile(const std::optional<DeletionVectorDescriptor>& vector) {
  using Storage = DeletionVectorDescriptor::Storage;
  if (!vector || vector->storage == Storage::kInline) return {};
  return vector->Letter() + vector->path_or_inline;
}

int64_t DeletedMs(const RemoveFile& remove) { return remove.deleted_ms.value_or(0); }

template <typename Files, typename Name>
void Raise(Files& files, Name name, int64_t until_ms) {
  int64_t& known_ms = files.try_emplace(std::move(name), until_ms).first->second;
  known_ms = std::max(known_ms, until_ms);
}

template <typename Files, typename Name>
bool NamedUntil(const Files& files, const Name& name, int64_t ms) {
  const auto found = files.find(name);
  return found != files.end() && found->second >= ms;
}

}  // namespace

CheckpointMerge::CheckpointMerge(const State& tail, int64_t expired_ms)
    : tail_(tail), expired_ms_(expired_ms) {
  const auto name = [&](const std::string& key, const auto& file, int64_t until_ms) {
    Raise(data_files_, std::string_view(key), until_ms);
    std::string vector = VectorFile(file.deletion_vector);
    if (!vector.empty()) Raise(vector_files_, std::move(vector), until_ms);
  };
  for (const auto& [key, add] : tail.files) name(key, add, kAlive);
  for (const auto& [key, remove] : tail.tombstones) name(key.first, remove, DeletedMs(remove));
}

bool CheckpointMerge::Keeps(const AddFile& earlier) {
  const std::string key = FileKey(earlier.path);
  if (tail_.Replaces(key, earlier.VectorId())) return false;
  const auto data = data_files_.find(key);
  if (data != data_files_.end()) data->second = kAlive;
  if (earlier.deletion_vector) {
    const auto vector = vector_files_.find(VectorFile(earlier.deletion_vector));
    if (vector != vector_files_.end()) vector->second = kAlive;
  }
  return true;
}

bool CheckpointMerge::Keeps(const RemoveFile& earlier) const {
  const int64_t deleted_ms = DeletedMs(earlier);
  if (deleted_ms <= expired_ms_) return false;
  const std::string key = FileKey(earlier.path);
  if (tail_.tombstones.contains({key, earlier.VectorId()})) return false;
  const std::string vector = VectorFile(earlier.deletion_vector);
  return !NamedUntil(data_files_, std::string_view(key), deleted_ms) ||
         !(vector.empty() || NamedUntil(vector_files_, vector, deleted_ms));
}

std::vector<const RemoveFile*> CheckpointMerge::Tombstones() const {
  using Tombstone = std::pair<const std::string*, const RemoveFile*>;  // with its FileKey()
  std::vector<Tombstone> young;
  for (const auto& [key, remove] : tail_.tombstones) {
    if (DeletedMs(remove) > expired_ms_) young.emplace_back(&key.first, &remove);
  }
  std::stable_sort(young.begin(), young.end(), [](const Tombstone& a, const Tombstone& b) {
    return DeletedMs(*a.second) > DeletedMs(*b.second);
  });
  std::set<std::string> data_files;
  std::set<std::string> vector_files = {""};
  std::vector<const RemoveFile*> kept;
  for (const auto& [key, remove] : young) {
    std::string vector = VectorFile(remove->deletion_vector);
    const bool names_data =
        !NamedUntil(data_files_, std::string_view(*key), kAlive) && data_files.insert(*key).second;
    const bool names_vector =
        !NamedUntil(vector_files_, vector, kAlive) && vector_files.insert(std::move(vector)).second;
    if (names_data || names_vector) kept.push_back(remove);
  }
  return kept;
}

}  // namespace tarn::delta

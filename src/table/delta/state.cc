#include "table/delta/state.h"

#include <algorithm>
#include <set>
#include <utility>

#include "table/delta/text.h"

namespace tarn::delta {
namespace {

struct Applier {
  State& state;

  void operator()(Protocol&& protocol) { state.protocol = std::move(protocol); }
  void operator()(Metadata&& metadata) { state.metadata = std::move(metadata); }
  void operator()(AddFile&& add) {
    std::string key = FileKey(add.path);
    state.tombstones.erase({key, add.VectorId()});
    state.files.insert_or_assign(std::move(key), std::move(add));
  }
  void operator()(RemoveFile&& remove) {
    std::pair<std::string, std::string> key{FileKey(remove.path), remove.VectorId()};
    const auto alive = state.files.find(key.first);
    if (alive != state.files.end() && alive->second.VectorId() == key.second) {
      state.files.erase(alive);
    }
    state.tombstones.insert_or_assign(std::move(key), std::move(remove));
  }
  void operator()(Transaction&& transaction) {
    std::string app = transaction.app_id;
    state.transactions.insert_or_assign(std::move(app), std::move(transaction));
  }
  void operator()(DomainMetadata&& domain) {
    if (domain.removed) {
      state.domains.erase(domain.domain);
    } else {
      std::string name = domain.domain;
      state.domains.insert_or_assign(std::move(name), std::move(domain));
    }
  }
  // Not part of a table's state: where a commit came from, its changes told apart, the parts of a
  // checkpoint.
  void operator()(CommitInfo&&) {}
  void operator()(AddCdcFile&&) {}
  void operator()(Sidecar&&) {}
  void operator()(CheckpointMetadata&&) {}
};

/// The file that a vector stands in; empty where there is none. As in the log: Tarn's own writers,
/// and others for all that is known, spell one file in one way.
std::string VectorFile(const std::optional<DeletionVectorDescriptor>& vector) {
  using Storage = DeletionVectorDescriptor::Storage;
  if (!vector || vector->storage == Storage::kInline) return {};
  return vector->Letter() + vector->path_or_inline;
}

}  // namespace

std::vector<const RemoveFile*> TombstonesToKeep(const State& state, int64_t expired_ms) {
  using Tombstone = std::pair<const std::string*, const RemoveFile*>;  // with its FileKey()
  std::vector<Tombstone> young;
  for (const auto& [key, remove] : state.tombstones) {
    if (remove.deleted_ms.value_or(0) > expired_ms) young.emplace_back(&key.first, &remove);
  }
  std::stable_sort(young.begin(), young.end(), [](const Tombstone& a, const Tombstone& b) {
    return a.second->deleted_ms > b.second->deleted_ms;
  });
  std::set<std::string> paths, vectors = {""};
  for (const auto& [path, add] : state.files) vectors.insert(VectorFile(add.deletion_vector));
  std::vector<const RemoveFile*> kept;
  for (const auto& [path, remove] : young) {
    const bool names_data = !state.files.contains(*path) && paths.insert(*path).second;
    const bool names_vector = vectors.insert(VectorFile(remove->deletion_vector)).second;
    if (names_data || names_vector) kept.push_back(remove);
  }
  return kept;
}

void State::Apply(int64_t entry_version, std::vector<Action> actions) {
  const auto removes = [](const Action& action) {
    return std::holds_alternative<RemoveFile>(action);
  };
  // A path may be both removed with its old vector and added with its new one.
  for (Action& action : actions) {
    if (removes(action)) std::visit(Applier{*this}, std::move(action));
  }
  for (Action& action : actions) {
    if (!removes(action)) std::visit(Applier{*this}, std::move(action));
  }
  version = entry_version;
}

}  // namespace tarn::delta

#include "table/delta/state.h"

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

}  // namespace

bool State::Replaces(const std::string& file_key, const std::string& vector_id) const {
  return files.contains(file_key) || tombstones.contains({file_key, vector_id});
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

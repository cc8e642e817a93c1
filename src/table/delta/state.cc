#include "table/delta/state.h"

namespace tarn::delta {
namespace {

struct Applier {
  State& state;

  void operator()(const CommitInfo&) {}
  void operator()(const Protocol& protocol) { state.protocol = protocol; }
  void operator()(const Metadata& metadata) { state.metadata = metadata; }
  void operator()(const AddFile& add) {
    state.tombstones.erase(add.path);
    state.files.insert_or_assign(add.path, add);
  }
  void operator()(const RemoveFile& remove) {
    state.files.erase(remove.path);
    state.tombstones.insert_or_assign(remove.path, remove);
  }
  void operator()(const Transaction& transaction) {
    state.transactions.insert_or_assign(transaction.app_id, transaction);
  }
  void operator()(const DomainMetadata& domain) {
    if (domain.removed) {
      state.domains.erase(domain.domain);
    } else {
      state.domains.insert_or_assign(domain.domain, domain);
    }
  }
};

}  // namespace

void State::Apply(int64_t entry_version, const std::vector<Action>& actions) {
  for (const Action& action : actions) std::visit(Applier{*this}, action);
  version = entry_version;
}

}  // namespace tarn::delta

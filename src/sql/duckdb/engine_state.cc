#include "sql/duckdb/engine_state.h"

#include "storage/outside_files.h"

namespace tarn::duck {

Result<uint64_t> EngineState::StoreFor(const std::string& location) {
  if (options.tables.store->KeyOf(location).ok()) return uint64_t{0};
  if (!options.open_store) {
    return PermissionDenied("only tables of the lake can be read, and " + location +
                            " is none of them");
  }
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < foreign_stores_.size(); ++i) {
    if (foreign_stores_[i]->KeyOf(location).ok()) return static_cast<uint64_t>(i + 1);
  }
  if (foreign_stores_.size() >= kForeignStoresMax) {
    return ResourceExhausted("tables in more than " + std::to_string(kForeignStoresMax) +
                             " buckets and folders were read since the start");
  }
  TARN_ASSIGN_OR_RETURN(auto store, options.open_store(location));
  TARN_RETURN_IF_ERROR(store->KeyOf(location).status());
  // Such a table may keep its data, deletes or manifests in yet other places.
  foreign_stores_.push_back(OpenReachingStore(std::move(store), options.open_store));
  return static_cast<uint64_t>(foreign_stores_.size());
}

ObjectStore& EngineState::StoreOf(uint64_t id) {
  if (id == 0) return *options.tables.store;
  const std::lock_guard lock(mutex_);
  return *foreign_stores_.at(id - 1);
}

duckdb::shared_ptr<SessionState> SessionState::Find(duckdb::ClientContext& context) {
  return context.registered_state->Get<SessionState>(kKey);
}

}  // namespace tarn::duck

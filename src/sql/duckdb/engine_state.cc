#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

Result<std::shared_ptr<const TableMetadata>> MetadataCache::Load(ObjectStore& store,
                                                                 const std::string& location) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_location_.find(location); found != by_location_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return found->second->second;
    }
  }
  TARN_ASSIGN_OR_RETURN(std::shared_ptr<const TableMetadata> metadata,
                        LoadTableMetadata(store, location));
  const std::lock_guard lock(mutex_);
  if (const auto found = by_location_.find(location); found != by_location_.end()) {
    return found->second->second;
  }
  entries_.emplace_front(location, metadata);
  by_location_[location] = entries_.begin();
  if (entries_.size() > entries_max_) {
    by_location_.erase(entries_.back().first);
    entries_.pop_back();
  }
  return metadata;
}

duckdb::shared_ptr<SessionState> SessionState::Find(duckdb::ClientContext& context) {
  return context.registered_state->Get<SessionState>(kKey);
}

}  // namespace tarn::duck

#include "pipeline/maintain/table_state.h"

#include <utility>

#include "base/thread.h"

namespace tarn {

namespace {

constexpr size_t kRemovalsGathered = 256;
constexpr size_t kRemovalThreadsMax = 8;

}  // namespace

Result<TableState> LoadTableState(const PipelineContext& context, const std::string& uuid) {
  TableState state;
  TARN_ASSIGN_OR_RETURN(state.entry, context.catalog->LoadTableByUuid(uuid, {}));
  TARN_ASSIGN_OR_RETURN(state.metadata,
                        LoadTableMetadata(context.tables, state.entry.metadata_location));
  return state;
}

Result<std::string> TableFolder(const PipelineContext& context, const TableState& state) {
  TARN_ASSIGN_OR_RETURN(std::string folder, context.tables.store->KeyOf(state.metadata->location));
  while (folder.ends_with('/')) folder.pop_back();
  if (folder.empty()) {
    return InvalidArgument("table " + state.entry.name.ToString() + " stands at the store's root",
                           "its files cannot be told from those of other tables");
  }
  return folder;
}

Result<bool> HasPendingPublications(const PipelineContext& context, const std::string& uuid) {
  TARN_ASSIGN_OR_RETURN(const auto pending,
                        context.catalog->PendingPublications({.limit = 1, .table_uuid = uuid}));
  return !pending.empty();
}

Status ObjectRemover::Add(std::string key) {
  keys_.push_back(std::move(key));
  return keys_.size() < kRemovalsGathered ? Status() : Flush();
}

Status ObjectRemover::Flush() {
  const std::vector<std::string> keys = std::exchange(keys_, {});
  if (keys.empty()) return {};
  if (context_.cancel != nullptr) TARN_RETURN_IF_ERROR(context_.cancel->Check());
  if (may_remove_) TARN_RETURN_IF_ERROR(may_remove_());
  TARN_RETURN_IF_ERROR(RunInThreads(keys.size(), kRemovalThreadsMax, [&](size_t i) {
    return context_.tables.store->Delete(keys[i]);
  }));
  removed_ += static_cast<int64_t>(keys.size());
  return {};
}

}  // namespace tarn

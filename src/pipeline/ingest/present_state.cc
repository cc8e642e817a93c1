#include "pipeline/ingest/present_state.h"

#include <string>
#include <utility>

namespace tarn {

Result<PresentState> LoadPresentState(const TableContext& context,
                                      const std::function<Result<TableEntry>()>& find) {
  std::string missing;
  for (int64_t attempt = 1;; ++attempt) {
    TARN_ASSIGN_OR_RETURN(TableEntry entry, find());
    auto metadata = LoadTableMetadata(context, entry.metadata_location);
    if (metadata.ok()) return PresentState{std::move(entry), *std::move(metadata)};
    const bool stays = entry.metadata_location == missing;
    if (metadata.error().kind != ErrorKind::kNotFound || stays ||
        attempt >= context.limits->commit_retries_max) {
      return metadata.status().error();
    }
    missing = std::move(entry.metadata_location);
  }
}

}  // namespace tarn

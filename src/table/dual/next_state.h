#pragma once

#include <map>
#include <optional>
#include <string>

#include "table/dual/schema_editor.h"
#include "table/dual/stage.h"
#include "table/dual/table.h"

namespace tarn {

inline constexpr char kMainBranch[] = "main";

/// All that a transaction changes besides the rows. Borrowed.
struct NextStateParts {
  const TableMetadata* base = nullptr;  ///< nullptr for a new table
  std::string base_location;
  std::string location;
  std::string table_uuid;
  const SchemaEditor* editor = nullptr;
  const PartitionSpec* spec = nullptr;
  int32_t last_partition_id = 999;
  const SortOrder* sort_order = nullptr;
  const std::map<std::string, std::optional<std::string>>* properties = nullptr;
  const RowChange* rows = nullptr;  ///< only asked whether a later format version is needed
  const std::map<std::string, std::optional<SnapshotRef>>* refs = nullptr;  ///< nullopt: removed
  std::optional<SnapshotId> rollback;
  std::optional<int64_t> time_ms;  ///< nullopt: now
};

/// The table's state after the changes, without the snapshot that adds their rows.
TableMetadata NextState(const TableContext& context, const NextStateParts& parts);

/// The name of the object below metadata/ that the state after the one at `base_location` is staged
/// under: "00003-<uuid>.json". Not ".metadata.json": readers without a catalog would take it for a
/// committed version.
std::string StagedMetadataName(const std::string& base_location, Random& random);

}  // namespace tarn

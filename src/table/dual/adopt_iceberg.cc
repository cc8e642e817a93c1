#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/text.h"
#include "table/delta/properties.h"
#include "table/dual/adopt.h"
#include "table/dual/adopt_checks.h"
#include "table/dual/deletes.h"
#include "table/dual/file_columns.h"
#include "table/dual/scan_bounds.h"

namespace tarn {

namespace {

constexpr int kFormatVersionMin = 2;  // that tables of the lake are written in

/// Properties that mean the same in the lake.
bool IsKept(const std::string& key) {
  const auto among = [&key](std::initializer_list<const char*> keys) {
    return std::any_of(keys.begin(), keys.end(), [&key](const char* one) { return key == one; });
  };
  return among({"comment", kNameMappingProperty, "write.target-file-size-bytes",
                "write.metadata.previous-versions-max", "write.delete.mode", "write.update.mode",
                "write.merge.mode", "write.delete.isolation-level", "write.update.isolation-level",
                "write.merge.isolation-level"}) ||
         key.starts_with("history.expire.") || key.starts_with(delta::kConstraintPrefix) ||
         key == delta::kAppendOnlyProperty;
}

TableMetadata SeedOf(const TableMetadata& table, const Snapshot* snapshot) {
  TableMetadata seed;
  seed.format_version = std::max(kFormatVersionMin, table.format_version);
  // Files may hold row ids and sequence numbers of rows that moved: new ones come after them.
  seed.last_sequence_number = table.last_sequence_number;
  seed.next_row_id = table.next_row_id;
  seed.last_column_id = table.last_column_id;
  seed.schemas = table.schemas;
  seed.current_schema = table.current_schema;
  // The newest state has the newest columns, also such as came after it.
  const bool earlier = snapshot != nullptr && snapshot != table.current();
  if (earlier && snapshot->schema_id && table.FindSchema(*snapshot->schema_id) != nullptr) {
    seed.current_schema = *snapshot->schema_id;
  }
  seed.specs = table.specs;
  seed.default_spec = table.default_spec;
  seed.last_partition_id = table.last_partition_id;
  seed.sort_orders = table.sort_orders;
  seed.default_sort_order = table.default_sort_order;
  for (const auto& [key, value] : table.properties) {
    if (IsKept(key)) seed.properties[key] = value;
  }
  return seed;
}

Status CheckFile(const DataFile& file) {
  if (LowerAscii(file.format) != "parquet") {
    return Unsupported("data file " + file.path + " is " + file.format + ", not Parquet",
                       kAdoptRepair);
  }
  if (!file.key_metadata.empty()) {
    return Unsupported("data file " + file.path + " is encrypted",
                       "copy the rows with the engine that has its key");
  }
  return {};
}

}  // namespace

Result<AdoptedTable> AdoptIceberg(const TableContext& foreign, const TableMetadata& table,
                                  const Snapshot* snapshot) {
  AdoptedTable adopted;
  adopted.seed = SeedOf(table, snapshot);
  TARN_RETURN_IF_ERROR(CheckAdoptable(adopted.seed));
  if (snapshot == nullptr) return adopted;

  // Bounds are read by the columns of the seed.
  std::optional<SnapshotId> pinned;
  if (snapshot != table.current()) pinned = snapshot->id;
  TARN_ASSIGN_OR_RETURN(ScanPlan plan,
                        PlanScanWithMetrics(foreign, table, pinned, Predicate::True()));
  std::set<std::string> paths;
  for (ScanFile& file : plan.files) {
    TARN_RETURN_IF_ERROR(CheckFile(file.file));
    TARN_ASSIGN_OR_RETURN(const auto deleted, LoadDeletes(foreign, table, file));
    TARN_ASSIGN_OR_RETURN(const std::string key, foreign.store->KeyOf(file.file.path));
    file.file.path = foreign.store->UriOf(key);
    if (!paths.insert(file.file.path).second) {
      return Unsupported(
          "the table has the data file " + file.file.path + " twice, which Delta's log cannot tell",
          kAdoptRepair);
    }
    file.file.format = "PARQUET";
    if (deleted != nullptr && !deleted->empty()) {
      adopted.deletes.push_back({file.file, *deleted});
    }
    adopted.files.push_back(std::move(file.file));
  }

  ColumnLookup lookup;
  lookup.schema = adopted.seed.schema();
  const auto mapping = table.properties.find(kNameMappingProperty);
  if (mapping != table.properties.end()) {
    TARN_ASSIGN_OR_RETURN(lookup.names, ReadNameMapping(mapping->second));
  }
  TARN_ASSIGN_OR_RETURN(const FoundColumns found,
                        FindColumnsInFiles(*foreign.store, *foreign.limits, lookup, adopted.files));
  if (found.some_files_lack_ids && mapping == table.properties.end()) {
    return Unsupported("files of the table have no field ids, and it has no name mapping",
                       kAdoptRepair);
  }
  TARN_RETURN_IF_ERROR(TakeFoundColumns(found, adopted));
  return adopted;
}

}  // namespace tarn

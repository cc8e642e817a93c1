#include "table/dual/next_state.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "table/dual/partition_specs.h"
#include "table/dual/sort_orders.h"
#include "table/model/column_mapping.h"

namespace tarn {

namespace {

/// The number in "00003-….json" or "v3.metadata.json"; 0 where there is none.
int64_t VersionOf(std::string_view location) {
  std::string_view name = location.substr(location.rfind('/') + 1);
  if (name.starts_with('v')) name.remove_prefix(1);
  int64_t version = 0;
  std::from_chars(name.data(), name.data() + name.size(), version);
  return version;
}

constexpr char kPreviousVersionsProperty[] = "write.metadata.previous-versions-max";

/// What the table's property says; `auto` is version 3 from the first deleted row on, and where
/// version 2 has no words for a column.
int WantedVersion(const NextStateParts& parts) {
  std::string wanted = kIcebergVersionAuto;
  if (parts.base != nullptr) {
    auto found = parts.base->properties.find(kIcebergVersionProperty);
    if (found != parts.base->properties.end()) wanted = found->second;
  }
  if (auto set = parts.properties->find(kIcebergVersionProperty); set != parts.properties->end()) {
    wanted = set->second.value_or(kIcebergVersionAuto);
  }
  if (wanted == "3") return 3;
  const bool deletes =
      std::any_of(parts.rows->deletes.begin(), parts.rows->deletes.end(), [](const auto& entry) {
        return entry.second.positions.cardinality() < entry.second.file.record_count;
      });
  if (wanted != kIcebergVersionAuto) return 2;
  return deletes || !CheckTypeForVersion(parts.editor->schema, 2).ok() ? 3 : 2;
}

}  // namespace

TableMetadata NextState(const TableContext& context, const NextStateParts& parts) {
  const TableMetadata* base = parts.base;
  const SchemaEditor& editor = *parts.editor;
  TableMetadata next = base ? *base : TableMetadata();
  next.format_version = std::max(next.format_version, WantedVersion(parts));
  next.table_uuid = parts.table_uuid;
  next.location = parts.location;
  // Strictly later, also when the clock was set back: a time names one state.
  next.last_updated_ms = parts.time_ms ? *parts.time_ms : context.clock->NowMillis();
  if (base) next.last_updated_ms = std::max(next.last_updated_ms, base->last_updated_ms + 1);
  next.last_column_id = editor.last_column_id;
  next.last_partition_id = std::max(next.last_partition_id, parts.last_partition_id);

  const auto same = std::find_if(next.schemas.begin(), next.schemas.end(),
                                 [&](const Schema& s) { return s.SameColumns(editor.schema); });
  if (same != next.schemas.end()) {
    next.current_schema = same->id;
  } else {
    Schema schema = editor.schema;
    schema.id = SchemaId(0);
    for (const Schema& other : next.schemas) {
      schema.id = SchemaId(std::max(schema.id.value(), other.id.value() + 1));
    }
    next.current_schema = schema.id;
    next.schemas.push_back(std::move(schema));
  }
  if (next.FindSpec(parts.spec->id) == nullptr) next.specs.push_back(*parts.spec);
  next.default_spec = parts.spec->id;
  RenameClashingPartitions(next);
  AddSortOrder(*parts.sort_order, next);

  for (const auto& [key, value] : *parts.properties) {
    if (value) {
      next.properties[key] = *value;
    } else {
      next.properties.erase(key);
    }
  }
  for (const auto& [name, ref] : *parts.refs) {
    if (ref) {
      next.refs[name] = *ref;
    } else {
      next.refs.erase(name);
    }
  }
  if (parts.rollback) {
    next.current_snapshot = *parts.rollback;
    next.refs[kMainBranch].snapshot = *parts.rollback;
    next.snapshot_log.emplace_back(next.last_updated_ms, *parts.rollback);
  }
  if (!editor.physical_names.empty()) {
    next.properties[kColumnMappingProperty] = WriteColumnMapping(editor.physical_names);
  }
  if (base && !parts.base_location.empty()) {
    next.metadata_log.emplace_back(base->last_updated_ms, parts.base_location);
  }
  int64_t log_max = context.limits->metadata_log_max;
  if (auto wanted = next.properties.find(kPreviousVersionsProperty);
      wanted != next.properties.end()) {
    const std::string& text = wanted->second;
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && value > 0) log_max = std::min(log_max, value);
  }
  if (static_cast<int64_t>(next.metadata_log.size()) > log_max) {
    next.metadata_log.erase(next.metadata_log.begin(), next.metadata_log.end() - log_max);
  }
  return next;
}

std::string StagedMetadataName(const std::string& base_location, Random& random) {
  constexpr size_t kDigitsMin = 5;
  const std::string digits = std::to_string(VersionOf(base_location) + 1);
  const size_t zeros = digits.size() < kDigitsMin ? kDigitsMin - digits.size() : 0;
  return std::string(zeros, '0') + digits + "-" + random.Uuid() + ".json";
}

}  // namespace tarn

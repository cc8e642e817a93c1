#include <algorithm>
#include <utility>

#include "base/json.h"
#include "table/iceberg/metadata_json.h"
#include "table/iceberg/schema_json.h"

namespace tarn {

namespace {

constexpr int kVersionMin = 2;
constexpr int kVersionOfRowLineage = 3;

Json StringsToJson(const std::map<std::string, std::string>& strings) {
  Json json = Json::object();
  for (const auto& [key, value] : strings) json[key] = value;
  return json;
}

void AddUnknown(const std::map<std::string, std::string>& members, Json& json) {
  for (const auto& [key, text] : members) {
    auto value = ParseJson(text, key);
    json[key] = value.ok() ? std::move(value).value() : Json(text);
  }
}

Json SnapshotToJson(const Snapshot& snapshot) {
  Json json = Json::object();
  json["snapshot-id"] = snapshot.id.value();
  if (snapshot.parent) json["parent-snapshot-id"] = snapshot.parent->value();
  json["sequence-number"] = snapshot.sequence_number;
  json["timestamp-ms"] = snapshot.timestamp_ms;
  json["summary"] = StringsToJson(snapshot.summary);
  if (!snapshot.manifest_list.empty()) json["manifest-list"] = snapshot.manifest_list;
  if (!snapshot.manifests.empty()) json["manifests"] = snapshot.manifests;
  if (snapshot.schema_id) json["schema-id"] = snapshot.schema_id->value();
  if (snapshot.first_row_id) json["first-row-id"] = *snapshot.first_row_id;
  if (snapshot.added_rows) json["added-rows"] = *snapshot.added_rows;
  AddUnknown(snapshot.unknown_members, json);
  return json;
}

Json RefToJson(const SnapshotRef& ref) {
  Json json = Json::object();
  json["snapshot-id"] = ref.snapshot.value();
  json["type"] = ref.type;
  if (ref.min_snapshots_to_keep) json["min-snapshots-to-keep"] = *ref.min_snapshots_to_keep;
  if (ref.max_snapshot_age_ms) json["max-snapshot-age-ms"] = *ref.max_snapshot_age_ms;
  if (ref.max_ref_age_ms) json["max-ref-age-ms"] = *ref.max_ref_age_ms;
  return json;
}

Json StatisticsToJson(const StatisticsFile& file) {
  Json json = Json::object();
  json["snapshot-id"] = file.snapshot.value();
  json["statistics-path"] = file.path;
  json["file-size-in-bytes"] = file.size_bytes;
  json["file-footer-size-in-bytes"] = file.footer_bytes;
  if (!file.key_metadata.empty()) json["key-metadata"] = file.key_metadata;
  json["blob-metadata"] = Json::array();
  for (const StatisticsBlob& blob : file.blobs) {
    Json member = Json::object();
    member["type"] = blob.type;
    member["snapshot-id"] = blob.snapshot.value();
    member["sequence-number"] = blob.sequence_number;
    member["fields"] = blob.fields;
    if (!blob.properties.empty()) member["properties"] = StringsToJson(blob.properties);
    json["blob-metadata"].push_back(std::move(member));
  }
  return json;
}

}  // namespace

std::string WriteTableMetadata(const TableMetadata& table) {
  Json json = Json::object();
  const int version = std::max(table.format_version, kVersionMin);
  json["format-version"] = version;
  json["table-uuid"] = table.table_uuid;
  json["location"] = table.location;
  json["last-sequence-number"] = table.last_sequence_number;
  json["last-updated-ms"] = table.last_updated_ms;
  json["last-column-id"] = table.last_column_id;
  json["current-schema-id"] = table.current_schema.value();
  json["schemas"] = Json::array();
  for (const Schema& schema : table.schemas) json["schemas"].push_back(SchemaToJson(schema));
  json["default-spec-id"] = table.default_spec.value();
  json["partition-specs"] = Json::array();
  for (const PartitionSpec& spec : table.specs) {
    json["partition-specs"].push_back(PartitionSpecToJson(spec));
  }
  json["last-partition-id"] = table.last_partition_id;
  json["default-sort-order-id"] = table.default_sort_order;
  json["sort-orders"] = Json::array();
  for (const SortOrder& order : table.sort_orders) {
    json["sort-orders"].push_back(SortOrderToJson(order));
  }
  if (table.sort_orders.empty()) json["sort-orders"].push_back(SortOrderToJson({}));
  json["properties"] = StringsToJson(table.properties);
  if (table.current_snapshot) json["current-snapshot-id"] = table.current_snapshot->value();
  json["refs"] = Json::object();
  for (const auto& [name, ref] : table.refs) json["refs"][name] = RefToJson(ref);
  json["snapshots"] = Json::array();
  for (const Snapshot& snapshot : table.snapshots) {
    json["snapshots"].push_back(SnapshotToJson(snapshot));
  }
  json["statistics"] = Json::array();
  for (const StatisticsFile& file : table.statistics) {
    json["statistics"].push_back(StatisticsToJson(file));
  }
  json["partition-statistics"] = Json::array();
  json["snapshot-log"] = Json::array();
  for (const auto& [ms, id] : table.snapshot_log) {
    json["snapshot-log"].push_back(Json{{"timestamp-ms", ms}, {"snapshot-id", id.value()}});
  }
  json["metadata-log"] = Json::array();
  for (const auto& [ms, file] : table.metadata_log) {
    json["metadata-log"].push_back(Json{{"timestamp-ms", ms}, {"metadata-file", file}});
  }
  if (version >= kVersionOfRowLineage) json["next-row-id"] = table.next_row_id;
  AddUnknown(table.unknown_members, json);
  return DumpJson(json);
}

}  // namespace tarn

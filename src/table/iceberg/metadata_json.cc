#include "table/iceberg/metadata_json.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/json.h"
#include "table/iceberg/schema_json.h"

namespace tarn {

namespace {

constexpr int kVersionMax = 2;
constexpr char kMainBranch[] = "main";

/// Members that TableMetadata holds as fields; every other one is kept as it is.
const std::set<std::string, std::less<>>& KnownMembers() {
  static const auto* const known = new std::set<std::string, std::less<>>{"format-version",
                                                                          "table-uuid",
                                                                          "location",
                                                                          "last-sequence-number",
                                                                          "last-updated-ms",
                                                                          "last-column-id",
                                                                          "schema",
                                                                          "schemas",
                                                                          "current-schema-id",
                                                                          "partition-spec",
                                                                          "partition-specs",
                                                                          "default-spec-id",
                                                                          "last-partition-id",
                                                                          "properties",
                                                                          "refs",
                                                                          "current-snapshot-id",
                                                                          "snapshots",
                                                                          "snapshot-log",
                                                                          "metadata-log"};
  return *known;
}

const std::set<std::string, std::less<>>& KnownSnapshotMembers() {
  static const auto* const known = new std::set<std::string, std::less<>>{
      "snapshot-id",   "parent-snapshot-id", "sequence-number", "timestamp-ms",
      "manifest-list", "manifests",          "summary",         "schema-id"};
  return *known;
}

class MetadataReader {
 public:
  MetadataReader(const Json& json, std::string_view what) : json_(json), what_(what) {}

  Result<TableMetadata> Run() {
    TARN_RETURN_IF_ERROR(ReadHead());
    TARN_RETURN_IF_ERROR(ReadSchemas());
    TARN_RETURN_IF_ERROR(ReadSpecs());
    TARN_ASSIGN_OR_RETURN(table_.properties, Strings(FindMember(json_, "properties")));
    TARN_RETURN_IF_ERROR(ReadSnapshots());
    TARN_RETURN_IF_ERROR(ReadRefs());
    TARN_RETURN_IF_ERROR(ReadLogs());
    for (const auto& [key, value] : json_.items()) {
      if (!KnownMembers().contains(key)) table_.unknown_members[key] = DumpJson(value);
    }
    return std::move(table_);
  }

 private:
  Error Bad(const std::string& message) const { return Corruption(what_ + ": " + message); }
  bool Has(const char* key) const { return FindMember(json_, key) != nullptr; }

  /// An array member; an absent one is empty.
  Result<const Json*> Array(const Json& object, const char* key) const {
    static const Json* const empty = new Json(Json::array());
    const Json* member = FindMember(object, key);
    if (member == nullptr) return empty;
    if (!member->is_array()) return Bad("\"" + std::string(key) + "\" is not an array");
    return member;
  }

  Result<std::map<std::string, std::string>> Strings(const Json* object) const {
    std::map<std::string, std::string> result;
    if (object == nullptr) return result;
    if (!object->is_object()) return Bad("properties or a summary are not an object");
    for (const auto& [key, value] : object->items()) {
      result[key] = value.is_string() ? value.get<std::string>() : DumpJson(value);
    }
    return result;
  }

  template <typename T>
  Status Optional(const Json& object, const char* key, std::optional<T>& out) const {
    if (FindMember(object, key) == nullptr) return {};
    TARN_ASSIGN_OR_RETURN(int64_t value, JsonInt(object, key, what_));
    out = T(value);
    return {};
  }

  Status ReadHead() {
    TARN_ASSIGN_OR_RETURN(table_.format_version, JsonInt32(json_, "format-version", what_));
    if (table_.format_version < 1) return Bad("the format version is below 1");
    if (table_.format_version > kVersionMax) {
      return Unsupported(what_ + " has Iceberg format version " +
                             std::to_string(table_.format_version) + ", which is not supported",
                         "tables of versions 1 and 2 can be read");
    }
    if (Has("table-uuid") || table_.format_version > 1) {
      TARN_ASSIGN_OR_RETURN(table_.table_uuid, JsonString(json_, "table-uuid", what_));
    }
    TARN_ASSIGN_OR_RETURN(table_.location, JsonString(json_, "location", what_));
    while (table_.location.ends_with('/')) table_.location.pop_back();
    if (Has("last-sequence-number")) {
      TARN_ASSIGN_OR_RETURN(table_.last_sequence_number,
                            JsonInt(json_, "last-sequence-number", what_));
    }
    TARN_ASSIGN_OR_RETURN(table_.last_updated_ms, JsonInt(json_, "last-updated-ms", what_));
    TARN_ASSIGN_OR_RETURN(table_.last_column_id, JsonInt32(json_, "last-column-id", what_));
    return {};
  }

  Status ReadSchemas() {
    if (Has("schemas")) {
      TARN_ASSIGN_OR_RETURN(const Json* schemas, Array(json_, "schemas"));
      for (const Json& json : *schemas) {
        TARN_ASSIGN_OR_RETURN(Schema schema, SchemaFromJson(json, what_));
        table_.schemas.push_back(std::move(schema));
      }
      TARN_ASSIGN_OR_RETURN(int32_t current, JsonInt32(json_, "current-schema-id", what_));
      table_.current_schema = SchemaId(current);
    } else {
      TARN_ASSIGN_OR_RETURN(const Json* json, JsonMember(json_, "schema", what_));
      TARN_ASSIGN_OR_RETURN(Schema schema, SchemaFromJson(*json, what_));
      table_.current_schema = schema.id;
      table_.schemas.push_back(std::move(schema));
    }
    if (table_.FindSchema(table_.current_schema) == nullptr) {
      return Bad("there is no schema with the current id " +
                 std::to_string(table_.current_schema.value()));
    }
    for (const Schema& schema : table_.schemas) {
      table_.last_column_id = std::max(table_.last_column_id, schema.HighestFieldId());
    }
    return {};
  }

  Status ReadSpecs() {
    if (Has("partition-specs")) {
      TARN_ASSIGN_OR_RETURN(const Json* specs, Array(json_, "partition-specs"));
      for (const Json& json : *specs) {
        TARN_ASSIGN_OR_RETURN(PartitionSpec spec, PartitionSpecFromJson(json, what_));
        table_.specs.push_back(std::move(spec));
      }
      TARN_ASSIGN_OR_RETURN(int32_t current, JsonInt32(json_, "default-spec-id", what_));
      table_.default_spec = SpecId(current);
    } else {
      PartitionSpec spec;
      TARN_ASSIGN_OR_RETURN(const Json* fields, JsonMember(json_, "partition-spec", what_));
      TARN_ASSIGN_OR_RETURN(spec.fields, PartitionFieldsFromJson(*fields, what_));
      table_.specs.push_back(std::move(spec));
    }
    if (table_.FindSpec(table_.default_spec) == nullptr) {
      return Bad("there is no partition spec with the default id " +
                 std::to_string(table_.default_spec.value()));
    }
    if (Has("last-partition-id")) {
      TARN_ASSIGN_OR_RETURN(table_.last_partition_id, JsonInt32(json_, "last-partition-id", what_));
    }
    for (const PartitionSpec& spec : table_.specs) {
      for (const PartitionField& field : spec.fields) {
        table_.last_partition_id = std::max(table_.last_partition_id, field.field_id);
      }
    }
    return {};
  }

  Result<Snapshot> ReadSnapshot(const Json& json) const {
    Snapshot snapshot;
    TARN_ASSIGN_OR_RETURN(int64_t id, JsonInt(json, "snapshot-id", what_));
    snapshot.id = SnapshotId(id);
    TARN_RETURN_IF_ERROR(Optional(json, "parent-snapshot-id", snapshot.parent));
    if (FindMember(json, "sequence-number") != nullptr) {
      TARN_ASSIGN_OR_RETURN(snapshot.sequence_number, JsonInt(json, "sequence-number", what_));
    }
    TARN_ASSIGN_OR_RETURN(snapshot.timestamp_ms, JsonInt(json, "timestamp-ms", what_));
    if (FindMember(json, "manifest-list") != nullptr) {
      TARN_ASSIGN_OR_RETURN(snapshot.manifest_list, JsonString(json, "manifest-list", what_));
    }
    TARN_ASSIGN_OR_RETURN(const Json* manifests, Array(json, "manifests"));
    for (const Json& manifest : *manifests) {
      if (!manifest.is_string()) return Bad("a snapshot's \"manifests\" hold no text");
      snapshot.manifests.push_back(manifest.get<std::string>());
    }
    TARN_ASSIGN_OR_RETURN(snapshot.summary, Strings(FindMember(json, "summary")));
    if (FindMember(json, "schema-id") != nullptr) {
      TARN_ASSIGN_OR_RETURN(int32_t schema, JsonInt32(json, "schema-id", what_));
      snapshot.schema_id = SchemaId(schema);
    }
    for (const auto& [key, value] : json.items()) {
      if (!KnownSnapshotMembers().contains(key)) snapshot.unknown_members[key] = DumpJson(value);
    }
    return snapshot;
  }

  Status ReadSnapshots() {
    TARN_ASSIGN_OR_RETURN(const Json* snapshots, Array(json_, "snapshots"));
    table_.snapshots.reserve(snapshots->size());
    for (const Json& json : *snapshots) {
      TARN_ASSIGN_OR_RETURN(Snapshot snapshot, ReadSnapshot(json));
      table_.snapshots.push_back(std::move(snapshot));
    }
    std::optional<int64_t> current;
    TARN_RETURN_IF_ERROR(Optional(json_, "current-snapshot-id", current));
    if (current && *current != -1) table_.current_snapshot = SnapshotId(*current);
    if (table_.current_snapshot && table_.current() == nullptr) {
      return Bad("there is no snapshot with the current id " + std::to_string(*current));
    }
    return {};
  }

  Status ReadRefs() {
    const Json* refs = FindMember(json_, "refs");
    if (refs != nullptr && !refs->is_object()) return Bad("\"refs\" is not an object");
    if (refs != nullptr) {
      for (const auto& [name, json] : refs->items()) {
        SnapshotRef ref;
        TARN_ASSIGN_OR_RETURN(int64_t id, JsonInt(json, "snapshot-id", what_));
        ref.snapshot = SnapshotId(id);
        TARN_ASSIGN_OR_RETURN(ref.type, JsonString(json, "type", what_));
        TARN_RETURN_IF_ERROR(Optional(json, "min-snapshots-to-keep", ref.min_snapshots_to_keep));
        TARN_RETURN_IF_ERROR(Optional(json, "max-snapshot-age-ms", ref.max_snapshot_age_ms));
        TARN_RETURN_IF_ERROR(Optional(json, "max-ref-age-ms", ref.max_ref_age_ms));
        table_.refs[name] = ref;
      }
    }
    if (table_.current_snapshot && !table_.refs.contains(kMainBranch)) {
      table_.refs[kMainBranch].snapshot = *table_.current_snapshot;
    }
    return {};
  }

  Status ReadLogs() {
    TARN_ASSIGN_OR_RETURN(const Json* snapshots, Array(json_, "snapshot-log"));
    for (const Json& entry : *snapshots) {
      TARN_ASSIGN_OR_RETURN(int64_t ms, JsonInt(entry, "timestamp-ms", what_));
      TARN_ASSIGN_OR_RETURN(int64_t id, JsonInt(entry, "snapshot-id", what_));
      table_.snapshot_log.emplace_back(ms, SnapshotId(id));
    }
    TARN_ASSIGN_OR_RETURN(const Json* files, Array(json_, "metadata-log"));
    for (const Json& entry : *files) {
      TARN_ASSIGN_OR_RETURN(int64_t ms, JsonInt(entry, "timestamp-ms", what_));
      TARN_ASSIGN_OR_RETURN(std::string file, JsonString(entry, "metadata-file", what_));
      table_.metadata_log.emplace_back(ms, std::move(file));
    }
    return {};
  }

  const Json& json_;
  const std::string what_;
  TableMetadata table_;
};

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

}  // namespace

Result<TableMetadata> ParseTableMetadata(std::string_view json, std::string_view what) {
  TARN_ASSIGN_OR_RETURN(Json document, ParseJson(json, what));
  if (!document.is_object()) return Corruption(std::string(what) + " is not a JSON object");
  return MetadataReader(document, what).Run();
}

std::string WriteTableMetadata(const TableMetadata& table) {
  Json json = Json::object();
  json["format-version"] = kVersionMax;
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
  json["default-sort-order-id"] = 0;
  json["sort-orders"] = Json::array({Json{{"order-id", 0}, {"fields", Json::array()}}});
  json["properties"] = StringsToJson(table.properties);
  if (table.current_snapshot) json["current-snapshot-id"] = table.current_snapshot->value();
  json["refs"] = Json::object();
  for (const auto& [name, ref] : table.refs) json["refs"][name] = RefToJson(ref);
  json["snapshots"] = Json::array();
  for (const Snapshot& snapshot : table.snapshots) {
    json["snapshots"].push_back(SnapshotToJson(snapshot));
  }
  json["statistics"] = Json::array();
  json["partition-statistics"] = Json::array();
  json["snapshot-log"] = Json::array();
  for (const auto& [ms, id] : table.snapshot_log) {
    json["snapshot-log"].push_back(Json{{"timestamp-ms", ms}, {"snapshot-id", id.value()}});
  }
  json["metadata-log"] = Json::array();
  for (const auto& [ms, file] : table.metadata_log) {
    json["metadata-log"].push_back(Json{{"timestamp-ms", ms}, {"metadata-file", file}});
  }
  AddUnknown(table.unknown_members, json);
  return DumpJson(json);
}

}  // namespace tarn

#include "table/iceberg/metadata_json.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/json.h"
#include "table/iceberg/metadata_check.h"
#include "table/iceberg/schema_json.h"

namespace tarn {

namespace {

constexpr char kMainBranch[] = "main";
constexpr char kPartitionStatistics[] = "partition-statistics";
constexpr int kVersionOfRowLineage = 3;
/// Numbers that are counted on from stay so far below the end of 64 bits.
constexpr int64_t kNumberMax = int64_t{1} << 61;

using Members = std::set<std::string, std::less<>>;

/// Members that TableMetadata holds as fields; every other one is kept as it is.
const Members& KnownMembers() {
  static const auto* const known = new Members{"format-version",
                                               "table-uuid",
                                               "location",
                                               "last-updated-ms",
                                               "last-column-id",
                                               "last-sequence-number",
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
                                               "metadata-log",
                                               "sort-orders",
                                               "default-sort-order-id",
                                               "statistics",
                                               "next-row-id"};
  return *known;
}

const Members& KnownSnapshotMembers() {
  static const auto* const known =
      new Members{"snapshot-id",   "parent-snapshot-id", "sequence-number", "timestamp-ms",
                  "manifest-list", "manifests",          "summary",         "schema-id",
                  "first-row-id",  "added-rows"};
  return *known;
}

class MetadataReader {
 public:
  MetadataReader(const Json& json, std::string_view what) : json_(json), what_(what) {}

  Result<TableMetadata> Run() {
    TARN_RETURN_IF_ERROR(ReadHead());
    TARN_RETURN_IF_ERROR(ReadSchemas());
    TARN_RETURN_IF_ERROR(ReadSpecs());
    TARN_RETURN_IF_ERROR(ReadSortOrders());
    TARN_ASSIGN_OR_RETURN(table_.properties, Strings(FindMember(json_, "properties")));
    TARN_RETURN_IF_ERROR(ReadSnapshots());
    TARN_RETURN_IF_ERROR(ReadRefs());
    TARN_RETURN_IF_ERROR(ReadStatistics());
    TARN_RETURN_IF_ERROR(ReadLogs());
    TARN_RETURN_IF_ERROR(CheckTableMetadata(table_, what_));
    for (const auto& [key, value] : json_.items()) {
      // An empty list of these is written for every table.
      const bool usual = key == kPartitionStatistics && value.is_array() && value.empty();
      if (!usual && !KnownMembers().contains(key)) table_.unknown_members[key] = DumpJson(value);
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

  /// A number of 0…kNumberMax.
  Result<int64_t> Number(const Json& object, const char* key) const {
    TARN_ASSIGN_OR_RETURN(int64_t value, JsonInt(object, key, what_));
    if (value < 0 || value > kNumberMax) {
      return Bad("\"" + std::string(key) + "\" is " + std::to_string(value));
    }
    return value;
  }

  Status OptionalNumber(const Json& object, const char* key, std::optional<int64_t>& out) const {
    if (FindMember(object, key) == nullptr) return {};
    TARN_ASSIGN_OR_RETURN(out, Number(object, key));
    return {};
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
    if (table_.format_version > kFormatVersionMax) {
      return Unsupported(what_ + " has Iceberg format version " +
                             std::to_string(table_.format_version) + ", which is not supported",
                         "tables of versions 1, 2 and 3 can be read");
    }
    if (Has("table-uuid") || table_.format_version > 1) {
      TARN_ASSIGN_OR_RETURN(table_.table_uuid, JsonString(json_, "table-uuid", what_));
    }
    TARN_ASSIGN_OR_RETURN(table_.location, JsonString(json_, "location", what_));
    while (table_.location.ends_with('/')) table_.location.pop_back();
    if (Has("last-sequence-number")) {
      TARN_ASSIGN_OR_RETURN(table_.last_sequence_number, Number(json_, "last-sequence-number"));
    }
    TARN_ASSIGN_OR_RETURN(table_.last_updated_ms, Number(json_, "last-updated-ms"));
    TARN_ASSIGN_OR_RETURN(table_.last_column_id, JsonId(json_, "last-column-id", what_));
    if (Has("next-row-id") || table_.format_version >= kVersionOfRowLineage) {
      TARN_ASSIGN_OR_RETURN(table_.next_row_id, Number(json_, "next-row-id"));
    }
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
      TARN_ASSIGN_OR_RETURN(table_.last_partition_id, JsonId(json_, "last-partition-id", what_));
    }
    for (const PartitionSpec& spec : table_.specs) {
      for (const PartitionField& field : spec.fields) {
        table_.last_partition_id = std::max(table_.last_partition_id, field.field_id);
      }
    }
    return {};
  }

  Status ReadSortOrders() {
    TARN_ASSIGN_OR_RETURN(const Json* orders, Array(json_, "sort-orders"));
    for (const Json& json : *orders) {
      TARN_ASSIGN_OR_RETURN(SortOrder order, SortOrderFromJson(json, what_));
      table_.sort_orders.push_back(std::move(order));
    }
    if (Has("default-sort-order-id")) {
      TARN_ASSIGN_OR_RETURN(table_.default_sort_order,
                            JsonId(json_, "default-sort-order-id", what_));
    }
    return {};
  }

  Result<Snapshot> ReadSnapshot(const Json& json) const {
    Snapshot snapshot;
    TARN_ASSIGN_OR_RETURN(int64_t id, JsonInt(json, "snapshot-id", what_));
    snapshot.id = SnapshotId(id);
    TARN_RETURN_IF_ERROR(Optional(json, "parent-snapshot-id", snapshot.parent));
    if (FindMember(json, "sequence-number") != nullptr) {
      TARN_ASSIGN_OR_RETURN(snapshot.sequence_number, Number(json, "sequence-number"));
    }
    TARN_ASSIGN_OR_RETURN(snapshot.timestamp_ms, Number(json, "timestamp-ms"));
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
      TARN_ASSIGN_OR_RETURN(int32_t schema, JsonId(json, "schema-id", what_));
      snapshot.schema_id = SchemaId(schema);
    }
    TARN_RETURN_IF_ERROR(OptionalNumber(json, "first-row-id", snapshot.first_row_id));
    TARN_RETURN_IF_ERROR(OptionalNumber(json, "added-rows", snapshot.added_rows));
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
      // As with column ids: whatever the document says, no row id is given twice.
      table_.next_row_id = std::max(
          table_.next_row_id, snapshot.first_row_id.value_or(0) + snapshot.added_rows.value_or(0));
      table_.snapshots.push_back(std::move(snapshot));
    }
    std::optional<int64_t> current;
    TARN_RETURN_IF_ERROR(Optional(json_, "current-snapshot-id", current));
    if (current && *current != -1) table_.current_snapshot = SnapshotId(*current);
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

  Result<StatisticsBlob> ReadBlob(const Json& json) const {
    StatisticsBlob blob;
    TARN_ASSIGN_OR_RETURN(blob.type, JsonString(json, "type", what_));
    TARN_ASSIGN_OR_RETURN(int64_t snapshot, JsonInt(json, "snapshot-id", what_));
    blob.snapshot = SnapshotId(snapshot);
    TARN_ASSIGN_OR_RETURN(blob.sequence_number, Number(json, "sequence-number"));
    TARN_ASSIGN_OR_RETURN(const Json* fields, Array(json, "fields"));
    for (const Json& field : *fields) {
      TARN_ASSIGN_OR_RETURN(int32_t id, JsonInt32(Json{{"fields", field}}, "fields", what_));
      blob.fields.push_back(id);
    }
    TARN_ASSIGN_OR_RETURN(blob.properties, Strings(FindMember(json, "properties")));
    return blob;
  }

  Status ReadStatistics() {
    TARN_ASSIGN_OR_RETURN(const Json* files, Array(json_, "statistics"));
    for (const Json& json : *files) {
      StatisticsFile file;
      TARN_ASSIGN_OR_RETURN(int64_t snapshot, JsonInt(json, "snapshot-id", what_));
      file.snapshot = SnapshotId(snapshot);
      TARN_ASSIGN_OR_RETURN(file.path, JsonString(json, "statistics-path", what_));
      TARN_ASSIGN_OR_RETURN(file.size_bytes, Number(json, "file-size-in-bytes"));
      TARN_ASSIGN_OR_RETURN(file.footer_bytes, Number(json, "file-footer-size-in-bytes"));
      if (FindMember(json, "key-metadata") != nullptr) {
        TARN_ASSIGN_OR_RETURN(file.key_metadata, JsonString(json, "key-metadata", what_));
      }
      TARN_ASSIGN_OR_RETURN(const Json* blobs, Array(json, "blob-metadata"));
      for (const Json& each : *blobs) {
        TARN_ASSIGN_OR_RETURN(StatisticsBlob blob, ReadBlob(each));
        file.blobs.push_back(std::move(blob));
      }
      table_.statistics.push_back(std::move(file));
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

}  // namespace

Result<TableMetadata> ParseTableMetadata(std::string_view json, std::string_view what) {
  TARN_ASSIGN_OR_RETURN(Json document, ParseJson(json, what));
  if (!document.is_object()) return Corruption(std::string(what) + " is not a JSON object");
  return MetadataReader(document, what).Run();
}

}  // namespace tarn

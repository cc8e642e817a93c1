#include <set>
#include <string>
#include <utility>
#include <vector>

#include "table/iceberg/schema_json.h"
#include "table/model/partition.h"

namespace tarn {

namespace {

constexpr int32_t kFirstPartitionId = 1000;

Error Bad(std::string_view what, const std::string& message) {
  return Corruption(std::string(what) + ": " + message);
}

/// Reads source and transform of a partition or sort field. Transforms of several arguments name
/// their columns in "source-ids" and are not known, whatever they are called.
template <typename FieldOf>
Status ReadTransform(const Json& json, std::string_view what, FieldOf& field) {
  TARN_ASSIGN_OR_RETURN(std::string transform, JsonString(json, "transform", what));
  field.transform = ParseTransform(transform);
  const Json* sources = FindMember(json, "source-ids");
  if (sources == nullptr) {
    TARN_ASSIGN_OR_RETURN(int32_t source, JsonId(json, "source-id", what));
    field.source_id = FieldId(source);
    return {};
  }
  if (!sources->is_array() || sources->empty()) return Bad(what, "\"source-ids\" are no ids");
  for (const Json& source : *sources) {
    TARN_ASSIGN_OR_RETURN(int32_t id, JsonId(Json{{"source-ids", source}}, "source-ids", what));
    field.source_ids.emplace_back(id);
  }
  field.source_id = field.source_ids.front();
  if (field.source_ids.size() == 1) {
    field.source_ids.clear();
  } else {
    field.transform = {Transform::Kind::kUnknown, 0, std::move(transform)};
  }
  return {};
}

template <typename FieldOf>
void WriteTransform(const FieldOf& field, Json& json) {
  json["transform"] = field.transform.ToString();
  if (field.source_ids.empty()) {
    json["source-id"] = field.source_id.value();
    return;
  }
  json["source-ids"] = Json::array();
  for (FieldId id : field.source_ids) json["source-ids"].push_back(id.value());
}

}  // namespace

Result<std::vector<PartitionField>> PartitionFieldsFromJson(const Json& json,
                                                            std::string_view what) {
  if (!json.is_array()) return Bad(what, "the partition fields are not an array");
  std::vector<PartitionField> fields;
  std::set<int32_t> ids;
  std::set<std::string> names;
  for (const Json& member : json) {
    PartitionField field;
    TARN_RETURN_IF_ERROR(ReadTransform(member, what, field));
    field.field_id = kFirstPartitionId + static_cast<int32_t>(fields.size());
    if (FindMember(member, "field-id") != nullptr) {
      TARN_ASSIGN_OR_RETURN(field.field_id, JsonId(member, "field-id", what));
    }
    TARN_ASSIGN_OR_RETURN(field.name, JsonString(member, "name", what));
    if (!ids.insert(field.field_id).second || !names.insert(field.name).second) {
      return Bad(what, "the partition field \"" + field.name + "\" with the id " +
                           std::to_string(field.field_id) + " has the name or id of another one");
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

Result<PartitionSpec> PartitionSpecFromJson(const Json& json, std::string_view what) {
  PartitionSpec spec;
  TARN_ASSIGN_OR_RETURN(int32_t id, JsonId(json, "spec-id", what));
  spec.id = SpecId(id);
  TARN_ASSIGN_OR_RETURN(const Json* fields, JsonMember(json, "fields", what));
  TARN_ASSIGN_OR_RETURN(spec.fields, PartitionFieldsFromJson(*fields, what));
  return spec;
}

Json PartitionFieldsToJson(const PartitionSpec& spec) {
  Json fields = Json::array();
  for (const PartitionField& field : spec.fields) {
    Json member = Json::object();
    member["name"] = field.name;
    WriteTransform(field, member);
    member["field-id"] = field.field_id;
    fields.push_back(std::move(member));
  }
  return fields;
}

Json PartitionSpecToJson(const PartitionSpec& spec) {
  Json json = Json::object();
  json["spec-id"] = spec.id.value();
  json["fields"] = PartitionFieldsToJson(spec);
  return json;
}

Result<SortOrder> SortOrderFromJson(const Json& json, std::string_view what) {
  SortOrder order;
  TARN_ASSIGN_OR_RETURN(order.id, JsonId(json, "order-id", what));
  TARN_ASSIGN_OR_RETURN(const Json* fields, JsonMember(json, "fields", what));
  if (!fields->is_array()) return Bad(what, "the fields of a sort order are not an array");
  for (const Json& member : *fields) {
    SortField field;
    TARN_RETURN_IF_ERROR(ReadTransform(member, what, field));
    TARN_ASSIGN_OR_RETURN(const std::string direction, JsonString(member, "direction", what));
    TARN_ASSIGN_OR_RETURN(const std::string nulls, JsonString(member, "null-order", what));
    if ((direction != "asc" && direction != "desc") ||
        (nulls != "nulls-first" && nulls != "nulls-last")) {
      return Bad(what, "a sort order has the direction \"" + direction +
                           "\" and the null order \"" + nulls + "\"");
    }
    if (direction == "desc") field.direction = SortField::Direction::kDescending;
    if (nulls == "nulls-last") field.nulls = SortField::Nulls::kLast;
    order.fields.push_back(std::move(field));
  }
  return order;
}

Json SortOrderToJson(const SortOrder& order) {
  Json fields = Json::array();
  for (const SortField& field : order.fields) {
    Json member = Json::object();
    WriteTransform(field, member);
    const bool ascending = field.direction == SortField::Direction::kAscending;
    member["direction"] = ascending ? "asc" : "desc";
    member["null-order"] = field.nulls == SortField::Nulls::kFirst ? "nulls-first" : "nulls-last";
    fields.push_back(std::move(member));
  }
  return Json{{"order-id", order.id}, {"fields", std::move(fields)}};
}

}  // namespace tarn

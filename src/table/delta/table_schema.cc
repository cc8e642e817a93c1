#include "table/delta/table_schema.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/json.h"
#include "table/delta/features.h"
#include "table/delta/properties.h"

namespace tarn::delta {
namespace {

constexpr int kDecimalDigitsMax = 38;

std::optional<Type> DecimalFrom(std::string_view digits) {
  int precision = 0;
  int scale = 0;
  const char* end = digits.data() + digits.size();
  auto read = std::from_chars(digits.data(), end, precision);
  if (read.ec != std::errc() || read.ptr == end || *read.ptr != ',') return std::nullopt;
  const char* next = read.ptr + 1;
  while (next != end && *next == ' ') ++next;
  read = std::from_chars(next, end, scale);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  if (precision < 1 || precision > kDecimalDigitsMax || scale < 0 || scale > precision) {
    return std::nullopt;
  }
  return Type::Decimal(precision, scale);
}

std::optional<Type> PrimitiveFrom(std::string_view name) {
  static const std::map<std::string_view, Type::Kind> kinds = {
      {"boolean", Type::Kind::kBoolean},
      {"byte", Type::Kind::kInt},
      {"short", Type::Kind::kInt},
      {"integer", Type::Kind::kInt},
      {"long", Type::Kind::kLong},
      {"float", Type::Kind::kFloat},
      {"double", Type::Kind::kDouble},
      {"date", Type::Kind::kDate},
      {"timestamp", Type::Kind::kTimestampTz},
      {"timestamp_ntz", Type::Kind::kTimestamp},
      {"string", Type::Kind::kString},
      {"binary", Type::Kind::kBinary},
      {"variant", Type::Kind::kVariant},
      {"void", Type::Kind::kUnknown}};
  const auto found = kinds.find(name);
  if (found != kinds.end()) return Type(found->second);
  if (name == "decimal") return Type::Decimal(10, 0);
  if (name.starts_with("varchar(") || name.starts_with("char(")) return Type(Type::Kind::kString);
  if (name.starts_with("decimal(") && name.ends_with(')')) {
    return DecimalFrom(name.substr(8, name.size() - 9));
  }
  return std::nullopt;
}

class SchemaReader {
 public:
  explicit SchemaReader(ColumnMapping mapping) : mapping_(mapping) {}

  Result<TableSchema> Read(const Json& json) {
    TableSchema table;
    table.mapping = mapping_;
    if (mapping_ != ColumnMapping::kOff) TARN_RETURN_IF_ERROR(FindHighestId(json, 0));
    TARN_ASSIGN_OR_RETURN(table.schema.fields, Struct(json, ""));
    table.physical_names = std::move(physical_names_);
    table.rules = std::move(rules_);
    return table;
  }

 private:
  static constexpr int kLevelsMax = 100;

  // Ids that have to be made up come after all that are given.
  Status FindHighestId(const Json& json, int level) {
    if (level > kLevelsMax) return Corruption("the table's schema is nested too deeply");
    if (!json.is_structured()) return {};
    const Json* id = FindMember(json, "delta.columnMapping.id");
    if (id != nullptr && id->is_number_integer()) {
      last_id_ = std::max(last_id_, static_cast<int32_t>(id->get<int64_t>() & INT32_MAX));
    }
    for (const Json& member : json) TARN_RETURN_IF_ERROR(FindHighestId(member, level + 1));
    return {};
  }

  Result<std::vector<Field>> Struct(const Json& json, const std::string& prefix) {
    TARN_ASSIGN_OR_RETURN(const Json* list, JsonMember(json, "fields", "schema"));
    if (!list->is_array()) return Corruption("schema: fields is no list");
    std::vector<Field> fields;
    for (const Json& one : *list) {
      TARN_ASSIGN_OR_RETURN(Field field, StructField(one, prefix));
      fields.push_back(std::move(field));
    }
    return fields;
  }

  Result<Field> StructField(const Json& json, const std::string& prefix) {
    Field field;
    TARN_ASSIGN_OR_RETURN(field.name, JsonString(json, "name", "schema"));
    const std::string path = prefix + field.name;
    const Json* nullable = FindMember(json, "nullable");
    const bool required = nullable != nullptr && nullable->is_boolean() && !nullable->get<bool>();
    field.nullability = required ? Nullability::kRequired : Nullability::kOptional;
    static const Json no_metadata = Json::object();
    const Json* found = FindMember(json, "metadata");
    const Json& metadata = found == nullptr ? no_metadata : *found;

    std::string physical_name = field.name;
    if (mapping_ == ColumnMapping::kOff) {
      field.id = FieldId(++last_id_);
    } else {
      TARN_ASSIGN_OR_RETURN(const int64_t id,
                            JsonInt(metadata, "delta.columnMapping.id", "column " + path));
      if (id < 1 || id > INT32_MAX) return Corruption("column " + path + " has an impossible id");
      field.id = FieldId(static_cast<int32_t>(id));
      TARN_ASSIGN_OR_RETURN(physical_name, JsonString(metadata, "delta.columnMapping.physicalName",
                                                      "column " + path));
    }
    if (!physical_names_.emplace(field.id.value(), std::move(physical_name)).second) {
      return Corruption("column " + path + " has the id of another one");
    }
    if (const Json* comment = FindMember(metadata, "comment"); comment && comment->is_string()) {
      field.doc = comment->get<std::string>();
    }
    TARN_ASSIGN_OR_RETURN(const Json* type, JsonMember(json, "type", "column " + path));
    TARN_ASSIGN_OR_RETURN(field.type, TypeOf(*type, path));
    TARN_RETURN_IF_ERROR(CheckTypeChanges(metadata, path));
    TakeRules(metadata, path);
    return field;
  }

  Result<Type> TypeOf(const Json& json, const std::string& path) {
    if (json.is_string()) {
      const std::string name = json.get<std::string>();
      const std::optional<Type> type = PrimitiveFrom(name);
      if (type) return *type;
      return Unsupported("column " + path + " has a type that is not read: " + name);
    }
    TARN_ASSIGN_OR_RETURN(const std::string kind, JsonString(json, "type", "column " + path));
    if (kind == "struct") {
      TARN_ASSIGN_OR_RETURN(std::vector<Field> fields, Struct(json, path + "."));
      return Type::Struct(std::move(fields));
    }
    if (kind == "array") {
      TARN_ASSIGN_OR_RETURN(Field element,
                            Part(json, "elementType", "containsNull", "element", path));
      return Type::List(std::move(element));
    }
    if (kind == "map") {
      TARN_ASSIGN_OR_RETURN(Field key, Part(json, "keyType", "", "key", path));
      TARN_ASSIGN_OR_RETURN(Field value,
                            Part(json, "valueType", "valueContainsNull", "value", path));
      return Type::Map(std::move(key), std::move(value));
    }
    return Unsupported("column " + path + " has a type that is not read: " + kind);
  }

  // An element, key or value; `nullable` is the member that says whether it may be null.
  Result<Field> Part(const Json& json, const char* type, const char* nullable, const char* name,
                     const std::string& path) {
    Field field;
    field.id = FieldId(++last_id_);
    field.name = name;
    const Json* may_be_null = FindMember(json, nullable);
    const bool optional = may_be_null == nullptr || !may_be_null->is_boolean()
                              ? std::string_view(name) != "key"
                              : may_be_null->get<bool>();
    field.nullability = optional ? Nullability::kOptional : Nullability::kRequired;
    TARN_ASSIGN_OR_RETURN(const Json* member, JsonMember(json, type, "column " + path));
    TARN_ASSIGN_OR_RETURN(field.type, TypeOf(*member, path + "." + name));
    return field;
  }

  // "Type Change Metadata": files from before a change have the narrower type.
  Status CheckTypeChanges(const Json& metadata, const std::string& path) {
    const Json* changes = FindMember(metadata, "delta.typeChanges");
    if (changes == nullptr || !changes->is_array()) return {};
    for (const Json& change : *changes) {
      TARN_ASSIGN_OR_RETURN(const std::string from, JsonString(change, "fromType", "type change"));
      TARN_ASSIGN_OR_RETURN(const std::string to, JsonString(change, "toType", "type change"));
      const std::optional<Type> from_type = PrimitiveFrom(from);
      const std::optional<Type> to_type = PrimitiveFrom(to);
      const bool known =
          from_type && to_type && (*from_type == *to_type || CanWiden(*from_type, *to_type));
      if (known) continue;
      return Unsupported("column " + path + " was widened from " + from + " to " + to +
                         ", which is not read");
    }
    return {};
  }

  void TakeRules(const Json& metadata, const std::string& path) {
    const auto text = [&](const char* key) -> std::optional<std::string> {
      const Json* member = FindMember(metadata, key);
      if (member == nullptr) return std::nullopt;
      return member->is_string() ? member->get<std::string>() : DumpJson(*member);
    };
    if (const auto invariant = text("delta.invariants")) {
      rules_.push_back({TableRule::Kind::kInvariant, path, InvariantOf(*invariant)});
    }
    if (const auto generated = text("delta.generationExpression")) {
      rules_.push_back({TableRule::Kind::kGenerated, path, *generated});
    }
    if (const auto start = text("delta.identity.start")) {
      rules_.push_back({TableRule::Kind::kIdentity, path,
                        "start " + *start + " step " + text("delta.identity.step").value_or("1")});
    }
    if (const auto value = text("CURRENT_DEFAULT")) {
      rules_.push_back({TableRule::Kind::kDefault, path, *value});
    }
  }

  // {"expression": {"expression": "<SQL>"}}
  static std::string InvariantOf(const std::string& text) {
    const Result<Json> json = ParseJson(text, "delta.invariants");
    const Json* outer = json.ok() ? FindMember(*json, "expression") : nullptr;
    const Json* inner = outer == nullptr ? nullptr : FindMember(*outer, "expression");
    return inner != nullptr && inner->is_string() ? inner->get<std::string>() : text;
  }

  const ColumnMapping mapping_;
  int32_t last_id_ = 0;
  std::map<int32_t, std::string> physical_names_;
  std::vector<TableRule> rules_;
};

Result<ColumnMapping> MappingOf(const Protocol& protocol, const Metadata& metadata) {
  const auto mode = metadata.configuration.find(kColumnMappingModeProperty);
  if (mode == metadata.configuration.end() || mode->second == "none") return ColumnMapping::kOff;
  // The property counts only where the protocol allows it.
  if (protocol.min_reader_version < 2) return ColumnMapping::kOff;
  if (protocol.min_reader_version >= 3 && !HasFeature(protocol, "columnMapping")) {
    return ColumnMapping::kOff;
  }
  if (mode->second == "name") return ColumnMapping::kByName;
  if (mode->second == "id") return ColumnMapping::kById;
  return Unsupported("the Delta table maps its columns in a way that is not known: " +
                     mode->second);
}

}  // namespace

Result<TableSchema> ReadTableSchema(const Protocol& protocol, const Metadata& metadata) {
  TARN_ASSIGN_OR_RETURN(const ColumnMapping mapping, MappingOf(protocol, metadata));
  TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(metadata.schema_string, "the table's schema"));
  TARN_ASSIGN_OR_RETURN(TableSchema table, SchemaReader(mapping).Read(json));
  for (const std::string& name : metadata.partition_columns) {
    const Field* field = table.schema.Find(name);
    if (field == nullptr || !field->type.primitive()) {
      return Corruption("partition column " + name + " is no column of the table");
    }
    table.partition_columns.push_back(field->id);
  }
  const auto append_only = metadata.configuration.find(kAppendOnlyProperty);
  if (append_only != metadata.configuration.end() && append_only->second == "true" &&
      HasFeature(protocol, "appendOnly")) {
    table.rules.push_back({TableRule::Kind::kAppendOnly, "", ""});
  }
  for (const auto& [key, value] : metadata.configuration) {
    if (!key.starts_with(kConstraintPrefix)) continue;
    const size_t prefix = std::string_view(kConstraintPrefix).size();
    table.rules.push_back({TableRule::Kind::kCheck, key.substr(prefix), value});
  }
  return table;
}

std::vector<std::string> ClusteringColumns(const std::string& configuration) {
  std::vector<std::string> columns;
  const Result<Json> json = ParseJson(configuration, "delta.clustering");
  const Json* list = json.ok() ? FindMember(*json, "clusteringColumns") : nullptr;
  if (list == nullptr || !list->is_array()) return columns;
  for (const Json& one : *list) {
    // A name, or the path to a nested field.
    std::string path;
    if (one.is_string()) path = one.get<std::string>();
    for (const Json& part : one.is_array() ? one : Json::array()) {
      if (part.is_string()) path += (path.empty() ? "" : ".") + part.get<std::string>();
    }
    columns.push_back(std::move(path));
  }
  return columns;
}

}  // namespace tarn::delta

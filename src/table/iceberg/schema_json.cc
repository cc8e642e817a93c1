#include "table/iceberg/schema_json.h"

#include <charconv>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "table/model/partition.h"

namespace tarn {

namespace {

constexpr int kDepthMax = 100;
constexpr int kDecimalPrecisionMax = 38;

struct NamedKind {
  std::string_view name;
  Type::Kind kind;
};
constexpr NamedKind kSimple[] = {{"boolean", Type::Kind::kBoolean},
                                 {"int", Type::Kind::kInt},
                                 {"long", Type::Kind::kLong},
                                 {"float", Type::Kind::kFloat},
                                 {"double", Type::Kind::kDouble},
                                 {"date", Type::Kind::kDate},
                                 {"time", Type::Kind::kTime},
                                 {"timestamp", Type::Kind::kTimestamp},
                                 {"timestamptz", Type::Kind::kTimestampTz},
                                 {"string", Type::Kind::kString},
                                 {"uuid", Type::Kind::kUuid},
                                 {"binary", Type::Kind::kBinary}};

/// The integers of "name(a, b)" or "name[a]"; nothing where the text is not so.
std::optional<std::vector<int>> Arguments(std::string_view text, std::string_view name, char open,
                                          char close) {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  if (text.size() < 3 || text.front() != open || text.back() != close) return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<int> numbers;
  while (true) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    int value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return std::nullopt;
    numbers.push_back(value);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    if (text.empty()) return numbers;
    if (text.front() != ',') return std::nullopt;
    text.remove_prefix(1);
  }
}

Result<bool> JsonBool(const Json& object, std::string_view key, std::string_view what) {
  TARN_ASSIGN_OR_RETURN(const Json* member, JsonMember(object, key, what));
  if (!member->is_boolean()) {
    return Corruption("\"" + std::string(key) + "\" of " + std::string(what) + " is not a boolean");
  }
  return member->get<bool>();
}

Nullability FromRequired(bool required) {
  return required ? Nullability::kRequired : Nullability::kOptional;
}

/// Reads types; knows the path to the column for its messages.
class TypeReader {
 public:
  explicit TypeReader(std::string_view what) : what_(what) {}

  Result<std::vector<Field>> Fields(const Json& json, const std::string& path, int depth) {
    TARN_ASSIGN_OR_RETURN(const Json* fields, JsonMember(json, "fields", what_));
    if (!fields->is_array()) return Corruption(what_ + ": \"fields\" is not an array");
    std::vector<Field> result;
    std::set<std::string> names;
    for (const Json& member : *fields) {
      Field field;
      TARN_ASSIGN_OR_RETURN(field.id, Id(member, "id"));
      TARN_ASSIGN_OR_RETURN(field.name, JsonString(member, "name", what_));
      const std::string column = path.empty() ? field.name : path + "." + field.name;
      if (!names.insert(field.name).second) {
        return Corruption(what_ + ": column \"" + column + "\" occurs twice");
      }
      TARN_ASSIGN_OR_RETURN(bool required, JsonBool(member, "required", what_));
      field.nullability = FromRequired(required);
      TARN_ASSIGN_OR_RETURN(const Json* type, JsonMember(member, "type", what_));
      TARN_ASSIGN_OR_RETURN(field.type, Read(*type, column, depth + 1));
      if (FindMember(member, "doc") != nullptr) {
        TARN_ASSIGN_OR_RETURN(field.doc, JsonString(member, "doc", what_));
      }
      result.push_back(std::move(field));
    }
    return result;
  }

 private:
  Result<FieldId> Id(const Json& json, std::string_view key) {
    TARN_ASSIGN_OR_RETURN(int32_t id, JsonInt32(json, key, what_));
    if (id < 0 || !ids_.insert(id).second) {
      return Corruption(what_ + ": the field id " + std::to_string(id) +
                        (id < 0 ? " is negative" : " occurs twice"));
    }
    return FieldId(id);
  }

  Result<Field> Nested(const Json& json, const std::string& name, const std::string& path,
                       int depth) {
    Field field;
    field.name = name;
    TARN_ASSIGN_OR_RETURN(field.id, Id(json, name + "-id"));
    field.nullability = Nullability::kRequired;
    if (name != "key") {
      TARN_ASSIGN_OR_RETURN(bool required, JsonBool(json, name + "-required", what_));
      field.nullability = FromRequired(required);
    }
    TARN_ASSIGN_OR_RETURN(const Json* type, JsonMember(json, name, what_));
    TARN_ASSIGN_OR_RETURN(field.type, Read(*type, path + "." + name, depth + 1));
    return field;
  }

  Result<Type> Read(const Json& json, const std::string& path, int depth) {
    if (depth > kDepthMax) return Corruption(what_ + ": column \"" + path + "\" nests too deeply");
    if (json.is_string()) return PrimitiveFromText(json.get<std::string>(), path).Wrap(what_);
    TARN_ASSIGN_OR_RETURN(std::string kind, JsonString(json, "type", what_));
    if (kind == "struct") {
      TARN_ASSIGN_OR_RETURN(std::vector<Field> fields, Fields(json, path, depth));
      return Type::Struct(std::move(fields));
    }
    if (kind == "list") {
      TARN_ASSIGN_OR_RETURN(Field element, Nested(json, "element", path, depth));
      return Type::List(std::move(element));
    }
    if (kind == "map") {
      TARN_ASSIGN_OR_RETURN(Field key, Nested(json, "key", path, depth));
      TARN_ASSIGN_OR_RETURN(Field value, Nested(json, "value", path, depth));
      return Type::Map(std::move(key), std::move(value));
    }
    return Unsupported(what_ + ": column \"" + path + "\" has the type " + kind +
                       ", which is not supported");
  }

  std::string what_;
  std::set<int32_t> ids_;
};

Json TypeToJson(const Type& type);

Json FieldsToJson(const std::vector<Field>& fields) {
  Json array = Json::array();
  for (const Field& field : fields) {
    Json member = Json::object();
    member["id"] = field.id.value();
    member["name"] = field.name;
    member["required"] = field.nullability == Nullability::kRequired;
    member["type"] = TypeToJson(field.type);
    if (!field.doc.empty()) member["doc"] = field.doc;
    array.push_back(std::move(member));
  }
  return array;
}

Json TypeToJson(const Type& type) {
  if (type.primitive()) return type.ToString();
  Json json = Json::object();
  const std::vector<Field>& fields = type.fields();
  switch (type.kind()) {
    case Type::Kind::kList:
      json["type"] = "list";
      json["element-id"] = fields[0].id.value();
      json["element"] = TypeToJson(fields[0].type);
      json["element-required"] = fields[0].nullability == Nullability::kRequired;
      return json;
    case Type::Kind::kMap:
      json["type"] = "map";
      json["key-id"] = fields[0].id.value();
      json["key"] = TypeToJson(fields[0].type);
      json["value-id"] = fields[1].id.value();
      json["value"] = TypeToJson(fields[1].type);
      json["value-required"] = fields[1].nullability == Nullability::kRequired;
      return json;
    default:
      json["type"] = "struct";
      json["fields"] = FieldsToJson(fields);
      return json;
  }
}

}  // namespace

Result<int32_t> JsonInt32(const Json& object, std::string_view key, std::string_view what) {
  TARN_ASSIGN_OR_RETURN(int64_t value, JsonInt(object, key, what));
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
    return Corruption("\"" + std::string(key) + "\" of " + std::string(what) +
                      " does not fit into 32 bits");
  }
  return static_cast<int32_t>(value);
}

Result<Type> PrimitiveFromText(std::string_view text, std::string_view column) {
  for (const NamedKind& simple : kSimple) {
    if (text == simple.name) return Type(simple.kind);
  }
  if (auto numbers = Arguments(text, "decimal", '(', ')')) {
    const auto& n = *numbers;
    if (n.size() == 2 && n[0] >= 1 && n[0] <= kDecimalPrecisionMax && n[1] >= 0 && n[1] <= n[0]) {
      return Type::Decimal(n[0], n[1]);
    }
  }
  if (auto numbers = Arguments(text, "fixed", '[', ']')) {
    if (numbers->size() == 1 && numbers->front() > 0) return Type::Fixed(numbers->front());
  }
  return Unsupported("column \"" + std::string(column) + "\" has the type " + std::string(text) +
                     ", which is not supported");
}

Result<Schema> SchemaFromJson(const Json& json, std::string_view what) {
  Schema schema;
  if (FindMember(json, "schema-id") != nullptr) {
    TARN_ASSIGN_OR_RETURN(int32_t id, JsonInt32(json, "schema-id", what));
    schema.id = SchemaId(id);
  }
  TARN_ASSIGN_OR_RETURN(schema.fields, TypeReader(what).Fields(json, "", 0));
  const Json* keys = FindMember(json, "identifier-field-ids");
  if (keys == nullptr) return schema;
  if (!keys->is_array()) {
    return Corruption(std::string(what) + ": \"identifier-field-ids\" is not an array");
  }
  for (const Json& key : *keys) {
    if (!key.is_number_integer()) {
      return Corruption(std::string(what) + ": \"identifier-field-ids\" holds no integer");
    }
    schema.identifier_fields.emplace_back(key.get<int32_t>());
  }
  return schema;
}

Json SchemaToJson(const Schema& schema) {
  Json json = Json::object();
  json["type"] = "struct";
  json["schema-id"] = schema.id.value();
  if (!schema.identifier_fields.empty()) {
    Json keys = Json::array();
    for (FieldId key : schema.identifier_fields) keys.push_back(key.value());
    json["identifier-field-ids"] = std::move(keys);
  }
  json["fields"] = FieldsToJson(schema.fields);
  return json;
}

Result<std::vector<PartitionField>> PartitionFieldsFromJson(const Json& json,
                                                            std::string_view what) {
  constexpr int32_t kFirstPartitionId = 1000;
  if (!json.is_array()) {
    return Corruption(std::string(what) + ": the partition fields are not an array");
  }
  std::vector<PartitionField> fields;
  for (const Json& member : json) {
    PartitionField field;
    TARN_ASSIGN_OR_RETURN(int32_t source, JsonInt32(member, "source-id", what));
    field.source_id = FieldId(source);
    field.field_id = kFirstPartitionId + static_cast<int32_t>(fields.size());
    if (FindMember(member, "field-id") != nullptr) {
      TARN_ASSIGN_OR_RETURN(field.field_id, JsonInt32(member, "field-id", what));
    }
    TARN_ASSIGN_OR_RETURN(field.name, JsonString(member, "name", what));
    TARN_ASSIGN_OR_RETURN(std::string transform, JsonString(member, "transform", what));
    field.transform = ParseTransform(transform);
    fields.push_back(std::move(field));
  }
  return fields;
}

Result<PartitionSpec> PartitionSpecFromJson(const Json& json, std::string_view what) {
  PartitionSpec spec;
  TARN_ASSIGN_OR_RETURN(int32_t id, JsonInt32(json, "spec-id", what));
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
    member["transform"] = field.transform.ToString();
    member["source-id"] = field.source_id.value();
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

}  // namespace tarn

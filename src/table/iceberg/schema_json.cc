#include "table/iceberg/schema_json.h"

#include <charconv>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "table/iceberg/single_value.h"

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
                                 {"timestamp_ns", Type::Kind::kTimestampNs},
                                 {"timestamptz_ns", Type::Kind::kTimestampTzNs},
                                 {"unknown", Type::Kind::kUnknown},
                                 {"variant", Type::Kind::kVariant},
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
      TARN_RETURN_IF_ERROR(ReadDefault(member, "initial-default", column, field));
      TARN_RETURN_IF_ERROR(ReadDefault(member, "write-default", column, field));
      result.push_back(std::move(field));
    }
    return result;
  }

 private:
  Result<FieldId> Id(const Json& json, std::string_view key) {
    TARN_ASSIGN_OR_RETURN(int32_t id, JsonId(json, key, what_));
    if (!ids_.insert(id).second) {
      return Corruption(what_ + ": the field id " + std::to_string(id) + " occurs twice");
    }
    return FieldId(id);
  }

  Status ReadDefault(const Json& json, const char* key, const std::string& column,
                     Field& field) const {
    const Json* value = FindMember(json, key);
    if (value == nullptr) return {};
    const std::string what = what_ + ": " + key + " of column \"" + column + "\"";
    if (!field.type.fields().empty() || field.type.kind() == Type::Kind::kStruct) {
      return Unsupported(what + " is not null, which is not supported for " +
                         field.type.ToString());
    }
    TARN_ASSIGN_OR_RETURN(Scalar scalar, SingleValueFromJson(field.type, *value, what));
    (std::string_view(key) == "initial-default" ? field.initial_default : field.write_default) =
        std::move(scalar);
    return {};
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

void AddDefault(const char* key, const Type& type, const std::optional<Scalar>& value,
                Json& member) {
  if (value && !IsNull(*value)) member[key] = SingleValueToJson(type, *value);
}

Json FieldsToJson(const std::vector<Field>& fields) {
  Json array = Json::array();
  for (const Field& field : fields) {
    Json member = Json::object();
    member["id"] = field.id.value();
    member["name"] = field.name;
    member["required"] = field.nullability == Nullability::kRequired;
    member["type"] = TypeToJson(field.type);
    if (!field.doc.empty()) member["doc"] = field.doc;
    AddDefault("initial-default", field.type, field.initial_default, member);
    AddDefault("write-default", field.type, field.write_default, member);
    array.push_back(std::move(member));
  }
  return array;
}

Json TypeToJson(const Type& type) {
  if (type.primitive() || type.kind() == Type::Kind::kVariant) return type.ToString();
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

Result<int32_t> JsonId(const Json& object, std::string_view key, std::string_view what) {
  TARN_ASSIGN_OR_RETURN(int32_t id, JsonInt32(object, key, what));
  if (id < 0 || id > kFieldIdMax) {
    return Corruption("\"" + std::string(key) + "\" of " + std::string(what) + " is " +
                      std::to_string(id) + ", which no id may be");
  }
  return id;
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
    TARN_ASSIGN_OR_RETURN(int32_t id, JsonId(json, "schema-id", what));
    schema.id = SchemaId(id);
  }
  TARN_ASSIGN_OR_RETURN(schema.fields, TypeReader(what).Fields(json, "", 0));
  const Json* keys = FindMember(json, "identifier-field-ids");
  if (keys == nullptr) return schema;
  if (!keys->is_array()) {
    return Corruption(std::string(what) + ": \"identifier-field-ids\" is not an array");
  }
  for (const Json& key : *keys) {
    const bool fits =
        key.is_number_integer() && key.get<double>() >= 0 && key.get<double>() <= kFieldIdMax;
    const FieldId id(fits ? key.get<int32_t>() : -1);
    if (!fits || schema.Find(id) == nullptr) {
      return Corruption(std::string(what) + ": \"identifier-field-ids\" holds " +
                        DumpJson(key).substr(0, 100) + ", which is no column's id");
    }
    schema.identifier_fields.push_back(id);
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

}  // namespace tarn

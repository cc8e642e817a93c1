#include "table/delta/schema_json.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "table/delta/default_text.h"

namespace tarn::delta {
namespace {

class SchemaWriter {
 public:
  SchemaWriter(ColumnMapping mapping, std::vector<std::string>& omitted,
               const std::map<int32_t, std::string>& nested_names)
      : mapping_(mapping), omitted_(omitted), nested_names_(nested_names) {}

  Json Struct(const std::vector<Field>& fields, const std::vector<std::string>& physical_names,
              const std::string& prefix) {
    const std::vector<std::string> names = DisplayNames(fields);
    Json list = Json::array();
    for (size_t i = 0; i < fields.size(); ++i) {
      const Field& field = fields[i];
      const std::string path = prefix + field.name;
      if (!CanHold(field.type)) {
        omitted_.push_back(path + " (" + field.type.ToString() + ")");
        continue;
      }
      Json metadata = Json::object();
      if (!field.doc.empty()) metadata["comment"] = field.doc;
      if (field.write_default && !IsNull(*field.write_default)) {
        metadata["CURRENT_DEFAULT"] = DefaultText(field.type, *field.write_default);
      }
      if (mapping_ != ColumnMapping::kOff) {
        metadata["delta.columnMapping.id"] = field.id.value();
        metadata["delta.columnMapping.physicalName"] = physical_names[i];
      }
      list.push_back({{"name", names[i]},
                      {"type", TypeOf(field.type, path + ".")},
                      {"nullable", field.nullability == Nullability::kOptional},
                      {"metadata", std::move(metadata)}});
    }
    return {{"type", "struct"}, {"fields", std::move(list)}};
  }

 private:
  Json TypeOf(const Type& type, const std::string& prefix) {
    switch (type.kind()) {
      case Type::Kind::kStruct: {
        std::vector<std::string> names;
        for (const Field& field : type.fields()) {
          const auto name = nested_names_.find(field.id.value());
          names.push_back(name == nested_names_.end() ? field.name : name->second);
        }
        return Struct(type.fields(), names, prefix);
      }
      case Type::Kind::kList: {
        const Field& element = type.fields()[0];
        return {{"type", "array"},
                {"elementType", TypeOf(element.type, prefix + "element.")},
                {"containsNull", element.nullability == Nullability::kOptional}};
      }
      case Type::Kind::kMap: {
        const Field& value = type.fields()[1];
        return {{"type", "map"},
                {"keyType", TypeOf(type.fields()[0].type, prefix + "key.")},
                {"valueType", TypeOf(value.type, prefix + "value.")},
                {"valueContainsNull", value.nullability == Nullability::kOptional}};
      }
      default:
        return *PrimitiveName(type);
    }
  }

  ColumnMapping mapping_;
  std::vector<std::string>& omitted_;
  const std::map<int32_t, std::string>& nested_names_;
};

}  // namespace

std::optional<std::string> PrimitiveName(const Type& type) {
  switch (type.kind()) {
    case Type::Kind::kBoolean:
      return "boolean";
    case Type::Kind::kInt:
      return "integer";
    case Type::Kind::kLong:
      return "long";
    case Type::Kind::kFloat:
      return "float";
    case Type::Kind::kDouble:
      return "double";
    case Type::Kind::kDecimal:
      return "decimal(" + std::to_string(type.precision()) + "," + std::to_string(type.scale()) +
             ")";
    case Type::Kind::kDate:
      return "date";
    case Type::Kind::kTimestamp:
      return "timestamp_ntz";
    case Type::Kind::kTimestampTz:
      return "timestamp";
    case Type::Kind::kString:
      return "string";
    case Type::Kind::kUuid:
    case Type::Kind::kFixed:
    case Type::Kind::kBinary:
      return "binary";
    case Type::Kind::kVariant:
      return "variant";
    default:
      return std::nullopt;
  }
}

bool CanHold(const Type& type) {
  if (type.primitive() || type.kind() == Type::Kind::kVariant)
    return PrimitiveName(type).has_value();
  const auto holds = [](const Field& field) { return CanHold(field.type); };
  const std::vector<Field>& fields = type.fields();
  return type.kind() == Type::Kind::kStruct ? std::any_of(fields.begin(), fields.end(), holds)
                                            : std::all_of(fields.begin(), fields.end(), holds);
}

std::vector<std::string> DisplayNames(const std::vector<Field>& fields) {
  std::set<std::string> taken;
  std::vector<std::string> names(fields.size());
  // The first of its kind keeps its name, whatever number the others get.
  for (size_t i = 0; i < fields.size(); ++i) {
    if (taken.insert(LowerAscii(fields[i].name)).second) names[i] = fields[i].name;
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    for (int number = 2; names[i].empty(); ++number) {
      std::string name = fields[i].name + "_" + std::to_string(number);
      if (taken.insert(LowerAscii(name)).second) names[i] = std::move(name);
    }
  }
  return names;
}

bool HasNamesThatDifferInCase(const std::vector<Field>& fields) {
  std::set<std::string> names;
  for (const Field& field : fields) {
    if (!names.insert(LowerAscii(field.name)).second) return true;
    if (!field.type.primitive() && HasNamesThatDifferInCase(field.type.fields())) return true;
  }
  return false;
}

Json SchemaJson(const std::vector<Field>& fields, const std::vector<std::string>& physical_names,
                ColumnMapping mapping, std::vector<std::string>& omitted,
                const std::map<int32_t, std::string>& nested_names) {
  return SchemaWriter(mapping, omitted, nested_names).Struct(fields, physical_names, "");
}

}  // namespace tarn::delta

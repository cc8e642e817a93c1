#include "table/model/column_mapping.h"

#include <charconv>

#include "base/json.h"

namespace tarn {

Result<std::map<int32_t, std::string>> ParseColumnMapping(const std::string& json) {
  const std::string what = "the table property " + std::string(kColumnMappingProperty);
  TARN_ASSIGN_OR_RETURN(Json object, ParseJson(json, what));
  if (!object.is_object()) return Corruption(what + " is not a JSON object");
  std::map<int32_t, std::string> names;
  for (const auto& [key, value] : object.items()) {
    int32_t id = 0;
    auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || !value.is_string()) {
      return Corruption(what + " has a bad member \"" + key + "\"");
    }
    names[id] = value.get<std::string>();
  }
  return names;
}

Result<std::map<int32_t, std::string>> ReadColumnMapping(const TableMetadata& table) {
  auto property = table.properties.find(kColumnMappingProperty);
  if (property == table.properties.end()) return std::map<int32_t, std::string>();
  return ParseColumnMapping(property->second);
}

Result<std::map<int32_t, std::string>> PhysicalNames(const TableMetadata& table) {
  TARN_ASSIGN_OR_RETURN(auto names, ReadColumnMapping(table));
  for (const Field& field : table.schema().fields) names.try_emplace(field.id.value(), field.name);
  return names;
}

std::string WriteColumnMapping(const std::map<int32_t, std::string>& physical_names) {
  Json object = Json::object();
  for (const auto& [id, name] : physical_names) object[std::to_string(id)] = name;
  return DumpJson(object);
}

}  // namespace tarn

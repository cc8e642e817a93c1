#include <utility>

#include "base/json.h"
#include "table/dual/file_columns.h"

namespace tarn {

namespace {

Json NamesOf(const Type& type, const FoundColumns& found);

Json NameOf(const Field& field, const std::set<std::string>& names, const FoundColumns& found) {
  Json one = {{"field-id", field.id.value()}, {"names", names}};
  if (Json fields = NamesOf(field.type, found); !fields.empty()) one["fields"] = std::move(fields);
  return one;
}

Json NamesOf(const Type& type, const FoundColumns& found) {
  Json list = Json::array();
  for (const Field& field : type.fields()) {
    // Elements go by the specification's names, and by those that files have for them.
    std::set<std::string> names = {field.name};
    if (const auto more = found.element_names.find(field.id.value());
        more != found.element_names.end()) {
      names.insert(more->second.begin(), more->second.end());
    }
    list.push_back(NameOf(field, names, found));
  }
  return list;
}

constexpr int kLevelsMax = 100;

Status ReadNames(const Json& list, int level, std::map<int32_t, std::set<std::string>>& names) {
  if (!list.is_array() || level > kLevelsMax) {
    return Corruption("the table's name mapping is no list of fields");
  }
  for (const Json& one : list) {
    const Json* id = FindMember(one, "field-id");
    const Json* texts = FindMember(one, "names");
    for (const Json& text : texts != nullptr && texts->is_array() ? *texts : Json::array()) {
      if (id == nullptr || !id->is_number_integer() || !text.is_string()) continue;
      names[id->get<int32_t>()].insert(text.get<std::string>());
    }
    if (const Json* fields = FindMember(one, "fields"); fields != nullptr) {
      TARN_RETURN_IF_ERROR(ReadNames(*fields, level + 1, names));
    }
  }
  return {};
}

}  // namespace

std::string WriteNameMapping(const Schema& schema, const FoundColumns& found) {
  Json list = Json::array();
  for (const Field& field : schema.fields) {
    list.push_back(NameOf(field, {found.physical_names.at(field.id.value())}, found));
  }
  return DumpJson(list);
}

Result<std::map<int32_t, std::set<std::string>>> ReadNameMapping(const std::string& json) {
  TARN_ASSIGN_OR_RETURN(const Json list,
                        ParseJson(json, "table property " + std::string(kNameMappingProperty)));
  std::map<int32_t, std::set<std::string>> names;
  TARN_RETURN_IF_ERROR(ReadNames(list, 0, names));
  return names;
}

}  // namespace tarn

#include "base/json.h"

namespace tarn {

Result<Json> ParseJson(std::string_view text, std::string_view what) {
  Json value;
  try {
    value = Json::parse(text);
  } catch (const Json::parse_error& error) {
    return Corruption(std::string(what) + " is not valid JSON at byte " +
                      std::to_string(error.byte));
  } catch (const Json::exception& error) {
    return Corruption(std::string(what) + " is not valid JSON: " + error.what());
  }
  return value;
}

std::string DumpJson(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

const Json* FindMember(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  auto it = object.find(std::string(key));
  if (it == object.end() || it->is_null()) return nullptr;
  return &*it;
}

Result<const Json*> JsonMember(const Json& object, std::string_view key, std::string_view what) {
  const Json* member = FindMember(object, key);
  if (member == nullptr) {
    return Corruption(std::string(what) + " has no \"" + std::string(key) + "\"");
  }
  return member;
}

Result<std::string> JsonString(const Json& object, std::string_view key, std::string_view what) {
  TARN_ASSIGN_OR_RETURN(const Json* member, JsonMember(object, key, what));
  if (!member->is_string()) {
    return Corruption("\"" + std::string(key) + "\" of " + std::string(what) + " is not a string");
  }
  return member->get<std::string>();
}

Result<int64_t> JsonInt(const Json& object, std::string_view key, std::string_view what) {
  TARN_ASSIGN_OR_RETURN(const Json* member, JsonMember(object, key, what));
  if (!member->is_number_integer()) {
    return Corruption("\"" + std::string(key) + "\" of " + std::string(what) +
                      " is not an integer");
  }
  return member->get<int64_t>();
}

}  // namespace tarn

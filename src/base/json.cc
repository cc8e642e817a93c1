#include "base/json.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace tarn {
namespace {

// Copying and dumping a value recurse: a document of brackets alone must not be able to use up the
// stack. Real documents (metadata, table schemas) stay far below.
constexpr int kDepthMax = 500;

// The deepest nesting of brackets outside of strings. Exact for valid JSON, and for the rest the
// parser speaks.
int Depth(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view what) {
  if (Depth(text) > kDepthMax) {
    return Corruption(std::string(what) + " is nested deeper than " + std::to_string(kDepthMax) +
                      " levels");
  }
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
  if (member->is_number_unsigned() &&
      member->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return Corruption("\"" + std::string(key) + "\" of " + std::string(what) +
                      " does not fit 64 bits with a sign");
  }
  return member->get<int64_t>();
}

}  // namespace tarn

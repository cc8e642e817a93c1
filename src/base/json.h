#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace tarn {

/// JSON values that keep the order of their keys.
using Json = nlohmann::ordered_json;

/// Parses one JSON document of at most 500 levels. Of a key that comes twice the last value counts.
/// Errors: Corruption with the byte offset; `what` names the document.
Result<Json> ParseJson(std::string_view text, std::string_view what);

/// Compact text; invalid UTF-8 is replaced by U+FFFD rather than refused.
std::string DumpJson(const Json& value, int indent = -1);

/// \name Typed access to an object's key, with errors that name `what` and the key.
/// Errors: Corruption when the key is missing or of another type.
/// @{
Result<std::string> JsonString(const Json& object, std::string_view key, std::string_view what);
Result<int64_t> JsonInt(const Json& object, std::string_view key, std::string_view what);
Result<const Json*> JsonMember(const Json& object, std::string_view key, std::string_view what);
/// @}
/// The member, or nullptr where it is absent or null, or `object` is no object.
const Json* FindMember(const Json& object, std::string_view key);

}  // namespace tarn

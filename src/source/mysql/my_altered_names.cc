#include "source/mysql/my_altered_names.h"

#include <utility>

#include "base/json.h"
#include "base/sha256.h"

namespace tarn::mysql {
namespace {

constexpr char kWhat[] = "what is remembered of an altered table";

/// Bytes of any character set.
std::string Encoded(const std::string& bytes) { return HexEncode(bytes); }

Result<std::string> Decoded(const Json& object, std::string_view key) {
  TARN_ASSIGN_OR_RETURN(const std::string text, JsonString(object, key, kWhat));
  std::optional<std::string> bytes = HexDecode(text);
  if (!bytes) return Corruption(std::string(kWhat) + " is not hexadecimal");
  return *std::move(bytes);
}

Json AddedJson(const AddedDefault& added) {
  Json parameters = Json::array();
  for (const std::string& one : added.parameters) parameters.push_back(Encoded(one));
  return {{"kind", static_cast<int>(added.kind)},
          {"text", Encoded(added.text)},
          {"type", Encoded(added.type)},
          {"parameters", std::move(parameters)},
          {"unsigned", added.is_unsigned}};
}

Result<AddedDefault> AddedFrom(const Json& json) {
  AddedDefault added;
  TARN_ASSIGN_OR_RETURN(const int64_t kind, JsonInt(json, "kind", kWhat));
  if (kind < 0 || kind > static_cast<int64_t>(AddedDefault::Kind::kUnknown)) {
    return Corruption(std::string(kWhat) + " has a default of an unknown kind");
  }
  added.kind = static_cast<AddedDefault::Kind>(kind);
  TARN_ASSIGN_OR_RETURN(added.text, Decoded(json, "text"));
  TARN_ASSIGN_OR_RETURN(added.type, Decoded(json, "type"));
  TARN_ASSIGN_OR_RETURN(const Json* parameters, JsonMember(json, "parameters", kWhat));
  for (const Json& one : *parameters) {
    TARN_ASSIGN_OR_RETURN(std::string text, Decoded(Json{{"text", one}}, "text"));
    added.parameters.push_back(std::move(text));
  }
  const Json* is_unsigned = FindMember(json, "unsigned");
  added.is_unsigned =
      is_unsigned != nullptr && is_unsigned->is_boolean() && is_unsigned->get<bool>();
  return added;
}

}  // namespace

std::string AlteredNames::ToMark() const {
  if (names.empty()) return "";
  Json columns = Json::array();
  for (const AlteredName& one : names) {
    Json column = {{"name", one.name}, {"before", one.before}};
    if (one.before.empty()) column["added"] = AddedJson(one.added);
    columns.push_back(std::move(column));
  }
  return DumpJson(Json{{"strict", strict}, {"columns", std::move(columns)}});
}

Result<AlteredNames> AlteredNames::FromMark(std::string_view mark) {
  AlteredNames altered;
  if (mark.empty()) return altered;
  TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(mark, kWhat));
  const Json* strict = FindMember(json, "strict");
  altered.strict = strict != nullptr && strict->is_boolean() && strict->get<bool>();
  TARN_ASSIGN_OR_RETURN(const Json* columns, JsonMember(json, "columns", kWhat));
  for (const Json& column : *columns) {
    AlteredName one;
    TARN_ASSIGN_OR_RETURN(one.name, JsonString(column, "name", kWhat));
    TARN_ASSIGN_OR_RETURN(one.before, JsonString(column, "before", kWhat));
    if (const Json* added = FindMember(column, "added"); added != nullptr) {
      TARN_ASSIGN_OR_RETURN(one.added, AddedFrom(*added));
    }
    altered.names.push_back(std::move(one));
  }
  return altered;
}

}  // namespace tarn::mysql

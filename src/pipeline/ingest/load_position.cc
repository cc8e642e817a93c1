#include "pipeline/ingest/load_position.h"

#include "base/json.h"
#include "base/text.h"

namespace tarn {

std::string PositionKey(const SourceTableName& table) {
  const auto part = [](const std::string& text) {
    return text.find_first_of(".\"") == std::string::npos ? text : QuoteIdentifier(text);
  };
  return part(table.schema) + "." + part(table.name);
}

std::string LoadPosition::ToJson() const {
  Json json = {{"snapshot", snapshot}};
  if (cursor.has_value()) json["cursor"] = *cursor;
  if (!stopped.empty()) json["stopped"] = stopped;
  if (order != 0) json["order"] = order;
  return DumpJson(json);
}

Result<LoadPosition> LoadPosition::FromJson(const std::string& text) {
  TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(text, "a load position"));
  LoadPosition position;
  TARN_ASSIGN_OR_RETURN(position.snapshot, JsonString(json, "snapshot", "a load position"));
  if (FindMember(json, "cursor") != nullptr) {
    TARN_ASSIGN_OR_RETURN(position.cursor, JsonString(json, "cursor", "a load position"));
  }
  if (FindMember(json, "stopped") != nullptr) {
    TARN_ASSIGN_OR_RETURN(position.stopped, JsonString(json, "stopped", "a load position"));
  }
  if (FindMember(json, "order") != nullptr) {
    TARN_ASSIGN_OR_RETURN(position.order, JsonInt(json, "order", "a load position"));
  }
  return position;
}

}  // namespace tarn

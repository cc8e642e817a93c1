#include "pipeline/ingest/stream_position.h"

#include "base/json.h"

namespace tarn {
namespace {

constexpr char kWhat[] = "the position of a log";

}  // namespace

std::string StreamPosition::ToJson() const {
  Json json = {{"position", position}};
  if (!transaction.empty()) {
    json["transaction"] = transaction;
    json["transaction_micros"] = transaction_micros;
  }
  if (order != 0) json["order"] = order;
  return DumpJson(json);
}

Result<StreamPosition> StreamPosition::FromJson(const std::string& text) {
  TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(text, kWhat));
  StreamPosition position;
  TARN_ASSIGN_OR_RETURN(position.position, JsonString(json, "position", kWhat));
  if (FindMember(json, "transaction") != nullptr) {
    TARN_ASSIGN_OR_RETURN(position.transaction, JsonString(json, "transaction", kWhat));
    TARN_ASSIGN_OR_RETURN(position.transaction_micros, JsonInt(json, "transaction_micros", kWhat));
  }
  if (FindMember(json, "order") != nullptr) {
    TARN_ASSIGN_OR_RETURN(position.order, JsonInt(json, "order", kWhat));
  }
  return position;
}

Result<std::string> FindStreamPosition(Catalog& catalog, const std::string& source) {
  TARN_ASSIGN_OR_RETURN(const auto positions, catalog.ListPositions());
  for (const PositionEntry& entry : positions) {
    if (entry.source == source && entry.table == kStreamPosition) return entry.position;
  }
  return std::string();
}

}  // namespace tarn

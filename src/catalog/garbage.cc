#include "catalog/garbage.h"

#include <utility>

#include "base/json.h"

namespace tarn {

namespace {

constexpr char kOwner[] = "owner";

}  // namespace

std::vector<CommitOp> DropTableOps(const ObjectStore& store, const TableEntry& table) {
  std::vector<CommitOp> ops = {DropTableOp{table.uuid}};
  Result<std::string> folder = store.KeyOf(table.location);
  if (!folder.ok()) return ops;
  const Json json = {{"table", table.uuid}};
  ops.push_back(PutObjectOp{kGarbageObject, std::move(folder).value(), DumpJson(json)});
  return ops;
}

PutObjectOp IntentionOp(std::string folder, const std::string& owner) {
  const Json json = {{kOwner, owner}};
  return {kIntentionObject, std::move(folder), DumpJson(json)};
}

Result<bool> MayBeIntentionOf(const ObjectEntry& intention, const std::string& owner) {
  TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(intention.json, "intention " + intention.name));
  return !json.contains(kOwner) || json[kOwner] == owner;
}

bool TellsOfTable(std::string_view name) {
  if (name.starts_with("_delta_log/")) return true;
  return name == "metadata/version-hint.text" ||
         (name.starts_with("metadata/") && name.find(".metadata.json") != std::string_view::npos);
}

}  // namespace tarn

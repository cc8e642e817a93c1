#include "catalog/garbage.h"

#include <utility>

#include "base/json.h"

namespace tarn {

Result<std::vector<CommitOp>> DropTableOps(const ObjectStore& store, const TableEntry& table) {
  std::vector<CommitOp> ops = {DropTableOp{table.uuid}};
  if (table.owner.empty()) return ops;
  TARN_ASSIGN_OR_RETURN(std::string folder, store.KeyOf(table.location));
  const Json json = {{"table", table.uuid}};
  ops.push_back(PutObjectOp{kGarbageObject, std::move(folder), DumpJson(json)});
  return ops;
}

bool TellsOfTable(std::string_view name) {
  if (name.starts_with("_delta_log/")) return true;
  return name == "metadata/version-hint.text" ||
         (name.starts_with("metadata/") && name.find(".metadata.json") != std::string_view::npos);
}

}  // namespace tarn

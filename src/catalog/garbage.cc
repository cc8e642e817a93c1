#include "catalog/garbage.h"

namespace tarn {

Result<std::vector<CommitOp>> DropTableOps(const ObjectStore& store, const TableEntry& table) {
  std::vector<CommitOp> ops = {DropTableOp{table.uuid}};
  if (table.owner.empty()) return ops;
  TARN_ASSIGN_OR_RETURN(std::string folder, store.KeyOf(table.location));
  ops.push_back(PutObjectOp{kGarbageObject, std::move(folder), "{}"});
  return ops;
}

}  // namespace tarn

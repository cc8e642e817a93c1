// Tables of somebody else's files: a part of LakeState.

#include <utility>

#include "catalog/garbage.h"
#include "catalog/location.h"
#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"

namespace tarn::duck {

/// Upkeep of a table of the lake removes files below its folder that it does not need itself, and
/// what dropped tables and first loads that died left goes too: only files outside of all of them
/// stay where they are.
Status LakeState::CheckNotLakes(const std::vector<DataFile>& files,
                                const std::string& location) const {
  const ObjectStore& store = *engine_.options.tables.store;
  Catalog& catalog = *engine_.options.catalog;
  std::vector<std::string> folders = {location};
  TARN_ASSIGN_OR_RETURN(const auto tables, catalog.ListTables(std::nullopt, std::nullopt));
  for (const TableEntry& table : tables) folders.push_back(table.location);
  for (const char* kind : {kGarbageObject, kIntentionObject}) {
    TARN_ASSIGN_OR_RETURN(const auto swept, catalog.ListObjects(kind));
    for (const ObjectEntry& folder : swept) folders.push_back(store.UriOf(folder.name));
  }
  std::set<std::string> sorted;
  for (const std::string& folder : folders) sorted.insert(folder + "/");
  for (const DataFile& file : files) {
    // Every folder above the file.
    for (size_t slash = file.path.rfind('/'); slash != std::string::npos && slash > 0;
         slash = file.path.rfind('/', slash - 1)) {
      if (!sorted.contains(file.path.substr(0, slash + 1))) continue;
      return Unsupported(
          "file " + file.path + " belongs to a table of the lake, whose upkeep would remove it",
          kAdoptRepair);
    }
  }
  return {};
}

Status LakeState::AdoptTable(const TableName& name, AdoptedTable adopted) {
  const std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(CheckWritable());
  if (name.name.find('$') != std::string::npos) {
    return InvalidArgument("a table's name cannot contain '$': " + name.name,
                           "names with '$' are the tables about a table, as in t$snapshots");
  }
  TARN_ASSIGN_OR_RETURN(const LakeRelation old, FindLocked(name));
  if (old) return AlreadyExists("table or view " + name.ToString() + " already exists");
  const TableContext& context = engine_.options.tables;
  TARN_ASSIGN_OR_RETURN(
      const FreeFolder folder,
      NewTableFolder(*engine_.options.catalog, *context.store, *context.random, name, ""));
  adopted.seed.location = folder.uri;
  adopted.seed.table_uuid = context.random->Uuid();
  TARN_RETURN_IF_ERROR(CheckNotLakes(adopted.files, adopted.seed.location));
  TARN_RETURN_IF_ERROR(EnsureSchemaLocked(name.schema));
  found_.clear();
  Local local;
  local.touched = true;
  local.entry.name = name;
  local.entry.location = adopted.seed.location;
  local.free_at = folder.free_at;
  local.properties = adopted.seed.properties;
  TARN_ASSIGN_OR_RETURN(local.transaction, CreateAdopted(context, std::move(adopted.seed)));
  for (RowDeletes& deletes : adopted.deletes) {
    Local::Deletes& one = local.deletes[deletes.file.path];
    one.positions = std::make_shared<const DeletionVector>(std::move(deletes.positions));
    one.file.file = std::move(deletes.file);
  }
  for (DataFile& file : adopted.files) {
    local.adopted.push_back(std::make_shared<const DataFile>(std::move(file)));
  }
  tables_[name] = std::move(local);
  return {};
}

}  // namespace tarn::duck

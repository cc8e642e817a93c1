#include "base/text.h"
#include "catalog/committer.h"
#include "project/apply.h"

namespace tarn {
namespace {

bool MadeByProject(const std::string& owner) {
  return owner.rfind("source:", 0) == 0 || owner.rfind("model:", 0) == 0;
}

Status RemoveFolder(ObjectStore& store, const std::string& prefix, ProjectLock& lock) {
  // Only what Tarn writes into a table's folder: anything else there is somebody else's.
  std::vector<std::string> keys;
  for (const char* part : {"/data/", "/metadata/", "/deletes/", "/_delta_log/"}) {
    TARN_RETURN_IF_ERROR(store.List(prefix + part, [&](const ObjectInfo& object) {
      keys.push_back(object.key);
      return lock.Confirm();
    }));
  }
  for (const std::string& key : keys) {
    // Who has lost the lock may be about to remove what its next holder has just written.
    TARN_RETURN_IF_ERROR(lock.Confirm());
    TARN_RETURN_IF_ERROR(store.Delete(key));
  }
  return store.RemoveEmptyFolders(prefix);
}

Result<std::set<std::string>> LiveFolders(ObjectStore& store, Catalog& catalog) {
  std::set<std::string> folders;
  TARN_ASSIGN_OR_RETURN(const auto tables, catalog.ListTables(std::nullopt, std::nullopt));
  for (const TableEntry& table : tables) {
    TARN_ASSIGN_OR_RETURN(std::string folder, store.KeyOf(table.location));
    folders.insert(std::move(folder));
  }
  return folders;
}

}  // namespace

Result<DestroyPlan> MakeDestroyPlan(OpenProject& project) {
  DestroyPlan plan;
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*project.catalog));
  TARN_RETURN_IF_ERROR(CheckStateOwner(project, alive));
  TARN_ASSIGN_OR_RETURN(const auto tables, project.catalog->ListTables(std::nullopt, std::nullopt));
  TARN_ASSIGN_OR_RETURN(const auto views, project.catalog->ListViews(std::nullopt, std::nullopt));
  bool others = false;
  for (const TableEntry& table : tables) {
    if (MadeByProject(table.owner)) {
      plan.tables.push_back(table);
    } else {
      others = true;
    }
  }
  for (const ViewEntry& view : views) {
    if (MadeByProject(view.owner)) {
      plan.views.push_back(view);
    } else {
      others = true;
    }
  }
  for (const auto& [name, source] : alive.sources) plan.sources.push_back(name);
  plan.garbage = alive.garbage;
  plan.everything = !others;
  return plan;
}

std::string FormatDestroyPlan(const DestroyPlan& plan) {
  std::string out;
  for (const std::string& source : plan.sources) {
    out += "  - source  " + source + "  (forgotten; the source itself is not touched)\n";
  }
  for (const TableEntry& table : plan.tables) {
    out += "  - table   " + table.name.ToString() + "  with all its files\n";
  }
  for (const ViewEntry& view : plan.views) out += "  - view    " + view.name.ToString() + "\n";
  for (const std::string& folder : plan.garbage) out += "  - folder  " + folder + "\n";
  out += "Destroy: " + std::to_string(plan.tables.size()) + " tables, " +
         std::to_string(plan.views.size()) + " views, " + std::to_string(plan.sources.size()) +
         " sources.\n";
  if (!plan.everything) out += "Tables that were made by hand stay.\n";
  return out;
}

Status DestroyProject(OpenProject& project, const DestroyPlan& plan, ProjectLock& lock) {
  Catalog& catalog = *project.catalog;
  ObjectStore& store = *project.tables.store;
  LakeCommit commit;
  commit.author = "destroy";
  commit.message = "project " + project.spec.name;
  const CommitOp fence = lock.expectation();
  std::vector<std::string> folders = plan.garbage;
  std::set<std::string> schemas;
  for (const TableEntry& table : plan.tables) {
    // The folder is remembered in the same commit, so that a destroy that dies now is finished by
    // the next one.
    TARN_ASSIGN_OR_RETURN(const auto drop, DropTableOps(store, table));
    commit.ops.insert(commit.ops.end(), drop.begin(), drop.end());
    TARN_ASSIGN_OR_RETURN(std::string folder, store.KeyOf(table.location));
    folders.push_back(std::move(folder));
    schemas.insert(table.name.schema);
  }
  for (const ViewEntry& view : plan.views) {
    commit.ops.push_back(DropViewOp{view.name});
    schemas.insert(view.name.schema);
  }
  TARN_ASSIGN_OR_RETURN(const auto objects, catalog.ListObjects(std::nullopt));
  for (const ObjectEntry& object : objects) {
    if (object.kind == kGarbageObject || object.kind == kProjectObject) continue;
    commit.ops.push_back(DropObjectOp{object.kind, object.name});
  }
  TARN_ASSIGN_OR_RETURN(const auto positions, catalog.ListPositions());
  for (const PositionEntry& position : positions) {
    commit.ops.push_back(SetPositionOp{position.source, position.table, ""});
  }
  if (!commit.ops.empty()) {
    commit.ops.push_back(fence);
    TARN_RETURN_IF_ERROR(CommitToLake(project.tables, catalog, commit).status());
  }
  TARN_ASSIGN_OR_RETURN(const std::set<std::string> live, LiveFolders(store, catalog));
  for (const std::string& folder : folders) {
    // A table that somebody made by hand may stand where a dropped one stood.
    if (live.count(folder) == 0) TARN_RETURN_IF_ERROR(RemoveFolder(store, folder, lock));
  }

  LakeCommit last;
  last.author = "destroy";
  last.message = "project " + project.spec.name;
  for (const std::string& folder : folders)
    last.ops.push_back(DropObjectOp{kGarbageObject, folder});
  if (plan.everything) last.ops.push_back(DropObjectOp{kProjectObject, project.spec.name});
  for (const std::string& folder : folders) {
    // A destroy that is continued knows the schemas by the folders that it finds again.
    TARN_RETURN_IF_ERROR(store.RemoveEmptyFolders(folder.substr(0, folder.find('/'))));
  }
  for (const std::string& schema : schemas) {
    TARN_ASSIGN_OR_RETURN(const auto tables, catalog.ListTables(schema, std::nullopt));
    TARN_ASSIGN_OR_RETURN(const auto views, catalog.ListViews(schema, std::nullopt));
    if (tables.empty() && views.empty()) {
      last.ops.push_back(DropNamespaceOp{schema});
      TARN_RETURN_IF_ERROR(store.RemoveEmptyFolders(PathSegment(schema)));
    }
  }
  if (last.ops.empty()) return Status::Ok();
  last.ops.push_back(fence);
  return CommitToLake(project.tables, catalog, last).status();
}

}  // namespace tarn

#include "base/fault_point.h"
#include "base/text.h"
#include "catalog/closed.h"
#include "catalog/committer.h"
#include "catalog/garbage.h"
#include "pipeline/intention.h"
#include "project/apply.h"
#include "project/captured.h"

namespace tarn {
namespace {

constexpr size_t kRemovalsBetweenLooks = 256;

bool MadeByProject(const std::string& owner) {
  return owner.rfind("source:", 0) == 0 || owner.rfind("model:", 0) == 0;
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

/// Leaves a folder in which a table stands that somebody made by hand where a dropped one stood,
/// and what is left of one in which that happens meanwhile: upkeep, which asks nobody for the
/// project's lock, may have emptied it first.
Status RemoveFolder(ObjectStore& store, Catalog& catalog, const std::string& prefix,
                    ProjectLock& lock) {
  // Only what Tarn writes into a table's folder: anything else there is somebody else's.
  std::vector<std::string> keys;
  for (const char* part : {"/data/", "/metadata/", "/deletes/", "/_delta_log/"}) {
    TARN_RETURN_IF_ERROR(store.List(prefix + part, [&](const ObjectInfo& object) {
      keys.push_back(object.key);
      return lock.Confirm();
    }));
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i % kRemovalsBetweenLooks == 0) {
      TARN_ASSIGN_OR_RETURN(const auto live, LiveFolders(store, catalog));
      if (live.contains(prefix)) return {};
    }
    // Who has lost the lock may be about to remove what its next holder has just written.
    TARN_RETURN_IF_ERROR(lock.Confirm());
    TARN_RETURN_IF_ERROR(store.Delete(keys[i]));
  }
  return store.RemoveEmptyFolders(prefix);
}

enum class Leftover { kNone, kFiles, kSomebodysTable };

/// What stands in a folder in which the project was going to make a table. Published metadata tells
/// that a table was made there after all, by hand: its files are the business of whoever made it.
Result<Leftover> LeftoverIn(ObjectStore& store, const std::string& folder) {
  Leftover found = Leftover::kNone;
  for (const char* part : {"/data/", "/deletes/", "/metadata/", "/_delta_log/"}) {
    TARN_RETURN_IF_ERROR(store.List(folder + part, [&](const ObjectInfo& object) -> Status {
      if (found == Leftover::kSomebodysTable) return Status::Ok();
      const auto name = std::string_view(object.key).substr(folder.size() + 1);
      found = TellsOfTable(name) ? Leftover::kSomebodysTable : Leftover::kFiles;
      return Status::Ok();
    }));
  }
  return found;
}

/// Removes the folders of loads that died before they wrote a file.
Status RemoveEmptyIntentions(ObjectStore& store, Catalog& catalog) {
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(catalog));
  if (alive.intentions.empty()) return {};
  TARN_ASSIGN_OR_RETURN(const auto live, LiveFolders(store, catalog));
  for (const std::string& folder : alive.intentions) {
    if (live.contains(folder)) continue;
    TARN_ASSIGN_OR_RETURN(const Leftover found, LeftoverIn(store, folder));
    if (found == Leftover::kNone) TARN_RETURN_IF_ERROR(store.RemoveEmptyFolders(folder));
  }
  return {};
}

/// Schemas in which the project declared something and in which nothing of anybody else stands.
Result<std::vector<std::string>> EmptiedNamespaces(Catalog& catalog, const AliveObjects& alive,
                                                   const DestroyPlan& plan,
                                                   const std::set<std::string>& used_by_others) {
  std::set<std::string> declared;
  for (const TableEntry& table : plan.tables) declared.insert(table.name.schema);
  for (const ViewEntry& view : plan.views) declared.insert(view.name.schema);
  for (const auto& [name, table] : alive.tables) declared.insert(table.target.schema);
  for (const auto& [name, model] : alive.models) declared.insert(name.substr(0, name.find('.')));
  std::vector<std::string> emptied;
  TARN_ASSIGN_OR_RETURN(const auto namespaces, catalog.ListNamespaces(std::nullopt));
  for (const NamespaceEntry& entry : namespaces) {
    if (declared.count(entry.name) != 0 && used_by_others.count(entry.name) == 0) {
      emptied.push_back(entry.name);
    }
  }
  return emptied;
}

}  // namespace

Result<DestroyPlan> MakeDestroyPlan(OpenProject& project) {
  DestroyPlan plan;
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*project.catalog));
  TARN_RETURN_IF_ERROR(CheckStateOwner(project, alive));
  TARN_ASSIGN_OR_RETURN(const auto tables, project.catalog->ListTables(std::nullopt, std::nullopt));
  TARN_ASSIGN_OR_RETURN(const auto views, project.catalog->ListViews(std::nullopt, std::nullopt));
  std::set<std::string> used_by_others;
  for (const TableEntry& table : tables) {
    if (MadeByProject(table.owner)) {
      plan.tables.push_back(table);
    } else {
      used_by_others.insert(table.name.schema);
    }
  }
  for (const ViewEntry& view : views) {
    if (MadeByProject(view.owner)) {
      plan.views.push_back(view);
    } else {
      used_by_others.insert(view.name.schema);
    }
  }
  for (const auto& [name, source] : alive.sources) plan.sources.push_back(name);
  plan.garbage = alive.garbage;
  TARN_ASSIGN_OR_RETURN(const auto live, LiveFolders(*project.tables.store, *project.catalog));
  for (const std::string& folder : alive.intentions) {
    if (live.count(folder) != 0) continue;
    TARN_ASSIGN_OR_RETURN(const Leftover found, LeftoverIn(*project.tables.store, folder));
    if (found == Leftover::kFiles) plan.leftovers.push_back(folder);
  }
  TARN_ASSIGN_OR_RETURN(plan.namespaces,
                        EmptiedNamespaces(*project.catalog, alive, plan, used_by_others));
  plan.everything = used_by_others.empty();
  return plan;
}

std::string FormatDestroyPlan(const DestroyPlan& plan) {
  std::string out;
  for (const std::string& source : plan.sources) {
    out += "  - source  " + source + "  (forgotten; its own tables are not touched)\n";
  }
  for (const TableEntry& table : plan.tables) {
    out += "  - table   " + table.name.ToString() + "  with all its files\n";
  }
  for (const ViewEntry& view : plan.views) out += "  - view    " + view.name.ToString() + "\n";
  for (const std::string& folder : plan.garbage) out += "  - folder  " + folder + "\n";
  for (const std::string& folder : plan.leftovers) {
    out += "  - folder  " + folder + "  (files of a load that never ended)\n";
  }
  out += "Destroy: " + std::to_string(plan.tables.size()) + " tables, " +
         std::to_string(plan.views.size()) + " views, " + std::to_string(plan.sources.size()) +
         " sources.\n";
  if (!plan.everything) out += "Tables that were made by hand stay.\n";
  return out;
}

Status DestroyProject(OpenProject& project, const DestroyPlan& plan, ProjectLock& lock) {
  Catalog& catalog = *project.catalog;
  ObjectStore& store = *project.tables.store;
  // Nothing is dropped whose files cannot be removed. The store takes away on the way what
  // processes that died left of files half written.
  TARN_RETURN_IF_ERROR(store.CheckAccess());
  // Before they are forgotten.
  TARN_RETURN_IF_ERROR(RemoveEmptyIntentions(store, catalog));
  LakeCommit commit;
  commit.author = "destroy";
  commit.message = "project " + project.spec.name;
  const CommitOp fence = lock.expectation();
  std::vector<std::string> folders = plan.garbage;
  folders.insert(folders.end(), plan.leftovers.begin(), plan.leftovers.end());
  for (const TableEntry& table : plan.tables) {
    // The folder is remembered in the same commit, so that a destroy that dies now is finished by
    // the next one.
    const auto drop = DropTableOps(store, table);
    commit.ops.insert(commit.ops.end(), drop.begin(), drop.end());
    TARN_ASSIGN_OR_RETURN(std::string folder, store.KeyOf(table.location));
    folders.push_back(std::move(folder));
  }
  for (const ViewEntry& view : plan.views) commit.ops.push_back(DropViewOp{view.name});
  for (const std::string& schema : plan.namespaces) commit.ops.push_back(DropNamespaceOp{schema});
  const std::set<std::string> leftovers(plan.leftovers.begin(), plan.leftovers.end());
  TARN_ASSIGN_OR_RETURN(const auto objects, catalog.ListObjects(std::nullopt));
  for (const ObjectEntry& object : objects) {
    if (object.kind == kGarbageObject || object.kind == kProjectObject ||
        object.kind == kClosedObject) {
      continue;
    }
    // Remembered until the files are gone.
    if (object.kind == kIntentionObject && leftovers.count(object.name) != 0) continue;
    commit.ops.push_back(DropObjectOp{object.kind, object.name});
  }
  TARN_ASSIGN_OR_RETURN(const auto positions, catalog.ListPositions());
  for (const PositionEntry& position : positions) {
    commit.ops.push_back(SetPositionOp{position.source, position.table, ""});
  }
  // Before they are forgotten: what holds a source's log must not stay behind unknown.
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(catalog));
  for (const auto& [name, source] : alive.sources) {
    TARN_RETURN_IF_ERROR(EndCapture(project, name, source).Wrap("source " + name));
  }
  if (!commit.ops.empty()) {
    commit.ops.push_back(fence);
    TARN_RETURN_IF_ERROR(CommitToLake(project.tables, catalog, commit).status());
  }
  TARN_FAULT_POINT(kDestroyDropped);
  for (const std::string& folder : folders) {
    TARN_RETURN_IF_ERROR(RemoveFolder(store, catalog, folder, lock));
  }
  TARN_FAULT_POINT(kDestroyRemoved);

  LakeCommit last;
  last.author = "destroy";
  last.message = "project " + project.spec.name;
  for (const std::string& folder : folders) {
    last.ops.push_back(DropObjectOp{kGarbageObject, folder});
    if (leftovers.count(folder) != 0) last.ops.push_back(DropObjectOp{kIntentionObject, folder});
    TARN_RETURN_IF_ERROR(store.RemoveEmptyFolders(folder.substr(0, folder.find('/'))));
  }
  for (const std::string& schema : plan.namespaces) {
    TARN_RETURN_IF_ERROR(store.RemoveEmptyFolders(PathSegment(schema)));
  }
  if (plan.everything) {
    last.ops.push_back(DropObjectOp{kProjectObject, project.spec.name});
    // What somebody makes by hand from here on would go with the catalog.
    last.ops.push_back(PutObjectOp{kClosedObject, kClosedObject, "{}"});
    TARN_RETURN_IF_ERROR(store.RemoveEmptyFolders(""));
  }
  if (last.ops.empty()) return Status::Ok();
  last.ops.push_back(fence);
  return CommitToLake(project.tables, catalog, last).status();
}

Result<bool> KeepWhatCameMeanwhile(OpenProject& project, ProjectLock& lock) {
  TARN_ASSIGN_OR_RETURN(const DestroyPlan plan, MakeDestroyPlan(project));
  if (plan.everything) return false;
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*project.catalog));
  if (!alive.closed) return true;
  LakeCommit commit;
  commit.author = "destroy";
  commit.message = "project " + project.spec.name;
  commit.ops = {DropObjectOp{kClosedObject, kClosedObject}, lock.expectation()};
  TARN_RETURN_IF_ERROR(CommitToLake(project.tables, *project.catalog, commit).status());
  return true;
}

}  // namespace tarn

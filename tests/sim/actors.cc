#include <algorithm>
#include <set>

#include "catalog/catalog.h"
#include "catalog/committer.h"
#include "catalog/delta_log.h"
#include "catalog/garbage.h"
#include "catalog/location.h"
#include "pipeline/maintain/compact.h"
#include "pipeline/maintain/expire.h"
#include "pipeline/maintain/maintain.h"
#include "pipeline/maintain/statistics.h"
#include "pipeline/maintain/sweep.h"
#include "sim/world.h"
#include "table/delta/log_json.h"
#include "table/dual/deletes.h"

// What each of those who work on the lake does, in one turn.
namespace tarn::sim {

Rows World::NewRows() {
  Rows rows;
  const uint64_t count = 1 + scheduler_.random().Below(4);
  for (uint64_t i = 0; i < count; ++i) rows[next_row_++] = "new";
  return rows;
}

Result<World::Draft> World::Open(Process& process, const std::string& name, Sequence at) {
  Draft draft;
  TARN_ASSIGN_OR_RETURN(draft.entry, catalog_->LoadTable({kSchemaName, name}, at));
  TARN_ASSIGN_OR_RETURN(auto base,
                        LoadTableMetadata(process.context.tables, draft.entry.metadata_location));
  TARN_ASSIGN_OR_RETURN(draft.transaction,
                        TableTransaction::Change(process.context.tables, std::move(base),
                                                 draft.entry.metadata_location));
  return draft;
}

Status World::Append(Process& process, Draft& draft, Effect& effect) {
  const Rows rows = NewRows();
  TARN_ASSIGN_OR_RETURN(draft.files, WriteRows(process.context.tables, *draft.transaction, rows));
  effect.added.insert(rows.begin(), rows.end());
  return draft.transaction->Append(draft.files);
}

/// Deletes, or changes, about every third row, as rows are found in their files.
Status World::Delete(Process& process, Draft& draft, Effect& effect, bool update) {
  const TableContext& context = process.context.tables;
  TARN_ASSIGN_OR_RETURN(const auto base, LoadTableMetadata(context, draft.entry.metadata_location));
  TARN_ASSIGN_OR_RETURN(const ScanPlan plan,
                        PlanScan(context, *base, std::nullopt, Predicate::True()));
  std::vector<RowDeletes> deletes;
  Rows changed;
  for (const ScanFile& file : plan.files) {
    TARN_ASSIGN_OR_RETURN(const FileRows rows, ReadFile(context, *base, file));
    TARN_ASSIGN_OR_RETURN(const auto before, LoadDeletes(context, *base, file));
    RowDeletes one{file.file, {}};
    for (size_t i = 0; i < rows.size(); ++i) {
      if (before != nullptr && before->Contains(static_cast<int64_t>(i))) continue;
      if (!Chance(3)) continue;
      one.positions.Add(static_cast<int64_t>(i));
      effect.removed.insert(rows[i]);
      if (update) changed[rows[i].first] = rows[i].second + "'";
    }
    if (!one.positions.empty()) deletes.push_back(std::move(one));
  }
  if (deletes.empty()) return Append(process, draft, effect);
  if (!changed.empty()) {
    TARN_ASSIGN_OR_RETURN(draft.files, WriteRows(context, *draft.transaction, changed));
    effect.added.insert(changed.begin(), changed.end());
    TARN_RETURN_IF_ERROR(draft.transaction->Append(draft.files));
  }
  if (Sabotaged(Sabotage::kLoseUpdate)) {
    // As if nobody else could ever be faster: the rows of now are replaced by those of then.
    effect.removed.clear();
    return {};
  }
  return draft.transaction->DeleteRows(std::move(deletes));
}

Status World::CommitOnce(Process& process, Operation& operation, std::vector<Draft>& drafts) {
  LakeCommit commit = process.context.NewCommit("sim", operation.what);
  for (Draft& draft : drafts) {
    commit.tables.push_back({draft.entry.name, draft.entry.owner, draft.entry.uuid,
                             draft.transaction.get(), draft.free_at});
  }
  const Status status = CommitToLake(process.context.tables, *catalog_, commit).status();
  if (status.ok() || !IsCertainRejection(status.error())) return status;
  for (const Draft& draft : drafts) {
    for (const DataFile& file : draft.files) {
      const Status deleted = store_->Delete(*store_->KeyOf(file.path));
      if (!deleted.ok()) Tell("left behind: " + file.path);
    }
  }
  return status;
}

Status World::Commit(Process& process, Operation& operation, std::vector<Draft>& drafts) {
  if (!drafts[0].entry.uuid.empty() && Sabotaged(Sabotage::kPublishTooEarly)) {
    const std::string folder = *store_->KeyOf(drafts[0].entry.location);
    const std::string name = delta::LogEntryName(drafts[0].entry.version);
    TARN_RETURN_IF_ERROR(live_->Put(folder + "/_delta_log/" + name, "{}\n"));
  }
  const Status status = CommitOnce(process, operation, drafts);
  if (plan_.sabotage != Sabotage::kCommitTwice || scheduler_.dead() || operation.commits == 0) {
    return status;
  }
  return CommitOnce(process, operation, drafts);
}

void World::Write(std::unique_ptr<Process>& process) {
  const uint64_t kind = scheduler_.random().Below(8);
  const std::string table = Chance(2) ? "a" : "b";
  const auto one = [&](const char* what,
                       const std::function<Status(Process&, Draft&, Effect&)>& f) {
    Do(process, std::string(what) + " of " + table, false,
       [&](Process& alive, Operation& operation) -> Status {
         TARN_ASSIGN_OR_RETURN(const Sequence now, catalog_->CurrentSequence());
         std::vector<Draft> drafts(1);
         TARN_ASSIGN_OR_RETURN(drafts[0], Open(alive, table, now));
         TARN_RETURN_IF_ERROR(f(alive, drafts[0], operation.effects[table]));
         return Commit(alive, operation, drafts);
       });
  };
  if (kind < 3) {
    one("append", [this](Process& p, Draft& d, Effect& e) { return Append(p, d, e); });
  } else if (kind < 5) {
    one("update", [this](Process& p, Draft& d, Effect& e) { return Delete(p, d, e, true); });
  } else if (kind < 6) {
    one("delete", [this](Process& p, Draft& d, Effect& e) { return Delete(p, d, e, false); });
  } else if (kind < 7) {
    one("reload", [this](Process& p, Draft& d, Effect& e) -> Status {
      e.replaces_all = true;
      e.added = NewRows();
      TARN_ASSIGN_OR_RETURN(d.files, WriteRows(p.context.tables, *d.transaction, e.added));
      return d.transaction->Overwrite(d.files);
    });
  } else {
    Do(process, "transaction of a and b", false,
       [&](Process& alive, Operation& operation) -> Status {
         TARN_ASSIGN_OR_RETURN(const Sequence now, catalog_->CurrentSequence());
         std::vector<Draft> drafts(2);
         TARN_ASSIGN_OR_RETURN(drafts[0], Open(alive, "a", now));
         TARN_RETURN_IF_ERROR(Delete(alive, drafts[0], operation.effects["a"], false));
         TARN_ASSIGN_OR_RETURN(drafts[1], Open(alive, "b", now));
         TARN_RETURN_IF_ERROR(Append(alive, drafts[1], operation.effects["b"]));
         return Commit(alive, operation, drafts);
       });
  }
}

/// All tables at one moment, from their bytes.
Status World::ReadAll(Process& process) {
  TARN_ASSIGN_OR_RETURN(const Sequence pinned, catalog_->CurrentSequence());
  TARN_ASSIGN_OR_RETURN(const auto tables, catalog_->ListTables(std::nullopt, pinned));
  for (const TableEntry& entry : tables) {
    Sequence at = pinned;
    if (plan_.sabotage == Sabotage::kTornRead) {
      TARN_ASSIGN_OR_RETURN(at, catalog_->CurrentSequence());
    }
    TARN_ASSIGN_OR_RETURN(const TableEntry then, catalog_->LoadTableByUuid(entry.uuid, at));
    TARN_ASSIGN_OR_RETURN(const auto metadata,
                          LoadTableMetadata(process.context.tables, then.metadata_location));
    TARN_ASSIGN_OR_RETURN(const Rows rows,
                          ReadSnapshot(process.context.tables, *metadata, nullptr));
    const Rows* wanted = truth_.At(entry.uuid, pinned);
    const std::string difference = wanted == nullptr ? "no table" : Difference(rows, *wanted);
    if (!difference.empty()) {
      truth_.Wrong("a reader of moment " + std::to_string(pinned.value()) + " sees in " +
                   entry.name.name + ": " + difference);
    }
  }
  return {};
}

void World::Read(std::unique_ptr<Process>& process) {
  Do(process, "read", false, [this](Process& alive, Operation&) { return ReadAll(alive); });
}

/// Reads what came since the last time, entry by entry: each tells the next commit, and what was
/// read once never changes.
Status World::FollowTable(Process& process, const TableEntry& entry, Follower& follower) {
  TARN_ASSIGN_OR_RETURN(const std::string folder, store_->KeyOf(entry.location));
  const std::string where = "Delta's log of " + entry.name.name + ", version ";
  while (true) {
    const int64_t next = follower.state.version + 1;
    const std::string name = delta::LogEntryName(next);
    const auto text = process.context.tables.store->Get(folder + "/_delta_log/" + name);
    if (!text.ok() && text.error().kind == ErrorKind::kNotFound) {
      bool later = false;
      TARN_RETURN_IF_ERROR(
          store_->List(folder + "/_delta_log/0", [&](const ObjectInfo& object) -> Status {
            const std::string file = object.key.substr(folder.size() + 12);
            later = later || (file.ends_with(".json") && file.size() == name.size() && file > name);
            return {};
          }));
      if (!later) return {};
      // Somebody wrote it meanwhile, or it was cleaned up: then the log begins with a checkpoint.
      const auto again = live_->Get(folder + "/_delta_log/" + name);
      if (again.ok()) continue;
      auto state = DeltaLog(*live_, folder).ReadState({});
      if (!state.ok() || state->version <= next) {
        truth_.Wrong(where + std::to_string(next) + " is not there, and later ones are");
        return {};
      }
      follower.state = std::move(state).value();
      continue;
    }
    TARN_RETURN_IF_ERROR(text.status());
    follower.seen[next] = *text;
    TARN_ASSIGN_OR_RETURN(auto actions, delta::ParseLogEntry(*text, name));
    follower.state.Apply(next, std::move(actions));
    const Rows* wanted = truth_.Version(entry.uuid, next + 1);
    if (wanted == nullptr) {
      truth_.Wrong(where + std::to_string(next) + " is out and was never committed");
      return {};
    }
    const auto rows = truth_.RowsOfLog(entry.location, follower.state);
    const std::string difference =
        rows.ok() ? Difference(*rows, *wanted) : rows.status().ToString();
    if (!difference.empty()) truth_.Wrong(where + std::to_string(next) + ": " + difference);
    if (!difference.empty()) return {};
  }
}

void World::Follow(std::unique_ptr<Process>& process, std::map<std::string, Follower>& followers) {
  Do(process, "follow", false, [&](Process& alive, Operation&) -> Status {
    for (const char* name : {"a", "b"}) {
      TARN_ASSIGN_OR_RETURN(const TableEntry entry, catalog_->LoadTable({kSchemaName, name}, {}));
      Follower& follower = followers[name];
      TARN_RETURN_IF_ERROR(FollowTable(alive, entry, follower));
      TARN_ASSIGN_OR_RETURN(const std::string folder, store_->KeyOf(entry.location));
      for (const auto& [version, text] : follower.seen) {
        const auto now = live_->Get(folder + "/_delta_log/" + delta::LogEntryName(version));
        if (now.ok() && *now != text) {
          truth_.Wrong("version " + std::to_string(version) + " of Delta's log of " + name +
                       " was written again");
        }
      }
    }
    return {};
  });
}

void World::LookAfter(std::unique_ptr<Process>& process) {
  using Part = Result<MaintainStep> (*)(const PipelineContext&, const std::string&, MaintainMode);
  static constexpr std::pair<const char*, Part> kParts[] = {
      {"compaction", CompactTable},
      {"manifests", CompactManifests},
      {"statistics", RefreshStatistics},
      {"expiry", ExpireTable},
      {"sweep", SweepTable},
      {"cleaning of Delta's log", CleanDeltaLog}};
  const uint64_t part = scheduler_.random().Below(std::size(kParts) + 1);
  if (part == std::size(kParts)) {
    Do(process, "maintain", true, [this](Process& alive, Operation&) -> Status {
      TARN_ASSIGN_OR_RETURN(const MaintainReport report, Maintain(alive.context, {}));
      for (const TableUpkeep& table : report.tables) TARN_RETURN_IF_ERROR(table.error);
      return {};
    });
    return;
  }
  const std::string table = Chance(2) ? "a" : "b";
  Do(process, kParts[part].first + (" of " + table), true,
     [&](Process& alive, Operation&) -> Status {
       TARN_ASSIGN_OR_RETURN(const TableEntry entry, catalog_->LoadTable({kSchemaName, table}, {}));
       TARN_RETURN_IF_ERROR(
           kParts[part].second(alive.context, entry.uuid, MaintainMode::kDo).status());
       if (plan_.sabotage != Sabotage::kRemoveLiveFile) return {};
       TARN_ASSIGN_OR_RETURN(const auto now, catalog_->LoadTable({kSchemaName, table}, {}));
       TARN_ASSIGN_OR_RETURN(const auto state,
                             LoadTableMetadata(alive.context.tables, now.metadata_location));
       TARN_ASSIGN_OR_RETURN(const ScanPlan plan, PlanScan(alive.context.tables, *state,
                                                           std::nullopt, Predicate::True()));
       if (plan.files.empty()) return {};
       return store_->Delete(*store_->KeyOf(plan.files[0].file.path));
     });
}

/// A table that comes and goes, as a model's does.
void World::DropOrCreate(std::unique_ptr<Process>& process) {
  Do(process, "drop or create of c", false, [this](Process& alive, Operation& operation) -> Status {
    const TableName name{kSchemaName, "c"};
    const auto entry = catalog_->LoadTable(name, {});
    if (!entry.ok() && entry.error().kind != ErrorKind::kNotFound) return entry.status();
    operation.effects["c"];
    if (entry.ok()) {
      LakeCommit commit = alive.context.NewCommit("sim", operation.what);
      commit.ops = DropTableOps(*store_, *entry);
      return CommitToLake(alive.context.tables, *catalog_, commit).status();
    }
    NewTable table;
    TARN_ASSIGN_OR_RETURN(const FreeFolder folder,
                          NewTableFolder(*catalog_, *store_, *alive.random, name, "model:s.c"));
    table.location = folder.uri;
    table.schema = TwoColumns();
    std::vector<Draft> drafts(1);
    drafts[0].entry.name = name;
    drafts[0].entry.owner = "model:s.c";
    drafts[0].free_at = folder.free_at;
    TARN_ASSIGN_OR_RETURN(drafts[0].transaction,
                          TableTransaction::Create(alive.context.tables, table));
    TARN_RETURN_IF_ERROR(Append(alive, drafts[0], operation.effects["c"]));
    return Commit(alive, operation, drafts);
  });
}

}  // namespace tarn::sim

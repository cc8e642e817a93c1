#include "sql/duckdb/lake_state.h"

#include <algorithm>
#include <utility>

#include "base/fault_point.h"
#include "base/log.h"
#include "catalog/asked_catalog.h"
#include "catalog/committer.h"
#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/source_points.h"
#include "table/dual/sort_orders.h"
#include "table/model/column_mapping.h"
#include "table/model/delta_property.h"

namespace tarn::duck {
namespace {

constexpr char kMain[] = "main";

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return text;
}

bool SameName(const TableName& a, const TableName& b) {
  return Lower(a.schema) == Lower(b.schema) && Lower(a.name) == Lower(b.name);
}

/// Exactly, else the only one that is equal without regard to case; end() when there is none.
template <typename Map>
auto FindName(Map& map, const TableName& name) {
  if (const auto exact = map.find(name); exact != map.end()) return exact;
  auto result = map.end();
  for (auto it = map.begin(); it != map.end(); ++it) {
    if (!SameName(it->first, name)) continue;
    if (result != map.end()) return map.end();
    result = it;
  }
  return result;
}

std::vector<DataFile> CopiesOf(const OwnFiles& files) {
  std::vector<DataFile> copies;
  copies.reserve(files.size());
  for (const auto& file : files) copies.push_back(*file);
  return copies;
}

bool IsNotFound(const Error& error) { return error.kind == ErrorKind::kNotFound; }

}  // namespace

LakeState::LakeState(EngineState& engine, const SessionOptions& session,
                     std::atomic<int64_t>* pinned)
    : engine_(engine), session_(session), told_(pinned) {}
LakeState::~LakeState() = default;

Result<Sequence> LakeState::PinLocked() {
  if (!pinned_) {
    if (session_.at) {
      pinned_ = *session_.at;
    } else {
      TARN_ASSIGN_OR_RETURN(pinned_, engine_.options.catalog->CurrentSequence());
    }
  }
  if (told_ != nullptr) *told_ = pinned_->value();
  return *pinned_;
}

Result<Sequence> LakeState::sequence() {
  const std::lock_guard lock(mutex_);
  return PinLocked();
}

Result<const std::vector<std::string>*> LakeState::SchemasLocked() {
  if (!schemas_) {
    TARN_ASSIGN_OR_RETURN(const Sequence at, PinLocked());
    TARN_ASSIGN_OR_RETURN(const std::vector<NamespaceEntry> entries,
                          engine_.options.catalog->ListNamespaces(at));
    std::set<std::string> names;
    for (const NamespaceEntry& entry : entries) names.insert(entry.name);
    for (const TableOverlay& overlay : session_.tables) names.insert(overlay.name.schema);
    for (const ViewOverlay& overlay : session_.views) names.insert(overlay.view.name.schema);
    schemas_ = std::vector<std::string>(names.begin(), names.end());
  }
  return &*schemas_;
}

Result<std::optional<std::string>> LakeState::FindSchemaLocked(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string>* schemas, SchemasLocked());
  if (std::find(schemas->begin(), schemas->end(), name) != schemas->end()) {
    return std::optional<std::string>(name);
  }
  std::optional<std::string> result;
  for (const std::string& schema : *schemas) {
    if (Lower(schema) != Lower(name)) continue;
    if (result) return std::optional<std::string>();
    result = schema;
  }
  if (!result && Lower(name) == kMain) result = kMain;
  return result;
}

Result<std::optional<std::string>> LakeState::FindSchema(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return FindSchemaLocked(name);
}

Result<std::vector<std::string>> LakeState::ListSchemas() {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string>* schemas, SchemasLocked());
  return *schemas;
}

Result<std::shared_ptr<const LakeTable>> LakeState::Committed(TableEntry entry) {
  auto table = std::make_shared<LakeTable>();
  auto metadata = LoadTableMetadata(engine_.options.tables, entry.metadata_location);
  TARN_ASSIGN_OR_RETURN(table->metadata,
                        std::move(metadata).Wrap("table " + entry.name.ToString()));
  table->schema = table->metadata->schema();
  table->spec = table->metadata->spec();
  TARN_ASSIGN_OR_RETURN(table->physical_names, PhysicalNames(*table->metadata));
  table->sort = CurrentSortOrder(*table->metadata);
  table->properties = table->metadata->properties;
  table->leaves_delta_out = LeavesDeltaOut(table->properties);
  table->entry = std::move(entry);
  return std::shared_ptr<const LakeTable>(std::move(table));
}

std::shared_ptr<const LakeTable> LakeState::View(const Local& local) {
  auto table = std::make_shared<LakeTable>();
  if (local.base != nullptr) {
    if (auto names = PhysicalNames(*local.base); names.ok()) table->physical_names = *names;
  }
  if (local.transaction != nullptr) {
    for (const auto& [id, name] : local.transaction->physical_names()) {
      table->physical_names[id] = name;
    }
  }
  table->entry = local.entry;
  table->metadata = local.base;
  table->base = local.base_rows;
  const bool changed = local.transaction != nullptr || local.base == nullptr;
  table->properties = changed ? local.properties : local.base->properties;
  table->leaves_delta_out =
      LeavesDeltaOut(local.base != nullptr ? local.base->properties : local.properties);
  if (local.transaction) {
    table->schema = local.transaction->schema();
    table->spec = local.transaction->spec();
    table->sort = local.transaction->sort_order();
    table->snapshot = local.rolled_back;
    table->added = local.files;
    table->added.insert(table->added.end(), local.adopted.begin(), local.adopted.end());
    for (const auto& [path, deletes] : local.deletes) table->deleted[path] = deletes.positions;
  } else {
    table->schema = local.base->schema();
    table->spec = local.base->spec();
    table->sort = CurrentSortOrder(*local.base);
  }
  return table;
}

Result<LakeRelation> LakeState::FromCatalogLocked(const TableName& name) {
  TARN_ASSIGN_OR_RETURN(const Sequence at, PinLocked());
  Catalog& catalog = *engine_.options.catalog;
  auto entry = catalog.LoadTable(name, at);
  LakeRelation relation;
  if (entry.ok()) {
    if (dropped_.count(entry->name) > 0) return LakeRelation();
    TARN_ASSIGN_OR_RETURN(relation.table, Committed(std::move(entry).value()));
    return relation;
  }
  if (!IsNotFound(entry.error())) return entry.error();
  auto view = catalog.LoadView(name, at);
  if (view.ok()) {
    if (dropped_.count(view->name) > 0) return LakeRelation();
    relation.view = std::make_shared<const ViewEntry>(std::move(view).value());
    return relation;
  }
  if (!IsNotFound(view.error())) return view.error();
  return relation;
}

Result<LakeRelation> LakeState::FindLocked(const TableName& name) {
  if (const auto known = found_.find(name); known != found_.end()) return known->second;
  LakeRelation relation;
  if (const auto table = FindName(tables_, name); table != tables_.end()) {
    relation.table = View(table->second);
  } else if (const auto view = FindName(views_, name); view != views_.end()) {
    relation.view = view->second;
  } else {
    for (const TableOverlay& overlay : session_.tables) {
      if (!SameName(overlay.name, name)) continue;
      auto shown = std::make_shared<LakeTable>();
      shown->entry.uuid = overlay.metadata->table_uuid;
      shown->entry.name = overlay.name;
      shown->entry.location = overlay.metadata->location;
      shown->metadata = overlay.metadata;
      shown->schema = overlay.metadata->schema();
      shown->spec = overlay.metadata->spec();
      shown->origin = LakeTable::Origin::kOverlay;
      relation.table = std::move(shown);
    }
    for (const ViewOverlay& overlay : session_.views) {
      if (SameName(overlay.view.name, name)) {
        relation.view = std::make_shared<const ViewEntry>(overlay.view);
      }
    }
    if (!relation) {
      TARN_ASSIGN_OR_RETURN(relation, FromCatalogLocked(name));
    }
  }
  if (relation) found_[name] = relation;
  return relation;
}

Result<LakeRelation> LakeState::Find(const TableName& name) {
  const std::lock_guard lock(mutex_);
  return FindLocked(name);
}

Status LakeState::CheckSequence(Sequence at) const {
  TARN_ASSIGN_OR_RETURN(const Sequence newest, engine_.options.catalog->CurrentSequence());
  if (at.value() >= 0 && at <= newest) return {};
  return NotFound(
      "the lake has no commit " + std::to_string(at.value()),
      "its newest is " + std::to_string(newest.value()) + "; system.commits lists them");
}

Result<bool> LakeState::ExistedAt(const std::string& uuid, Sequence at) {
  const auto then = engine_.options.catalog->LoadTableByUuid(uuid, at);
  if (!then.ok() && !IsNotFound(then.error())) return then.error();
  return then.ok();
}

Result<LakeRelation> LakeState::FromSequenceLocked(const TableName& name, Sequence at) {
  Catalog& catalog = *engine_.options.catalog;
  TARN_RETURN_IF_ERROR(CheckSequence(at));
  LakeRelation relation;
  auto entry = catalog.LoadTable(name, at);
  if (!entry.ok() && !IsNotFound(entry.error())) return entry.error();
  if (!entry.ok()) {
    auto view = catalog.LoadView(name, at);
    if (!view.ok()) {
      return NotFound("at commit " + std::to_string(at.value()) + " there was no table or view " +
                      name.ToString());
    }
    relation.view = std::make_shared<const ViewEntry>(std::move(view).value());
    return relation;
  }
  TARN_ASSIGN_OR_RETURN(auto committed, Committed(std::move(entry).value()));
  auto table = std::make_shared<LakeTable>(*committed);
  table->history = LakeTable::History::kPast;
  relation.table = std::move(table);
  return relation;
}

Result<LakeRelation> LakeState::FindAt(const TableName& name, const LakePoint& asked) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(const LakePoint point, ResolveSourcePoint(engine_, *this, name, asked));
  if (point.sequence) return FromSequenceLocked(name, *point.sequence);
  TARN_ASSIGN_OR_RETURN(LakeRelation relation, FindLocked(name));
  if (relation.table == nullptr) return relation;
  auto table = std::make_shared<LakeTable>(*relation.table);
  if (table->metadata == nullptr) {
    return NotFound("table " + name.ToString() + " has no history: this transaction created it");
  }
  const TableMetadata& metadata = *table->metadata;
  const Snapshot* found = nullptr;
  if (point.snapshot) {
    found = metadata.FindSnapshot(*point.snapshot);
    if (found == nullptr) {
      return NotFound("table " + name.ToString() + " has no snapshot " +
                          std::to_string(point.snapshot->value()),
                      "\"" + name.name + "$snapshots\" lists those that it has");
    }
  } else if (!point.ref.empty()) {
    const auto ref = metadata.refs.find(point.ref);
    if (ref != metadata.refs.end()) found = metadata.FindSnapshot(ref->second.snapshot);
    if (found == nullptr) {
      return NotFound("table " + name.ToString() + " has no branch or tag \"" + point.ref + "\"",
                      "\"" + name.name +
                          "$refs\" lists those that it has; a moment of the lake is "
                          "'sequence <number>', or '<source> <position of its log>'");
    }
  } else {
    for (const auto& [made_ms, id] : metadata.snapshot_log) {
      if (made_ms <= *point.timestamp_ms) found = metadata.FindSnapshot(id);
    }
    if (found == nullptr) {
      return NotFound("table " + name.ToString() + " has no snapshot that old",
                      "\"" + name.name + "$history\" lists its states");
    }
  }
  table->snapshot = found->id;
  table->added.clear();
  table->deleted.clear();
  table->base = LakeTable::Base::kVisible;
  const Schema* schema = found->schema_id ? metadata.FindSchema(*found->schema_id) : nullptr;
  table->schema = schema != nullptr ? *schema : metadata.schema();
  relation.table = std::move(table);
  return relation;
}

Result<std::vector<LakeRelation>> LakeState::List(const std::string& schema) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(const Sequence at, PinLocked());
  std::set<TableName> names;
  Catalog& catalog = *engine_.options.catalog;
  // The schema may be this transaction's, an overlay's, or a `main` that nobody created.
  const auto entries = catalog.ListTables(schema, at);
  if (entries.ok()) {
    for (const TableEntry& entry : *entries) names.insert(entry.name);
    TARN_ASSIGN_OR_RETURN(const std::vector<ViewEntry> views, catalog.ListViews(schema, at));
    for (const ViewEntry& view : views) names.insert(view.name);
  } else if (!IsNotFound(entries.error())) {
    return entries.error();
  }
  for (const TableName& name : dropped_) names.erase(name);
  const auto add = [&names, &schema](const TableName& name) {
    if (name.schema == schema) names.insert(name);
  };
  for (const auto& [name, local] : tables_) add(name);
  for (const auto& [name, view] : views_) add(name);
  for (const TableOverlay& overlay : session_.tables) add(overlay.name);
  for (const ViewOverlay& overlay : session_.views) add(overlay.view.name);
  std::vector<LakeRelation> result;
  for (const TableName& name : names) {
    TARN_ASSIGN_OR_RETURN(LakeRelation relation, FindLocked(name));
    if (relation) result.push_back(std::move(relation));
  }
  return result;
}

bool LakeState::changed() const {
  const std::lock_guard lock(mutex_);
  if (!ops_.empty()) return true;
  return std::any_of(tables_.begin(), tables_.end(), [](const auto& entry) {
    return entry.second.transaction != nullptr && entry.second.touched;
  });
}

Status LakeState::Commit(Extent extent) {
  const std::lock_guard lock(mutex_);
  if (!changed()) return Status::Ok();
  LakeCommit commit;
  commit.author = session_.author;
  commit.ops = ops_;
  std::string touched;
  for (auto& [name, local] : tables_) {
    if (local.transaction == nullptr) continue;
    if (!local.touched) {
      if (local.searched && extent == Extent::kExplicit) {
        commit.searched.push_back({local.entry.uuid, local.transaction.get()});
      }
      continue;
    }
    if (local.rolled_back) {
      commit.expectations.push_back({local.entry.uuid, local.transaction->base_location()});
    }
    if (local.base_rows == LakeTable::Base::kReplaced) {
      TARN_RETURN_IF_ERROR(local.transaction->Overwrite(CopiesOf(local.files)));
      // What replaces the rows may have been made of them: rows that came meanwhile would be lost.
      if (!local.transaction->creates()) {
        commit.expectations.push_back({local.entry.uuid, local.transaction->base_location()});
      }
    } else if (!local.files.empty()) {
      TARN_RETURN_IF_ERROR(local.transaction->Append(CopiesOf(local.files)));
    }
    if (!local.adopted.empty()) {
      TARN_RETURN_IF_ERROR(local.transaction->Append(CopiesOf(local.adopted)));
    }
    if (!local.rewritten.empty()) {
      TARN_RETURN_IF_ERROR(local.transaction->RemoveFiles(local.rewritten));
    }
    std::vector<RowDeletes> deletes;
    for (const auto& [path, one] : local.deletes) {
      deletes.push_back({one.file.file, *one.positions});
    }
    if (!deletes.empty()) {
      TARN_RETURN_IF_ERROR(local.transaction->DeleteRows(std::move(deletes)));
    }
    TableChange change;
    change.name = name;
    change.owner = local.entry.owner;
    if (!local.transaction->creates()) change.uuid = local.entry.uuid;
    change.transaction = local.transaction.get();
    change.free_at = local.free_at;
    commit.tables.push_back(std::move(change));
    touched += (touched.empty() ? "" : ", ") + name.ToString();
  }
  if (extent == Extent::kExplicit) {
    for (const auto& [uuid, location] : reads_) commit.expectations.push_back({uuid, location});
  }
  commit.message = touched.empty() ? "names changed" : "wrote " + touched;
  TARN_FAULT_POINT(kSqlWritten);
  AskedCatalog catalog(*engine_.options.catalog);
  may_be_committed_ = true;  // also where it ends by an exception
  auto committed = CommitToLake(engine_.options.tables, catalog, commit);
  may_be_committed_ = committed.ok() || !catalog.RulesOut(committed.error());
  if (committed.ok()) {
    PassFaultPoint(FaultPoint::kSqlCommitted);
    DeleteFiles(withdrawn_);
    withdrawn_.clear();
    tables_.clear();
    ops_.clear();
    return Status::Ok();
  }
  return committed.status();
}

void LakeState::Forget() {
  const std::lock_guard lock(mutex_);
  withdrawn_.clear();
  tables_.clear();
  ops_.clear();
}

void LakeState::Abort() {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, local] : tables_) DeleteFiles(local.files);
  DeleteFiles(withdrawn_);
  withdrawn_.clear();
  tables_.clear();
  ops_.clear();
}

void LakeState::DeleteFiles(const OwnFiles& files) const {
  ObjectStore& store = *engine_.options.tables.store;
  for (const auto& file : files) {
    auto key = store.KeyOf(file->path);
    Status deleted = key.ok() ? store.Delete(*key) : key.status();
    if (!deleted.ok()) {
      Log(LogLevel::kWarning,
          "file of a withdrawn write stays at " + file->path + ": " + deleted.error().message);
    }
  }
}

}  // namespace tarn::duck

// The changing half of LakeState.

#include <algorithm>
#include <iterator>
#include <utility>

#include "catalog/garbage.h"
#include "catalog/location.h"
#include "sql/duckdb/constraints.h"
#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"
#include "table/dual/schema_editor.h"
#include "table/dual/table_checks.h"

namespace tarn::duck {
namespace {

/// "source:postgres" → ("source", "postgres").
std::pair<std::string, std::string> SplitOwner(const std::string& owner) {
  const size_t colon = owner.find(':');
  if (colon == std::string::npos) return {owner, ""};
  return {owner.substr(0, colon), owner.substr(colon + 1)};
}

constexpr char kCopyOnWrite[] = "copy-on-write";

/// Iceberg's table properties "write.delete.isolation-level", "write.update.mode" and so on; empty
/// where the table does not say.
std::string WriteProperty(const std::map<std::string, std::string>& properties,
                          LakeState::RowChanges::Command command, const std::string& name) {
  using Command = LakeState::RowChanges::Command;
  const char* verb = command == Command::kDelete   ? "delete"
                     : command == Command::kUpdate ? "update"
                                                   : "merge";
  const auto found = properties.find("write." + std::string(verb) + "." + name);
  return found == properties.end() ? "" : found->second;
}

/// Serializable by default.
Isolation IsolationOf(const std::map<std::string, std::string>& properties,
                      LakeState::RowChanges::Command command) {
  return WriteProperty(properties, command, "isolation-level") == "snapshot"
             ? Isolation::kSnapshot
             : Isolation::kSerializable;
}

Status CheckNotAdoptedHere(const TableName& name, const OwnFiles& adopted) {
  if (adopted.empty()) return {};
  return InvalidArgument("table " + name.ToString() + " was adopted in this transaction",
                         "COMMIT before it is changed");
}

Error Taken(const TableName& name, const LakeRelation& relation) {
  return AlreadyExists(
      std::string(relation.table ? "table " : "view ") + name.ToString() + " already exists",
      "use OR REPLACE, IF NOT EXISTS or another name");
}

}  // namespace

Status LakeState::CheckWritable() const {
  if (session_.at) {
    return InvalidArgument("this session reads the lake as it was at commit " +
                               std::to_string(session_.at->value()) + " and cannot write",
                           "write in a session without a pinned commit");
  }
  return Status::Ok();
}

Status LakeState::CheckOwner(const TableEntry& entry) const {
  if (entry.owner.empty() || entry.owner == session_.author) return Status::Ok();
  const auto [kind, who] = SplitOwner(entry.owner);
  return PermissionDenied("table " + entry.name.ToString() + " is kept by " + kind + " " + who,
                          kind == "model"
                              ? "change the model, or write to a table of your own"
                              : "change the rows in the source, or write to a table of your own");
}

Status LakeState::CheckDroppable(const std::string& kind_of_thing, const TableName& name,
                                 const std::string& owner) const {
  if (owner.empty() || owner == session_.author) return Status::Ok();
  const auto [kind, who] = SplitOwner(owner);
  // What the project no longer declares may go; what it does declare would come back.
  TARN_ASSIGN_OR_RETURN(const std::vector<ObjectEntry> declared,
                        engine_.options.catalog->ListObjects(kind));
  const bool alive = std::any_of(declared.begin(), declared.end(),
                                 [&who = who](const ObjectEntry& e) { return e.name == who; });
  if (!alive) return Status::Ok();
  return PermissionDenied(kind_of_thing + " " + name.ToString() + " is kept by " + kind + " " + who,
                          "remove it from the project, run `tarn apply`, then drop it");
}

Status LakeState::EnsureSchemaLocked(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string>* schemas, SchemasLocked());
  if (std::find(schemas->begin(), schemas->end(), name) != schemas->end()) return Status::Ok();
  ops_.push_back(CreateNamespaceOp{name, {}, true});
  schemas_->push_back(name);
  return Status::Ok();
}

Status LakeState::CreateSchema(const std::string& name, OnTaken on_taken) {
  const std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(CheckWritable());
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string>* schemas, SchemasLocked());
  if (std::find(schemas->begin(), schemas->end(), name) != schemas->end()) {
    if (on_taken == OnTaken::kKeep) return Status::Ok();
    if (on_taken == OnTaken::kReplace) {
      return Unsupported("CREATE OR REPLACE SCHEMA is not supported",
                         "use CREATE SCHEMA IF NOT EXISTS");
    }
    return AlreadyExists("schema " + name + " already exists", "use CREATE SCHEMA IF NOT EXISTS");
  }
  ops_.push_back(CreateNamespaceOp{name, {}, on_taken == OnTaken::kKeep});
  schemas_->push_back(name);
  return Status::Ok();
}

Status LakeState::DropSchema(const std::string& name, Contents contents) {
  const std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(CheckWritable());
  TARN_ASSIGN_OR_RETURN(const std::vector<LakeRelation> relations, List(name));
  if (!relations.empty() && contents == Contents::kMustBeEmpty) {
    return InvalidArgument("schema " + name + " is not empty: it holds " +
                               std::to_string(relations.size()) + " tables and views",
                           "use DROP SCHEMA … CASCADE to drop them too");
  }
  for (const LakeRelation& relation : relations) TARN_RETURN_IF_ERROR(DropLocked(relation));
  ops_.push_back(DropNamespaceOp{name});
  schemas_->erase(std::remove(schemas_->begin(), schemas_->end(), name), schemas_->end());
  return Status::Ok();
}

Result<bool> LakeState::CreateTable(const TableName& name, const Schema& schema,
                                    const std::vector<std::string>& partition,
                                    const std::map<std::string, std::string>& properties,
                                    OnTaken on_taken) {
  const std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(CheckWritable());
  if (name.name.find('$') != std::string::npos) {
    return InvalidArgument("a table's name cannot contain '$': " + name.name,
                           "names with '$' are the tables about a table, as in t$snapshots");
  }
  TARN_ASSIGN_OR_RETURN(const LakeRelation old, FindLocked(name));
  if (old) {
    if (on_taken == OnTaken::kKeep) return false;
    if (on_taken == OnTaken::kFail || old.view != nullptr) return Taken(name, old);
  }
  found_.clear();
  if (old && old.table->metadata != nullptr) {
    // The table stays itself: its history can be read on, its place and its constraints do not
    // change.
    TARN_ASSIGN_OR_RETURN(const auto constraints, Constraints(old.table->entry.name));
    for (const Field& field : old.table->schema.fields) {
      if (schema.Find(field.name) != nullptr) continue;
      TARN_RETURN_IF_ERROR(CheckNoConstraintOn(constraints, field.name));
    }
    TARN_ASSIGN_OR_RETURN(Local * local, ChangeLocked(old.table->entry.name));
    Withdraw(&local->files);
    local->deletes.clear();
    local->touched = true;
    local->base_rows = LakeTable::Base::kReplaced;
    local->defaulted_columns.clear();
    local->files_without_defaults.clear();
    TableTransaction& transaction = *local->transaction;
    TARN_RETURN_IF_ERROR(transaction.SetPartition({}));
    TARN_RETURN_IF_ERROR(
        transaction.EvolveTo(schema, TableTransaction::IncompatibleColumns::kReplace));
    TARN_RETURN_IF_ERROR(transaction.SetPartition(partition));
    TARN_RETURN_IF_ERROR(transaction.SetSortOrder({}));
    TARN_RETURN_IF_ERROR(SetPropertiesOf(*local, properties));
    return true;
  }
  if (old) TARN_RETURN_IF_ERROR(DropLocked(old));
  TARN_RETURN_IF_ERROR(EnsureSchemaLocked(name.schema));
  NewTable table;
  TARN_ASSIGN_OR_RETURN(const FreeFolder folder,
                        NewTableFolder(*engine_.options.catalog, *engine_.options.tables.store,
                                       *engine_.options.tables.random, name, ""));
  table.location = folder.uri;
  table.schema = schema;
  table.partition = partition;
  table.properties = properties;
  Local local;
  local.touched = true;
  TARN_ASSIGN_OR_RETURN(local.transaction, TableTransaction::Create(engine_.options.tables, table));
  local.entry.name = name;
  local.entry.location = table.location;
  local.free_at = folder.free_at;
  local.properties = properties;
  tables_[name] = std::move(local);
  return true;
}

Result<bool> LakeState::PutView(ViewEntry view, OnTaken on_taken) {
  const std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(CheckWritable());
  TARN_ASSIGN_OR_RETURN(const LakeRelation old, FindLocked(view.name));
  if (old) {
    if (on_taken == OnTaken::kKeep) return false;
    if (on_taken == OnTaken::kFail || old.table != nullptr) return Taken(view.name, old);
    view.name = old.view->name;
    TARN_RETURN_IF_ERROR(CheckDroppable("view", view.name, old.view->owner));
  }
  TARN_RETURN_IF_ERROR(EnsureSchemaLocked(view.name.schema));
  found_.clear();
  ops_.push_back(PutViewOp{view, on_taken == OnTaken::kReplace});
  const TableName name = view.name;
  views_[name] = std::make_shared<const ViewEntry>(std::move(view));
  return true;
}

Status LakeState::DropLocked(const LakeRelation& relation) {
  found_.clear();
  if (relation.view != nullptr) {
    const ViewEntry& view = *relation.view;
    TARN_RETURN_IF_ERROR(CheckDroppable("view", view.name, view.owner));
    ops_.push_back(DropViewOp{view.name});
    views_.erase(view.name);
    dropped_.insert(view.name);
    return Status::Ok();
  }
  const TableEntry& entry = relation.table->entry;
  if (relation.table->origin == LakeTable::Origin::kOverlay) {
    return PermissionDenied("table " + entry.name.ToString() + " is shown for checks only");
  }
  TARN_RETURN_IF_ERROR(CheckDroppable("table", entry.name, entry.owner));
  const auto local = tables_.find(entry.name);
  const bool created = local != tables_.end() && local->second.base == nullptr;
  if (local != tables_.end()) {
    Withdraw(&local->second.files);
    tables_.erase(local);
  }
  if (!created) {
    const auto drop = DropTableOps(*engine_.options.tables.store, entry);
    ops_.insert(ops_.end(), drop.begin(), drop.end());
  }
  dropped_.insert(entry.name);
  return Status::Ok();
}

Status LakeState::Drop(const TableName& name) {
  const std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(CheckWritable());
  TARN_ASSIGN_OR_RETURN(const LakeRelation relation, FindLocked(name));
  if (!relation) return NotFound("table or view " + name.ToString() + " does not exist");
  return DropLocked(relation);
}

Result<LakeState::Local*> LakeState::ChangeLocked(const TableName& name) {
  TARN_RETURN_IF_ERROR(CheckWritable());
  TARN_ASSIGN_OR_RETURN(const LakeRelation relation, FindLocked(name));
  if (relation.table == nullptr) {
    if (relation.view == nullptr) return NotFound("table " + name.ToString() + " does not exist");
    return InvalidArgument(name.ToString() + " is a view", "use CREATE OR REPLACE VIEW");
  }
  const LakeTable& table = *relation.table;
  if (table.origin == LakeTable::Origin::kOverlay) {
    return PermissionDenied("table " + name.ToString() + " is shown for checks only");
  }
  TARN_RETURN_IF_ERROR(CheckOwner(table.entry));
  Local& local = tables_[table.entry.name];
  if (local.transaction == nullptr) {
    local.entry = table.entry;
    local.base = table.metadata;
    if (local.base != nullptr) local.properties = local.base->properties;
    auto transaction = TableTransaction::Change(engine_.options.tables, table.metadata,
                                                table.entry.metadata_location);
    if (!transaction.ok()) {
      tables_.erase(table.entry.name);
      return transaction.error();
    }
    local.transaction = std::move(transaction).value();
  }
  return &local;
}

Status LakeState::Rename(const TableName& name, const std::string& to) {
  const std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(CheckWritable());
  TARN_ASSIGN_OR_RETURN(const LakeRelation relation, FindLocked(name));
  if (!relation) return NotFound("table or view " + name.ToString() + " does not exist");
  TableName target{name.schema, to};
  TARN_ASSIGN_OR_RETURN(const LakeRelation taken, FindLocked(target));
  if (relation.view != nullptr) {
    const bool itself = taken.view != nullptr && taken.view->name == relation.view->name;
    if (taken && !itself) return Taken(target, taken);
    ViewEntry moved = *relation.view;
    TARN_RETURN_IF_ERROR(DropLocked(relation));
    moved.name = target;
    TARN_ASSIGN_OR_RETURN(const bool put, PutView(std::move(moved), OnTaken::kFail));
    return put ? Status::Ok() : Status(Internal("renamed view was not stored"));
  }
  const TableEntry old = relation.table->entry;
  target.schema = old.name.schema;
  const bool itself = taken.table != nullptr && taken.table->entry.name == old.name;
  if (taken && !itself) return Taken(target, taken);
  if (relation.table->origin == LakeTable::Origin::kOverlay) {
    return PermissionDenied("table " + name.ToString() + " is shown for checks only");
  }
  TARN_RETURN_IF_ERROR(CheckOwner(old));
  Local local;
  if (const auto known = tables_.find(old.name); known != tables_.end()) {
    local = std::move(known->second);
    tables_.erase(known);
  } else {
    local.entry = old;
    local.base = relation.table->metadata;
  }
  if (local.base != nullptr) ops_.push_back(RenameTableOp{old.uuid, target});
  found_.clear();
  dropped_.insert(old.name);
  local.entry.name = target;
  tables_[target] = std::move(local);
  return Status::Ok();
}

Status LakeState::Alter(const TableName& name,
                        const std::function<Status(TableTransaction&)>& change) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(Local * local, ChangeLocked(name));
  TARN_RETURN_IF_ERROR(CheckNotAdoptedHere(name, local->adopted));
  found_.clear();
  const Schema before = local->transaction->schema();
  const PartitionSpec spec_before = local->transaction->spec();
  TARN_RETURN_IF_ERROR(change(*local->transaction));
  local->touched = true;
  if (local->files.empty()) return Status::Ok();
  // The files that this transaction wrote have the old names and partition values in them.
  const std::string hint = "COMMIT the rows first, then alter the table";
  std::string changed;
  VisitStructFields(before.fields, [&](const Field& field) {
    const Field* now = local->transaction->schema().Find(field.id);
    if (now == nullptr || now->name != field.name) changed = field.name;
  });
  if (!changed.empty()) {
    return Unsupported("column " + changed +
                           " cannot be renamed or dropped in the transaction "
                           "that wrote rows to " +
                           name.ToString(),
                       hint);
  }
  if (local->transaction->spec().fields != spec_before.fields) {
    return Unsupported("the partitioning of " + name.ToString() +
                           " cannot change in the transaction that wrote rows to it",
                       hint);
  }
  return Status::Ok();
}

Status LakeState::AddColumnWithDefault(const TableName& name, const std::string& column,
                                       const Type& type, const Scalar& value) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(Local * local, ChangeLocked(name));
  if (local->rolled_back) {
    return InvalidArgument("table " + name.ToString() + " was rolled back in this transaction",
                           "COMMIT before a column with a DEFAULT is added");
  }
  found_.clear();
  TARN_RETURN_IF_ERROR(local->transaction->EditColumns(
      [&](SchemaEditor& editor) { return editor.AddWithDefault(column, type, value); }));
  local->touched = true;
  local->defaulted_columns.insert(local->transaction->schema().fields.back().id);
  for (const auto& file : local->files) local->files_without_defaults.insert(file->path);
  // Rows that come meanwhile would not have the value.
  local->transaction->ReadRows(Predicate::True(), Isolation::kSerializable, Gone::kNoMatter);
  return Status::Ok();
}

Status LakeState::SetPropertiesOf(Local& local,
                                  const std::map<std::string, std::string>& properties) {
  for (const auto& [key, value] : properties) {
    TARN_RETURN_IF_ERROR(local.transaction->SetProperty(key, value));
    local.properties[key] = value;
  }
  return Status::Ok();
}

Status LakeState::SetProperties(const TableName& name,
                                const std::map<std::string, std::string>& properties) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(Local * local, ChangeLocked(name));
  found_.clear();
  local->touched = true;
  return SetPropertiesOf(*local, properties);
}

void LakeState::Withdraw(OwnFiles* files) {
  withdrawn_.insert(withdrawn_.end(), files->begin(), files->end());
  files->clear();
}

Result<DataWriterOptions> LakeState::WriterOptions(const TableName& name) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(Local * local, ChangeLocked(name));
  if (local->rolled_back) {
    return InvalidArgument("table " + name.ToString() + " was rolled back in this transaction",
                           "COMMIT before its rows are changed");
  }
  DataWriterOptions options;
  options.location = local->transaction->location();
  options.schema = local->transaction->schema();
  options.spec = local->transaction->spec();
  options.sort_order_id = local->transaction->sort_order().id;
  options.physical_names = local->transaction->physical_names();
  options.factory = engine_.options.file_writer;
  return options;
}

Status LakeState::Append(const TableName& name, std::vector<DataFile> files) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(Local * local, ChangeLocked(name));
  found_.clear();
  local->touched = local->touched || !files.empty();
  for (DataFile& file : files) {
    local->files.push_back(std::make_shared<const DataFile>(std::move(file)));
  }
  return Status::Ok();
}

Status LakeState::ChangeRows(const TableName& name, RowChanges changes) {
  const std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(Local * local, ChangeLocked(name));
  TARN_RETURN_IF_ERROR(CheckNotAdoptedHere(name, local->adopted));
  found_.clear();
  const std::map<std::string, std::string>& properties = local->properties;
  // What was not there when it was looked for must not be there when this is committed, and what
  // kept a statement from doing something must be there still.
  local->transaction->ReadRows(changes.read, IsolationOf(properties, changes.command),
                               changes.gone);
  local->searched = local->searched || !local->transaction->creates();
  if (changes.deleted.empty() && changes.added.empty()) return Status::Ok();
  if (!changes.deleted.empty()) {
    TARN_RETURN_IF_ERROR(
        CheckMayRemoveRows(properties, "changing or removing rows of " + name.ToString()));
  }
  local->touched = true;
  for (DataFile& file : changes.added) {
    if (changes.row_ids == RowChanges::RowIds::kStored) {
      local->files_with_row_ids.insert(file.path);
    }
    local->files.push_back(std::make_shared<const DataFile>(std::move(file)));
  }
  const bool rewrite = WriteProperty(properties, changes.command, "mode") == kCopyOnWrite;
  for (RowChanges::Deleted& one : changes.deleted) {
    const std::string path = one.file.file.path;
    Local::Deletes& deletes = local->deletes[path];
    if (deletes.positions != nullptr) one.positions.AddAll(*deletes.positions);
    // A file that this transaction wrote and that has no row left was never there.
    const auto own = std::find_if(local->files.begin(), local->files.end(),
                                  [&path](const auto& file) { return file->path == path; });
    if (own != local->files.end() && one.positions.cardinality() == (*own)->record_count) {
      withdrawn_.push_back(*own);
      local->files.erase(own);
      local->deletes.erase(path);
      continue;
    }
    deletes.positions = std::make_shared<const DeletionVector>(std::move(one.positions));
    deletes.file = std::move(one.file);
    deletes.rewrite = deletes.rewrite || rewrite;
  }
  return Status::Ok();
}

void LakeState::NoteRead(const LakeTable& table) {
  // What an overlay, a pinned snapshot or this transaction itself shows does not move.
  if (table.origin == LakeTable::Origin::kOverlay || table.history == LakeTable::History::kPast ||
      table.snapshot || table.metadata == nullptr) {
    return;
  }
  const std::lock_guard lock(mutex_);
  reads_.emplace(table.entry.uuid, table.entry.metadata_location);
}

}  // namespace tarn::duck

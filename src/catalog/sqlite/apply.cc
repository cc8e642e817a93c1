#include "catalog/sqlite/apply.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "catalog/closed.h"
#include "catalog/sqlite/ledger.h"
#include "catalog/sqlite/lookup.h"

namespace tarn::sqlite {
namespace {

class Applier {
 public:
  Applier(Connection& connection, const CommitInfo& info)
      : connection_(connection), info_(info), sequence_(info.sequence.value()) {}

  Status operator()(const CreateNamespaceOp& op);
  Status operator()(const SetNamespacePropertiesOp& op);
  Status operator()(const DropNamespaceOp& op);
  Status operator()(const CreateTableOp& op);
  Status operator()(const UpdateTableOp& op);
  Status operator()(const DropTableOp& op);
  Status operator()(const RenameTableOp& op);
  Status operator()(const PutViewOp& op);
  Status operator()(const DropViewOp& op);
  Status operator()(const SetPositionOp& op);
  Status operator()(const PutObjectOp& op);
  Status operator()(const DropObjectOp& op);
  Status operator()(const ExpectTableOp& op);
  Status operator()(const ExpectLockOp& op);

 private:
  Result<TableEntry> LiveTable(const std::string& uuid);
  Status RefuseTakenName(const TableName& name);
  Status CloseTable(const TableEntry& table);
  Status InsertTable(const TableEntry& table);
  Status CloseNamespace(const std::string& name);
  Status InsertNamespace(const NamespaceEntry& entry);
  Status CloseView(const TableName& name);
  Status Enqueue(const TableEntry& table, const std::string& previous);
  Status CheckPosition(const SetPositionOp& op);
  Status CheckObject(const PutObjectOp& op);

  Connection& connection_;
  const CommitInfo& info_;
  const int64_t sequence_;
  std::set<std::string> moved_;  // uuids created or updated by this commit
};

Result<TableEntry> Applier::LiveTable(const std::string& uuid) {
  TARN_ASSIGN_OR_RETURN(std::optional<TableEntry> table, FindTableByUuid(connection_, uuid, kNow));
  if (table) return std::move(*table);
  TARN_ASSIGN_OR_RETURN(const std::vector<TableEntry> states, AllStatesOfTable(connection_, uuid));
  if (states.empty()) return NotFound("no table has the identity " + uuid);
  return NotFound("table " + states.back().name.ToString() + " was dropped");
}

Status Applier::RefuseTakenName(const TableName& name) {
  TARN_ASSIGN_OR_RETURN(const auto table, FindExactTable(connection_, name, kNow));
  if (table) return AlreadyExists("table " + name.ToString() + " already exists");
  TARN_ASSIGN_OR_RETURN(const auto view, FindExactView(connection_, name, kNow));
  if (view) return AlreadyExists(name.ToString() + " already exists as a view");
  return {};
}

// A state that began in this very commit was never visible: it goes without a trace.
Status Applier::CloseTable(const TableEntry& table) {
  if (table.sequence == info_.sequence) {
    return connection_.Run("DELETE FROM tables WHERE uuid = ? AND begin_sequence = ?", table.uuid,
                           sequence_);
  }
  return connection_.Run("UPDATE tables SET end_sequence = ? WHERE uuid = ? AND begin_sequence = ?",
                         sequence_, table.uuid, table.sequence.value());
}

Status Applier::InsertTable(const TableEntry& table) {
  return connection_.Run(
      "INSERT INTO tables(uuid, schema_name, name, location, metadata_location, version, owner,"
      " begin_sequence, end_sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      table.uuid, table.name.schema, table.name.name, table.location, table.metadata_location,
      table.version, table.owner, sequence_, kOpenEnd);
}

Status Applier::CloseNamespace(const std::string& name) {
  TARN_RETURN_IF_ERROR(connection_.Run(
      "DELETE FROM namespaces WHERE name = ? AND begin_sequence = ?", name, sequence_));
  return connection_.Run(
      "UPDATE namespaces SET end_sequence = ? WHERE name = ? AND end_sequence = ?", sequence_, name,
      kOpenEnd);
}

Status Applier::InsertNamespace(const NamespaceEntry& entry) {
  return connection_.Run(
      "INSERT INTO namespaces(name, properties, begin_sequence, end_sequence) VALUES (?, ?, ?, ?)",
      entry.name, PropertiesToJson(entry.properties), sequence_, kOpenEnd);
}

Status Applier::CloseView(const TableName& name) {
  TARN_RETURN_IF_ERROR(
      connection_.Run("DELETE FROM views WHERE schema_name = ? AND name = ? AND begin_sequence = ?",
                      name.schema, name.name, sequence_));
  // The newest state by its index: a view that every run makes anew has a long history.
  return connection_.Run(
      "UPDATE views SET end_sequence = ?1 WHERE end_sequence = ?4 AND id ="
      " (SELECT id FROM views WHERE schema_name = ?2 AND name = ?3"
      " ORDER BY begin_sequence DESC LIMIT 1)",
      sequence_, name.schema, name.name, kOpenEnd);
}

Status Applier::Enqueue(const TableEntry& table, const std::string& previous) {
  return connection_.Run(
      "INSERT INTO outbox(table_uuid, version, previous_metadata_location, metadata_location,"
      " sequence, committed_micros) VALUES (?, ?, ?, ?, ?, ?)",
      table.uuid, table.version, previous, table.metadata_location, sequence_,
      info_.committed_micros);
}

Status Applier::operator()(const CreateNamespaceOp& op) {
  if (op.name.empty()) return InvalidArgument("a schema needs a name");
  TARN_ASSIGN_OR_RETURN(const auto existing, FindExactNamespace(connection_, op.name, kNow));
  if (existing) {
    if (op.if_not_exists) return {};
    return AlreadyExists("schema " + op.name + " already exists");
  }
  return InsertNamespace({op.name, op.properties});
}

Status Applier::operator()(const SetNamespacePropertiesOp& op) {
  TARN_ASSIGN_OR_RETURN(NamespaceEntry entry, FindNamespace(connection_, op.name, kNow));
  for (const std::string& key : op.removed) entry.properties.erase(key);
  for (const auto& [key, value] : op.set) entry.properties[key] = value;
  TARN_RETURN_IF_ERROR(CloseNamespace(entry.name));
  return InsertNamespace(entry);
}

Status Applier::operator()(const DropNamespaceOp& op) {
  TARN_ASSIGN_OR_RETURN(const NamespaceEntry entry, FindNamespace(connection_, op.name, kNow));
  TARN_ASSIGN_OR_RETURN(const auto tables, AllTables(connection_, entry.name, kNow));
  TARN_ASSIGN_OR_RETURN(const auto views, AllViews(connection_, entry.name, kNow));
  if (!tables.empty() || !views.empty()) {
    const TableName& first = tables.empty() ? views.front().name : tables.front().name;
    return InvalidArgument("schema " + entry.name + " is not empty: it holds " +
                               std::to_string(tables.size() + views.size()) +
                               " tables and views, for example " + first.name,
                           "drop them first");
  }
  return CloseNamespace(entry.name);
}

Status Applier::operator()(const CreateTableOp& op) {
  TableEntry table = op.table;
  if (table.uuid.empty() || table.name.name.empty() || table.metadata_location.empty()) {
    return InvalidArgument("a table needs an identity, a name and a metadata file");
  }
  TARN_ASSIGN_OR_RETURN(const NamespaceEntry schema,
                        FindNamespace(connection_, table.name.schema, kNow));
  table.name.schema = schema.name;
  TARN_RETURN_IF_ERROR(RefuseTakenName(table.name));
  // Versions of one identity are file names of one folder: they never start again.
  TARN_ASSIGN_OR_RETURN(const auto states, AllStatesOfTable(connection_, table.uuid));
  if (!states.empty()) {
    return AlreadyExists("table identity " + table.uuid + " was used by " +
                         states.back().name.ToString());
  }
  // Versions are file names: two tables in one folder would overwrite each other's history.
  {
    TARN_ASSIGN_OR_RETURN(
        Statement taken,
        connection_.Query("SELECT name, end_sequence FROM tables WHERE location = ?"
                          " AND end_sequence > ? ORDER BY end_sequence DESC LIMIT 1",
                          table.location, std::min(sequence_, op.free_at.value())));
    TARN_ASSIGN_OR_RETURN(const bool found, taken.Step());
    if (found && taken.Int(1) > sequence_) {
      return AlreadyExists(
          "the folder " + table.location + " is that of the table " + taken.Text(0),
          "create the table in a transaction of its own");
    }
    if (found) {
      return Conflict("the folder " + table.location + " was meanwhile that of a table " +
                          taken.Text(0) + ", which was dropped",
                      "run it again: it takes another one");
    }
  }
  table.version = 1;
  TARN_RETURN_IF_ERROR(InsertTable(table));
  moved_.insert(table.uuid);
  return Enqueue(table, "");
}

Status Applier::operator()(const UpdateTableOp& op) {
  TARN_ASSIGN_OR_RETURN(TableEntry table, LiveTable(op.uuid));
  if (!moved_.insert(op.uuid).second) {
    return InvalidArgument("table " + table.name.ToString() + " is changed twice in one commit");
  }
  if (table.metadata_location != op.expected_metadata_location) {
    return Conflict("table " + table.name.ToString() + " was changed by another commit");
  }
  const std::string previous = table.metadata_location;
  TARN_RETURN_IF_ERROR(CloseTable(table));
  table.metadata_location = op.metadata_location;
  ++table.version;
  TARN_RETURN_IF_ERROR(InsertTable(table));
  return Enqueue(table, previous);
}

Status Applier::operator()(const DropTableOp& op) {
  TARN_ASSIGN_OR_RETURN(const TableEntry table, LiveTable(op.uuid));
  if (moved_.contains(op.uuid)) {
    return InvalidArgument("table " + table.name.ToString() +
                           " is changed and dropped in one commit");
  }
  return CloseTable(table);
}

Status Applier::operator()(const RenameTableOp& op) {
  if (op.to.name.empty()) return InvalidArgument("a table needs a name");
  TARN_ASSIGN_OR_RETURN(TableEntry table, LiveTable(op.uuid));
  TARN_ASSIGN_OR_RETURN(const NamespaceEntry schema,
                        FindNamespace(connection_, op.to.schema, kNow));
  const TableName to{schema.name, op.to.name};
  if (to == table.name) return {};
  TARN_RETURN_IF_ERROR(RefuseTakenName(to));
  TARN_RETURN_IF_ERROR(CloseTable(table));
  table.name = to;
  return InsertTable(table);
}

Status Applier::operator()(const PutViewOp& op) {
  ViewEntry view = op.view;
  if (view.name.name.empty()) return InvalidArgument("a view needs a name");
  TARN_ASSIGN_OR_RETURN(const NamespaceEntry schema,
                        FindNamespace(connection_, view.name.schema, kNow));
  view.name.schema = schema.name;
  TARN_ASSIGN_OR_RETURN(const auto existing, FindExactView(connection_, view.name, kNow));
  if (existing && !op.replace) {
    return AlreadyExists("view " + view.name.ToString() + " already exists");
  }
  TARN_ASSIGN_OR_RETURN(const auto table, FindExactTable(connection_, view.name, kNow));
  if (table) return AlreadyExists(view.name.ToString() + " already exists as a table");
  TARN_RETURN_IF_ERROR(CloseView(view.name));
  return connection_.Run(
      "INSERT INTO views(sql, schema_name, name, columns, description, owner, begin_sequence,"
      " end_sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      view.sql, view.name.schema, view.name.name, ListToJson(view.columns), view.description,
      view.owner, sequence_, kOpenEnd);
}

Status Applier::operator()(const DropViewOp& op) {
  TARN_ASSIGN_OR_RETURN(const ViewEntry view, FindView(connection_, op.name, kNow));
  return CloseView(view.name);
}

Status Applier::CheckPosition(const SetPositionOp& op) {
  TARN_ASSIGN_OR_RETURN(
      Statement query,
      connection_.Query("SELECT position FROM positions WHERE source = ? AND table_name = ?",
                        op.source, op.table));
  TARN_ASSIGN_OR_RETURN(const bool stands, query.Step());
  if ((stands ? query.Text(0) : std::string()) == *op.expected) return {};
  return Conflict("the position of source " + op.source +
                      (op.table.empty() ? std::string() : " in " + op.table) +
                      " was moved by another commit",
                  "run it again: it goes on from there");
}

Status Applier::operator()(const SetPositionOp& op) {
  if (op.expected) TARN_RETURN_IF_ERROR(CheckPosition(op));
  if (op.position.empty()) {
    return connection_.Run("DELETE FROM positions WHERE source = ? AND table_name = ?", op.source,
                           op.table);
  }
  return connection_.Run(
      "INSERT OR REPLACE INTO positions(source, table_name, position, sequence)"
      " VALUES (?, ?, ?, ?)",
      op.source, op.table, op.position, sequence_);
}

Status Applier::CheckObject(const PutObjectOp& op) {
  TARN_ASSIGN_OR_RETURN(
      Statement query,
      connection_.Query("SELECT json FROM objects WHERE kind = ? AND name = ?", op.kind, op.name));
  TARN_ASSIGN_OR_RETURN(const bool stands, query.Step());
  if ((stands ? query.Text(0) : std::string()) == *op.expected) return {};
  return Conflict("what is declared of " + op.name + " was changed by another commit",
                  "look at what is there, then try again");
}

Status Applier::operator()(const PutObjectOp& op) {
  if (op.expected) TARN_RETURN_IF_ERROR(CheckObject(op));
  return connection_.Run(
      "INSERT OR REPLACE INTO objects(kind, name, json, sequence) VALUES (?, ?, ?, ?)", op.kind,
      op.name, op.json, sequence_);
}

Status Applier::operator()(const DropObjectOp& op) {
  if (op.json) {
    return connection_.Run("DELETE FROM objects WHERE kind = ? AND name = ? AND json = ?", op.kind,
                           op.name, *op.json);
  }
  return connection_.Run("DELETE FROM objects WHERE kind = ? AND name = ?", op.kind, op.name);
}

Status Applier::operator()(const ExpectTableOp& op) {
  TARN_ASSIGN_OR_RETURN(const auto table, FindTableByUuid(connection_, op.uuid, kNow));
  if (table && table->metadata_location == op.expected_metadata_location) return {};
  return Conflict(table ? "table " + table->name.ToString() + ", which was read, has changed"
                        : "a table that was read was dropped (" + op.uuid + ")");
}

Status Applier::operator()(const ExpectLockOp& op) { return CheckLock(connection_, op); }

Status RefuseWhenClosed(Connection& connection, const CommitRequest& request) {
  if (std::any_of(request.ops.begin(), request.ops.end(),
                  [](const CommitOp& op) { return std::holds_alternative<ExpectLockOp>(op); })) {
    return {};
  }
  TARN_ASSIGN_OR_RETURN(
      Statement query,
      connection.Query("SELECT 1 FROM objects WHERE kind = ? LIMIT 1", kClosedObject));
  TARN_ASSIGN_OR_RETURN(const bool closed, query.Step());
  if (!closed) return {};
  return InvalidArgument("the lake is being destroyed, or was: nothing can be committed to it",
                         "`tarn destroy` finishes that, `tarn apply` begins the lake anew");
}

bool IsExpectation(const CommitOp& op) {
  return std::holds_alternative<ExpectTableOp>(op) || std::holds_alternative<ExpectLockOp>(op);
}

}  // namespace

Status ApplyOps(Connection& connection, const CommitRequest& request, const CommitInfo& info) {
  TARN_RETURN_IF_ERROR(RefuseWhenClosed(connection, request));
  Applier applier(connection, info);
  // Who has no right to commit is told so before what that led to.
  for (const CommitOp& op : request.ops) {
    if (std::holds_alternative<ExpectLockOp>(op)) TARN_RETURN_IF_ERROR(std::visit(applier, op));
  }
  // What was read is compared with the state before this commit's own changes.
  for (const CommitOp& op : request.ops) {
    if (std::holds_alternative<ExpectTableOp>(op)) TARN_RETURN_IF_ERROR(std::visit(applier, op));
  }
  for (const CommitOp& op : request.ops) {
    if (!IsExpectation(op)) TARN_RETURN_IF_ERROR(std::visit(applier, op));
  }
  return {};
}

Status ForgetStates(Connection& connection, const std::string& uuid, int64_t before_version) {
  TARN_ASSIGN_OR_RETURN(const std::vector<TableEntry> states, AllStatesOfTable(connection, uuid));
  for (size_t first = 0; first < states.size();) {
    size_t end = first + 1;
    while (end < states.size() && states[end].version < before_version &&
           states[end].name == states[first].name) {
      ++end;
    }
    if (end > first + 1) {
      // The first one goes on to where the last one ended, and stands for none of them: its own
      // file may still be there.
      TARN_RETURN_IF_ERROR(connection.Run(
          "UPDATE tables SET metadata_location = '', end_sequence ="
          " (SELECT end_sequence FROM tables WHERE uuid = ?1 AND begin_sequence = ?3)"
          " WHERE uuid = ?1 AND begin_sequence = ?2",
          uuid, states[first].sequence.value(), states[end - 1].sequence.value()));
      TARN_RETURN_IF_ERROR(connection.Run(
          "DELETE FROM tables WHERE uuid = ? AND begin_sequence > ? AND begin_sequence <= ?", uuid,
          states[first].sequence.value(), states[end - 1].sequence.value()));
    }
    first = end;
  }
  return {};
}

}  // namespace tarn::sqlite

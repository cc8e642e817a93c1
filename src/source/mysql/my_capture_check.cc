#include "source/mysql/my_capture_check.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "source/mysql/my_cascades.h"
#include "source/mysql/my_charset.h"
#include "source/mysql/my_log_reader.h"
#include "source/mysql/my_names.h"

namespace tarn::mysql {
namespace {

constexpr int64_t kProbeMillis = 10000;
constexpr int kNewWords = 80022;  // replica, source

/// Ids of servers that people give are small.
constexpr uint32_t kServerIdsFrom = 0x80000000;

using Settings = std::map<std::string, std::string>;

Result<Settings> LoadSettings(Connection& connection, const std::string& address) {
  TARN_ASSIGN_OR_RETURN(
      const Rows rows,
      connection.Query(
          "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', "
          "'binlog_row_image', 'server_id', 'binlog_row_value_options', 'log_slave_updates', "
          "'log_replica_updates')",
          "looking at the settings of " + address));
  Settings settings;
  for (int i = 0; i < rows.count(); ++i) {
    settings[LowerAscii(rows.text(i, 0))] = rows.text(i, 1);
  }
  return settings;
}

std::string Rights(const Connection& connection) {
  return connection.version().is_mariadb ? "REPLICATION SLAVE, BINLOG MONITOR"
                                         : "REPLICATION SLAVE, REPLICATION CLIENT";
}

Error MayNotRead(Connection& connection, const std::string& address, const Error& why) {
  const Result<Rows> who = connection.Query("SELECT CURRENT_USER()", "asking who we are");
  const std::string user = who.ok() && who->count() > 0 ? who->text(0, 0) : "user";
  const size_t at = user.rfind('@');
  const std::string quoted =
      at == std::string::npos ? user : "'" + user.substr(0, at) + "'@'" + user.substr(at + 1) + "'";
  return MakeError(ErrorKind::kPermissionDenied,
                   "user " + quoted + " may not read the binary log of " + address,
                   "GRANT " + Rights(connection) + " ON *.* TO " + quoted, why.message);
}

// A server that takes over what another one wrote, and does not log it, says nothing of it.
Status CheckReplica(Connection& connection, const Settings& settings, const std::string& address) {
  const auto old_word = settings.find("log_slave_updates");
  const auto new_word = settings.find("log_replica_updates");
  const std::string logs = old_word != settings.end()   ? old_word->second
                           : new_word != settings.end() ? new_word->second
                                                        : "ON";
  if (logs == "ON") return Status::Ok();
  const std::string doing = "asking " + address + " whether it is a replica";
  const ServerVersion& version = connection.version();
  const char* statement = version.is_mariadb            ? "SHOW ALL SLAVES STATUS"
                          : version.number >= kNewWords ? "SHOW REPLICA STATUS"
                                                        : "SHOW SLAVE STATUS";
  Result<Rows> status = connection.Query(statement, doing);
  if (!status.ok()) {
    const ErrorKind kind = status.error().kind;
    const bool unknown = kind == ErrorKind::kPermissionDenied || kind == ErrorKind::kInternal;
    return unknown ? Status::Ok() : status.status();
  }
  if (status->count() == 0) return Status::Ok();
  return InvalidArgument(
      address + " is a replica whose log leaves out what it replicates: log_slave_updates is OFF",
      "set log_slave_updates = ON in its configuration and restart it, or give the url of its "
      "primary");
}

// "a,b" as binlog_do_db has it.
bool IsListed(const std::string& list, const std::string& schema) {
  const std::string all = "," + LowerAscii(list) + ",";
  return all.find("," + LowerAscii(schema) + ",") != std::string::npos;
}

// Schemas that the server leaves out of its log.
Status CheckFilters(Connection& connection, const std::string& address,
                    const std::vector<SourceTable>& tables) {
  Result<Rows> status = connection.Query(MasterStatusStatement(connection.version()),
                                         "asking for the position of the binary log");
  if (!status.ok() && status.error().kind == ErrorKind::kPermissionDenied) {
    return MayNotRead(connection, address, status.error());
  }
  TARN_RETURN_IF_ERROR(status);
  if (status->count() == 0 || status->columns() < 4) return Status::Ok();
  const std::string does = status->text(0, 2);
  const std::string ignores = status->text(0, 3);
  for (const SourceTable& table : tables) {
    const std::string& schema = table.name.schema;
    const bool left_out = IsListed(ignores, schema) || (!does.empty() && !IsListed(does, schema));
    if (!left_out) continue;
    return InvalidArgument(
        "the log of " + address + " leaves out the database " + schema + ": " +
            (does.empty() ? "binlog_ignore_db is " + ignores : "binlog_do_db is " + does),
        "take it out of the server's configuration, and restart it");
  }
  return Status::Ok();
}

// Foreign keys that change rows are watched; somebody has to know what will stop a table.
Status CheckForeignKeys(Connection& connection, const std::string& address,
                        const std::vector<SourceTableName>& tables, Warnings warnings) {
  TARN_ASSIGN_OR_RETURN(const ForeignKeys known, LoadForeignKeys(connection, tables));
  std::vector<SourceTable> parents;
  for (const auto& [name, columns] : known.columns) parents.emplace_back().name = name;
  TARN_RETURN_IF_ERROR(CheckFilters(connection, address, parents));
  for (const ForeignKey& key : known.keys) {
    if (!key.changes_rows()) continue;
    if (std::find(known.unseen.begin(), known.unseen.end(), key.parent) != known.unseen.end()) {
      return PermissionDenied("table " + key.table.ToString() + " has the " + key.ToString() +
                                  " to " + key.parent.ToString() +
                                  ", which may not be seen: what changes through it is not known",
                              "GRANT SELECT ON " + QuoteName(key.parent) + " to the source's user");
    }
    if (std::find(tables.begin(), tables.end(), key.table) == tables.end()) continue;
    if (warnings == Warnings::kToldBefore) continue;
    Log(LogLevel::kWarning,
        "table " + key.table.ToString() + " has the " + key.ToString() + " to " +
            key.parent.ToString() +
            ": what it changes is not in the log; when it may have changed something, the table "
            "stops until `tarn resync` loads it again");
  }
  return Status::Ok();
}

}  // namespace

Result<ReaderIdentity> IdentityOf(const CaptureSpec& spec) {
  if (!spec.publication.empty() || !spec.slot.empty()) {
    return InvalidArgument("MySQL has neither publications nor replication slots",
                           "take publication: and slot: out of the source");
  }
  ReaderIdentity identity;
  identity.server_id = kServerIdsFrom | static_cast<uint32_t>(Hash64(spec.name) & 0x7fffffff);
  const std::string hex = HexHash(spec.name);
  identity.uuid = hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
                  hex.substr(16, 4) + "-" + hex.substr(20, 12);
  return identity;
}

Status CheckServer(Connection& connection, const Context& context, const CaptureSpec& spec) {
  const std::string& address = context.spec.address();
  TARN_ASSIGN_OR_RETURN(const ReaderIdentity identity, IdentityOf(spec));
  TARN_ASSIGN_OR_RETURN(Settings settings, LoadSettings(connection, address));
  if (settings["log_bin"] != "ON") {
    return InvalidArgument("log_bin of " + address + " is OFF: it writes no log of its changes",
                           "set log_bin = binlog and server_id = 1 in its configuration, and "
                           "restart it");
  }
  if (settings["server_id"] == "0") {
    return InvalidArgument("server_id of " + address + " is 0: it gives its log to nobody",
                           "SET GLOBAL server_id = 1, and in its configuration");
  }
  if (settings["binlog_format"] != "ROW") {
    return InvalidArgument(
        "binlog_format of " + address + " is " + settings["binlog_format"] +
            ": the log has statements instead of rows",
        "SET GLOBAL binlog_format = 'ROW', and in its configuration; sessions that are connected "
        "keep theirs until they connect anew");
  }
  if (const std::string image = settings["binlog_row_image"]; image != "FULL") {
    return InvalidArgument(
        "binlog_row_image of " + address + " is " + image + ": the log has parts of rows",
        "SET GLOBAL binlog_row_image = 'FULL', and in its configuration; sessions that are "
        "connected keep theirs until they connect anew");
  }
  if (const std::string options = settings["binlog_row_value_options"]; !options.empty()) {
    return InvalidArgument("binlog_row_value_options of " + address + " is " + options +
                               ": the log has parts of JSON values",
                           "SET GLOBAL binlog_row_value_options = '', and in its configuration");
  }
  TARN_RETURN_IF_ERROR(CheckReplica(connection, settings, address));
  // Whether it may be read shows only to who asks for it.
  LogReader::Options reader;
  reader.doing = "reading the binary log of " + address;
  reader.server_id = identity.server_id ^ 1;
  reader.uuid = identity.uuid;
  reader.uuid[0] = reader.uuid[0] == '0' ? '1' : '0';
  reader.read_ahead_bytes = 1 << 20;
  reader.heartbeat_ms = kProbeMillis;
  const Result<std::string> position = CurrentPosition(connection);
  if (!position.ok() || position->empty()) {
    if (position.ok() || position.error().kind == ErrorKind::kPermissionDenied) {
      return MayNotRead(
          connection, address,
          position.ok() ? PermissionDenied("the log's position is not told") : position.error());
    }
    return position.status();
  }
  TARN_ASSIGN_OR_RETURN(reader.position, Position::Parse(*position));
  TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> probing,
                        Connection::Open(context.spec, context.session));
  TARN_ASSIGN_OR_RETURN(auto probe, LogReader::Start(std::move(probing), std::move(reader)));
  const auto answer = probe->Take(kProbeMillis);
  if (answer.ok()) return Status::Ok();
  if (answer.error().kind == ErrorKind::kPermissionDenied) {
    return MayNotRead(connection, address, answer.error());
  }
  return answer.status();
}

Status CheckTables(Connection& connection, const std::string& address,
                   const std::vector<SourceTable>& tables, Warnings warnings) {
  if (tables.empty()) return Status::Ok();
  TARN_RETURN_IF_ERROR(CheckFilters(connection, address, tables));
  std::string list;
  for (const SourceTable& table : tables) {
    if (table.kind == SourceTableKind::kView) {
      return Unsupported(table.name.ToString() + " is a view: the log tells of tables only",
                         "name the tables behind it, or use mode: snapshot for it");
    }
    if (table.key.empty()) {
      return InvalidArgument(
          "table " + table.name.ToString() + " has no primary key: nothing names a changed row",
          "ALTER TABLE " + QuoteName(table.name) + " ADD PRIMARY KEY (…)");
    }
    list += (list.empty() ? "(" : ", (") + TextLiteral(table.name.schema) + ", " +
            TextLiteral(table.name.name) + ")";
  }
  const auto followed = [&](const SourceTableName& name) {
    return std::any_of(tables.begin(), tables.end(),
                       [&](const SourceTable& table) { return table.name == name; });
  };
  const std::string doing = "looking at the tables of " + address;
  std::vector<SourceTableName> names;
  for (const SourceTable& table : tables) names.push_back(table.name);
  TARN_RETURN_IF_ERROR(CheckForeignKeys(connection, address, names, warnings));
  TARN_ASSIGN_OR_RETURN(
      const Rows types,
      connection.Query("SELECT table_schema, table_name, column_name, character_set_name, "
                       "column_type FROM information_schema.columns WHERE (table_schema, "
                       "table_name) IN (" +
                           list + ")",
                       doing));
  for (int i = 0; i < types.count(); ++i) {
    const SourceTableName name{types.text(i, 0), types.text(i, 1)};
    if (!followed(name)) continue;
    const std::string column = "column " + types.text(i, 2) + " of table " + name.ToString();
    if (!types.null(i, 3) && !IsLogCharset(types.text(i, 3))) {
      return Unsupported(column + " has the character set " + types.text(i, 3) +
                             ", which cannot be read from the binary log",
                         "ALTER TABLE " + QuoteName(name) +
                             " CONVERT TO CHARACTER SET utf8mb4, or use mode: snapshot for it");
    }
    if (types.text(i, 4).find("COMPRESSED") != std::string::npos) {
      return Unsupported(column + " is COMPRESSED, which cannot be read from the binary log",
                         "ALTER TABLE " + QuoteName(name) + " MODIFY it without COMPRESSED");
    }
  }
  if (!connection.version().is_mariadb) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(
      const Rows versioned,
      connection.Query("SELECT table_schema, table_name FROM information_schema.tables WHERE "
                       "table_type = 'SYSTEM VERSIONED' AND (table_schema, table_name) IN (" +
                           list + ")",
                       doing));
  for (int i = 0; i < versioned.count(); ++i) {
    const SourceTableName name{versioned.text(i, 0), versioned.text(i, 1)};
    if (!followed(name)) continue;
    return Unsupported("table " + name.ToString() +
                           " is system-versioned: the log has its history beside its rows",
                       "use mode: snapshot for this table");
  }
  return Status::Ok();
}

}  // namespace tarn::mysql

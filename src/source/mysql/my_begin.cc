#include "source/mysql/my_begin.h"

#include <utility>

#include "source/mysql/my_position.h"
#include "source/mysql/my_snapshot.h"

namespace tarn::mysql {
namespace {

constexpr int kRoundsMax = 20;      // of MariaDB's transactions that are to be of one place
constexpr int kLockSecondsMax = 3;  // behind a long statement; everybody else waits as long

constexpr char kStart[] = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

std::string Doing(const ConnectionSpec& spec) {
  return "beginning a snapshot of " + spec.address();
}

// MariaDB: where the state of this connection's transaction stands in the binary log.
Result<std::string> SnapshotPlace(Connection& connection, const std::string& doing) {
  TARN_ASSIGN_OR_RETURN(const Rows rows,
                        connection.Query("SHOW STATUS LIKE 'binlog_snapshot_%'", doing));
  std::string file;
  std::string offset;
  for (int i = 0; i < rows.count(); ++i) {
    if (rows.text(i, 0) == "Binlog_snapshot_file") file = rows.text(i, 1);
    if (rows.text(i, 0) == "Binlog_snapshot_position") offset = rows.text(i, 1);
  }
  return file.empty() ? std::string() : file + ":" + offset;
}

// The position in the words of CurrentPosition(): GTIDs where the place can be told in them.
Result<std::string> InGtids(Connection& connection, const std::string& place,
                            const std::string& doing) {
  if (place.empty()) return std::string();
  const size_t colon = place.rfind(':');
  TARN_ASSIGN_OR_RETURN(const Rows rows,
                        connection.Query("SELECT BINLOG_GTID_POS('" + place.substr(0, colon) +
                                             "', " + place.substr(colon + 1) + ")",
                                         doing));
  if (rows.count() == 1 && !rows.null(0, 0)) return "mariadb:" + rows.text(0, 0);
  return "file:" + place;
}

Result<bool> BeginMariaDb(Begun* begun, const std::string& doing) {
  for (int round = 0; round < kRoundsMax; ++round) {
    std::string place;
    bool same = true;
    for (size_t i = 0; i < begun->connections.size(); ++i) {
      Connection& connection = *begun->connections[i];
      TARN_RETURN_IF_ERROR(connection.Run(kStart, doing));
      TARN_ASSIGN_OR_RETURN(const std::string its, SnapshotPlace(connection, doing));
      if (i > 0 && its != place) {
        same = false;
        break;
      }
      place = its;
    }
    if (place.empty() && begun->connections.size() > 1) return false;  // no binary log to go by
    if (!same) continue;
    TARN_ASSIGN_OR_RETURN(begun->position, InGtids(*begun->connections[0], place, doing));
    begun->exact = !place.empty();
    return true;
  }
  return false;
}

// Commits wait while the lock is held: what begins meanwhile is of one state.
Result<bool> BeginLocked(const ConnectionSpec& spec, const SessionSettings& settings, Begun* begun,
                         const std::string& doing) {
  TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> locker, Connection::Open(spec, settings));
  TARN_RETURN_IF_ERROR(
      locker->Run("SET SESSION lock_wait_timeout = " + std::to_string(kLockSecondsMax), doing));
  if (Status locked = locker->Run("FLUSH TABLES WITH READ LOCK", doing); !locked.ok()) {
    const ErrorKind kind = locked.error().kind;
    if (kind == ErrorKind::kCancelled) return locked;
    return false;  // no right to, or a statement that runs for long
  }
  for (const auto& connection : begun->connections) {
    TARN_RETURN_IF_ERROR(connection->Run(kStart, doing));
  }
  TARN_ASSIGN_OR_RETURN(begun->position, CurrentPosition(*locker));
  TARN_RETURN_IF_ERROR(locker->Run("UNLOCK TABLES", doing));
  begun->exact = !begun->position.empty();
  return true;
}

// One transaction is of one state by itself. The set of executed GTIDs grows after a transaction
// is visible, so that what was read before is never past the snapshot; a place in the log's file
// grows before, and would hide what is in the log and not yet visible.
Status BeginAlone(Begun* begun, const std::string& doing) {
  begun->connections.resize(1);
  Connection& connection = *begun->connections[0];
  TARN_RETURN_IF_ERROR(connection.Run("ROLLBACK", doing));
  TARN_ASSIGN_OR_RETURN(std::string before, CurrentPosition(connection));
  TARN_RETURN_IF_ERROR(connection.Run(kStart, doing));
  begun->position = before.starts_with("gtid:") ? before : "";
  begun->exact = false;
  return Status::Ok();
}

}  // namespace

Result<Begun> BeginTransactions(const ConnectionSpec& spec, const SessionSettings& settings,
                                int streams) {
  const std::string doing = Doing(spec);
  Begun begun;
  for (int i = 0; i <= streams; ++i) {
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connection::Open(spec, settings));
    begun.connections.push_back(std::move(connection));
  }
  bool done = false;
  if (begun.connections[0]->version().is_mariadb) {
    TARN_ASSIGN_OR_RETURN(done, BeginMariaDb(&begun, doing));
  }
  if (!done) {
    TARN_ASSIGN_OR_RETURN(done, BeginLocked(spec, settings, &begun, doing));
  }
  if (done) return begun;
  begun.connections.resize(1);
  if (begun.connections[0]->version().is_mariadb) {
    TARN_ASSIGN_OR_RETURN(done, BeginMariaDb(&begun, doing));
  }
  if (!done) TARN_RETURN_IF_ERROR(BeginAlone(&begun, doing));
  return begun;
}

std::string MasterStatusStatement(const ServerVersion& version) {
  return !version.is_mariadb && version.number >= 80400 ? "SHOW BINARY LOG STATUS"
                                                        : "SHOW MASTER STATUS";
}

Result<std::string> CurrentPosition(Connection& connection) {
  const std::string doing = "asking for the position of the binary log";
  if (connection.version().is_mariadb) {
    TARN_ASSIGN_OR_RETURN(const Rows rows,
                          connection.Query("SELECT @@log_bin, @@gtid_binlog_pos", doing));
    if (rows.integer(0, 0) == 0) return std::string();
    return "mariadb:" + rows.text(0, 1);
  }
  TARN_ASSIGN_OR_RETURN(
      const Rows rows,
      connection.Query("SELECT @@log_bin, @@gtid_mode, @@global.gtid_executed", doing));
  if (rows.integer(0, 0) == 0) return std::string();
  if (rows.text(0, 1) == "ON") {
    TARN_ASSIGN_OR_RETURN(const GtidSet set, GtidSet::Parse(rows.text(0, 2)));
    return "gtid:" + set.ToString();
  }
  Result<Rows> status = connection.Query(MasterStatusStatement(connection.version()), doing);
  if (!status.ok() && status.error().kind == ErrorKind::kPermissionDenied) return std::string();
  TARN_RETURN_IF_ERROR(status.status());
  if (status->count() == 0) return std::string();
  return "file:" + status->text(0, 0) + ":" + status->text(0, 1);
}

}  // namespace tarn::mysql

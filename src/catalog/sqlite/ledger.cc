#include "catalog/sqlite/ledger.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/process_identity.h"

namespace tarn::sqlite {

Result<std::vector<PositionEntry>> ReadPositions(Connection& connection) {
  TARN_ASSIGN_OR_RETURN(Statement query,
                        connection.Query("SELECT source, table_name, position, sequence"
                                         " FROM positions ORDER BY source, table_name"));
  std::vector<PositionEntry> positions;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return positions;
    positions.push_back({query.Text(0), query.Text(1), query.Text(2), Sequence(query.Int(3))});
  }
}

Result<std::vector<ObjectEntry>> ReadObjects(Connection& connection,
                                             const std::optional<std::string>& kind) {
  TARN_ASSIGN_OR_RETURN(
      Statement query,
      kind ? connection.Query(
                 "SELECT kind, name, json FROM objects WHERE kind = ? ORDER BY kind, name", *kind)
           : connection.Query("SELECT kind, name, json FROM objects ORDER BY kind, name"));
  std::vector<ObjectEntry> objects;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return objects;
    objects.push_back({query.Text(0), query.Text(1), query.Text(2)});
  }
}

#define TARN_OUTBOX_COLUMNS                                                                  \
  "SELECT id, table_uuid, version, previous_metadata_location, metadata_location, sequence," \
  " committed_micros FROM outbox "

Result<std::vector<Publication>> ReadOutbox(Connection& connection, const OutboxRange& range) {
  const int64_t limit = std::max<int64_t>(range.limit, 0);
  TARN_ASSIGN_OR_RETURN(
      Statement query,
      range.table_uuid ? connection.Query(TARN_OUTBOX_COLUMNS "WHERE table_uuid = ? AND id > ?"
                                                              " ORDER BY id LIMIT ?",
                                          *range.table_uuid, range.after_id, limit)
                       : connection.Query(TARN_OUTBOX_COLUMNS "WHERE id > ? ORDER BY id LIMIT ?",
                                          range.after_id, limit));
  std::vector<Publication> publications;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return publications;
    publications.push_back({query.Int(0), query.Text(1), query.Int(2), query.Text(3), query.Text(4),
                            Sequence(query.Int(5)), query.Int(6)});
  }
}

Status WriteRun(Connection& connection, const RunRecord& run, int64_t kept_max) {
  {
    // A run that is told again keeps its place (rowid) in the order in which runs were first told.
    TARN_ASSIGN_OR_RETURN(
        Statement insert,
        connection.Query("INSERT INTO runs(id, kind, name, status, started_micros, rows, bytes,"
                         " error, detail_json, finished_micros, sequence)"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                         " ON CONFLICT(id) DO UPDATE SET kind = excluded.kind,"
                         " name = excluded.name, status = excluded.status,"
                         " started_micros = excluded.started_micros, rows = excluded.rows,"
                         " bytes = excluded.bytes, error = excluded.error,"
                         " detail_json = excluded.detail_json,"
                         " finished_micros = excluded.finished_micros,"
                         " sequence = excluded.sequence",
                         run.id, run.kind, run.name, run.status, run.started_micros, run.rows,
                         run.bytes, run.error, run.detail_json));
    // What stays unbound is NULL.
    if (run.finished_micros) TARN_RETURN_IF_ERROR(insert.Bind(10, *run.finished_micros));
    if (run.sequence) TARN_RETURN_IF_ERROR(insert.Bind(11, run.sequence->value()));
    TARN_RETURN_IF_ERROR(insert.Step());
  }
  // A range of rowids: nothing is counted or sorted.
  return connection.Run("DELETE FROM runs WHERE rowid <= (SELECT max(rowid) FROM runs) - ?",
                        std::max<int64_t>(kept_max, 1));
}

Result<std::vector<RunRecord>> ReadRuns(Connection& connection, int64_t limit) {
  TARN_ASSIGN_OR_RETURN(
      Statement query,
      connection.Query("SELECT id, kind, name, status, started_micros, rows, bytes, error,"
                       " detail_json, finished_micros, sequence FROM runs"
                       " ORDER BY started_micros DESC, rowid DESC LIMIT ?",
                       std::max<int64_t>(limit, 0)));
  std::vector<RunRecord> runs;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return runs;
    RunRecord run;
    run.id = query.Text(0);
    run.kind = query.Text(1);
    run.name = query.Text(2);
    run.status = query.Text(3);
    run.started_micros = query.Int(4);
    run.rows = query.Int(5);
    run.bytes = query.Int(6);
    run.error = query.Text(7);
    run.detail_json = query.Text(8);
    if (!query.IsNull(9)) run.finished_micros = query.Int(9);
    if (!query.IsNull(10)) run.sequence = Sequence(query.Int(10));
    runs.push_back(std::move(run));
  }
}

Result<std::optional<LockInfo>> FindLock(Connection& connection, const std::string& name,
                                         int64_t now_micros) {
  TARN_ASSIGN_OR_RETURN(
      Statement query,
      connection.Query("SELECT owner, expires_micros, process, token FROM locks WHERE name = ?",
                       name));
  TARN_ASSIGN_OR_RETURN(const bool stands, query.Step());
  // A holder that certainly died needs no lease to end.
  if (!stands || query.Int(1) <= now_micros || LivenessOf(query.Text(2)) == Liveness::kDead) {
    return std::optional<LockInfo>();
  }
  return std::optional<LockInfo>({name, query.Text(0), query.Text(3), query.Int(1)});
}

Status TakeLock(Connection& connection, const LockInfo& lock, int64_t now_micros) {
  TARN_ASSIGN_OR_RETURN(const auto holder, FindLock(connection, lock.name, now_micros));
  if (holder && holder->token != lock.token) {
    return Conflict("lock " + lock.name + " is held by " + holder->owner,
                    "wait for it to end; if it has crashed, its lease ends at " +
                        FormatUtc(holder->expires_micros));
  }
  return connection.Run(
      "INSERT OR REPLACE INTO locks(name, owner, token, process, expires_micros) "
      "VALUES (?, ?, ?, ?, ?)",
      lock.name, lock.owner, lock.token, ProcessIdentity(), lock.expires_micros);
}

Status CheckLock(Connection& connection, const ExpectLockOp& lock) {
  TARN_ASSIGN_OR_RETURN(
      Statement query,
      connection.Query("SELECT owner, token FROM locks WHERE name = ?", lock.name));
  TARN_ASSIGN_OR_RETURN(const bool held, query.Step());
  if (held && query.Text(1) == lock.token) return {};
  return Conflict("the lease of lock " + lock.name + " ran out" +
                      (held ? ", and " + query.Text(0) + " holds it" : std::string()),
                  "run it again");
}

Status ExtendLock(Connection& connection, const LockInfo& lock, int64_t expires_micros) {
  TARN_RETURN_IF_ERROR(CheckLock(connection, {lock.name, lock.token}));
  return connection.Run("UPDATE locks SET expires_micros = ? WHERE name = ? AND token = ?",
                        expires_micros, lock.name, lock.token);
}

}  // namespace tarn::sqlite

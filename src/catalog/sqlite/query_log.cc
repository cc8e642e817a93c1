#include "catalog/sqlite/query_log.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "catalog/sqlite/connection.h"

namespace tarn {
namespace {

using sqlite::Connection;
using sqlite::ConnectionOptions;
using sqlite::Statement;

class SqliteQueryLog final : public QueryLog {
 public:
  explicit SqliteQueryLog(SqliteQueryLogOptions options) : options_(std::move(options)) {}

  void Record(const QueryRecord& query) override {
    if (options_.queries_kept_max <= 0) return;
    const std::lock_guard lock(mutex_);
    Status status = OpenLocked();
    if (status.ok()) status = Write(query);
    if (status.ok()) return;
    Log(LogLevel::kDebug, "a statement is not remembered: " + status.error().message);
  }

  Result<std::vector<QueryRecord>> List(int64_t limit) override {
    const std::lock_guard lock(mutex_);
    TARN_RETURN_IF_ERROR(OpenLocked());
    TARN_ASSIGN_OR_RETURN(
        Statement query,
        connection_->Query("SELECT id, started_micros, duration_micros, statement, status, rows,"
                           " error_kind, error, author, sequence FROM queries"
                           " ORDER BY number DESC LIMIT ?",
                           std::max<int64_t>(limit, 0)));
    std::vector<QueryRecord> queries;
    while (true) {
      TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
      if (!row) return queries;
      QueryRecord one;
      one.id = query.Text(0);
      one.started_micros = query.Int(1);
      one.duration_micros = query.Int(2);
      one.statement = query.Text(3);
      one.status = query.Text(4);
      one.rows = query.Int(5);
      one.error_kind = query.Text(6);
      one.error = query.Text(7);
      one.author = query.Text(8);
      if (!query.IsNull(9)) one.sequence = Sequence(query.Int(9));
      queries.push_back(std::move(one));
    }
  }

 private:
  Status OpenLocked() {
    if (connection_ != nullptr) return {};
    if (!options_.folder.empty()) {
      auto opened = Open((std::filesystem::path(options_.folder) / "queries.db").string());
      if (opened.ok()) {
        connection_ = std::move(opened).value();
        return {};
      }
      Log(LogLevel::kInfo,
          "statements are remembered by this process only: " + opened.error().message);
    }
    TARN_ASSIGN_OR_RETURN(connection_, Open(":memory:"));
    return {};
  }

  Result<std::unique_ptr<Connection>> Open(const std::string& path) const {
    ConnectionOptions options;
    options.path = path;
    options.lock_timeout_ms = options_.lock_timeout_ms;
    TARN_ASSIGN_OR_RETURN(auto connection, Connection::Open(options));
    TARN_RETURN_IF_ERROR(connection->UseWriteAheadLog(SystemClock()));
    // NORMAL: a record costs no flush of the disk, only a checkpoint does. A power cut may cost the
    // newest ones.
    TARN_RETURN_IF_ERROR(
        connection->Execute("PRAGMA synchronous = NORMAL;"
                            "CREATE TABLE IF NOT EXISTS queries("
                            " number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL,"
                            " started_micros INTEGER NOT NULL, duration_micros INTEGER NOT NULL,"
                            " statement TEXT NOT NULL, status TEXT NOT NULL, rows INTEGER NOT NULL,"
                            " error_kind TEXT NOT NULL, error TEXT NOT NULL, author TEXT NOT NULL,"
                            " sequence INTEGER) STRICT"));
    return connection;
  }

  Status Write(const QueryRecord& query) {
    TARN_RETURN_IF_ERROR(connection_->Begin());
    Status status = Insert(query);
    if (status.ok()) status = connection_->Commit();
    if (!status.ok() && connection_->in_transaction()) connection_->Rollback();
    return status;
  }

  Status Insert(const QueryRecord& query) {
    {
      TARN_ASSIGN_OR_RETURN(
          Statement insert,
          connection_->Query("INSERT INTO queries(id, started_micros, duration_micros, statement,"
                             " status, rows, error_kind, error, author, sequence)"
                             " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                             query.id, query.started_micros, query.duration_micros, query.statement,
                             query.status, query.rows, query.error_kind, query.error,
                             query.author));
      // What stays unbound is NULL.
      if (query.sequence) TARN_RETURN_IF_ERROR(insert.Bind(10, query.sequence->value()));
      TARN_RETURN_IF_ERROR(insert.Step());
    }
    // A range of keys: nothing is counted or sorted.
    return connection_->Run(
        "DELETE FROM queries WHERE number <= (SELECT max(number) FROM queries) - ?",
        options_.queries_kept_max);
  }

  const SqliteQueryLogOptions options_;
  std::mutex mutex_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace

std::unique_ptr<QueryLog> OpenSqliteQueryLog(SqliteQueryLogOptions options) {
  return std::make_unique<SqliteQueryLog>(std::move(options));
}

}  // namespace tarn

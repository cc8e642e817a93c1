#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tarn::sqlite {

class Connection;

/// One run of a prepared statement; returns it to its connection when destroyed.
/// Columns count from 0 and may be read after Step() said true.
class Statement {
 public:
  Statement(Connection* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  Statement(Statement&& other) noexcept
      : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Status Bind(int index, int64_t value);
  Status Bind(int index, std::string_view value);
  Status BindNull(int index);

  /// Whether there is another row.
  Result<bool> Step();

  int64_t Int(int column) const;
  std::string Text(int column) const;
  bool IsNull(int column) const;

 private:
  Connection* connection_;
  sqlite3_stmt* statement_;
};

struct ConnectionOptions {
  std::string path;    ///< of the file, for SQLite and for messages; ":memory:" too
  bool create = true;  ///< make the file when it is missing
  int64_t lock_timeout_ms = 0;
  const CancelFlag* stop = nullptr;  ///< see SqliteCatalogOptions
};

/// One SQLite connection with its prepared statements. Threads: one at a time.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> Open(const ConnectionOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Prepares (once a connection) and binds the arguments from 1: int64_t, text or nullptr. `sql`
  /// must be a string literal: its address is the cache's key.
  template <typename... Args>
  Result<Statement> Query(const char* sql, const Args&... args) {
    TARN_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
    int index = 0;
    Status status;
    ((status = status.ok() ? BindOne(statement, ++index, args) : std::move(status)), ...);
    TARN_RETURN_IF_ERROR(status);
    return statement;
  }
  /// Turns the file to write-ahead logging, for all its connections and for good.
  Status UseWriteAheadLog(Clock& clock);
  /// Runs to the end; rows are not looked at.
  template <typename... Args>
  Status Run(const char* sql, const Args&... args) {
    TARN_ASSIGN_OR_RETURN(Statement statement, Query(sql, args...));
    return RunToEnd(statement);
  }
  /// Several statements of SQL text, not cached.
  Status Execute(const char* sql);
  /// Rows that the last Run() changed.
  int64_t changes() const;

  /// \name Transactions. Begin takes the write lock at once (waits at most the time-out).
  /// Commit's CommitUnknown says that it may yet be found committed; after any other error, that
  /// of a full disk too, it never will.
  /// @{
  Status Begin();
  Status Commit();
  void Rollback();
  /// Whether a transaction is open: after a Rollback only when that failed.
  bool in_transaction() const;
  /// @}

  const std::string& path() const { return path_; }
  /// SQLite's code as an error with the path and the repair.
  Error MakeSqliteError(int code) const;

 private:
  Connection(sqlite3* handle, const ConnectionOptions& options)
      : handle_(handle),
        path_(options.path),
        lock_timeout_ms_(options.lock_timeout_ms),
        stop_(options.stop) {}

  /// SQLite asks it whether to wait on for a lock of another process, `times` from 0.
  static int OnBusy(void* self, int times);
  bool stopped() const { return stop_ != nullptr && stop_->requested(); }
  int64_t longest_wait_ms() const;
  Result<Statement> Prepare(const char* sql);
  Status RunToEnd(Statement& statement);
  static Status BindOne(Statement& s, int index, int64_t value) { return s.Bind(index, value); }
  static Status BindOne(Statement& s, int index, std::string_view value) {
    return s.Bind(index, value);
  }
  static Status BindOne(Statement& s, int index, std::nullptr_t) { return s.BindNull(index); }

  sqlite3* handle_;
  std::string path_;
  int64_t lock_timeout_ms_;
  const CancelFlag* stop_;
  int64_t waited_ms_ = 0;  // for the lock that is asked for
  std::unordered_map<const void*, sqlite3_stmt*> prepared_;
};

}  // namespace tarn::sqlite

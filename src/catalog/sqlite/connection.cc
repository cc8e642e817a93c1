#include "catalog/sqlite/connection.h"

#include <sqlite3.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tarn::sqlite {
namespace {

constexpr int64_t kBusyPauseMicros = 5000;
constexpr int64_t kBusyPauseMsMax = 50;
constexpr int64_t kStoppedWaitMs = 100;
constexpr char kBusy[] = "busy";  // the detail of errors of a locked file

/// The files beside the catalog count: without room for its -shm it cannot even be read.
bool IsWithoutRoom(int code, int system_error) {
  switch (code) {
    case SQLITE_IOERR_WRITE:
    case SQLITE_IOERR_SHMSIZE:
    case SQLITE_IOERR_SHMOPEN:
    case SQLITE_IOERR_SHMMAP:
    case SQLITE_CANTOPEN:
      return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
    default:
      return false;
  }
}

}  // namespace

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);  // repeats the error of the last step, which its caller already has
  sqlite3_clear_bindings(statement_);
}

Status Statement::Bind(int index, int64_t value) {
  const int code = sqlite3_bind_int64(statement_, index, value);
  if (code != SQLITE_OK) return connection_->MakeSqliteError(code);
  return {};
}

Status Statement::Bind(int index, std::string_view value) {
  const int code =
      sqlite3_bind_text64(statement_, index, value.data() == nullptr ? "" : value.data(),
                          value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) return connection_->MakeSqliteError(code);
  return {};
}

Status Statement::BindNull(int index) {
  const int code = sqlite3_bind_null(statement_, index);
  if (code != SQLITE_OK) return connection_->MakeSqliteError(code);
  return {};
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->MakeSqliteError(code);
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<std::unique_ptr<Connection>> Connection::Open(const ConnectionOptions& options) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (options.create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(options.path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Connection> connection(new Connection(handle, options));
  if (code != SQLITE_OK) return connection->MakeSqliteError(code);
  if (sqlite3_db_readonly(handle, "main") == 1) {
    return PermissionDenied("catalog " + options.path + " cannot be written",
                            "give this user write permission on the file and its folder");
  }
  sqlite3_busy_handler(handle, &Connection::OnBusy, connection.get());
  // FULL: a commit that was answered survives a power cut. The cache bounds memory per connection.
  TARN_RETURN_IF_ERROR(
      connection->Execute("PRAGMA synchronous = FULL; PRAGMA cache_size = -4096;"
                          "PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;"
                          "PRAGMA trusted_schema = OFF;"));
  return connection;
}

int64_t Connection::longest_wait_ms() const {
  return stopped() ? std::min(kStoppedWaitMs, lock_timeout_ms_) : lock_timeout_ms_;
}

int Connection::OnBusy(void* self, int times) {
  auto& connection = *static_cast<Connection*>(self);
  if (times == 0) connection.waited_ms_ = 0;
  const int64_t left = connection.longest_wait_ms() - connection.waited_ms_;
  if (left <= 0) return 0;
  const int64_t pause = std::min({left, kBusyPauseMsMax, int64_t{1} << std::min(times, 10)});
  sqlite3_sleep(static_cast<int>(pause));
  connection.waited_ms_ += pause;
  return 1;
}

// Switching the journal mode is the one lock for which SQLite does not wait by itself.
Status Connection::UseWriteAheadLog(Clock& clock) {
  const int64_t begun = clock.MonotonicMicros();
  for (;;) {
    char* ignored = nullptr;
    const int code = sqlite3_exec(handle_, "PRAGMA journal_mode = WAL", nullptr, nullptr, &ignored);
    sqlite3_free(ignored);
    if (code == SQLITE_OK) return {};
    const bool waits = clock.MonotonicMicros() - begun < longest_wait_ms() * 1000;
    if ((code & 0xff) != SQLITE_BUSY || !waits) return MakeSqliteError(code);
    clock.SleepMicros(kBusyPauseMicros);
  }
}

Connection::~Connection() {
  for (auto& [sql, statement] : prepared_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Result<Statement> Connection::Prepare(const char* sql) {
  const auto found = prepared_.find(sql);
  if (found != prepared_.end()) return Statement(this, found->second);
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return MakeSqliteError(code);
  prepared_.emplace(sql, statement);
  return Statement(this, statement);
}

Status Connection::RunToEnd(Statement& statement) {
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return {};
  }
}

Status Connection::Execute(const char* sql) {
  char* ignored = nullptr;
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, &ignored);
  sqlite3_free(ignored);
  if (code != SQLITE_OK) return MakeSqliteError(code);
  return {};
}

int64_t Connection::changes() const { return sqlite3_changes64(handle_); }

Status Connection::Begin() { return Run("BEGIN IMMEDIATE"); }

Status Connection::Commit() {
  const Status status = Run("COMMIT");
  if (status.ok()) return status;
  const int code = sqlite3_extended_errcode(handle_);
  Rollback();
  if (status.error().detail == kBusy) return status;  // nothing was written
  // SQLite has undone it. The log's mark of a commit is its last page, whose checksum is over all
  // before it: where one of them could not be written, nobody will ever find a commit.
  if (code == SQLITE_FULL || code == SQLITE_IOERR_WRITE) return status;
  // The log may hold the whole commit already, and a reopened file would show it.
  Error error = status.error();
  error.kind = ErrorKind::kCommitUnknown;
  return error;
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

void Connection::Rollback() {
  if (!in_transaction()) return;
  // A failure leaves a transaction that nobody commits: SQLite undoes it when the file is closed.
  sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Error Connection::MakeSqliteError(int code) const {
  // SQLite passes it on with some of its errors only, and not with those of COMMIT.
  const int system_error = errno;
  const std::string where = "catalog " + path_;
  const std::string cause = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
  const std::string restore =
      "restore the file from a backup; the tables themselves stand in the warehouse";
  for (const int error : {system_error, handle_ == nullptr ? 0 : sqlite3_system_errno(handle_)}) {
    if (!IsWithoutRoom(code, error)) continue;
    return ResourceExhausted(where + ": " + std::strerror(error),
                             "free space on the disk that holds it, or raise the quota");
  }
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      // Not Unavailable, for nobody is to try again.
      if (stopped()) {
        return MakeError(ErrorKind::kCancelled, where + " is locked by another process",
                         "nothing half done is visible; run it again", kBusy);
      }
      return MakeError(ErrorKind::kUnavailable,
                       where + " was locked by another process for more than " +
                           std::to_string(lock_timeout_ms_) + " ms",
                       "try again; if it stays, end the process that holds it", kBusy);
    case SQLITE_FULL:
      return ResourceExhausted(where + ": disk full", "free space on the disk that holds it");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return PermissionDenied(where + " cannot be written: " + cause,
                              "give this user write permission on the file and its folder");
    case SQLITE_CANTOPEN:
      return PermissionDenied(where + " cannot be opened: " + cause,
                              "check that its folder exists and that this user may write there");
    case SQLITE_CORRUPT:
      return Corruption(where + " is damaged: " + cause, restore);
    case SQLITE_NOTADB:
      return Corruption(where + " is not a catalog: " + cause,
                        "move the file away, or point `state` to another folder");
    case SQLITE_IOERR:
      return Unavailable(where + ": " + cause, "check the disk that holds it");
    case SQLITE_NOMEM:
      return ResourceExhausted(where + ": out of memory");
    case SQLITE_TOOBIG:
      return InvalidArgument(where + ": a value is too large to be stored");
    default:
      return Internal(where + ": " + cause + " (" + std::to_string(code) + ")");
  }
}

}  // namespace tarn::sqlite

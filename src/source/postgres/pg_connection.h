#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

struct pg_conn;
struct pg_result;

namespace tarn::postgres {

/// A libpq URI or "key=value …", taken apart and checked once. Nothing but Connect sees it whole.
class ConnectionSpec {
 public:
  /// Errors: InvalidArgument, without any part of `url` in it: a url that cannot be read may have
  /// its password anywhere.
  static Result<ConnectionSpec> Parse(const std::string& source_name, const std::string& url);
  /// "host:port/database", for people.
  const std::string& address() const { return address_; }
  const std::vector<std::pair<std::string, std::string>>& parameters() const { return parameters_; }
  /// Every secret of the spec in `text` replaced by ***.
  std::string Redact(std::string text) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
  std::string address_;
  std::vector<std::string> secrets_;
};

/// A result held in memory; for catalog queries, never for rows of users' tables.
class Rows {
 public:
  explicit Rows(pg_result* result) : result_(result) {}
  ~Rows();
  Rows(Rows&& other) noexcept : result_(std::exchange(other.result_, nullptr)) {}
  Rows& operator=(Rows&& other) noexcept {
    std::swap(result_, other.result_);
    return *this;
  }
  int count() const;
  bool null(int row, int column) const;
  std::string text(int row, int column) const;
  int64_t integer(int row, int column) const;
  bool boolean(int row, int column) const;

 private:
  pg_result* result_;
};

struct SessionSettings {
  int64_t connect_timeout_ms = 10000;
  int64_t lock_timeout_ms = 60000;
  const CancelFlag* cancel = nullptr;  ///< ends every wait for the server; borrowed, may be null
  /// Raise an error where row-level security would leave rows out, instead of leaving them out.
  enum class RowSecurity { kRefuse, kApply } row_security = RowSecurity::kRefuse;
  /// A walsender of the database speaks the replication commands and plain SQL, but knows no
  /// parameters: Query() is not for it.
  enum class Speaks { kSql, kReplication } speaks = Speaks::kSql;
  /// Sessions that make what capture needs may write; all others cannot.
  enum class Access { kReadOnly, kReadWrite } access = Access::kReadOnly;
};

/// One session with the settings that make values' text forms the same everywhere: ISO dates and
/// intervals, UTC, shortest exact floats, UTF-8; read only, without statement or idle timeouts.
/// Threads: one at a time. Errors: Unavailable, PermissionDenied, NotFound (database), Unsupported
/// (older than PostgreSQL 12), Cancelled (the connection is of no use then); `doing` is put before
/// the server's message.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> Open(const ConnectionSpec& spec,
                                                  const SessionSettings& settings);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<Rows> Query(const std::string& sql, const std::vector<std::string>& parameters,
                     std::string_view doing);
  /// A statement without parameters.
  Result<Rows> Command(const std::string& sql, std::string_view doing);
  /// One or more statements whose rows are of no interest.
  Status Run(const std::string& sql, std::string_view doing);

  /// Sends a statement and waits for its answer, or for the rows that a COPY begins to send. The
  /// caller clears it; null where the connection is lost.
  Result<pg_result*> Execute(const std::string& sql);
  /// Until the server has sent something.
  Status AwaitInput(std::string_view doing);

  int server_version() const { return server_version_; }
  const std::string& server_encoding() const { return server_encoding_; }
  /// Text arrives checked or converted by the server: everything but SQL_ASCII.
  bool sends_valid_utf8() const { return server_encoding_ != "SQL_ASCII"; }
  /// Whether the socket's bytes are the protocol's own (no TLS, no GSSAPI encryption).
  bool plain_socket() const;
  /// What became of the connection when a read or write on it failed.
  Error Lost(std::string_view doing);
  pg_conn* handle() { return connection_; }

 private:
  explicit Connection(const ConnectionSpec& spec) : spec_(spec) {}
  Status Connect(const SessionSettings& settings);
  Status Configure(const SessionSettings& settings);
  Error ConnectError();
  Result<Rows> Check(pg_result* result, std::string_view doing);
  /// The last answer to what was sent, or the first that is an error.
  Result<pg_result*> Answer();
  Status CheckCancelled();

  ConnectionSpec spec_;
  pg_conn* connection_ = nullptr;
  const CancelFlag* cancel_ = nullptr;
  int server_version_ = 0;
  std::string server_encoding_;
};

}  // namespace tarn::postgres

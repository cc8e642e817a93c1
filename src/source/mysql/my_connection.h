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
#include "source/mysql/my_spec.h"

struct st_mysql;
struct st_mysql_stmt;

namespace tarn::mysql {

/// A result held in memory; for catalog queries, never for rows of users' tables.
class Rows {
 public:
  using Cell = std::optional<std::string>;
  void Add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  int count() const { return static_cast<int>(rows_.size()); }
  int columns() const { return rows_.empty() ? 0 : static_cast<int>(rows_[0].size()); }
  bool null(int row, int column) const { return !at(row, column).has_value(); }
  std::string text(int row, int column) const { return at(row, column).value_or(""); }
  int64_t integer(int row, int column) const;

 private:
  const Cell& at(int row, int column) const {
    return rows_[static_cast<size_t>(row)][static_cast<size_t>(column)];
  }
  std::vector<std::vector<Cell>> rows_;
};

struct SessionSettings {
  int64_t connect_timeout_ms = 10000;
  int64_t lock_timeout_ms = 60000;
  const CancelFlag* cancel = nullptr;  ///< ends every wait for the server; borrowed, may be null
};

/// MySQL and MariaDB count their versions apart.
struct ServerVersion {
  bool is_mariadb = false;
  int number = 0;    ///< 80015, 101104
  std::string text;  ///< as the server says it
};

/// One session with the settings that make values the same everywhere: utf8mb4, UTC, no SQL mode
/// that changes how values or names are read, no statement timeouts; read only.
/// Threads: one at a time, but for Abort(). Errors: Unavailable, PermissionDenied, NotFound
/// (database), Unsupported (older than MySQL 8.0 or MariaDB 10.5), Cancelled (the connection is of
/// no use then); `doing` is put before the server's message.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> Open(const ConnectionSpec& spec,
                                                  const SessionSettings& settings);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// One statement, over the text protocol.
  Result<Rows> Query(const std::string& sql, std::string_view doing);
  /// One statement whose rows are of no interest.
  Status Run(const std::string& sql, std::string_view doing);

  /// \name Rows of a SELECT in the binary protocol, one packet a row, never held in memory.
  /// @{
  /// The number of its columns.
  Result<int> StartRows(const std::string& sql, std::string_view doing);
  struct Packet {
    const uint8_t* begin = nullptr;  ///< valid until the next call; nullptr: the end
    const uint8_t* end = nullptr;
  };
  Result<Packet> NextRow(std::string_view doing);
  /// @}

  /// \name The protocol of replication.
  /// @{
  /// Sends a command without waiting for an answer.
  Status Send(unsigned command, std::string_view body, std::string_view doing);
  /// The next packet, whatever it is; an error packet is an error.
  Result<Packet> ReadPacket(std::string_view doing);
  /// @}

  /// Ends what waits for the server, from any thread: the connection is of no use then.
  void Abort();
  /// From here on nothing but that does, whatever the settings' flag says.
  void LeaveUncancelled();

  const ServerVersion& version() const { return version_; }
  const ConnectionSpec& spec() const { return spec_; }

 private:
  explicit Connection(const ConnectionSpec& spec) : spec_(spec) {}
  Status Connect(const SessionSettings& settings);
  Status ConnectOnce(const SessionSettings& settings, TlsMode tls);
  Status Configure(const SessionSettings& settings);
  Error Failure(std::string_view doing);
  Error StatementFailure(std::string_view doing);
  Error PacketFailure(std::string_view doing);
  void CloseStatement();

  ConnectionSpec spec_;
  st_mysql* mysql_ = nullptr;
  st_mysql_stmt* statement_ = nullptr;
  const CancelFlag* cancel_ = nullptr;
  /// The library closes its own when the server is gone, whoever else may be at it.
  int socket_ = -1;
  int watch_ = -1;  ///< of the socket, by SocketWatch
  ServerVersion version_;
};

}  // namespace tarn::mysql

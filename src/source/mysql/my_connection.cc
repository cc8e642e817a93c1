#include "source/mysql/my_connection.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <mysql.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "source/mysql/my_error.h"
#include "source/socket_watch.h"

namespace tarn::mysql {
namespace {

constexpr int kOldestMySql = 80000;
constexpr int kOldestMariaDb = 100500;
constexpr unsigned long kPacketBytesMax = 1UL << 30;  // NOLINT: the library's own type

// libmariadb's login plugins are files: those beside the library itself, wherever it was unpacked.
std::string PluginFolder() {
  if (const char* chosen = std::getenv("MARIADB_PLUGIN_DIR")) return chosen;
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(&mysql_init), &info) == 0 || info.dli_fname == nullptr) {
    return "";
  }
  const std::string library = info.dli_fname;
  const size_t slash = library.rfind('/');
  return slash == std::string::npos ? "" : library.substr(0, slash) + "/libmariadb3/plugin";
}

void StartLibrary() {
  static std::once_flag once;
  std::call_once(once, [] { mysql_server_init(-1, nullptr, nullptr); });
}

std::string Trimmed(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

ServerVersion ParseVersion(const char* text) {
  ServerVersion version;
  version.text = text != nullptr ? text : "";
  version.is_mariadb = version.text.find("MariaDB") != std::string::npos;
  // "5.5.5-10.11.4-MariaDB": a prefix for replicas that do not know of two digits.
  const char* p = version.text.c_str();
  if (version.is_mariadb && version.text.starts_with("5.5.5-")) p += 6;
  char* end = nullptr;
  for (int i = 0; i < 3; ++i) {
    version.number = version.number * 100 + static_cast<int>(std::strtol(p, &end, 10));
    p = *end == '.' ? end + 1 : end;
  }
  return version;
}

}  // namespace

int64_t Rows::integer(int row, int column) const {
  return std::strtoll(text(row, column).c_str(), nullptr, 10);
}

Result<std::unique_ptr<Connection>> Connection::Open(const ConnectionSpec& spec,
                                                     const SessionSettings& settings) {
  std::unique_ptr<Connection> connection(new Connection(spec));
  connection->cancel_ = settings.cancel;
  TARN_RETURN_IF_ERROR(connection->Connect(settings));
  TARN_RETURN_IF_ERROR(connection->Configure(settings));
  return connection;
}

Connection::~Connection() {
  if (watch_ >= 0) SocketWatch::Remove(watch_);
  // Rows that nobody wants are not waited for.
  if (mysql_ != nullptr && mysql_->status != MYSQL_STATUS_READY) Abort();
  CloseStatement();
  if (mysql_ != nullptr) mysql_close(mysql_);
  if (socket_ >= 0) close(socket_);
}

Status Connection::Connect(const SessionSettings& settings) {
  if (cancel_ != nullptr) TARN_RETURN_IF_ERROR(cancel_->Check());
  StartLibrary();
  const bool prefer = spec_.tls == TlsMode::kPreferred;
  const bool plain = spec_.tls == TlsMode::kDisabled || (prefer && spec_.is_loopback());
  Status connected = ConnectOnce(settings, plain ? TlsMode::kDisabled : spec_.tls);
  if (!connected.ok() && prefer && !plain && mysql_errno(mysql_) == 2026) {
    connected = ConnectOnce(settings, TlsMode::kDisabled);
  }
  TARN_RETURN_IF_ERROR(connected);
  socket_ = fcntl(static_cast<int>(mysql_get_socket(mysql_)), F_DUPFD_CLOEXEC, 0);
  if (socket_ < 0) {
    return ResourceExhausted("no file descriptor for a connection to " + spec_.address(),
                             "raise the limit of open files: ulimit -n");
  }
  if (cancel_ != nullptr) watch_ = SocketWatch::Add(socket_, cancel_);
  version_ = ParseVersion(mysql_get_server_info(mysql_));
  const int oldest = version_.is_mariadb ? kOldestMariaDb : kOldestMySql;
  if (version_.number < oldest) {
    return Unsupported(spec_.address() + " is " + (version_.is_mariadb ? "MariaDB " : "MySQL ") +
                           version_.text + ", older than " + (version_.is_mariadb ? "10.5" : "8.0"),
                       "upgrade the server");
  }
  return Status::Ok();
}

Status Connection::ConnectOnce(const SessionSettings& settings, TlsMode tls) {
  if (mysql_ != nullptr) mysql_close(mysql_);
  mysql_ = mysql_init(nullptr);
  if (mysql_ == nullptr) return ResourceExhausted("no memory for a connection");
  const unsigned seconds =
      static_cast<unsigned>(std::max<int64_t>((settings.connect_timeout_ms + 999) / 1000, 1));
  const unsigned protocol = spec_.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
  const unsigned long packet = kPacketBytesMax;  // NOLINT
  mysql_optionsv(mysql_, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
  mysql_optionsv(mysql_, MYSQL_OPT_PROTOCOL, &protocol);
  mysql_optionsv(mysql_, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
  mysql_optionsv(mysql_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  if (const std::string folder = PluginFolder(); !folder.empty()) {
    mysql_optionsv(mysql_, MYSQL_PLUGIN_DIR, folder.c_str());
  }
  // Never the password itself, whatever a server asks for.
  mysql_optionsv(mysql_, MARIADB_OPT_RESTRICTED_AUTH,
                 "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519");
  const unsigned local_files = 0;  // a server must not ask for files of this machine
  mysql_optionsv(mysql_, MYSQL_OPT_LOCAL_INFILE, &local_files);
  mysql_options4(mysql_, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "tarn");
  const my_bool verify = tls == TlsMode::kVerifyIdentity ? 1 : 0;
  const my_bool enforce = tls == TlsMode::kDisabled ? 0 : 1;
  mysql_optionsv(mysql_, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
  mysql_optionsv(mysql_, MYSQL_OPT_SSL_ENFORCE, &enforce);
  if (enforce != 0) {
    if (!spec_.ca_file.empty()) {
      mysql_optionsv(mysql_, MYSQL_OPT_SSL_CA, spec_.ca_file.c_str());
    }
    if (!spec_.certificate_file.empty()) {
      mysql_optionsv(mysql_, MYSQL_OPT_SSL_CERT, spec_.certificate_file.c_str());
    }
    if (!spec_.key_file.empty()) {
      mysql_optionsv(mysql_, MYSQL_OPT_SSL_KEY, spec_.key_file.c_str());
    }
  }
  const char* host = spec_.socket.empty() ? spec_.host.c_str() : nullptr;
  const char* socket = spec_.socket.empty() ? nullptr : spec_.socket.c_str();
  const char* database = spec_.database.empty() ? nullptr : spec_.database.c_str();
  if (mysql_real_connect(mysql_, host, spec_.user.c_str(), spec_.password.c_str(), database,
                         spec_.port, socket, 0) != nullptr) {
    return Status::Ok();
  }
  const std::string place = "cannot connect to " + spec_.address();
  const unsigned number = mysql_errno(mysql_);
  const std::string message = Trimmed(spec_.Redact(mysql_error(mysql_)));
  // Before the server has spoken, what failed is the way to it.
  if (number >= 2000 && number < 3000 && number != 2026 && number != 2059) {
    return Unavailable(place + ": " + message,
                       "check host and port, and that the server runs; a slow network may need a "
                       "higher source_connect_timeout_ms under limits:");
  }
  return ErrorFromServer({number, mysql_sqlstate(mysql_), message}, place);
}

Status Connection::Configure(const SessionSettings& settings) {
  const std::string doing = "setting up a session of " + spec_.address();
  // A reader that writes Parquet may leave the server waiting for long.
  const std::string lock_seconds =
      std::to_string(std::max<int64_t>((settings.lock_timeout_ms + 999) / 1000, 1));
  TARN_RETURN_IF_ERROR(
      Run("SET SESSION sql_mode = '', time_zone = '+00:00', sql_auto_is_null = 0, "
          "sql_select_limit = DEFAULT, group_concat_max_len = 1048576, wait_timeout = 86400, "
          "net_write_timeout = 86400, net_read_timeout = 86400, lock_wait_timeout = " +
              lock_seconds +
              (version_.is_mariadb ? ", max_statement_time = 0"
                                   : ", max_execution_time = 0, "
                                     "information_schema_stats_expiry = 0"),
          doing));
  return Run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", doing);
}

Error Connection::Failure(std::string_view doing) {
  if (cancel_ != nullptr) {
    if (Status status = cancel_->Check(); !status.ok()) return status.error();
  }
  const unsigned number = mysql_errno(mysql_);
  const std::string message = Trimmed(spec_.Redact(mysql_error(mysql_)));
  if (number == 0 || number == 2006 || number == 2013) {
    return Unavailable(std::string(doing) + ": connection to " + spec_.address() +
                           " lost: " + (message.empty() ? "it was closed" : message),
                       "run again when the server is back");
  }
  return ErrorFromServer({number, mysql_sqlstate(mysql_), message}, doing);
}

Error Connection::StatementFailure(std::string_view doing) {
  const unsigned number = mysql_stmt_errno(statement_);
  if (number == 0 || number == 2006 || number == 2013 ||
      (cancel_ != nullptr && cancel_->requested())) {
    return Failure(doing);
  }
  return ErrorFromServer({number, mysql_stmt_sqlstate(statement_),
                          Trimmed(spec_.Redact(mysql_stmt_error(statement_)))},
                         doing);
}

Result<Rows> Connection::Query(const std::string& sql, std::string_view doing) {
  CloseStatement();
  if (mysql_real_query(mysql_, sql.data(), sql.size()) != 0) return Failure(doing);
  Rows rows;
  MYSQL_RES* result = mysql_store_result(mysql_);
  if (result == nullptr) {
    if (mysql_errno(mysql_) != 0) return Failure(doing);
    return rows;
  }
  const unsigned columns = mysql_num_fields(result);
  while (MYSQL_ROW row = mysql_fetch_row(result)) {
    const unsigned long* lengths = mysql_fetch_lengths(result);  // NOLINT: the library's own type
    std::vector<Rows::Cell> cells;
    for (unsigned i = 0; i < columns; ++i) {
      cells.push_back(row[i] == nullptr ? Rows::Cell()
                                        : Rows::Cell(std::in_place, row[i], lengths[i]));
    }
    rows.Add(std::move(cells));
  }
  mysql_free_result(result);
  return rows;
}

Status Connection::Run(const std::string& sql, std::string_view doing) {
  return Query(sql, doing).status();
}

void Connection::CloseStatement() {
  if (statement_ == nullptr) return;
  mysql_stmt_close(statement_);
  statement_ = nullptr;
}

Result<int> Connection::StartRows(const std::string& sql, std::string_view doing) {
  CloseStatement();
  statement_ = mysql_stmt_init(mysql_);
  if (statement_ == nullptr) return ResourceExhausted("no memory for a statement");
  if (mysql_stmt_prepare(statement_, sql.data(), sql.size()) != 0 ||
      mysql_stmt_execute(statement_) != 0) {
    return StatementFailure(doing);
  }
  return static_cast<int>(mysql_stmt_field_count(statement_));
}

Result<Connection::Packet> Connection::NextRow(std::string_view doing) {
  const unsigned long length = mysql_net_read_packet(mysql_);  // NOLINT: the library's own type
  if (length == packet_error) return PacketFailure(doing);
  const uint8_t* p = mysql_->net.read_pos;
  if (length > 0 && p[0] == 0xfe && length < 9) {
    // The rows were not read through the library: it is told that they are over.
    mysql_->status = MYSQL_STATUS_READY;
    return Packet{};
  }
  return Packet{p, p + length};
}

Status Connection::Send(unsigned command, std::string_view body, std::string_view doing) {
  CloseStatement();
  if (mysql_->methods->db_command(mysql_, static_cast<enum enum_server_command>(command),
                                  body.data(), body.size(), 1, nullptr) != 0) {
    return Failure(doing);
  }
  return Status::Ok();
}

Result<Connection::Packet> Connection::ReadPacket(std::string_view doing) {
  const unsigned long length = mysql_net_read_packet(mysql_);  // NOLINT: the library's own type
  if (length == packet_error) return PacketFailure(doing);
  return Packet{mysql_->net.read_pos, mysql_->net.read_pos + length};
}

Error Connection::PacketFailure(std::string_view doing) {
  // What the server says instead of a row ends the rows.
  mysql_->status = MYSQL_STATUS_READY;
  return Failure(doing);
}

void Connection::LeaveUncancelled() {
  if (watch_ >= 0) SocketWatch::Remove(watch_);
  watch_ = -1;
  cancel_ = nullptr;
}

void Connection::Abort() {
  if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

}  // namespace tarn::mysql

#include "source/postgres/pg_connection.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "source/postgres/pg_error.h"

namespace tarn::postgres {
namespace {

constexpr int kOldestServer = 120000;
/// A signal handler can wake nobody: waits look at the flag so often, in milliseconds.
constexpr int64_t kCancelPoll = 50;

int64_t NowMillis() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// Whether libpq would end the password early, and take the rest for a host or a database.
bool HasUnescapedLogin(std::string_view url) {
  const size_t scheme = url.find("://");
  const std::string_view name = url.substr(0, std::min(scheme, url.size()));
  if (name != "postgresql" && name != "postgres") return false;
  std::string_view rest = url.substr(scheme + 3);
  rest = rest.substr(0, rest.find('?'));
  const size_t at = rest.find_first_of("@/");
  return at != std::string_view::npos && rest.find('@', at + 1) != std::string_view::npos;
}

}  // namespace

Result<ConnectionSpec> ConnectionSpec::Parse(const std::string& source_name,
                                             const std::string& url) {
  const auto bad = [&](const std::string& why) {
    return InvalidArgument("the url of source " + source_name + " " + why,
                           "write it as postgresql://user:password@host:5432/database, with "
                           "%XX for special characters");
  };
  if (HasUnescapedLogin(url)) {
    return bad("has an @ or / that is not written as %40 or %2F");
  }
  char* message = nullptr;
  PQconninfoOption* options = PQconninfoParse(url.c_str(), &message);
  if (message != nullptr) PQfreemem(message);  // quotes what it could not read: maybe a password
  if (options == nullptr) return bad("is neither a libpq URI nor key=value pairs");
  ConnectionSpec spec;
  std::string host, port, database, user;
  for (PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string key = option->keyword;
    const std::string value = option->val;
    if (option->dispchar[0] == '*' && !value.empty()) spec.secrets_.push_back(value);
    if (key == "host" || (key == "hostaddr" && host.empty())) host = value;
    if (key == "port") port = value;
    if (key == "dbname") database = value;
    if (key == "user") user = value;
    spec.parameters_.emplace_back(key, value);
  }
  PQconninfoFree(options);
  if (port.find_first_not_of("0123456789,") != std::string::npos) {
    return bad("has a port that is not a number");
  }
  // libpq's own defaults: environment, service file, user name.
  const auto or_env = [](std::string value, const char* name, std::string fallback) {
    if (!value.empty()) return value;
    const char* env = std::getenv(name);
    return env != nullptr && *env != '\0' ? std::string(env) : std::move(fallback);
  };
  user = or_env(user, "PGUSER", "");
  spec.address_ = or_env(host, "PGHOST", "localhost") + ":" + or_env(port, "PGPORT", "5432") + "/" +
                  or_env(database, "PGDATABASE", user);
  if (const char* env = std::getenv("PGPASSWORD"); env != nullptr && *env != '\0') {
    spec.secrets_.push_back(env);
  }
  return spec;
}

std::string ConnectionSpec::Redact(std::string text) const {
  for (const std::string& secret : secrets_) {
    for (size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += 3) {
      text.replace(at, secret.size(), "***");
    }
  }
  return text;
}

Rows::~Rows() { PQclear(result_); }
int Rows::count() const { return PQntuples(result_); }
bool Rows::null(int row, int column) const { return PQgetisnull(result_, row, column) != 0; }
std::string Rows::text(int row, int column) const {
  return std::string(PQgetvalue(result_, row, column),
                     static_cast<size_t>(PQgetlength(result_, row, column)));
}
int64_t Rows::integer(int row, int column) const {
  return std::strtoll(PQgetvalue(result_, row, column), nullptr, 10);
}
bool Rows::boolean(int row, int column) const { return PQgetvalue(result_, row, column)[0] == 't'; }

Result<std::unique_ptr<Connection>> Connection::Open(const ConnectionSpec& spec,
                                                     const SessionSettings& settings) {
  std::unique_ptr<Connection> connection(new Connection(spec));
  connection->cancel_ = settings.cancel;
  TARN_RETURN_IF_ERROR(connection->Connect(settings));
  TARN_RETURN_IF_ERROR(connection->Configure(settings));
  return connection;
}

Connection::~Connection() { PQfinish(connection_); }

bool Connection::plain_socket() const {
  return PQsslInUse(connection_) == 0 && PQgssEncInUse(connection_) == 0;
}

Status Connection::Connect(const SessionSettings& settings) {
  std::vector<const char*> keys, values;
  const bool replicates = settings.speaks == SessionSettings::Speaks::kReplication;
  for (const auto& [key, value] : spec_.parameters()) {
    if (replicates && key == "replication") continue;
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  // libpq lets the first of two equal keys win here: what the user wrote stays.
  const auto add_default = [&](const char* key, const char* value) {
    for (const char* have : keys) {
      if (std::strcmp(have, key) == 0) return;
    }
    keys.push_back(key);
    values.push_back(value);
  };
  if (replicates) add_default("replication", "database");
  add_default("fallback_application_name", "tarn");
  add_default("keepalives_idle", "30");
  add_default("keepalives_interval", "10");
  add_default("keepalives_count", "3");
  keys.push_back(nullptr);
  values.push_back(nullptr);

  connection_ = PQconnectStartParams(keys.data(), values.data(), 0);
  if (connection_ == nullptr) return ResourceExhausted("no memory for a connection");
  // Verbose messages carry the SQLSTATE of a refusal; the words may be in the server's language.
  PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);
  PQsetNoticeProcessor(
      connection_, [](void*, const char*) {}, nullptr);
  if (PQstatus(connection_) == CONNECTION_BAD) return ConnectError();
  const int64_t deadline = NowMillis() + settings.connect_timeout_ms;
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) return ConnectError();
    pollfd wait{PQsocket(connection_),
                static_cast<short>(state == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    TARN_RETURN_IF_ERROR(CheckCancelled());
    const int64_t left = deadline - NowMillis();
    const int ready = left <= 0 ? 0 : poll(&wait, 1, static_cast<int>(std::min(left, kCancelPoll)));
    if (ready == 0 && left > kCancelPoll) continue;
    if (ready == 0) {
      return Unavailable("cannot connect to " + spec_.address() + ": no answer within " +
                             std::to_string(settings.connect_timeout_ms) + " ms",
                         "check that the server runs and that no firewall is between, or raise "
                         "source_connect_timeout_ms under limits:");
    }
    if (ready > 0 || errno != EINTR) state = PQconnectPoll(connection_);
  }
  server_version_ = PQserverVersion(connection_);
  if (server_version_ < kOldestServer) {
    return Unsupported(spec_.address() + " is PostgreSQL " +
                           std::to_string(server_version_ / 10000) + ", older than 12",
                       "upgrade the server to PostgreSQL 12 or later");
  }
  return Status::Ok();
}

Error Connection::ConnectError() {
  std::string message = Trimmed(spec_.Redact(PQerrorMessage(connection_)));
  const std::string place = "cannot connect to " + spec_.address();
  // "connection to server at …: FATAL:  28P01: password authentication failed … LOCATION:  …"
  if (const size_t at = message.find(":  "); at != std::string::npos && at + 9 < message.size()) {
    const std::string state = message.substr(at + 3, 5);
    const bool is_state =
        message[at + 8] == ':' &&
        state.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
    if (is_state) {
      std::string text = message.substr(at + 10);
      if (const size_t where = text.find(" LOCATION: "); where != std::string::npos) {
        text.resize(where);
      }
      return ErrorFromServer({state, text, "", ""}, place);
    }
  }
  if (PQconnectionNeedsPassword(connection_) != 0) {
    return PermissionDenied(place + ": the server asks for a password and the url has none",
                            "put it in the url as ${NAME} and set the environment variable");
  }
  return Unavailable(place + ": " + message, "check host and port, and that the server runs");
}

Status Connection::Configure(const SessionSettings& settings) {
  PQsetErrorVerbosity(connection_, PQERRORS_DEFAULT);
  if (const char* encoding = PQparameterStatus(connection_, "server_encoding")) {
    server_encoding_ = encoding;
  }
  // An SQL_ASCII server would refuse text that is not UTF-8 without saying in which row it stands:
  // it sends its bytes as they are, and the reader checks them.
  if (PQsetClientEncoding(connection_, sends_valid_utf8() ? "UTF8" : "SQL_ASCII") != 0) {
    return Lost("setting the encoding");
  }
  std::string sql =
      "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = iso_8601; SET TimeZone = 'UTC'; "
      "SET extra_float_digits = 3; SET bytea_output = hex; SET xmloption = content; "
      "SET standard_conforming_strings = on; "
      "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET jit = off; "
      "SET lock_timeout = " +
      std::to_string(settings.lock_timeout_ms) + "; SET row_security = ";
  sql += settings.row_security == SessionSettings::RowSecurity::kRefuse ? "off" : "on";
  sql += "; SET default_transaction_read_only = ";
  sql += settings.access == SessionSettings::Access::kReadOnly ? "on" : "off";
  if (server_version_ >= 140000) {
    // The second notices a reader that is gone while the server is still sorting.
    sql += "; SET idle_session_timeout = 0; SET client_connection_check_interval = '5s'";
  }
  if (server_version_ >= 170000) sql += "; SET transaction_timeout = 0";
  return Run(sql, "setting up a session of " + spec_.address());
}

Error Connection::Lost(std::string_view doing) {
  std::string message = Trimmed(spec_.Redact(PQerrorMessage(connection_)));
  if (message.empty()) message = "the server closed the connection";
  return Unavailable(
      std::string(doing) + ": connection to " + spec_.address() + " lost: " + message,
      "run again when the server is back");
}

Result<Rows> Connection::Check(pg_result* result, std::string_view doing) {
  Rows rows(result);
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_COPY_BOTH) {
    return rows;
  }
  const char* state = result != nullptr ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  if (state == nullptr) return Lost(doing);
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return text != nullptr ? std::string(text) : std::string();
  };
  return ErrorFromServer({state, field(PG_DIAG_MESSAGE_PRIMARY), field(PG_DIAG_MESSAGE_DETAIL),
                          field(PG_DIAG_MESSAGE_HINT)},
                         doing);
}

Result<Rows> Connection::Query(const std::string& sql, const std::vector<std::string>& parameters,
                               std::string_view doing) {
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  if (PQsendQueryParams(connection_, sql.c_str(), static_cast<int>(values.size()), nullptr,
                        values.data(), nullptr, nullptr, 0) == 0) {
    return Lost(doing);
  }
  TARN_ASSIGN_OR_RETURN(pg_result* const result, Answer());
  return Check(result, doing);
}

Result<Rows> Connection::Command(const std::string& sql, std::string_view doing) {
  TARN_ASSIGN_OR_RETURN(pg_result* const result, Execute(sql));
  return Check(result, doing);
}

Status Connection::Run(const std::string& sql, std::string_view doing) {
  return Command(sql, doing).status();
}

Result<pg_result*> Connection::Execute(const std::string& sql) {
  if (PQsendQuery(connection_, sql.c_str()) == 0) return static_cast<pg_result*>(nullptr);
  return Answer();
}

Result<pg_result*> Connection::Answer() {
  pg_result* answer = nullptr;
  while (true) {
    while (PQisBusy(connection_) != 0) {
      Status ready = AwaitInput("");
      if (ready.ok() && PQconsumeInput(connection_) != 0) continue;
      PQclear(answer);
      if (!ready.ok() && ready.error().kind == ErrorKind::kCancelled) return ready;
      return static_cast<pg_result*>(nullptr);
    }
    pg_result* next = PQgetResult(connection_);
    if (next == nullptr) return answer;
    // An error ends what was sent: nothing comes after it that counts.
    if (answer != nullptr && PQresultStatus(answer) == PGRES_FATAL_ERROR) {
      PQclear(next);
      continue;
    }
    PQclear(answer);
    answer = next;
    const ExecStatusType status = PQresultStatus(answer);
    if (status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) return answer;
  }
}

Status Connection::AwaitInput(std::string_view doing) {
  while (true) {
    TARN_RETURN_IF_ERROR(CheckCancelled());
    pollfd wait{PQsocket(connection_), POLLIN, 0};
    const int ready = poll(&wait, 1, cancel_ == nullptr ? -1 : static_cast<int>(kCancelPoll));
    if (ready > 0) return Status::Ok();
    if (ready < 0 && errno != EINTR) return Lost(doing);
  }
}

Status Connection::CheckCancelled() {
  if (cancel_ == nullptr) return Status::Ok();
  Status status = cancel_->Check();
  // Whoever holds it next finds it closed, with nothing of this statement in it.
  if (!status.ok() && PQsocket(connection_) >= 0) shutdown(PQsocket(connection_), SHUT_RDWR);
  return status;
}

}  // namespace tarn::postgres

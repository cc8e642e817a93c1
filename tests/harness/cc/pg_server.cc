#include "harness/cc/pg_server.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "harness/cc/server_process.h"

namespace tarn::testing {
namespace {

namespace fs = std::filesystem;
constexpr char kDefaultBin[] = "/usr/lib/postgresql/15/bin/";
constexpr int kStartSeconds = 60;

// The folder of initdb and postgres, with a slash.
const std::string& Bin() {
  static const std::string bin = [] {
    const char* chosen = std::getenv("TARN_TEST_POSTGRES_BIN");
    return chosen != nullptr ? std::string(chosen) + "/" : std::string(kDefaultBin);
  }();
  return bin;
}

// An initialised data directory, made once and shared by all test programs of this user.
std::string Template() {
  const std::string of =
      Bin() == kDefaultBin ? "15" : std::to_string(std::hash<std::string>()(Bin()));
  return MadeOnce("tarn-pg" + of + "-template", "PG_VERSION", [](const std::string& part) {
    if (!fs::exists(Bin() + "initdb")) {
      Die(Bin() + "initdb is missing: apt-get install postgresql-15");
    }
    const std::string log = part + ".log";
    const pid_t pid = Spawn({Bin() + "initdb", "-D", part, "-U", "postgres", "-A", "trust", "-N",
                             "--no-locale", "-E", "UTF8", "--wal-segsize=1"},
                            log, As::kServerUser);
    if (Wait(pid) != 0) Die("initdb failed: " + Contents(log));
  });
}

}  // namespace

PgServer& PgServer::Shared() {
  static PgServer server;
  return server;
}

PgServer::PgServer(const std::string& settings) {
  directory_ = TemporaryDirectory("pg");
  RunOrDie({"cp", "-a", Template(), directory_ + "/data"});
  std::ofstream(directory_ + "/data/pg_hba.conf")
      << "host all locked 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
      << "host replication all 127.0.0.1/32 trust\n";
  std::ofstream(directory_ + "/data/postgresql.conf", std::ios::app)
      << "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\n"
      << "synchronous_commit = off\nfull_page_writes = off\nwal_level = logical\n"
      << "max_connections = 40\nshared_buffers = 64MB\nlog_min_messages = warning\n"
      << "max_prepared_transactions = 4\n"
      << settings << "\n";
  Start();
  Run("CREATE ROLE locked LOGIN PASSWORD 'open sesame'");
}

PgServer::~PgServer() {
  Stop();
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void PgServer::Start() {
  const std::string log = directory_ + "/log";
  for (int attempt = 0; attempt < 5; ++attempt) {
    if (port_ == 0) port_ = FreePort();
    pid_ = Spawn({Bin() + "postgres", "-D", directory_ + "/data", "-p", std::to_string(port_)}, log,
                 As::kServerUserUntilWeDie);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kStartSeconds);
    while (std::chrono::steady_clock::now() < deadline) {
      if (waitpid(pid_, nullptr, WNOHANG) == pid_) break;
      // Its eighth line says so.
      const std::string state = Contents(directory_ + "/data/postmaster.pid");
      if (state.find("ready") != std::string::npos &&
          state.starts_with(std::to_string(pid_) + "\n")) {
        return;
      }
      poll(nullptr, 0, 10);
    }
    port_ = 0;  // somebody else took it meanwhile
  }
  Die("PostgreSQL did not start: " + Contents(log));
}

void PgServer::Stop() {
  if (pid_ == 0) return;
  kill(pid_, SIGINT);
  Wait(pid_);
  pid_ = 0;
}

void PgServer::CrashAndRestart() {
  kill(pid_, SIGQUIT);
  Wait(pid_);
  Start();
}

std::string PgServer::Url(const std::string& database, const std::string& user) const {
  return "postgresql://" + user + "@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

std::string PgServer::Run(const std::string& sql, const std::string& database) const {
  static std::atomic<int> number{0};
  const std::string stem = directory_ + "/script" + std::to_string(++number);
  std::ofstream(stem) << sql;
  const std::string command = "PGCLIENTENCODING=UTF8 psql -XqAt -v ON_ERROR_STOP=1 '" +
                              Url(database) + "' -f " + stem + " > " + stem + ".out 2> " + stem +
                              ".err";
  if (std::system(command.c_str()) != 0)
    Die(Contents(stem + ".err") + "in: " + sql.substr(0, 2000));
  std::string out = Contents(stem + ".out");
  fs::remove(stem);
  fs::remove(stem + ".out");
  fs::remove(stem + ".err");
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::string PgServer::CreateDatabase(const std::string& options) const {
  static std::atomic<int> number{0};
  const std::string name = "test" + std::to_string(getpid()) + "_" + std::to_string(++number);
  Run("CREATE DATABASE " + name + " TEMPLATE template0 " + options);
  return name;
}

}  // namespace tarn::testing

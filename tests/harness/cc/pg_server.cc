#include "harness/cc/pg_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace tarn::testing {
namespace {

namespace fs = std::filesystem;
constexpr char kBin[] = "/usr/lib/postgresql/15/bin/";
constexpr int kStartSeconds = 60;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "test server: %s\n", why.c_str());
  std::abort();
}

// PostgreSQL refuses to run as root.
void BecomeServerUser() {
  if (geteuid() != 0) return;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr) _exit(126);
  const bool done =
      setgroups(0, nullptr) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0;
  if (!done) _exit(126);
}

void GiveToServerUser(const fs::path& path) {
  if (geteuid() != 0) return;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr) Die("no user postgres: apt-get install postgresql-15");
  if (chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) Die("chown " + path.string());
}

enum class As { kServerUser, kServerUserUntilWeDie };

pid_t Spawn(const std::vector<std::string>& command, const std::string& log, As as) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) return pid;
  BecomeServerUser();
  if (as == As::kServerUserUntilWeDie) {
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (getppid() != parent) _exit(1);
  }
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(out, 1);
  dup2(out, 2);
  if (chdir("/") != 0) _exit(127);
  execv(argv[0], argv.data());
  _exit(127);
}

int Wait(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

std::string Contents(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// An initialised data directory, made once and shared by all test programs of this user.
fs::path Template() {
  const fs::path base = fs::temp_directory_path();
  const fs::path ready = base / ("tarn-pg15-template-" + std::to_string(getuid()));
  if (fs::exists(ready / "PG_VERSION")) return ready;
  const int lock = open((ready.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || flock(lock, LOCK_EX) != 0) Die("cannot lock " + ready.string());
  if (!fs::exists(ready / "PG_VERSION")) {
    if (!fs::exists(std::string(kBin) + "initdb")) {
      Die("PostgreSQL 15 is not installed: apt-get install postgresql-15");
    }
    const fs::path part = ready.string() + ".part";
    fs::remove_all(part);
    fs::create_directory(part);
    GiveToServerUser(part);
    const std::string log = part.string() + ".log";
    fs::remove(log);
    std::ofstream(log).close();
    GiveToServerUser(log);
    const pid_t pid = Spawn({std::string(kBin) + "initdb", "-D", part, "-U", "postgres", "-A",
                             "trust", "-N", "--no-locale", "-E", "UTF8", "--wal-segsize=1"},
                            log, As::kServerUser);
    if (Wait(pid) != 0) Die("initdb failed: " + Contents(log));
    fs::rename(part, ready);
  }
  close(lock);
  return ready;
}

int FreePort() {
  const int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  if (bind(s, plain, size) != 0 || getsockname(s, plain, &size) != 0) Die("no free port");
  close(s);
  return ntohs(address.sin_port);
}

void RunOrDie(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    execvp(argv[0], argv.data());
    _exit(127);
  }
  if (Wait(pid) != 0) Die(command[0] + " failed");
}

}  // namespace

PgServer& PgServer::Shared() {
  static PgServer server;
  return server;
}

PgServer::PgServer(const std::string& settings) {
  std::string pattern =
      fs::temp_directory_path() / ("tarn-tests-" + std::to_string(getpid()) + "-pg-XXXXXX");
  if (mkdtemp(pattern.data()) == nullptr) Die("cannot make " + pattern);
  directory_ = pattern;
  fs::permissions(directory_, fs::perms(0755));
  GiveToServerUser(directory_);
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
    pid_ = Spawn(
        {std::string(kBin) + "postgres", "-D", directory_ + "/data", "-p", std::to_string(port_)},
        log, As::kServerUserUntilWeDie);
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

#include "harness/cc/mysql_server.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "harness/cc/server_process.h"

namespace tarn::testing {
namespace {

namespace fs = std::filesystem;
constexpr int kStartSeconds = 120;
constexpr char kMariaDb[] = "/usr/sbin/mariadbd";

// MySQL's server as tests/harness/fetch.py has it.
std::string MysqldPath() {
  FILE* pipe = popen("cd tests && python3 -m harness.fetch mysqld", "r");
  if (pipe == nullptr) Die("cannot run python3");
  std::string path;
  char buffer[512];
  while (std::fgets(buffer, sizeof(buffer), pipe) != nullptr) path += buffer;
  if (pclose(pipe) != 0 || path.empty()) Die("MySQL cannot be had");
  path.pop_back();
  return path;
}

std::string ServerPath(MysqlServer::Flavour flavour) {
  static const std::string mysqld =
      flavour == MysqlServer::Flavour::kMySql ? MysqldPath() : std::string();
  if (flavour == MysqlServer::Flavour::kMySql) return mysqld.empty() ? MysqldPath() : mysqld;
  if (!fs::exists(kMariaDb)) Die("MariaDB is not installed: apt-get install mariadb-server-core");
  return kMariaDb;
}

std::string Template(MysqlServer::Flavour flavour) {
  const bool maria = flavour == MysqlServer::Flavour::kMariaDb;
  const std::string server = ServerPath(flavour);
  return MadeOnce(maria ? "tarn-mariadb1011-template" : "tarn-mysql8-template", "ibdata1",
                  [&](const std::string& part) {
                    const std::string log = part + ".log";
                    std::vector<std::string> command;
                    if (maria) {
                      command = {"/usr/bin/mariadb-install-db",
                                 "--no-defaults",
                                 "--datadir=" + part,
                                 "--auth-root-authentication-method=normal",
                                 "--skip-test-db",
                                 "--innodb-log-file-size=8M"};
                    } else {
                      command = {server, "--no-defaults", "--initialize-insecure",
                                 "--datadir=" + part, "--innodb-log-file-size=8M"};
                    }
                    if (Wait(Spawn(command, log, As::kServerUser)) != 0) {
                      Die("initialising a data directory failed: " + Contents(log));
                    }
                  });
}

}  // namespace

MysqlServer& MysqlServer::Shared(Flavour flavour) {
  if (flavour == Flavour::kMySql) {
    static MysqlServer mysql(Flavour::kMySql);
    return mysql;
  }
  static MysqlServer maria(Flavour::kMariaDb);
  return maria;
}

MysqlServer::MysqlServer(Flavour flavour, const std::vector<std::string>& options)
    : flavour_(flavour), options_(options) {
  directory_ = TemporaryDirectory(is_mariadb() ? "mariadb" : "mysql");
  RunOrDie({"cp", "-a", Template(flavour), directory_ + "/data"});
  // Every server gets a UUID of its own.
  std::error_code none;
  fs::remove(directory_ + "/data/auto.cnf", none);
  Start();
  Run("CREATE USER locked@'%' IDENTIFIED BY 'open sesame'; GRANT SELECT ON *.* TO locked@'%'");
}

MysqlServer::~MysqlServer() {
  Stop();
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void MysqlServer::Start() {
  const std::string log = directory_ + "/log";
  for (int attempt = 0; attempt < 5; ++attempt) {
    if (port_ == 0) port_ = FreePort();
    std::vector<std::string> command = {
        ServerPath(flavour_), "--no-defaults", "--datadir=" + directory_ + "/data",
        "--port=" + std::to_string(port_), "--bind-address=127.0.0.1",
        "--socket=" + directory_ + "/sock", "--pid-file=" + directory_ + "/pid",
        // One that starts removes the temporary tables of others.
        "--tmpdir=" + directory_, "--log-bin=binlog", "--server-id=1", "--binlog-row-metadata=FULL",
        "--binlog-format=ROW", "--innodb-buffer-pool-size=64M",
        "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0", "--innodb-flush-method=nosync",
        "--innodb-log-file-size=8M", "--character-set-server=utf8mb4"};
    if (!is_mariadb()) {
      command.insert(command.end(),
                     {"--mysqlx=OFF", "--gtid-mode=ON", "--enforce-gtid-consistency=ON"});
    }
    command.insert(command.end(), options_.begin(), options_.end());
    pid_ = Spawn(command, log, As::kServerUserUntilWeDie, SIGKILL);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kStartSeconds);
    while (std::chrono::steady_clock::now() < deadline) {
      if (waitpid(pid_, nullptr, WNOHANG) == pid_) break;
      const std::string ping = "mariadb --no-defaults -h127.0.0.1 -P" + std::to_string(port_) +
                               " -uroot -e 'SELECT 1' > /dev/null 2>&1";
      if (fs::exists(directory_ + "/pid") && std::system(ping.c_str()) == 0) return;
      poll(nullptr, 0, 20);
    }
    port_ = 0;  // somebody else took it meanwhile
  }
  Die("the server did not start: " + Contents(log));
}

void MysqlServer::Stop() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);  // nothing of it is wanted again
  Wait(pid_);
  pid_ = 0;
}

void MysqlServer::CrashAndRestart() {
  Stop();
  fs::remove(directory_ + "/pid");
  Start();
}

std::string MysqlServer::Url(const std::string& database, const std::string& user) const {
  return "mysql://" + user + "@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

std::string MysqlServer::Run(const std::string& sql, const std::string& database) const {
  static std::atomic<int> number{0};
  const std::string stem = directory_ + "/script" + std::to_string(++number);
  std::ofstream(stem) << sql;
  const std::string command =
      "mariadb --no-defaults --batch --raw -N --binary-mode "
      "--default-character-set=utf8mb4 --max-allowed-packet=1G -h127.0.0.1 "
      "-P" +
      std::to_string(port_) + " -uroot " + database + " < " + stem + " > " + stem + ".out 2> " +
      stem + ".err";
  if (std::system(command.c_str()) != 0)
    Die(Contents(stem + ".err") + "in: " + sql.substr(0, 2000));
  std::string out = Contents(stem + ".out");
  fs::remove(stem);
  fs::remove(stem + ".out");
  fs::remove(stem + ".err");
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::string MysqlServer::CreateDatabase() const {
  static std::atomic<int> number{0};
  const std::string name = "test" + std::to_string(getpid()) + "_" + std::to_string(++number);
  Run("CREATE DATABASE " + name);
  return name;
}

}  // namespace tarn::testing

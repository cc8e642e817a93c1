#pragma once

#include <string>
#include <vector>

namespace tarn::testing {

/// A throw-away MySQL 8.0.15 or MariaDB 10.11 on a free loopback port, in a directory of its own,
/// gone with this object and, by PDEATHSIG, with this process. `root` has no password; `locked`
/// needs `open sesame` (MySQL: caching_sha2_password). The binary log is on: ROW, full metadata,
/// and GTIDs. Crash safety is off.
/// It is started from an initialised data directory that is kept between runs.
/// Aborts the test program with the reason when it cannot be had.
class MysqlServer {
 public:
  enum class Flavour { kMySql, kMariaDb };
  /// The server of this test program: started by the first call, stopped at exit.
  static MysqlServer& Shared(Flavour flavour);
  /// `options`: further arguments of the server: "--skip-log-bin".
  explicit MysqlServer(Flavour flavour, const std::vector<std::string>& options = {});
  ~MysqlServer();
  MysqlServer(const MysqlServer&) = delete;
  MysqlServer& operator=(const MysqlServer&) = delete;

  Flavour flavour() const { return flavour_; }
  bool is_mariadb() const { return flavour_ == Flavour::kMariaDb; }
  int port() const { return port_; }
  /// `user` may be "name:password".
  std::string Url(const std::string& database = "", const std::string& user = "root") const;
  /// Runs a script and returns its rows, tab separated: "a\tb\nc\td". Aborts on an error.
  std::string Run(const std::string& sql, const std::string& database = "") const;
  /// A new, empty database; its name.
  std::string CreateDatabase() const;
  /// Kills the server and starts it again on the same port.
  void CrashAndRestart();
  void Stop();

 private:
  void Start();

  const Flavour flavour_;
  const std::vector<std::string> options_;
  std::string directory_;
  int port_ = 0;
  int pid_ = 0;
};

}  // namespace tarn::testing

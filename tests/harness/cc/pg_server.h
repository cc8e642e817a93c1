#pragma once

#include <memory>
#include <string>

namespace tarn::testing {

/// A throw-away PostgreSQL 15, or the one whose programs stand in TARN_TEST_POSTGRES_BIN, on a free
/// loopback port, in a directory of its own, gone with this object and, by PDEATHSIG, with this
/// process. Everybody may log in as anybody, except `locked`, who needs the password `open sesame`.
/// Crash safety is off (fsync). It is started from an initialised data directory that is kept
/// between runs: about half a second. Aborts the test program with the reason when it cannot be
/// had.
class PgServer {
 public:
  /// The server of this test program: started by the first call, stopped at exit.
  static PgServer& Shared();
  /// `settings`: further lines of postgresql.conf.
  explicit PgServer(const std::string& settings = "");
  ~PgServer();
  PgServer(const PgServer&) = delete;
  PgServer& operator=(const PgServer&) = delete;

  int port() const { return port_; }
  std::string Url(const std::string& database = "postgres",
                  const std::string& user = "postgres") const;
  /// Runs a script with psql and returns its rows, unaligned: "a|b\nc|d". Aborts on an error.
  std::string Run(const std::string& sql, const std::string& database = "postgres") const;
  /// A new, empty database; its name. `options` as CREATE DATABASE takes them.
  std::string CreateDatabase(const std::string& options = "") const;
  /// Stops the server as `pg_ctl stop -m immediate` does and starts it again on the same port.
  void CrashAndRestart();
  void Stop();

 private:
  void Start();

  std::string directory_;
  int port_ = 0;
  int pid_ = 0;
};

}  // namespace tarn::testing

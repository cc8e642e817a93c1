// Servers of other settings, rights and roles.
#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "source/mysql/my_capture_test_support.h"
#include "source/mysql/my_prepared.h"

namespace tarn::mysql {
namespace {

using Strings = std::vector<std::string>;
using testing::MysqlServer;

class MysqlCaptureServer : public OnBothServers {};

std::unique_ptr<Source> Open(const MysqlServer& server, const std::string& user = "root") {
  MysqlOptions options;
  options.name = "test";
  options.url = server.Url("d", user);
  return Must(OpenMysqlSource(std::move(options), {}));
}

CaptureSpec Spec() {
  CaptureSpec spec;
  spec.name = "tarn_test";
  return spec;
}

std::vector<SourceTable> TableT(Source& source) { return Must(source.Discover({"t"})); }

// What plan says, as kind, words and repair.
Error Refused(Source& source, const std::vector<SourceTable>& tables) {
  const Status checked = source.capture()->Check(Spec(), tables);
  EXPECT_FALSE(checked.ok());
  return checked.ok() ? Error{} : checked.error();
}

TEST_P(MysqlCaptureServer, ASettingThatDoesNotAllowItIsNamedWithItsRepair) {
  struct Case {
    std::string option;
    std::string says;
    std::string repair;
    bool mysql_only = false;
  };
  const std::vector<Case> cases = {
      {"--skip-log-bin", "log_bin of ", "set log_bin = binlog"},
      {"--server-id=0", "server_id of ", "SET GLOBAL server_id = 1", true},
      {"--binlog-format=STATEMENT", "binlog_format of ", "SET GLOBAL binlog_format = 'ROW'"},
      {"--binlog-ignore-db=d", "the log of ", "take it out of the server's configuration"},
      {"--binlog-row-image=MINIMAL", "binlog_row_image of ", "SET GLOBAL binlog_row_image"},
      {"--binlog-row-value-options=PARTIAL_JSON", "binlog_row_value_options of ",
       "SET GLOBAL binlog_row_value_options = ''", true}};
  for (const Case& one : cases) {
    if (one.mysql_only && is_mariadb()) continue;  // it has no such setting, or takes 1 for 0
    Strings options = {one.option};
    if (one.option == "--skip-log-bin" && !is_mariadb()) {
      options.insert(options.end(), {"--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"});
    }
    const MysqlServer server(GetParam(), options);
    server.Run("CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY)");
    auto source = Open(server);
    const Error refused = Refused(*source, TableT(*source));
    EXPECT_EQ(refused.kind, ErrorKind::kInvalidArgument) << one.option;
    EXPECT_EQ(refused.message.find(one.says), 0u) << refused.ToString();
    EXPECT_NE(refused.hint.find(one.repair), std::string::npos) << refused.ToString();
  }
}

TEST_P(MysqlCaptureServer, RightsThatAreMissingAreNamed) {
  const TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY)");
  db.server.Run("CREATE USER reader; GRANT SELECT ON *.* TO reader");
  auto source = db.Open({}, "", "reader");
  const auto refused = [&] { return Refused(*source, Must(source->Discover({"t"}))); };
  EXPECT_EQ(refused().kind, ErrorKind::kPermissionDenied);
  EXPECT_NE(refused().hint.find("GRANT REPLICATION SLAVE"), std::string::npos);
  const std::string see = is_mariadb() ? "BINLOG MONITOR" : "REPLICATION CLIENT";
  db.server.Run("GRANT " + see + " ON *.* TO reader");
  EXPECT_EQ(refused().kind, ErrorKind::kPermissionDenied) << refused().ToString();
  db.server.Run("REVOKE " + see + " ON *.* FROM reader; GRANT REPLICATION SLAVE ON *.* TO reader");
  EXPECT_EQ(refused().kind, ErrorKind::kPermissionDenied) << refused().ToString();
  db.server.Run("DROP USER reader");
}

TEST_P(MysqlCaptureServer, WithoutTheRightToLockNothingIsLost) {
  const TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY, v int)");
  db.server.Run("CREATE USER reader; GRANT SELECT, REPLICATION SLAVE, " +
                std::string(is_mariadb() ? "BINLOG MONITOR" : "REPLICATION CLIENT") +
                " ON *.* TO reader");
  testing::Mirror mirror(db.Open({}, "", "reader"), {"t"});
  db.Run("INSERT INTO t VALUES (1, 1), (2, 2); UPDATE t SET v = 3 WHERE id = 1");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: insert 1|1", "t: insert 2|2", "t: update 1|3"}));
  mirror.ExpectSame();
  db.server.Run("DROP USER reader");
}

TEST(MysqlCaptureOneServer, WithoutGtidsAndWithoutTheRightToLockThereIsNoPlace) {
  const MysqlServer server(Flavour::kMySql, {"--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"});
  server.Run(
      "CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY); CREATE USER reader; GRANT SELECT, "
      "REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO reader");
  auto source = Open(server, "reader");
  const auto begun = source->capture()->Begin(Spec(), TableT(*source));
  ASSERT_FALSE(begun.ok());
  EXPECT_NE(begun.error().hint.find("GRANT RELOAD"), std::string::npos) << begun.error().ToString();
}

TEST_P(MysqlCaptureServer, TheLogTellsOfTransactionsThatWerePreparedHoweverShort) {
  const MysqlServer server(GetParam());
  server.Run("CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY)");
  const auto connection =
      Must(Connection::Open(Must(ConnectionSpec::Parse("test", server.Url("d"))), {}));
  const auto end = [&] { return Must(EndOfLog(*connection, "looking")).value(); };
  const auto prepared_since = [&](const LogEnd& from) {
    return Must(WasPreparedSince(*connection, from, "looking"));
  };
  const LogEnd first = end();
  EXPECT_FALSE(prepared_since(first));
  server.Run(
      "INSERT INTO t VALUES (1); XA START 'one'; INSERT INTO t VALUES (2); XA END 'one'; XA COMMIT "
      "'one' ONE PHASE",
      "d");
  EXPECT_FALSE(prepared_since(first)) << "what is committed at once was never prepared";
  const LogEnd before = end();
  server.Run(
      "XA START 'x'; INSERT INTO t VALUES (3); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'; INSERT "
      "INTO t VALUES (4)",
      "d");
  EXPECT_TRUE(Must(PreparedTransactions(*connection, "looking")).value().empty());
  EXPECT_TRUE(prepared_since(before));
  EXPECT_TRUE(prepared_since(first));
  EXPECT_FALSE(prepared_since(end()));
  const LogEnd of_old_file = end();
  server.Run("FLUSH BINARY LOGS");
  EXPECT_TRUE(prepared_since(of_old_file)) << "what another file begins with is not looked at";
}

// By a user with no more rights than it takes.
TEST_P(MysqlCaptureServer, ASnapshotIsTakenBesideXaTransactionsThatArePreparedOneAfterAnother) {
  const TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY)");
  const std::string rights = is_mariadb() ? "BINLOG MONITOR" : "XA_RECOVER_ADMIN";
  db.server.Run(
      "CREATE USER reader; GRANT SELECT, RELOAD, REPLICATION SLAVE, REPLICATION CLIENT, " + rights +
      " ON *.* TO reader");
  auto source = db.Open({}, "", "reader");
  std::atomic<int> prepared = 0;
  std::thread writer([&] {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(1500);
    while (std::chrono::steady_clock::now() < until) {
      const std::string n = std::to_string(++prepared);
      db.Run("XA START 'x'; INSERT INTO t VALUES (" + n +
             "); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'");
    }
  });
  const Result<std::unique_ptr<SourceSnapshot>> snapshot = source->capture()->Snapshot(Spec());
  writer.join();
  ASSERT_TRUE(snapshot.ok()) << snapshot.error().ToString();
  EXPECT_EQ(db.Run("SELECT COUNT(*) FROM t"), std::to_string(prepared));
  db.server.Run("DROP USER reader");
}

TEST_P(MysqlCaptureServer, AnotherServerOfTheReplicationGoesOnByGtid) {
  const MysqlServer first(GetParam());
  first.Run("CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY)");
  testing::Mirror mirror(Open(first), {"t"});
  first.Run("INSERT INTO d.t VALUES (1)");
  EXPECT_EQ(mirror.CatchUp(), Strings{"t: insert 1"});

  // A replica that logs what it takes over.
  const MysqlServer second(GetParam(), {"--server-id=2", "--log-slave-updates=ON",
                                        "--relay-log=relay", "--skip-slave-start"});
  first.Run("CREATE USER r@'%' IDENTIFIED WITH mysql_native_password" +
            std::string(is_mariadb() ? "" : " BY ''") +
            "; GRANT REPLICATION SLAVE ON *.* TO r@'%'");
  // The first one's log makes that user.
  second.Run(
      "DROP USER locked; STOP SLAVE; CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = " +
      std::to_string(first.port()) + ", MASTER_USER = 'r', " +
      (is_mariadb() ? "MASTER_USE_GTID = slave_pos" : "MASTER_AUTO_POSITION = 1") +
      (is_mariadb() ? "; RESET MASTER; SET GLOBAL gtid_slave_pos = ''" : "; RESET MASTER") +
      "; START SLAVE");
  first.Run("INSERT INTO d.t VALUES (2)");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (second.Run("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'd'") ==
             "0" ||
         second.Run("SELECT COUNT(*) FROM d.t") != "2") {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << second.Run("SHOW SLAVE STATUS");
  }
  second.Run("STOP SLAVE; INSERT INTO d.t VALUES (3)");

  auto source = Open(second);
  auto stream = Must(source->capture()->Open(Spec(), mirror.position, TableT(*source)));
  ChangeLimits limits{1000, 1 << 20, 20000, Must(source->capture()->CurrentPosition())};
  Strings log;
  while (true) {
    const ChangeBatch batch = Must(stream->Next(limits));
    mirror.Apply(batch, &log);
    if (batch.reached_until) break;
  }
  EXPECT_EQ(log, (Strings{"t: insert 2", "t: insert 3"}));
}

TARN_ON_BOTH_SERVERS(MysqlCaptureServer);

}  // namespace
}  // namespace tarn::mysql

#include <algorithm>
#include <thread>

#include "source/mysql/my_names.h"
#include "source/mysql/my_test_support.h"

namespace tarn::mysql {
namespace {

using Texts = std::vector<std::string>;

class MysqlSnapshot : public OnBothServers {};

TEST_P(MysqlSnapshot, AllStreamsSeeOneStateWhileOthersWrite) {
  TestDatabase db(GetParam(),
                  "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); "
                  "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)");
  Limits limits;
  limits.load_streams = 2;
  auto source = db.Open({}, "", "root", limits);
  auto snapshot = Must(source->BeginSnapshot());
  db.Run("INSERT INTO a VALUES (2); INSERT INTO b VALUES (2); DELETE FROM b WHERE id = 1");
  const SourceTable a = Must(snapshot->Describe(db.Name("a")));
  const SourceTable b = Must(snapshot->Describe(db.Name("b")));
  auto first = Must(snapshot->Open(a, {}, std::nullopt));
  auto second = Must(snapshot->Open(b, {}, std::nullopt));
  EXPECT_EQ(Drain(*first), Texts{"1"});
  EXPECT_EQ(Drain(*second), Texts{"1"});
  EXPECT_EQ(ReadTable(*source, db.Name("b")), Texts{"2"});
}

TEST_P(MysqlSnapshot, ItsPositionIsOfGtids) {
  TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY)");
  auto source = db.Open();
  const std::string before = Must(source->BeginSnapshot())->position();
  EXPECT_TRUE(before.starts_with(is_mariadb() ? "mariadb:0-1-" : "gtid:")) << before;
  db.Run("INSERT INTO t VALUES (1)");
  EXPECT_NE(Must(source->BeginSnapshot())->position(), before);
}

TEST_P(MysqlSnapshot, RangesOfTheKeyCoverEveryRowOnce) {
  TestDatabase db(GetParam(),
                  "CREATE TABLE t (id bigint unsigned PRIMARY KEY, pad char(100) DEFAULT 'x');"
                  "SET @n = 0; INSERT INTO t (id) SELECT @n := @n + 1 FROM (SELECT 1 FROM "
                  "information_schema.collations LIMIT 180) a, (SELECT 1 FROM "
                  "information_schema.collations LIMIT 200) b, (SELECT 1 UNION SELECT 2 UNION "
                  "SELECT 3) c; INSERT INTO t (id) VALUES (0), (18446744073709551615), "
                  "(9223372036854775808); ANALYZE TABLE t");
  auto source = db.Open();
  auto snapshot = Must(source->BeginSnapshot());
  const SourceTable table = Must(snapshot->Describe(db.Name("t")));
  const std::vector<ScanRange> ranges = Must(snapshot->Split(table, 4));
  ASSERT_GE(ranges.size(), 3U);
  int64_t rows = 0;
  int64_t most = 0;
  for (const ScanRange& range : ranges) {
    auto reader = Must(snapshot->Open(table, range, std::nullopt));
    const int64_t here = static_cast<int64_t>(Drain(*reader).size());
    rows += here;
    most = std::max(most, here);
  }
  EXPECT_EQ(rows, 108003);
  // Two far keys do not make one range of everything else.
  EXPECT_LT(most, 80000);
}

TEST_P(MysqlSnapshot, ATableWithoutAnIntegerKeyIsOneRange) {
  TestDatabase db(GetParam(),
                  "CREATE TABLE t (id varchar(20) PRIMARY KEY); CREATE TABLE n (a int)");
  auto snapshot = Must(db.Open()->BeginSnapshot());
  EXPECT_EQ(Must(snapshot->Split(Must(snapshot->Describe(db.Name("t"))), 4)).size(), 1U);
  EXPECT_EQ(Must(snapshot->Split(Must(snapshot->Describe(db.Name("n"))), 4)).size(), 1U);
}

TEST_P(MysqlSnapshot, AStatementThatIsEndedAmidItsRowsSaysSo) {
  TestDatabase db(GetParam(),
                  "CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, pad char(200) DEFAULT 'x', "
                  "more varchar(2000)); INSERT INTO t (more) SELECT REPEAT('y', 2000) FROM "
                  "information_schema.collations a, (SELECT 1 FROM information_schema.collations "
                  "LIMIT 150) b LIMIT 20000");
  auto source = db.Open();
  auto snapshot = Must(source->BeginSnapshot());
  auto reader = Must(snapshot->Open(Must(snapshot->Describe(db.Name("t"))), {}, std::nullopt));
  const std::string id = db.Run(
      "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT `id`, `pad`%' AND "
      "db = DATABASE()");
  db.Run("KILL QUERY " + id);
  const Error error = DrainToError(*reader);
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable) << error.ToString();
  EXPECT_NE(error.message.find("error 1317"), std::string::npos) << error.ToString();
}

TEST_P(MysqlSnapshot, ADescribedTableCannotBeDroppedMeanwhile) {
  TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  auto source = db.Open();
  auto snapshot = Must(source->BeginSnapshot());
  const SourceTable table = Must(snapshot->Describe(db.Name("t")));
  std::thread dropper([&] { db.Run("SET lock_wait_timeout = 60; DROP TABLE t"); });
  auto reader = Must(snapshot->Open(table, {}, std::nullopt));
  EXPECT_EQ(Drain(*reader), Texts{"1"});
  reader.reset();
  snapshot.reset();
  dropper.join();
  EXPECT_EQ(source->Describe(db.Name("t")).status().error().kind, ErrorKind::kNotFound);
}

TEST_P(MysqlSnapshot, ATableAlteredSinceTheSnapshotIsAConflict) {
  TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  auto source = db.Open();
  const SourceTable before = Must(source->Describe(db.Name("t")));
  auto snapshot = Must(source->BeginSnapshot());
  db.Run("TRUNCATE t");
  const auto described = snapshot->Describe(db.Name("t"));
  ASSERT_FALSE(described.ok()) << "an older snapshot must not see an empty table";
  EXPECT_EQ(described.error().kind, ErrorKind::kConflict) << described.error().ToString();
  snapshot.reset();
  db.Run("ALTER TABLE t ADD c int");
  auto later = Must(source->BeginSnapshot());
  EXPECT_EQ(later->Open(before, {}, std::nullopt).status().error().kind, ErrorKind::kConflict);
}

TEST_P(MysqlSnapshot, ACursorTakesTheRowsPastItAndUpToTheHighest) {
  TestDatabase db(GetParam(),
                  "CREATE TABLE t (id int PRIMARY KEY, at datetime(6)); INSERT INTO t VALUES (1, "
                  "'2024-01-01 00:00:00.000001'), (2, '2024-01-02'), (3, NULL), (4, '2024-01-03')");
  auto source = db.Open();
  auto snapshot = Must(source->BeginSnapshot());
  const SourceTable table = Must(snapshot->Describe(db.Name("t")));
  const auto highest = Must(snapshot->MaxCursor(table, "at", std::nullopt));
  ASSERT_TRUE(highest.has_value());
  EXPECT_EQ(*highest, "2024-01-03 00:00:00.000000");
  const auto rows = [&](const CursorRange& cursor) {
    return Drain(*Must(snapshot->Open(table, {}, cursor))).size();
  };
  EXPECT_EQ(rows({"at", std::nullopt, *highest}), 4U);
  EXPECT_EQ(rows({"at", "2024-01-01 00:00:00.000001", *highest}), 2U);
  EXPECT_EQ(rows({"at", "2024-01-01 00:00:00.000001", *highest, CursorRange::Lower::kInclusive}),
            3U);
  EXPECT_EQ(Must(snapshot->MaxCursor(table, "at", "2025-01-01 00:00:00")), "2025-01-01 00:00:00");
}

TEST_P(MysqlSnapshot, WithoutTheRightToLockOneTransactionServesAllStreams) {
  TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
  auto source = db.Open({}, "", "locked:open sesame");
  auto snapshot = Must(source->BeginSnapshot());
  db.Run("DELETE FROM t");
  const SourceTable table = Must(snapshot->Describe(db.Name("t")));
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      EXPECT_EQ(Drain(*Must(snapshot->Open(table, {}, std::nullopt))), (Texts{"1", "2"}));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_P(MysqlSnapshot, PatternsChooseTables) {
  TestDatabase db(
      GetParam(),
      "CREATE TABLE one (id int); CREATE TABLE `odd.Name``x` (id int); CREATE VIEW v AS "
      "SELECT * FROM one");
  auto source = db.Open();
  const auto names = [&](const std::vector<std::string>& patterns) {
    Texts found;
    for (const SourceTable& table : Must(source->Discover(patterns))) {
      found.push_back(table.name.name);
    }
    return found;
  };
  EXPECT_EQ(names({}), (Texts{"odd.Name`x", "one"}));
  EXPECT_EQ(names({db.database + ".on*"}), Texts{"one"});
  EXPECT_EQ(names({"one", "v"}), (Texts{"one", "v"}));
  EXPECT_EQ(names({"\"odd.Name`x\""}), Texts{"odd.Name`x"});
  const auto missing = source->Discover({"onne"});
  EXPECT_EQ(missing.status().error().kind, ErrorKind::kNotFound);
  EXPECT_NE(missing.status().error().hint.find(db.database + ".one"), std::string::npos);
}

TEST_P(MysqlSnapshot, ErrorsOfTheWayToTheServerAreToldApart) {
  TestDatabase db(GetParam());
  const auto kind = [&](const std::string& url) {
    MysqlOptions options;
    options.name = "test";
    options.url = url;
    options.connect_timeout_ms = 2000;
    auto source = Must(OpenMysqlSource(std::move(options), Limits{}));
    const Status status = source->Discover({}).status();
    EXPECT_EQ(status.ToString().find("hunter2"), std::string::npos) << status.ToString();
    return status.ok() ? ErrorKind::kInternal : status.error().kind;
  };
  const std::string port = std::to_string(db.server.port());
  EXPECT_EQ(kind("mysql://locked:hunter2@127.0.0.1:" + port + "/"), ErrorKind::kPermissionDenied);
  EXPECT_EQ(kind("mysql://root@127.0.0.1:" + port + "/missing"), ErrorKind::kNotFound);
  EXPECT_EQ(kind("mysql://root@127.0.0.1:1/"), ErrorKind::kUnavailable);
}

TEST_P(MysqlSnapshot, APasswordIsGivenWithAndWithoutTls) {
  TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  // The server forgets that it has seen the password: the whole login is done each time.
  db.server.Run("FLUSH PRIVILEGES");
  EXPECT_EQ(ReadTable(*db.Open({}, "", "locked:open%20sesame"), db.Name("t")), Texts{"1"});
  if (is_mariadb()) return;  // Debian's comes without a certificate of its own
  db.server.Run("FLUSH PRIVILEGES");
  MysqlOptions options;
  options.name = "test";
  options.url = db.server.Url(db.database, "locked:open%20sesame") + "?ssl-mode=required";
  auto source = Must(OpenMysqlSource(std::move(options), Limits{}));
  EXPECT_EQ(ReadTable(*source, db.Name("t")), Texts{"1"});
  MysqlOptions verified;
  verified.name = "test";
  verified.url = db.server.Url(db.database) + "?ssl-mode=verify_identity";
  auto distrustful = Must(OpenMysqlSource(std::move(verified), Limits{}));
  EXPECT_FALSE(distrustful->Discover({}).ok()) << "a self-signed certificate is nobody's";
}

TEST(MysqlUrls, AreReadAndNeverRepeated) {
  const auto parse = [](const std::string& url) {
    MysqlOptions options;
    options.name = "shop";
    options.url = url;
    return OpenMysqlSource(std::move(options), Limits{});
  };
  for (const char* bad :
       {"postgresql://u:hunter2@h/d", "mysql://u:hunter2@h:port/d", "mysql://u:hunter2%@h/d",
        "mysql://u:hunter2@h/d?ssl-mode=maybe", "mysql://u:hunter2@h/d?sll=1", "mysql://h/d",
        "mysql://u:hunter2@/d", "mysql://u:hunter2@h?ssl-mode=verify_ca",
        "mysql://u:12/hunter2@h/d", "mysql://u:p@1/hunter2@h/d"}) {
    const auto source = parse(bad);
    ASSERT_FALSE(source.ok()) << bad;
    EXPECT_EQ(source.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(source.error().ToString().find("hunter2"), std::string::npos);
  }
  EXPECT_EQ(Must(parse("mysql://u:p%40@h:3307/my%20db"))->address(), "h:3307/my db");
  EXPECT_EQ(Must(parse("mariadb://u@[::1]"))->address(), "::1:3306");
}

TEST(MysqlNames, AreQuotedWhateverTheyHold) {
  EXPECT_EQ(QuoteName({"a`b", "c"}), "`a``b`.`c`");
  EXPECT_EQ(TextLiteral("it's\\"), "_utf8mb4 x'697427735c'");
}

TARN_ON_BOTH_SERVERS(MysqlSnapshot);

}  // namespace
}  // namespace tarn::mysql

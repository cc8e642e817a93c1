// ALTERs whose statement says less than they do, on real servers.
#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "source/mysql/my_capture_test_support.h"

namespace tarn::mysql {
namespace {

using Strings = std::vector<std::string>;

class MysqlCaptureAlter : public OnBothServers {};

constexpr char kLatin[] =
    "CREATE TABLE t (id int PRIMARY KEY, name varchar(50) CHARACTER SET latin1, n int)";
constexpr char kCafe[] = "SET NAMES utf8mb4; INSERT INTO t VALUES (1, 'café', 1); ";

/// The log says no more than a server says by itself.
struct UsualMetadata {
  explicit UsualMetadata(const TestDatabase& of, Flavour flavour) : db(of) {
    db.Run(std::string("SET GLOBAL binlog_row_metadata = '") +
           (flavour == Flavour::kMySql ? "MINIMAL'" : "NO_LOG'"));
  }
  ~UsualMetadata() { db.Run("SET GLOBAL binlog_row_metadata = 'FULL'"); }
  const TestDatabase& db;
};

/// "t: stopped …" with `what` in it, and nothing else of the table.
void ExpectStopped(const Strings& log, const std::string& table, const std::string& what) {
  std::string stopped;
  for (const std::string& line : log) {
    if (line.starts_with(table + ": stopped")) stopped = line;
  }
  EXPECT_NE(stopped.find(what), std::string::npos) << ::testing::PrintToString(log);
}

TEST_P(MysqlCaptureAlter, TheLogIsReadInTheCharacterSetOfItsPlace) {
  const TestDatabase db(GetParam(), kLatin);
  const UsualMetadata usual(db, GetParam());
  Mirror mirror(db, {"t"});
  mirror.CatchUp();
  mirror.Reopen();  // `up` does not run
  db.Run(std::string(kCafe) +
         "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4; "
         "INSERT INTO t VALUES (2, 'naïve 語', 2)");
  const Strings log = mirror.CatchUp();
  EXPECT_EQ(log.front(), "t: insert 1|café|1");
  EXPECT_EQ(log.back(), "t: insert 2|naïve 語|2");
  mirror.ExpectSame();
  mirror.Reopen();
  db.Run("SET NAMES utf8mb4; UPDATE t SET name = 'thé' WHERE id = 1");
  EXPECT_EQ(mirror.CatchUp(), Strings{"t: update 1|thé|1"});
  mirror.ExpectSame();
}

TEST_P(MysqlCaptureAlter, ASetThatHasFewerCharactersStopsTheTable) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY, name varchar(50) CHARACTER SET "
                        "utf8mb4, n int)");
  const UsualMetadata usual(db, GetParam());
  Mirror mirror(db, {"t"});
  mirror.CatchUp();
  mirror.Reopen();
  db.Run(std::string(kCafe) +
         "ALTER TABLE t MODIFY name varchar(50) CHARACTER SET latin1; "
         "UPDATE t SET n = 2");
  const Strings log = mirror.CatchUp();
  EXPECT_EQ(log.front(), "t: insert 1|café|1");
  ExpectStopped(log, "t", "varchar(50) CHARACTER SET latin1 instead of");
}

TEST_P(MysqlCaptureAlter, BytesOfAnotherSetAreNeverTakenForUtf8) {
  const TestDatabase db(GetParam(), kLatin);
  const UsualMetadata usual(db, GetParam());
  Mirror mirror(db, {"t"});
  mirror.CatchUp();
  // What an older version remembered: nothing of character sets.
  mirror.ForgetMarks();
  mirror.Reopen();
  db.Run(std::string(kCafe) + "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4");
  const Strings log = mirror.CatchUp();
  if (GetParam() == Flavour::kMySql) {
    EXPECT_EQ(log.front(), "t: insert 1|café|1");  // the log tells it
    mirror.ExpectSame();
  } else {
    ExpectStopped(log, "t", "is not text in UTF-8");
  }
}

TEST_P(MysqlCaptureAlter, AColumnThatIsComputedInAnotherWayStopsTheTable) {
  const std::string table =
      "CREATE TABLE t (id int PRIMARY KEY, net int, gross int AS (net * 119) STORED, c int); "
      "INSERT INTO t (id, net, c) VALUES (1, 100, 0)";
  for (const std::string alter : {"ALTER TABLE t MODIFY gross int AS (net * 120) STORED",
                                  "ALTER TABLE t CHANGE gross total int AS (net * 120) STORED"}) {
    const TestDatabase db(GetParam(), table);
    Mirror mirror(db, {"t"});
    mirror.CatchUp();
    db.Run(alter + "; INSERT INTO t (id, net, c) VALUES (2, 1, 0)");
    ExpectStopped(mirror.CatchUp(), "t", "is computed, and was defined again");
  }
  const TestDatabase db(GetParam(), table);
  Mirror mirror(db, {"t"});
  mirror.CatchUp();
  db.Run("ALTER TABLE t MODIFY net bigint, MODIFY c int DEFAULT 5; UPDATE t SET net = 7");
  mirror.CatchUp();
  mirror.ExpectSame();
}

TEST_P(MysqlCaptureAlter, BothTablesOfAnExchangedPartitionStop) {
  const std::string columns = "(id int PRIMARY KEY, v int)";
  const TestDatabase db(GetParam(), "CREATE TABLE sale " + columns +
                                        " PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN "
                                        "(100), PARTITION p1 VALUES LESS THAN (200)); "
                                        "CREATE TABLE sale_0 " +
                                        columns +
                                        "; CREATE TABLE fine (id int PRIMARY KEY); "
                                        "INSERT INTO sale VALUES (1, 1); "
                                        "INSERT INTO sale_0 VALUES (2, 2)");
  Mirror mirror(db, {"sale", "sale_0", "fine"});
  mirror.CatchUp();
  db.Run("ALTER TABLE sale EXCHANGE PARTITION p0 WITH TABLE sale_0; INSERT INTO fine VALUES (1)");
  const Strings log = mirror.CatchUp();
  ExpectStopped(log, "sale", "brings or takes rows");
  ExpectStopped(log, "sale_0", "brings or takes rows");
  EXPECT_EQ(log.front(), "fine: insert 1");
  mirror.ExpectSame();
}

TEST_P(MysqlCaptureAlter, AnAlterOfMariaDbThatTakesRowsStopsTheTable) {
  if (GetParam() == Flavour::kMySql) return;
  const TestDatabase db(
      GetParam(),
      "CREATE TABLE t (id int PRIMARY KEY, email varchar(9)); "
      "INSERT INTO t VALUES (1, 'a'), (2, 'a'); "
      "CREATE TABLE sale (id int PRIMARY KEY) PARTITION BY RANGE (id) ("
      "PARTITION p0 VALUES LESS THAN (100), PARTITION p1 VALUES LESS THAN (200)); "
      "INSERT INTO sale VALUES (1), (101)");
  Mirror mirror(db, {"t", "sale"});
  mirror.CatchUp();
  db.Run(
      "ALTER IGNORE TABLE t ADD UNIQUE (email); "
      "ALTER TABLE sale CONVERT PARTITION p0 TO TABLE sale_0; INSERT INTO sale VALUES (102)");
  const Strings log = mirror.CatchUp();
  ExpectStopped(log, "t", "brings or takes rows");
  ExpectStopped(log, "sale", "brings or takes rows");
}

TEST_P(MysqlCaptureAlter, AColumnThatStandsAlreadyIsNotAddedAgain) {
  if (GetParam() == Flavour::kMySql) return;
  const TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY, c int)");
  Mirror mirror(db, {"t"});
  mirror.CatchUp();
  db.Run(
      "ALTER TABLE t ADD COLUMN IF NOT EXISTS c int; INSERT INTO t VALUES (1, 1); "
      "ALTER TABLE t ADD COLUMN IF NOT EXISTS C int, ADD COLUMN IF NOT EXISTS d int; "
      "INSERT INTO t VALUES (2, 2, 2)");
  const Strings log = mirror.CatchUp();
  EXPECT_EQ(log.back(), "t: insert 2|2|2") << ::testing::PrintToString(log);
  mirror.ExpectSame();
}

TEST_P(MysqlCaptureAlter, StatementsAreRememberedUntilTheLogTellsWhatTheyMade) {
  for (const bool reopens : {false, true}) {
    const TestDatabase db(GetParam(),
                          "CREATE TABLE t (id int PRIMARY KEY, old int); "
                          "INSERT INTO t VALUES (1, 10); CREATE TABLE u (id int PRIMARY KEY)");
    Mirror mirror(db, {"t", "u"});
    mirror.CatchUp();
    mirror.Reopen();
    mirror.limits.rows_max = 1;
    mirror.reopens = reopens;
    db.Run(
        "ALTER TABLE t ADD a int NOT NULL DEFAULT 7, CHANGE old kept int; INSERT INTO u VALUES "
        "(1); "
        "ALTER TABLE t CHANGE a b int NOT NULL, ADD c varchar(9) DEFAULT 'it''s' AFTER id; "
        "INSERT INTO u VALUES (2); ALTER TABLE t ADD d int; INSERT INTO u VALUES (3); "
        "INSERT INTO t VALUES (2, 'new', 20, 0, 0)");
    const Strings log = mirror.CatchUp();
    EXPECT_EQ(log.back(), "t: insert 2|new|20|0|0") << ::testing::PrintToString(log);
    for (const char* told : {"t: renamed old kept", "t: filled b 7", "t: filled c it's"}) {
      EXPECT_EQ(std::count(log.begin(), log.end(), told), 1) << told;
    }
    mirror.ExpectSame();
    // What was remembered is forgotten with it.
    db.Run("INSERT INTO t VALUES (3, 'newer', 30, 0, 0)");
    EXPECT_EQ(mirror.CatchUp(), Strings{"t: insert 3|newer|30|0|0"});
  }
}

TEST_P(MysqlCaptureAlter, NamesThatGoOrChangeDoSoAtTheirPlace) {
  for (const bool whole : {true, false}) {
    const TestDatabase db(GetParam(),
                          "CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(9), c int); "
                          "INSERT INTO t VALUES (1, 10, 'b', 100); "
                          "CREATE TABLE u (id int PRIMARY KEY)");
    std::optional<UsualMetadata> usual;
    if (!whole) usual.emplace(db, GetParam());
    Mirror mirror(db, {"t", "u"});
    mirror.CatchUp();
    mirror.Reopen();
    mirror.limits.rows_max = 1;
    mirror.reopens = true;
    db.Run(
        "ALTER TABLE t RENAME COLUMN a TO x; INSERT INTO u VALUES (1); "
        "ALTER TABLE t DROP COLUMN c, RENAME COLUMN id TO nr; INSERT INTO u VALUES (2); "
        "ALTER TABLE t MODIFY b varchar(99); INSERT INTO u VALUES (3); "
        "ALTER TABLE t CHANGE b y varchar(99); INSERT INTO u VALUES (4); ALTER TABLE t ADD d int "
        "DEFAULT 5; INSERT INTO t VALUES (2, 20, 'bb', 6)");
    const Strings log = mirror.CatchUp();
    const auto at = [&](const std::string& line) {
      return std::find(log.begin(), log.end(), line) - log.begin();
    };
    EXPECT_LT(at("t: renamed a x"), at("u: insert 1")) << ::testing::PrintToString(log);
    EXPECT_LT(at("t: renamed id nr"), at("u: insert 2")) << ::testing::PrintToString(log);
    EXPECT_LT(at("t: renamed b y"), at("u: insert 4")) << ::testing::PrintToString(log);
    EXPECT_EQ(log.back(), "t: insert 2|20|bb|6");
    mirror.ExpectSame();
  }
}

TARN_ON_BOTH_SERVERS(MysqlCaptureAlter);

}  // namespace
}  // namespace tarn::mysql

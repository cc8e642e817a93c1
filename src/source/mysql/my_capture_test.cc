// Change capture against real servers: each case is a loss that some product really had.
#include <chrono>

#include <gtest/gtest.h>

#include "source/mysql/my_capture_test_support.h"

namespace tarn::mysql {
namespace {

using Strings = std::vector<std::string>;

class MysqlCapture : public OnBothServers {};

TEST_P(MysqlCapture, TheStreamGoesOnExactlyWhereTheSnapshotEnds) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY, v text); "
                        "INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  Mirror mirror(db, {"t"});
  db.Run(
      "INSERT INTO t VALUES (3, 'c'); UPDATE t SET v = 'B' WHERE id = 2; "
      "DELETE FROM t WHERE id = 1");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: insert 3|c", "t: update 2|B", "t: delete 1|a"}));
  mirror.ExpectSame();
  EXPECT_EQ(mirror.transactions.size(), 3u);
  EXPECT_NE(mirror.transactions[0].commit_micros, 0);
  EXPECT_EQ(mirror.CatchUp(), Strings());
}

TEST_P(MysqlCapture, SeveralTablesOfOneTransactionAreWholeAfterEveryRestart) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)");
  Mirror mirror(db, {"a", "b"});
  for (int i = 0; i < 3; ++i) {
    const std::string from = std::to_string(i * 10);
    db.Run("BEGIN; INSERT INTO a VALUES (1 + " + from + "), (2 + " + from + "), (3 + " + from +
           "); INSERT INTO b VALUES (1 + " + from + "); INSERT INTO a VALUES (4 + " + from +
           "); COMMIT");
    EXPECT_EQ(mirror.CatchUp().size(), 5u);
    mirror.Reopen();
  }
  mirror.ExpectSame();
  EXPECT_EQ(mirror.transactions.size(), 3u);
}

TEST_P(MysqlCapture, WhatWasNotCommittedComesAgain) {
  const TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY)");
  Mirror mirror(db, {"t"});
  const std::string begin = mirror.position;
  db.Run("INSERT INTO t VALUES (1)");
  EXPECT_EQ(mirror.CatchUp(), Strings{"t: insert 1"});
  // A process that dies before its commit: the position it goes on from is the one before.
  mirror.Reopen();
  mirror.position = begin;
  db.Run("INSERT INTO t VALUES (2)");
  ChangeLimits limits = mirror.limits;
  limits.until = Must(mirror.capture().CurrentPosition());
  const ChangeBatch batch = Must(mirror.stream().Next(limits));
  EXPECT_EQ(batch.rows, 2);
  EXPECT_TRUE(batch.reached_until);
}

TEST_P(MysqlCapture, TruncatesSavepointsAndEmptyTransactions) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY, v int); "
                        "CREATE TABLE other (id int PRIMARY KEY); INSERT INTO t VALUES (1, 1)");
  Mirror mirror(db, {"t"});
  db.Run(R"(
BEGIN; SELECT 1; COMMIT;
BEGIN; INSERT INTO other VALUES (1); COMMIT;
BEGIN; INSERT INTO t VALUES (2, 2); SAVEPOINT s; INSERT INTO t VALUES (3, 3); ROLLBACK TO s;
INSERT INTO t VALUES (4, 4); COMMIT;
BEGIN; INSERT INTO t VALUES (9, 9); ROLLBACK;
TRUNCATE TABLE t; INSERT INTO t VALUES (5, 5);)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: insert 2|2", "t: insert 4|4", "t: truncate", "t: insert 5|5"}));
  mirror.ExpectSame();
}

TEST_P(MysqlCapture, AChangedKeyTellsTheKeyBefore) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (a int, b varchar(10), v int, PRIMARY KEY (b, a)); "
                        "INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)");
  Mirror mirror(db, {"t"});
  db.Run(
      "UPDATE t SET a = 5 WHERE a = 1; UPDATE t SET a = a, b = b, v = 7 WHERE a = 2;"
      "BEGIN; UPDATE t SET a = 100 WHERE a = 5; UPDATE t SET a = 5 WHERE a = 2; "
      "UPDATE t SET a = 2 WHERE a = 100; COMMIT; UPDATE t SET b = 'Y' WHERE a = 5");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: update 5|x|1 was x|1", "t: update 2|y|7",
                                       "t: update 100|x|1 was x|5", "t: update 5|y|7 was y|2",
                                       "t: update 2|x|1 was x|100", "t: update 5|Y|7 was y|5"}));
  mirror.ExpectSame();
}

TEST_P(MysqlCapture, EveryTypeIsTheSameInSnapshotAndStream) {
  const std::string own = is_mariadb() ? ", u uuid, i4 inet4, i6 inet6" : ", j json";
  const TestDatabase db(GetParam(), R"(
CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, t1 tinyint, t1u tinyint unsigned, t2 smallint, t2u smallint unsigned,
 t3 mediumint, t3u mediumint unsigned, t4 int, t4u int unsigned, t8 bigint, t8u bigint unsigned, f float, d double,
 n decimal(20,6), n1 decimal(30,30), n2 decimal(38,0), n3 decimal(5,2) unsigned, b1 bit(1), b9 bit(9), b64 bit(64),
 dt date, tm time, tm6 time(6), tm3 time(3), tm1 time(1), dtm datetime, dtm6 datetime(6), dtm3 datetime(3), dtm1 datetime(1), ts timestamp NULL,
 ts6 timestamp(6) NULL, ts4 timestamp(4) NULL, y year, c char(10), v varchar(300), vb varbinary(300), bn binary(8), tt tinytext, tx text,
 mt mediumtext, lt longtext, tb tinyblob, bl blob, e enum('a','b''c','ü'), s set('x','y','z'), l1 varchar(20) CHARACTER SET latin1,
 l2 varchar(20) CHARACTER SET latin2, u2 varchar(20) CHARACTER SET ucs2, u16 varchar(20) CHARACTER SET utf16,
 u16l varchar(20) CHARACTER SET utf16le, u32 varchar(20) CHARACTER SET utf32, cu char(5) CHARACTER SET ucs2,
 cy varchar(20) CHARACTER SET cp1251, g geometry, gv int AS (t4 + 1) VIRTUAL, gs int AS (t4 + 2) STORED)" +
                                        own + ") DEFAULT CHARSET utf8mb4");
  db.Run("CREATE TABLE src LIKE t");
  db.Run(R"(SET sql_mode = 'NO_ENGINE_SUBSTITUTION', time_zone = '+00:00';
INSERT INTO src (id) VALUES (1);
INSERT INTO src (t1, t1u, t2, t2u, t3, t3u, t4, t4u, t8, t8u, f, d, n, n1, n2, n3, b1, b9, b64, dt, tm, tm6, tm3, tm1, dtm, dtm6, dtm3, dtm1, ts, ts6, ts4,
 y, c, v, vb, bn, tt, tx, mt, lt, tb, bl, e, s, l1, l2, u2, u16, u16l, u32, cu, cy, g) VALUES
 (-128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615, -1.5e30, 1e308,
  -12345678901234.123456, 0.000000000000000000000000000001, -99999999999999999999999999999999999999, 999.99, b'1', b'100000001', x'FFFFFFFFFFFFFFFF',
  '9999-12-31', '-838:59:59', '-838:59:58.999999', '-00:00:00.001', '-00:00:01.5', '9999-12-31 23:59:59', '1000-01-01 00:00:00.000001', '2024-02-29 12:34:56.789',
  '2001-01-01 01:01:01.5', '1970-01-01 00:00:01', '2038-01-19 03:14:07.999999', '2024-03-31 01:30:00.0001',
  1901, 'abc  ', REPEAT('é', 290), REPEAT(x'00ff', 140), x'0102', 'tiny', REPEAT('text ', 300), REPEAT('m', 70000), REPEAT('l', 70000), x'00', REPEAT(x'fe', 300),
  'b''c', 'x,y', 'Grüße €', 'łąka', 'añ€', '😀é', '😀é', '😀é', 'a ', 'Привет', ST_GeomFromText('POINT(1 2)')),
 (127, 0, 32767, 0, 8388607, 0, 2147483640, 0, 9223372036854775807, 0, 3.25, -0.1, 0.5, -0.5, 0, 0, b'0', 0, 0, '1000-01-01', '838:59:59',
  '00:00:00.000001', '12:00:00.5', '-00:00:00.1', '1970-01-01', '2024-01-01 00:00:00.5', '2024-01-01', '2024-01-01', '2024-06-01 12:00:00',
  '1970-01-01 00:00:01.5', '2024-06-01 12:00:00.9999', 0, '', '', '', '', '', '', '', '', '', '', 'a', '', '', '', '', '', '', '', '', '',
  ST_GeomFromText('LINESTRING(0 0, 1 1)')),
 (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.1, 1, 1.5, b'1', 1, 1, '2024-06-01', '-00:00:01', '-01:02:03.4', '-00:00:59.999', '23:59:59.9', '2024-06-01', '2024-06-01', '2024-06-01',
  '2024-06-01', '2024-06-01', '2024-06-01', '2024-06-01', 2155, ' lead', 'x', ' ', x'0102030405060700', 'x', 'x', 'x', 'x', 'x', 'x', '', 'x,y,z', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
  'x', NULL))");
  if (is_mariadb()) {
    db.Run(
        "UPDATE src SET u = '123e4567-e89b-12d3-a456-426655440000', i4 = '192.168.0.1', i6 = "
        "'2001:db8::ff00:42:8329' WHERE id = 2; UPDATE src SET u = "
        "'01890a5d-ac96-774b-bcce-b302099a8057', i4 = '0.0.0.0', i6 = '::' WHERE id = 3; UPDATE "
        "src SET u = 'f47ac10b-58cc-4372-a567-0e02b2c3d479', i4 = '10.0.0.0', i6 = "
        "'::ffff:1.2.3.4' WHERE id = 4");
  } else {
    db.Run(
        R"(UPDATE src SET j = '{"b": [1, 2.5, -3, 65535, 65536, 4294967296, 18446744073709551615, -9223372036854775808, 1e100, 1e-7, 0.1,
 100000000000000, 1000000000000000, 1e15, 1e16, 123456789012345680000, 1.0, 5e-324, 1.7976931348623157e308], "a": {"ü\\"\\\\\\n\\u0001\\t/": null, "": "é😀"}, "t": true, "f": false, "e": {}, "l": []}' WHERE id = 2;
UPDATE src SET j = JSON_OBJECT('d', CAST(12.50 AS DECIMAL(10,2)), 'dt', CAST('2024-01-02 03:04:05.678' AS DATETIME(3)), 'date', CAST('2024-01-02' AS DATE),
 'tm', CAST('-12:00:01.5' AS TIME(2)), 'ts', TIMESTAMP('2024-01-02 03:04:05'), 'bin', x'00010203', 'long', REPEAT(x'ff', 100), 'neg', CAST(-0.05 AS DECIMAL(5,2)),
 'y', CAST(2024 AS UNSIGNED)) WHERE id = 3;
UPDATE src SET j = JSON_ARRAY(REPEAT('x', 70000), 1, 100000, JSON_OBJECT('k', REPEAT('y', 200))) WHERE id = 4)");
  }
  Mirror mirror(db, {"t"});
  const std::string columns = db.Run(
      "SET group_concat_max_len = 100000; SELECT GROUP_CONCAT(column_name) FROM "
      "information_schema.columns WHERE "
      "table_schema = DATABASE() AND table_name = 't' AND extra NOT LIKE '%GENERATED%'");
  db.Run("SET sql_mode = ''; INSERT INTO t (" + columns + ") SELECT " + columns + " FROM src");
  const Strings inserted = mirror.CatchUp();
  EXPECT_EQ(inserted.size(), 4u) << inserted[0];
  mirror.ExpectSame();
  db.Run(
      "SET sql_mode = ''; UPDATE t SET id = id + 100, t1 = NULL, v = CONCAT(v, '!') WHERE id IN "
      "(2, 3)");
  EXPECT_EQ(mirror.CatchUp().size(), 2u);
  mirror.ExpectSame();
}

TEST_P(MysqlCapture, ColumnsThatAreAlteredAreFollowed) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(10)); "
                        "INSERT INTO t VALUES (1, 1, 'one')");
  Mirror mirror(db, {"t"});
  db.Run("ALTER TABLE t ADD COLUMN c int AFTER id; INSERT INTO t VALUES (2, 3, 2, 'two')");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: altered id int32 key, c int32, a int32, b string",
                                       "t: insert 2|3|2|two"}));
  mirror.ExpectSame();
  db.Run("ALTER TABLE t CHANGE a aa bigint, DROP COLUMN c; UPDATE t SET aa = 9 WHERE id = 2");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: altered id int32 key, aa int64, b string",
                                       "t: renamed a aa", "t: update 2|9|two"}));
  mirror.ExpectSame();
  db.Run(
      "ALTER TABLE t MODIFY b varchar(20); INSERT INTO t VALUES (3, 3, 'three'); "
      "ALTER TABLE t ADD INDEX (aa); INSERT INTO t VALUES (4, 4, 'four')");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: altered id int32 key, aa int64, b string",
                                       "t: insert 3|3|three", "t: insert 4|4|four"}));
  mirror.ExpectSame();
}

TEST_P(MysqlCapture, AltersThatLieBehindAreToldByTheLogItself) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(10)); "
                        "INSERT INTO t VALUES (1, 1, 'one')");
  Mirror mirror(db, {"t"});
  db.Run(
      "INSERT INTO t VALUES (2, 2, 'two'); ALTER TABLE t ADD COLUMN c enum('x', 'y') FIRST; "
      "INSERT INTO t VALUES ('y', 3, 3, 'three'); ALTER TABLE t RENAME COLUMN a TO aa, ADD COLUMN "
      "d decimal(10,2), ADD COLUMN e varchar(5) CHARACTER SET latin1; "
      "INSERT INTO t VALUES ('x', 4, 4, 'four', 4.5, 'é'); ALTER TABLE t DROP COLUMN c, DROP "
      "COLUMN b; INSERT INTO t VALUES (5, 5, 5, 'e')");
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 9u) << ::testing::PrintToString(log);
  EXPECT_EQ(log[2], "t: insert y|3|3|three");
  EXPECT_EQ(log[4], "t: renamed a aa");
  EXPECT_EQ(log[6], "t: insert x|4|4|four|4.50|é");
  EXPECT_EQ(log[8], "t: insert 5|5|5.00|e");
  mirror.ExpectSame();
}

TEST_P(MysqlCapture, WhatCannotBeFollowedStopsItsTableAlone) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int "
                        "PRIMARY KEY, v datetime(6)); CREATE TABLE c (id int PRIMARY KEY); CREATE "
                        "TABLE d (id int PRIMARY KEY); CREATE TABLE e (id int PRIMARY KEY, v "
                        "datetime); CREATE TABLE f (id int PRIMARY KEY); "
                        "CREATE TABLE z (id int PRIMARY KEY); INSERT INTO a VALUES (1, 1)");
  Mirror mirror(db, {"a", "b", "c", "d", "e", "f", "z"});
  db.Run(
      "SET sql_mode = ''; ALTER TABLE b MODIFY v datetime; RENAME TABLE c TO cc; DROP TABLE d; "
      "INSERT INTO e VALUES (1, '0000-00-00'); "
      "SET binlog_format = 'STATEMENT'; INSERT INTO f VALUES (1); SET binlog_format = 'ROW'; "
      "INSERT INTO a VALUES (2, 2); INSERT INTO z VALUES (1)");
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 7u) << ::testing::PrintToString(log);
  EXPECT_EQ(log[0], "a: insert 2|2");
  EXPECT_NE(log[1].find("column v became datetime instead of datetime(6)"), std::string::npos);
  EXPECT_NE(log[2].find("renamed"), std::string::npos);
  EXPECT_NE(log[3].find("dropped"), std::string::npos);
  EXPECT_NE(log[4].find("the changed row (id 1), column v: '0000-00-00 00:00:00'"),
            std::string::npos)
      << log[4];
  EXPECT_NE(log[5].find("by a statement"), std::string::npos);
  EXPECT_EQ(log[6], "z: insert 1");
  mirror.ExpectSame();
}

TEST_P(MysqlCapture, ColumnsThatAreReadAsAnotherTypeAreSoInTheStreamToo) {
  const TestDatabase db(
      GetParam(),
      "CREATE TABLE t (id int PRIMARY KEY, d datetime(3), n decimal(20,4), b bigint "
      "unsigned, f float, v varbinary(9)); "
      "SET sql_mode = ''; INSERT INTO t VALUES (1, '0000-00-00', 1.5, 7, 1.1, 'a')");
  Mirror mirror(db, {"t"},
                {{"t.d", "string"},
                 {"t.n", "double"},
                 {"t.b", "long"},
                 {"t.f", "string"},
                 {"t.v", "string"}});
  db.Run(
      "SET sql_mode = ''; INSERT INTO t VALUES (2, '2024-00-01 01:02:03.5', -0.25, 9, 0.1, 'ü')");
  EXPECT_EQ(mirror.CatchUp(), Strings{"t: insert 2|2024-00-01 01:02:03.500|-0.25|9|0.1|ü"});
  mirror.ExpectSame();
}

TEST_P(MysqlCapture, ALargeTransactionComesInBatchesAndIsOne) {
  const TestDatabase db(GetParam(), "CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, v text)");
  Mirror mirror(db, {"t"});
  mirror.limits.rows_max = 1000;
  db.Run(
      "INSERT INTO t (v) SELECT REPEAT('x', 50) FROM information_schema.collations a, "
      "information_schema.collations b LIMIT 20000");
  EXPECT_EQ(mirror.CatchUp().size(), 20000u);
  EXPECT_GE(mirror.batches, 10);
  EXPECT_EQ(mirror.transactions.size(), 1u);
  mirror.ExpectSame();
}

TEST_P(MysqlCapture, OddNamesAndATableOfItsKeyAlone) {
  const TestDatabase db(GetParam(), R"(
CREATE TABLE `t,"x``y é` (`a b` int PRIMARY KEY, `sélect` text); CREATE TABLE k (id varchar(36) PRIMARY KEY);)");
  Mirror mirror(db, {"\"" + db.database + "\".\"t,\"\"x`y é\"", "k"});
  db.Run(
      "INSERT INTO `t,\"x``y é` VALUES (1, 'ü'); UPDATE `t,\"x``y é` SET `a b` = 2; "
      "INSERT INTO k VALUES ('a'); DELETE FROM k; TRUNCATE `t,\"x``y é`");
  EXPECT_EQ(mirror.CatchUp().size(), 5u);
  mirror.ExpectSame();
}

TEST_P(MysqlCapture, ALogThatWasPurgedIsALoudError) {
  testing::MysqlServer server(GetParam());
  server.Run("CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY)");
  MysqlOptions options;
  options.name = "test";
  options.url = server.Url("d");
  testing::Mirror mirror(Must(OpenMysqlSource(std::move(options), {})), {"t"});
  server.Run(
      "INSERT INTO d.t VALUES (1); FLUSH LOGS; INSERT INTO d.t VALUES (2); FLUSH LOGS; "
      "INSERT INTO d.t VALUES (3)");
  const std::string logs = server.Run("SHOW BINARY LOGS");
  const std::string last = logs.substr(logs.rfind("binlog."), 13);
  // MariaDB keeps a file until the engine has written what is in it.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (server.Run("PURGE BINARY LOGS TO '" + last + "'; SHOW BINARY LOGS").find("000001") !=
         std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
  Strings log;
  const std::optional<Error> error = mirror.TryCatchUp(&log);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, ErrorKind::kNotFound) << error->ToString();
  EXPECT_NE(error->hint.find("tarn resync"), std::string::npos) << error->ToString();
}

TEST_P(MysqlCapture, ARestartOfTheServerIsGoneOnBehind) {
  testing::MysqlServer server(GetParam(),
                              {"--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1"});
  server.Run("CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY)");
  MysqlOptions options;
  options.name = "test";
  options.url = server.Url("d");
  testing::Mirror mirror(Must(OpenMysqlSource(std::move(options), {})), {"t"});
  server.Run("INSERT INTO d.t VALUES (1)");
  EXPECT_EQ(mirror.CatchUp(), Strings{"t: insert 1"});
  server.CrashAndRestart();
  Strings log;
  ChangeLimits limits = mirror.limits;
  limits.wait_ms_max = 5000;
  limits.until.reset();
  Result<ChangeBatch> broken = mirror.stream().Next(limits);
  if (broken.ok()) broken = mirror.stream().Next(limits);
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().kind, ErrorKind::kUnavailable) << broken.error().ToString();
  mirror.Reopen();
  server.Run("INSERT INTO d.t VALUES (2)");
  EXPECT_EQ(mirror.CatchUp(), Strings{"t: insert 2"});
  mirror.ExpectSame();
}

TEST_P(MysqlCapture, WithoutGtidsThePlaceIsAFileAndAnOffset) {
  if (is_mariadb()) return;  // it always has them
  testing::MysqlServer server(GetParam(),
                              {"--gtid-mode=OFF", "--enforce-gtid-consistency=OFF",
                               "--binlog-row-metadata=MINIMAL", "--binlog-checksum=NONE"});
  server.Run("CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY, v varchar(10))");
  MysqlOptions options;
  options.name = "test";
  options.url = server.Url("d");
  testing::Mirror mirror(Must(OpenMysqlSource(std::move(options), {})), {"t"});
  EXPECT_TRUE(mirror.position.starts_with("file:binlog.")) << mirror.position;
  server.Run("INSERT INTO d.t VALUES (1, 'a'); FLUSH LOGS; INSERT INTO d.t VALUES (2, 'b')");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: insert 1|a", "t: insert 2|b"}));
  server.Run("FLUSH LOGS");
  EXPECT_EQ(mirror.CatchUp(), Strings());
  mirror.Reopen();
  server.Run("ALTER TABLE d.t ADD COLUMN w int; INSERT INTO d.t VALUES (3, 'c', 3)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: altered id int32 key, v string, w int32", "t: insert 3|c|3"}));
  mirror.ExpectSame();
}

TARN_ON_BOTH_SERVERS(MysqlCapture);

}  // namespace
}  // namespace tarn::mysql

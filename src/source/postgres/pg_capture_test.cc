// Change capture against a real server: each case is a loss that some product really had.
#include <gtest/gtest.h>

#include "source/postgres/pg_capture_test_support.h"

namespace tarn::postgres {
namespace {

using Strings = std::vector<std::string>;

TEST(PostgresCapture, TheStreamGoesOnExactlyWhereTheSnapshotEnds) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "INSERT INTO t VALUES (3, 'c'); UPDATE t SET v = 'B' WHERE id = 2; "
      "DELETE FROM t WHERE id = 1");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: insert 3|c", "t: update 2|B", "t: delete 1|NULL"}));
  mirror.ExpectSame();
  EXPECT_EQ(mirror.transactions.size(), 3u);
  EXPECT_EQ(mirror.CatchUp(), Strings());
}

TEST(PostgresCapture, SeveralRowsAtOnePositionAreWholeAfterEveryRestart) {
  const TestDatabase db("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)");
  Mirror mirror(db, {"public.a", "public.b"});
  for (int i = 0; i < 3; ++i) {
    const std::string from = std::to_string(i * 10 + 1);
    db.Run("BEGIN; INSERT INTO a SELECT generate_series(" + from + ", " + from +
           " + 4); INSERT INTO b VALUES (" + from + "); COMMIT");
    EXPECT_EQ(mirror.CatchUp().size(), 6u);
    mirror.Reopen();
  }
  mirror.ExpectSame();
  EXPECT_EQ(mirror.transactions.size(), 3u);
}

TEST(PostgresCapture, WhatWasNotAcknowledgedComesAgain) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY)");
  Mirror mirror(db, {"public.t"});
  const std::string begin = mirror.position;
  db.Run("INSERT INTO t VALUES (1)");
  Strings log;
  EXPECT_EQ(mirror.TryCatchUp(&log), std::nullopt);
  EXPECT_EQ(log, Strings{"t: insert 1"});
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

TEST(PostgresCapture, TruncatesSavepointsAndEmptyTransactions) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE other (id int PRIMARY KEY);"
      "INSERT INTO t VALUES (1, 1)");
  Mirror mirror(db, {"public.t"});
  db.Run(R"(
BEGIN; SELECT txid_current(); COMMIT;
BEGIN; INSERT INTO other VALUES (1); COMMIT;
BEGIN; INSERT INTO t VALUES (2, 2); SAVEPOINT s; INSERT INTO t VALUES (3, 3); ROLLBACK TO s;
INSERT INTO t VALUES (4, 4); COMMIT;
BEGIN; INSERT INTO t VALUES (9, 9); ROLLBACK;
BEGIN; TRUNCATE t; INSERT INTO t VALUES (5, 5); COMMIT;)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: insert 2|2", "t: insert 4|4", "t: truncate", "t: insert 5|5"}));
  EXPECT_EQ(mirror.transactions.size(), 2u);
  mirror.ExpectSame();
}

TEST(PostgresCapture, AChangedKeyTellsTheKeyBefore) {
  const TestDatabase db(
      "CREATE TABLE t (a int, b text, v int, PRIMARY KEY (b, a));"
      "INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "UPDATE t SET a = 5 WHERE a = 1; UPDATE t SET a = a, b = b, v = 7 WHERE a = 2;"
      "BEGIN; UPDATE t SET a = 100 WHERE a = 5; UPDATE t SET a = 5 WHERE a = 2; "
      "UPDATE t SET a = 2 WHERE a = 100; COMMIT");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: update 5|x|1 was x|1", "t: update 2|y|7", "t: update 100|x|1 was x|5",
                     "t: update 5|y|7 was y|2", "t: update 2|x|1 was x|100"}));
  mirror.ExpectSame();
}

TEST(PostgresCapture, AnUntouchedToastedValueIsNeverNull) {
  const TestDatabase db(R"(
CREATE TABLE t (id int PRIMARY KEY, big text, n int);
ALTER TABLE t ALTER COLUMN big SET STORAGE EXTERNAL;
INSERT INTO t VALUES (1, repeat('x', 20000), 1);)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "UPDATE t SET n = 2 WHERE id = 1;"
      "BEGIN; INSERT INTO t VALUES (2, repeat('y', 20000), 1); UPDATE t SET n = 3 WHERE id = 2; "
      "UPDATE t SET id = 9 WHERE id = 2; COMMIT");
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 4u);
  EXPECT_EQ(log[0].substr(0, 14), "t: update 1|xx");
  EXPECT_TRUE(log[0].ends_with("|2 kept big")) << log[0].substr(20000);
  EXPECT_TRUE(log[2].ends_with("|3 kept big"));
  EXPECT_TRUE(log[3].ends_with("|3 was 2 kept big"));
  mirror.ExpectSame();
}

TEST(PostgresCapture, WithReplicaIdentityFullTheRowBeforeIsThere) {
  const TestDatabase db(R"(
CREATE TABLE t (id int PRIMARY KEY, big text, n int); ALTER TABLE t REPLICA IDENTITY FULL;
ALTER TABLE t ALTER COLUMN big SET STORAGE EXTERNAL;
INSERT INTO t VALUES (1, repeat('x', 3000), 1), (2, 'b', 2), (3, NULL, 3);)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "UPDATE t SET n = 5 WHERE id = 1; UPDATE t SET id = 7 WHERE id = 2; "
      "DELETE FROM t WHERE id = 3; DELETE FROM t WHERE id = 7");
  const std::string x(3000, 'x');
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: update 1|" + x + "|5 before 1|" + x + "|1",
                                       "t: update 7|b|2 was 2 before 2|b|2", "t: delete 3|NULL|3",
                                       "t: delete 7|b|2"}));
  mirror.ExpectSame();
}

TEST(PostgresCapture, AnIndexAsIdentityIsTheKey) {
  const TestDatabase db(R"(
CREATE TABLE t (id int PRIMARY KEY, code text NOT NULL, n int); CREATE UNIQUE INDEX u ON t (code);
ALTER TABLE t REPLICA IDENTITY USING INDEX u; INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2);)");
  Mirror mirror(db, {"public.t"});
  db.Run("UPDATE t SET code = 'c' WHERE id = 1; DELETE FROM t WHERE id = 2; UPDATE t SET id = 8");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: update 1|c|1 was a", "t: delete NULL|b|NULL", "t: update 8|c|1"}));
  mirror.ExpectSame();
}

TEST(PostgresCapture, GeneratedColumnsAreToldAliketoSnapshotAndStream) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED, v int);"
      "INSERT INTO t (id, v) VALUES (1, 1)");
  Mirror mirror(db, {"public.t"});
  db.Run("INSERT INTO t (id, v) VALUES (2, 2)");
  const bool told = std::stoi(db.Run("SHOW server_version_num")) >= 180000;
  EXPECT_EQ(mirror.CatchUp(), Strings{told ? "t: insert 2|4|2" : "t: insert 2|2"});
  mirror.ExpectSame();
}

TEST(PostgresCapture, PartitionsAreToldAsTheirRoot) {
  const TestDatabase db(R"(
CREATE TABLE p (id int, at date, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE p2 (v text, id int NOT NULL, at date NOT NULL);
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO p VALUES (1, '2024-05-05', 'a');)");
  Mirror mirror(db, {"public.p"});
  db.Run(R"(
INSERT INTO p VALUES (2, '2025-02-02', 'b'); UPDATE p SET v = 'B' WHERE id = 2;
UPDATE p SET at = '2025-05-05' WHERE id = 1;
CREATE TABLE p3 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO p VALUES (3, '2026-03-03', 'c'); DELETE FROM p WHERE id = 2;)");
  mirror.CatchUp();
  mirror.ExpectSame();
  db.Run("TRUNCATE p; INSERT INTO p VALUES (4, '2026-04-04', 'd')");
  EXPECT_EQ(mirror.CatchUp().front(), "p: truncate");
  mirror.ExpectSame();
}

TEST(PostgresCapture, OddNamesAndATableOfItsKeyAlone) {
  const TestDatabase db(R"(
CREATE SCHEMA "Odd ""s"""; CREATE TABLE "Odd ""s"""."t,{}\" ("a b" int PRIMARY KEY, "sélect" text);
CREATE TABLE k (id uuid PRIMARY KEY);)");
  Mirror mirror(db, {R"("Odd ""s"""."t,{}\")", "public.k"});
  db.Run(
      R"(INSERT INTO "Odd ""s"""."t,{}\" VALUES (1, 'ü'); UPDATE "Odd ""s"""."t,{}\" SET "a b" = 2;
INSERT INTO k VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'); DELETE FROM k;)");
  EXPECT_EQ(mirror.CatchUp().size(), 4u);
  mirror.ExpectSame();
}

TEST(PostgresCapture, ADatabaseWithOtherSettingsTellsTheSameValues) {
  const TestDatabase db(R"(
CREATE TABLE t (id int PRIMARY KEY, z timetz, i interval, r tstzrange, f float8, b bytea);
INSERT INTO t VALUES (1, '12:00+05:30', '1 year 2 hours', '[2024-01-01 00:00+02,)', 0.1, '\x00ff');)");
  db.Run("ALTER DATABASE " + db.database + " SET timezone = 'Asia/Tokyo'; ALTER DATABASE " +
         db.database + " SET datestyle = 'German'; ALTER DATABASE " + db.database +
         " SET intervalstyle = 'sql_standard'; ALTER DATABASE " + db.database +
         " SET extra_float_digits = 0; ALTER DATABASE " + db.database +
         " SET bytea_output = 'escape'");
  Mirror mirror(db, {"public.t"});
  db.Run("INSERT INTO t SELECT id + 1, z, i, r, f, b FROM t");
  EXPECT_EQ(mirror.CatchUp(),
            Strings{"t: insert 2|12:00:00+05:30|P1YT2H|[\"2023-12-31 22:00:00+00\",)|0.1|\\x00ff"});
  mirror.ExpectSame();
}

TEST(PostgresCapture, PreparedTransactionsComeWhenTheyAreCommitted) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'tarn_one';"
      "BEGIN; INSERT INTO t VALUES (2); PREPARE TRANSACTION 'tarn_two'; INSERT INTO t VALUES (3)");
  EXPECT_EQ(mirror.CatchUp(), Strings{"t: insert 3"});
  mirror.Reopen();
  db.Run("COMMIT PREPARED 'tarn_one'; ROLLBACK PREPARED 'tarn_two'");
  EXPECT_EQ(mirror.CatchUp(), Strings{"t: insert 1"});
  mirror.ExpectSame();
}

TEST(PostgresCapture, ThousandsOfTransactionsOfOneRowKeepTheirOrder) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "CREATE PROCEDURE many() LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..3000 LOOP "
      "UPDATE t SET n = n + 1; COMMIT; END LOOP; END $$");
  db.Run("CALL many()");
  mirror.limits.rows_max = 500;
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 3000u);
  for (size_t i = 0; i < log.size(); ++i) {
    ASSERT_EQ(log[i], "t: update 1|" + std::to_string(i + 1));
  }
  EXPECT_EQ(mirror.transactions.size(), 3000u);
  EXPECT_GE(mirror.batches, 6);
}

TEST(PostgresCapture, AValueWithoutCounterpartStopsItsTableAlone) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, n numeric(5,2)); CREATE TABLE u (id int PRIMARY KEY)");
  Mirror mirror(db, {"public.t", "public.u"});
  db.Run(
      "INSERT INTO t VALUES (1, 1); BEGIN; INSERT INTO u VALUES (1); INSERT INTO t VALUES (2, "
      "'NaN');"
      "INSERT INTO u VALUES (2); COMMIT; INSERT INTO t VALUES (3, 3); INSERT INTO u VALUES (3)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: insert 1|1.00",
                     "t: stopped table public.t, the changed row (id = 2), column n: NaN does not "
                     "fit decimal(5,2) exactly",
                     "u: insert 1", "u: insert 2", "u: insert 3"}));
  mirror.ExpectSame();
}

TEST(PostgresCapture, PositionsAreOrderedAndReadStrictly) {
  const TestDatabase db;
  auto source = db.Open();
  ChangeCapture& capture = *source->capture();
  EXPECT_EQ(Must(capture.Compare("0/FFFFFFFF", "1/0")), -1);
  EXPECT_EQ(Must(capture.Compare("A/B", "A/0000000B")), 0);
  EXPECT_EQ(Must(capture.Compare("10/0", "F/FFFFFFFF")), 1);
  for (const std::string bad : {"", "1", "1/", "/1", "1/1 ", "1/1FFFFFFFF", "x/1"}) {
    EXPECT_EQ(capture.Compare(bad, "0/1").error().kind, ErrorKind::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace tarn::postgres

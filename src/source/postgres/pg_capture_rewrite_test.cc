// What becomes of a captured table whose rows are written anew without a word in the log.
#include <gtest/gtest.h>

#include "source/postgres/pg_capture_test_support.h"
#include "source/postgres/pg_rewrites.h"

namespace tarn::postgres {
namespace {

using Strings = std::vector<std::string>;

constexpr char kTable[] =
    "CREATE TABLE t (id int PRIMARY KEY, n int, at timestamp, doc json, code varchar(10), other "
    "int);"
    "CREATE TABLE fine (id int PRIMARY KEY);"
    "INSERT INTO t SELECT i, i, '2024-02-03 04:05:06.7', '{\"a\":  1}', 'x', 0 "
    "FROM generate_series(1, 3) i";

void ExpectStops(const std::string& alter, const std::string& column) {
  SCOPED_TRACE(alter);
  const TestDatabase db(kTable);
  Mirror mirror(db, {"public.t", "public.fine"});
  mirror.CatchUp();
  db.Run(alter +
         "; UPDATE t SET other = other + 1 WHERE ctid = (SELECT min(ctid) FROM t); "
         "INSERT INTO fine VALUES (1)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"fine: insert 1",
                     "t: stopped column " + column +
                         " of table public.t was altered in a way that wrote all rows anew: what "
                         "they have in it since is not in the log"}));
  mirror.ExpectSame();
}

void ExpectFollowed(const std::string& alter, const std::string& afterwards = "") {
  SCOPED_TRACE(alter);
  const TestDatabase db(kTable);
  Mirror mirror(db, {"public.t"});
  mirror.CatchUp();
  // Maintenance has statements that no transaction may have.
  for (const std::string& statement : {alter, afterwards}) {
    if (!statement.empty()) db.Run(statement);
  }
  db.Run("UPDATE t SET other = 7 WHERE id = 1");
  for (const std::string& line : mirror.CatchUp())
    EXPECT_EQ(line.find("stopped"), std::string::npos) << line;
  mirror.ExpectSame();
  mirror.Reopen();
  db.Run("UPDATE t SET other = 8 WHERE id = 2");
  EXPECT_EQ(mirror.CatchUp().size(), 1u);
  mirror.ExpectSame();
}

TEST(PostgresCaptureRewrite, ValuesThatAnAlterChangesStopTheTable) {
  ExpectStops("ALTER TABLE t ALTER COLUMN n TYPE int USING n + 1", "n");
  ExpectStops("ALTER TABLE t ALTER COLUMN at TYPE timestamp(0)", "at");
  ExpectStops("ALTER TABLE t ALTER COLUMN doc TYPE jsonb", "doc");
  ExpectStops("ALTER TABLE t ALTER COLUMN code TYPE char(20)", "code");
  ExpectStops("ALTER TABLE t ALTER COLUMN n TYPE smallint USING n * 10", "n");
  // Another rewrite hides who wrote the rows.
  ExpectStops(
      "ALTER TABLE t ALTER COLUMN at TYPE timestamp(0); ALTER TABLE t ALTER COLUMN other TYPE "
      "bigint",
      "at");
}

TEST(PostgresCaptureRewrite, ADefaultThatIsGivenBackHidesNothing) {
  ExpectStops(
      "ALTER TABLE t ALTER COLUMN doc TYPE jsonb; ALTER TABLE t ALTER COLUMN doc SET DEFAULT '{}'; "
      "BEGIN; ALTER TABLE t RENAME COLUMN code TO label; INSERT INTO t (id) VALUES (11); COMMIT",
      "doc");
  ExpectStops(
      "ALTER TABLE t ALTER COLUMN n TYPE int USING coalesce(n, 0) + 1, ALTER COLUMN n SET NOT "
      "NULL; "
      "ALTER TABLE t ADD COLUMN x int",
      "n");
}

TEST(PostgresCaptureRewrite, TheKeyIsNoExceptionAndATypeThatIsWiderThenNeither) {
  ExpectStops("ALTER TABLE t ALTER COLUMN id TYPE int USING id * 10", "id");
  ExpectStops(
      "ALTER TABLE t ALTER COLUMN n TYPE text; ALTER TABLE t ALTER COLUMN n TYPE int USING 5", "n");
}

TEST(PostgresCaptureRewrite, WideningIsFollowed) {
  ExpectFollowed("ALTER TABLE t ALTER COLUMN n TYPE bigint");
  ExpectFollowed("ALTER TABLE t ALTER COLUMN id TYPE bigint, ALTER COLUMN other SET DEFAULT 3",
                 "VACUUM FULL t");
  ExpectFollowed("ALTER TABLE t ALTER COLUMN code TYPE varchar(20), ALTER COLUMN n DROP NOT NULL");
  ExpectFollowed("ALTER TABLE t ALTER COLUMN code TYPE text");
  ExpectFollowed("ALTER TABLE t ALTER COLUMN n TYPE bigint, ALTER COLUMN code SET NOT NULL");
  ExpectFollowed(
      "BEGIN; ALTER TABLE t RENAME COLUMN code TO label; ALTER TABLE t ALTER COLUMN n TYPE "
      "bigint; COMMIT");
}

TEST(PostgresCaptureRewrite, AColumnThatWasAddedWithADefaultIsWrittenIntoItsRowsByOthers) {
  const std::string add = "ALTER TABLE t ADD COLUMN extra int DEFAULT 5; UPDATE t SET n = 9; ";
  {
    const TestDatabase db(kTable);
    Mirror mirror(db, {"public.t"});
    db.Run(add);
    mirror.CatchUp();
    db.Run("ALTER TABLE t ALTER COLUMN n TYPE bigint; UPDATE t SET other = 7 WHERE id = 1");
    EXPECT_EQ(mirror.CatchUp().size(), 2u);
    mirror.ExpectSame();
  }
  const TestDatabase db(kTable);
  Mirror mirror(db, {"public.t"});
  db.Run(add);
  mirror.CatchUp();
  db.Run(
      "ALTER TABLE t ALTER COLUMN extra TYPE int USING extra + 1; UPDATE t SET n = 1 WHERE id = 1");
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_TRUE(log[0].starts_with("t: stopped column extra")) << log[0];
}

TEST(PostgresCaptureRewrite, MaintenanceAndDefaultsAreFollowed) {
  ExpectFollowed("VACUUM FULL t");
  ExpectFollowed("CLUSTER t USING t_pkey");
  ExpectFollowed("ALTER TABLE t ALTER COLUMN n SET DEFAULT 4", "VACUUM FULL t");
  ExpectFollowed(
      "ALTER TABLE t RENAME COLUMN n TO m; ALTER TABLE t ALTER COLUMN other TYPE bigint");
}

TEST(PostgresCaptureRewrite, ATableWhoseRowsAllCameLaterIsFollowed) {
  ExpectFollowed("BEGIN; TRUNCATE t; COMMIT; ALTER TABLE t ALTER COLUMN at TYPE timestamp(0)",
                 "INSERT INTO t SELECT i, i, '2024-02-03 04:05:06.7', '{}', 'x', 0 "
                 "FROM generate_series(1, 3) i");
}

TEST(PostgresCaptureRewrite, PartitionsAreLookedAt) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);"
      "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20);"
      "INSERT INTO t VALUES (1, 1), (11, 1)");
  Mirror mirror(db, {"public.t"});
  mirror.CatchUp();
  db.Run("ALTER TABLE t ALTER COLUMN n TYPE int USING n + 1; UPDATE t SET n = 0 WHERE id = 1");
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_TRUE(log[0].starts_with("t: stopped column n")) << log[0];
}

TEST(PostgresCaptureRewrite, WhatHappenedBeforeTheStreamBeganIsSeen) {
  const TestDatabase db(kTable);
  Mirror mirror(db, {"public.t"});
  mirror.CatchUp();
  mirror.Reopen();
  db.Run("ALTER TABLE t ALTER COLUMN n TYPE int USING n + 1; DELETE FROM t WHERE id = 3");
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_TRUE(log[0].starts_with("t: stopped column n")) << log[0];
}

TEST(PostgresCaptureRewrite, RowsOfTheTransactionsThatAlterAreNotTakenForRewrittenOnes) {
  ExpectFollowed(
      "BEGIN; ALTER TABLE t ALTER COLUMN n TYPE bigint; INSERT INTO t (id, n) VALUES (11, 1); "
      "COMMIT;"
      "BEGIN; ALTER TABLE t RENAME COLUMN doc TO paper; INSERT INTO t (id) VALUES (12); COMMIT;"
      "BEGIN; ALTER TABLE t ADD COLUMN x numeric(8,2); INSERT INTO t (id) VALUES (13); COMMIT;"
      "BEGIN; ALTER TABLE t ALTER COLUMN code TYPE varchar(30); INSERT INTO t (id) VALUES (14); "
      "COMMIT;"
      "BEGIN; ALTER TABLE t DROP COLUMN at; INSERT INTO t (id) VALUES (15); COMMIT");
}

TEST(PostgresCaptureRewrite, NothingIsTakenForOldWhereATransactionWroteAllRows) {
  ExpectFollowed(
      "ALTER TABLE t ALTER COLUMN n TYPE bigint; BEGIN; ALTER TABLE t RENAME COLUMN doc TO paper; "
      "DELETE FROM t; INSERT INTO t (id) VALUES (1), (2), (3); COMMIT");
}

TEST(PostgresCaptureRewrite, TypesForWhichNoRowIsWritten) {
  // varchar(10), numeric(8,2), timestamp(3), integer
  const std::string before = "1 1 9 1043 14 1 1 2 9 1700 524294 1 1 3 9 1114 3 1 1 4 9 23 -1 1 1";
  const auto retyped = [&](const std::string& now) {
    int count = 0;
    for (const auto& one : DoubtedColumns(RowsMark::Parse(before), RowsMark::Parse(now))) {
      EXPECT_NE(one.number, 4) << "bigint is wider";
      if (one.why == DoubtedColumn::Why::kOtherType) ++count;
    }
    return count;
  };
  const std::string wider = " 4 8 20 -1 1 1";
  EXPECT_EQ(retyped("2 1 7 1043 24 1 1 2 7 1700 786438 1 1 3 7 1114 -1 1 1" + wider), 0);
  EXPECT_EQ(retyped("2 1 7 25 -1 1 1 2 7 1700 -1 1 1 3 7 1114 6 1 1" + wider), 0);
  EXPECT_EQ(retyped("2 1 7 1043 12 1 1 2 7 1700 786439 1 1 3 7 1114 2 1 1" + wider), 3);
  EXPECT_EQ(retyped("2 1 7 1042 24 1 1 2 7 1700 458758 1 1 3 7 1184 3 1 1" + wider), 3);
  EXPECT_EQ(retyped("1 1 7 1042 24 1 1 2 7 1700 458758 1 1 3 7 1184 3 1 1" + wider), 0);
}

TEST(PostgresCaptureRewrite, AMarkIsReadAsItWasWritten) {
  const std::string text = "16385 1 740 23 -1 -5 8 3 741 1043 14 77 9";
  EXPECT_EQ(RowsMark::Parse(text).ToString(), text);
  EXPECT_EQ(RowsMark::Parse("").files, "");
  EXPECT_TRUE(DoubtedColumns(RowsMark::Parse(""), RowsMark::Parse(text)).empty());
}

}  // namespace
}  // namespace tarn::postgres

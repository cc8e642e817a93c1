// Columns that are added with a default: what rows of before have in them.
#include <algorithm>
#include <iterator>

#include <gtest/gtest.h>

#include "source/postgres/pg_capture_test_support.h"

namespace tarn::postgres {
namespace {

using Strings = std::vector<std::string>;

TEST(PostgresCaptureDefault, RowsOfBeforeHaveTheValueInEveryType) {
  const TestDatabase db(R"(
CREATE TYPE mood AS ENUM ('sad', 'it''s ok'); CREATE DOMAIN small AS int DEFAULT 3;
CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 3))");
  Mirror mirror(db, {"public.t"});
  db.Run(R"(
ALTER TABLE t ADD COLUMN c1 boolean DEFAULT true, ADD c2 smallint DEFAULT -7,
  ADD c3 bigint NOT NULL DEFAULT 9223372036854775807, ADD c4 real DEFAULT 1.1,
  ADD c5 double precision DEFAULT '-0', ADD c6 numeric(10,3) DEFAULT -12.5,
  ADD c7 text DEFAULT E'a "b" \\ {c}, \n é', ADD c8 char(5) DEFAULT 'x',
  ADD c9 varchar(20) DEFAULT '', ADD c10 jsonb DEFAULT '{"a": [1, "x"]}', ADD c11 json DEFAULT '{}',
  ADD c12 uuid DEFAULT 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', ADD c13 bytea DEFAULT '\x00ff5c',
  ADD c14 date DEFAULT '0044-03-15 BC', ADD c15 timestamp DEFAULT '1999-12-31 23:59:59.999999',
  ADD c16 timestamptz DEFAULT '2020-01-01 00:00:00+05:30', ADD c17 time DEFAULT '24:00',
  ADD c18 interval DEFAULT '1 year -3 days', ADD c19 inet DEFAULT '10.0.0.1', ADD c20 mood DEFAULT 'it''s ok',
  ADD c21 small, ADD c22 oid DEFAULT 4294967295, ADD c23 numeric DEFAULT 0.1,
  ADD c24 int4range DEFAULT '[1,5]', ADD c25 timestamptz DEFAULT 'infinity', ADD c26 text DEFAULT NULL,
  ADD c27 int[] DEFAULT '{1,NULL,3}', ADD c28 text[] DEFAULT '{}', ADD c29 bit(3) DEFAULT '101',
  ADD c30 date DEFAULT current_date, ADD c31 text DEFAULT 'null', ADD c32 text[] DEFAULT '{"a,b","\"q\""}';
UPDATE t SET c2 = 1 WHERE id = 2)");
  Strings log;
  if (const auto error = mirror.TryCatchUp(&log)) {
    // Some of the types are read as text only.
    ASSERT_EQ(error->kind, ErrorKind::kUnavailable) << error->ToString();
    mirror.Reopen();
    log = mirror.CatchUp();
  }
  int filled = 0;
  for (const std::string& line : log) {
    if (!line.starts_with("t: filled ")) continue;
    ++filled;
    EXPECT_GE(std::count(line.begin(), line.end(), ' '), 3) << line << " has no value";
  }
  EXPECT_EQ(filled, 31);
  mirror.ExpectSame();
}

TEST(PostgresCaptureDefault, MoneyIsNotRead) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"public.t"});
  db.Run("ALTER TABLE t ADD COLUMN c money DEFAULT 1.5; INSERT INTO t VALUES (2, 2)");
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 3u);
  EXPECT_EQ(log[1], "t: filled c");
}

// What became of the default since does not matter.
TEST(PostgresCaptureDefault, TheDefaultMayBeAnotherOneSince) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "ALTER TABLE t ADD COLUMN b int DEFAULT 7, ADD COLUMN c varchar(5) NOT NULL DEFAULT 'x';"
      "ALTER TABLE t ALTER COLUMN b SET DEFAULT 8, ALTER COLUMN c DROP DEFAULT;"
      "INSERT INTO t VALUES (2, 2, DEFAULT, 'y')");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: altered id int32 key, a int32, b int32, c string",
                                       "t: filled b 7", "t: filled c x", "t: insert 2|2|8|y"}));
  mirror.ExpectSame();
}

TEST(PostgresCaptureDefault, WithinATransactionItIsFollowedToo) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "BEGIN; INSERT INTO t VALUES (2); ALTER TABLE t ADD COLUMN a int DEFAULT 7; "
      "INSERT INTO t VALUES (3, 8); ALTER TABLE t ADD COLUMN b text DEFAULT 'b'; "
      "UPDATE t SET a = 9 WHERE id = 1; COMMIT");
  EXPECT_EQ(
      mirror.CatchUp(),
      (Strings{"t: insert 2", "t: altered id int32 key, a int32", "t: filled a 7", "t: insert 3|8",
               "t: altered id int32 key, a int32, b string", "t: filled b b", "t: update 1|9|b"}));
  mirror.ExpectSame();
}

TEST(PostgresCaptureDefault, AVolatileDefaultIsNotKnown) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "ALTER TABLE t ADD COLUMN u double precision DEFAULT random(); INSERT INTO t VALUES (2, 2)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: altered id int32 key, u double", "t: filled u", "t: insert 2|2"}));
}

TEST(PostgresCaptureDefault, ATableThatWasWrittenAnewSinceDoesNotTell) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"public.t"});
  db.Run("ALTER TABLE t ADD COLUMN a int DEFAULT 7");
  db.Run("VACUUM FULL t");
  db.Run("INSERT INTO t VALUES (2, 2)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: altered id int32 key, a int32", "t: filled a", "t: insert 2|2"}));
}

// The first message means a column that is gone, of the same name and type as the one of today.
TEST(PostgresCaptureDefault, AColumnThatWasDroppedAndAddedAgainSinceIsNotTakenForItself) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "ALTER TABLE t ADD COLUMN a int DEFAULT 7; INSERT INTO t VALUES (2, 2);"
      "ALTER TABLE t DROP COLUMN a, ADD COLUMN a int DEFAULT 9; INSERT INTO t VALUES (3, 3)");
  const Strings log = mirror.CatchUp();
  ASSERT_GE(log.size(), 2u);
  EXPECT_EQ(log[1], "t: filled a");
}

// Message and name are the same as before, the column is not.
TEST(PostgresCaptureDefault, AColumnThatIsDroppedAndAddedAgainBetweenTwoRowsIsAnother) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1)");
  Mirror mirror(db, {"public.t"});
  db.Run("INSERT INTO t VALUES (2, 2)");
  EXPECT_EQ(mirror.CatchUp(), Strings{"t: insert 2|2"});
  db.Run(
      "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN a int; INSERT INTO t VALUES (3, 3)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: altered id int32 key, a int32", "t: filled a", "t: insert 3|3"}));
}

// At its place stands another one of its type, with another name: no number tells it from a rename.
TEST(PostgresCaptureDefault, AColumnThatIsDroppedForOneOfAnotherNameIsNotTakenForRenamed) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "ALTER TABLE t ADD COLUMN a int; INSERT INTO t VALUES (2, 5);"
      "ALTER TABLE t DROP COLUMN a, ADD COLUMN b int; INSERT INTO t VALUES (3, 6)");
  const Strings log = mirror.CatchUp();
  EXPECT_EQ(std::count(log.begin(), log.end(), "t: filled b"), 1);
}

// Behind it stands a column of before, so that it is none that was added.
TEST(PostgresCaptureDefault, WhatWasRenamedAmongOthersIsFollowedWhateverCameAndWentSince) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, x int, v text); INSERT INTO t VALUES (1, 1, 'a')");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "ALTER TABLE t RENAME x TO y; INSERT INTO t VALUES (2, 2, 'b'); ALTER TABLE t ADD COLUMN n "
      "int; ALTER TABLE t DROP COLUMN n; ALTER TABLE t DROP COLUMN y; INSERT INTO t VALUES (3, "
      "'c')");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: altered id int32 key, y int32, v string", "t: renamed x y",
                     "t: insert 2|2|b", "t: altered id int32 key, v string", "t: insert 3|c"}));
  mirror.ExpectSame();
}

TEST(PostgresCaptureDefault, WhatWasRenamedAloneIsFollowedAlsoWhereTheLogIsReadLater) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY, x int)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "ALTER TABLE t ADD COLUMN a int; INSERT INTO t VALUES (2, 1, 5); ALTER TABLE t RENAME a TO b;"
      "ALTER TABLE t RENAME x TO y; INSERT INTO t VALUES (3, 2, 6); ALTER TABLE t RENAME y TO z;"
      "INSERT INTO t VALUES (4, 3, 7)");
  const Strings told = mirror.CatchUp();
  EXPECT_EQ(std::count_if(told.begin(), told.end(),
                          [](const std::string& one) { return one.starts_with("t: filled"); }),
            0);
  mirror.ExpectSame();
}

TEST(PostgresCaptureDefault, ColumnsThatWereDroppedBeforeTheLoadAreInNobodysWay) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, a int, b int); ALTER TABLE t DROP COLUMN b;"
      "INSERT INTO t VALUES (1, 1)");
  Mirror mirror(db, {"public.t"});
  db.Run("ALTER TABLE t ADD COLUMN c int DEFAULT 7; INSERT INTO t VALUES (2, 2, 3)");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: altered id int32 key, a int32, c int32", "t: filled c 7",
                                       "t: insert 2|2|3"}));
  // Nor is one that is dropped and told.
  db.Run("ALTER TABLE t DROP COLUMN c; INSERT INTO t VALUES (3, 3)");
  mirror.CatchUp();
  mirror.Reopen();
  db.Run("ALTER TABLE t ADD COLUMN d int DEFAULT 8; INSERT INTO t VALUES (4, 4, 4)");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: altered id int32 key, a int32, d int32", "t: filled d 8",
                                       "t: insert 4|4|4"}));
  mirror.ExpectSame();
}

TEST(PostgresCaptureDefault, PartitionsHaveTheirOwn) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t "
      "DEFAULT; INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"public.t"});
  db.Run("ALTER TABLE t ADD COLUMN a int DEFAULT 7; INSERT INTO t VALUES (2, 2)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: altered id int32 key, a int32", "t: filled a", "t: insert 2|2"}));
}

// The rows of before have 7 in it, under whatever name.
TEST(PostgresCaptureDefault, AColumnWithADefaultThatWasRenamedSinceIsNotTakenForOneWithout) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "ALTER TABLE t ADD COLUMN a int DEFAULT 7; INSERT INTO t VALUES (2, 2);"
      "ALTER TABLE t RENAME a TO b; INSERT INTO t VALUES (3, 3)");
  const Strings log = mirror.CatchUp();
  ASSERT_GE(log.size(), 2u);
  EXPECT_EQ(log[1], "t: filled a");
}

// What row 2 has belonged to a column that is gone.
TEST(PostgresCaptureDefault, AColumnWithoutADefaultThatWasDroppedAndAddedAgainIsNotTakenForItself) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "ALTER TABLE t ADD COLUMN a int; INSERT INTO t VALUES (2, 5);"
      "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN a int; INSERT INTO t VALUES (3)");
  const Strings log = mirror.CatchUp();
  ASSERT_GE(log.size(), 2u);
  EXPECT_EQ(log[1], "t: filled a");
}

TEST(PostgresCaptureDefault, AColumnThatWasRenamedForAnotherOneOfItsNameIsNotTakenForThat) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "ALTER TABLE t ADD COLUMN a int; INSERT INTO t VALUES (2, 5);"
      "ALTER TABLE t RENAME a TO b; ALTER TABLE t ADD COLUMN a int; INSERT INTO t VALUES (3, 6)");
  const Strings log = mirror.CatchUp();
  EXPECT_EQ(std::count(log.begin(), log.end(), "t: filled a"), 1);
}

TEST(PostgresCaptureDefault, ColumnsThatChangedTheirNamesAreNotTakenForEachOther) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY, a int, b int)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "INSERT INTO t VALUES (1, 10, 20); ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO a;"
      "ALTER TABLE t RENAME c TO b; INSERT INTO t VALUES (2, 30, 40)");
  const Strings log = mirror.CatchUp();
  EXPECT_EQ(std::count(log.begin(), log.end(), "t: filled b"), 1);
}

TEST(PostgresCaptureDefault, ColumnsThatComeAndGoUntilTheLogIsReadAreFollowed) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "ALTER TABLE t ADD COLUMN a int; INSERT INTO t VALUES (2, 2);"
      "ALTER TABLE t DROP COLUMN a; INSERT INTO t VALUES (3);"
      "ALTER TABLE t ADD COLUMN b int; INSERT INTO t VALUES (4, 4);"
      "ALTER TABLE t ADD COLUMN c int; INSERT INTO t VALUES (5, 5, 5);"
      "ALTER TABLE t DROP COLUMN b; INSERT INTO t VALUES (6, 6);"
      "ALTER TABLE t ADD COLUMN d int DEFAULT 7; INSERT INTO t VALUES (7, 7, 8)");
  const Strings log = mirror.CatchUp();
  Strings filled;
  std::copy_if(log.begin(), log.end(), std::back_inserter(filled),
               [](const std::string& line) { return line.starts_with("t: filled"); });
  EXPECT_EQ(filled, Strings{"t: filled d 7"});
  mirror.ExpectSame();
}

}  // namespace
}  // namespace tarn::postgres

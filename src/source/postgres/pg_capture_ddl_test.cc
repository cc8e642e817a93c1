// What happens to a captured table when its definition changes in the middle of the log.
#include <algorithm>

#include <gtest/gtest.h>

#include "source/postgres/pg_capture_test_support.h"
#include "source/postgres/pg_renames.h"

namespace tarn::postgres {
namespace {

using Strings = std::vector<std::string>;

TEST(PostgresCaptureDdl, ColumnsAreAddedDroppedRenamedAndWidened) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, a text, b int); INSERT INTO t VALUES (1, 'x', 7)");
  Mirror mirror(db, {"public.t"});
  db.Run("ALTER TABLE t ADD COLUMN c numeric(6,2) DEFAULT 5; INSERT INTO t VALUES (2, 'y', 8, 1)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: altered id int32 key, a string, b int32, c decimal128(6, 2)",
                     "t: filled c 5.00", "t: insert 2|y|8|1.00"}));
  db.Run("ALTER TABLE t RENAME COLUMN a TO label; INSERT INTO t VALUES (3, 'z', 9, 2)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: altered id int32 key, label string, b int32, c decimal128(6, 2)",
                     "t: renamed a label", "t: insert 3|z|9|2.00"}));
  db.Run("ALTER TABLE t ALTER COLUMN b TYPE bigint; UPDATE t SET b = 5000000000 WHERE id = 3");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: altered id int32 key, label string, b int64, c decimal128(6, 2)",
                     "t: update 3|z|5000000000|2.00"}));
  db.Run("ALTER TABLE t DROP COLUMN label; DELETE FROM t WHERE id = 2");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: altered id int32 key, b int64, c decimal128(6, 2)",
                                       "t: delete 2|NULL|NULL"}));
  mirror.Reopen();
  db.Run("INSERT INTO t VALUES (4, 1, 1)");
  EXPECT_EQ(mirror.CatchUp(), Strings{"t: insert 4|1|1.00"});
  mirror.ExpectSame();
}

TEST(PostgresCaptureDdl, ChangesOfBothSidesOfADdlInOneTransactionAreRead) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY, a int)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "BEGIN; INSERT INTO t VALUES (1, 1); ALTER TABLE t ADD COLUMN b text; "
      "INSERT INTO t VALUES (2, 2, 'b'); ALTER TABLE t DROP COLUMN a; "
      "INSERT INTO t VALUES (3, 'c'); COMMIT");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: insert 1|1", "t: altered id int32 key, a int32, b string",
                     "t: insert 2|2|b", "t: altered id int32 key, b string", "t: insert 3|c"}));
  mirror.ExpectSame();
}

TEST(PostgresCaptureDdl, AColumnDroppedAndAnotherAddedIsNotARename) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN b int; INSERT INTO t VALUES (2, 2)");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: altered id int32 key, b int32", "t: insert 2|2"}));
  mirror.ExpectSame();
}

TEST(PostgresCaptureDdl, OldLogIsReadWhenTheCatalogHasMovedOn) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY, a int[], b text)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "INSERT INTO t VALUES (1, '{1,2}', 'x'); ALTER TABLE t RENAME COLUMN b TO c;"
      "INSERT INTO t VALUES (2, '{3}', 'y'); ALTER TABLE t RENAME COLUMN c TO d;"
      "ALTER TABLE t DROP COLUMN a; INSERT INTO t VALUES (3, 'z')");
  const Strings log = mirror.CatchUp();
  EXPECT_EQ(log.front(), "t: insert 1|[1,2]|x");
  EXPECT_EQ(log.back(), "t: insert 3|z");
  mirror.ExpectSame();
}

TEST(PostgresCaptureDdl, AColumnThatOnlyReadsAsTextMakesTheStreamBeginAgain) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY, a int)");
  Mirror mirror(db, {"public.t"});
  db.Run("INSERT INTO t VALUES (1, 1)");
  EXPECT_EQ(mirror.CatchUp(), Strings{"t: insert 1|1"});
  db.Run(
      "INSERT INTO t VALUES (2, 2); ALTER TABLE t ADD COLUMN r int4range; "
      "INSERT INTO t VALUES (3, 3, '[1,5]')");
  Strings log;
  const std::optional<Error> error = mirror.TryCatchUp(&log);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, ErrorKind::kUnavailable) << error->ToString();
  mirror.Reopen();
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: insert 2|2", "t: altered id int32 key, a int32, r string",
                     "t: insert 3|3|[1,6)"}));
  mirror.ExpectSame();
}

TEST(PostgresCaptureDdl, ATableThatCannotBeFollowedStopsAloneAndSaysWhy) {
  const TestDatabase db(R"(
CREATE TABLE keyless (id int PRIMARY KEY); CREATE TABLE renamed (id int PRIMARY KEY);
CREATE TABLE again (id int PRIMARY KEY); CREATE TABLE wide (id int PRIMARY KEY, n numeric(10,2));
CREATE TABLE fine (id int PRIMARY KEY);)");
  Mirror mirror(db,
                {"public.keyless", "public.renamed", "public.again", "public.wide", "public.fine"});
  mirror.CatchUp();
  db.Run(R"(
ALTER TABLE keyless DROP CONSTRAINT keyless_pkey; INSERT INTO keyless VALUES (1);
ALTER TABLE renamed RENAME TO other; INSERT INTO other VALUES (1);
ALTER TABLE wide ALTER COLUMN n TYPE numeric(50,2); INSERT INTO wide VALUES (1, 1);
INSERT INTO fine VALUES (1);)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"fine: insert 1",
                     "keyless: stopped table public.keyless has nothing that names an updated or "
                     "deleted row",
                     "renamed: stopped table public.renamed is public.other in the source now",
                     "wide: stopped column public.wide.n is numeric(50,2), more than the 38 digits "
                     "that a table's decimal holds"}));
  db.Run(
      "DROP TABLE again; CREATE TABLE again (id int PRIMARY KEY);"
      "ALTER PUBLICATION tarn_test ADD TABLE again; INSERT INTO again VALUES (1); "
      "INSERT INTO fine VALUES (2)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"again: stopped table public.again was dropped and made again in the source",
                     "fine: insert 2"}));
  mirror.ExpectSame();
}

TEST(PostgresCaptureDdl, ATableThatLeftThePublicationIsToldWhenTheStreamBegins) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)");
  Mirror mirror(db, {"public.t", "public.u"});
  mirror.CatchUp();
  db.Run("DROP TABLE u; INSERT INTO t VALUES (1)");
  EXPECT_EQ(mirror.CatchUp(), Strings{"t: insert 1"});
  mirror.Reopen();
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_TRUE(log[0].starts_with("u: stopped table public.u is not in publication")) << log[0];
}

TEST(PostgresCaptureDdl, AKeyThatBecomesDeferrableStopsTheTable) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, v text); ALTER TABLE t REPLICA IDENTITY FULL;"
      "INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  Mirror mirror(db, {"public.t"});
  mirror.CatchUp();
  db.Run(
      "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id) DEFERRABLE; "
      "UPDATE t SET id = id + 1");
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_TRUE(log[0].starts_with("t: stopped the primary key of table public.t is DEFERRABLE"))
      << log[0];
}

TEST(PostgresCaptureDdl, ATableThatLeavesThePublicationIsToldWhileTheStreamGoesOn) {
  const TestDatabase db(R"(
CREATE TABLE gone (id int PRIMARY KEY); CREATE TABLE swapped (id int PRIMARY KEY);
CREATE TABLE back (id int PRIMARY KEY); CREATE TABLE stays (id int PRIMARY KEY);)");
  Limits often;
  often.capture_status_interval_ms = 100;
  Mirror mirror(db, {"public.gone", "public.swapped", "public.back", "public.stays"}, often);
  mirror.CatchUp();
  db.Run(R"(
DROP TABLE gone; ALTER PUBLICATION tarn_test DROP TABLE back; INSERT INTO back VALUES (1);
ALTER PUBLICATION tarn_test ADD TABLE back;
BEGIN; ALTER TABLE swapped RENAME TO swapped_old; CREATE TABLE swapped (id int PRIMARY KEY); COMMIT;
INSERT INTO swapped VALUES (1);)");
  Strings stopped;
  for (int i = 0; stopped.size() < 3 && i < 200; ++i) {
    db.Run("INSERT INTO stays VALUES (" + std::to_string(i) + ")");
    for (const std::string& line : mirror.CatchUp()) {
      if (line.find("stopped") != std::string::npos) stopped.push_back(line.substr(0, 60));
    }
  }
  std::sort(stopped.begin(), stopped.end());
  ASSERT_EQ(stopped.size(), 3u);
  EXPECT_TRUE(stopped[0].starts_with("back: stopped table public.back was taken out of"));
  EXPECT_TRUE(stopped[1].starts_with("gone: stopped table public.gone is not in publication"));
  EXPECT_TRUE(stopped[2].starts_with("swapped: stopped table public.swapped is not in publi"));
  mirror.ExpectSame();
}

TEST(PostgresCaptureDdl, AnotherKeyIsFollowed) {
  const TestDatabase db(
      "CREATE TABLE t (a int PRIMARY KEY, b int NOT NULL); INSERT INTO t VALUES (1, 10)");
  Mirror mirror(db, {"public.t"});
  db.Run("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (b); UPDATE t SET b = 11");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: altered a int32, b int32 key", "t: update 1|11 was 10"}));
  mirror.ExpectSame();
}

SourceTable Named(const std::vector<std::pair<std::string, int>>& columns) {
  SourceTable table;
  for (const auto& [name, id] : columns) {
    table.columns.push_back({name, "integer", arrow::field(name, arrow::int32()), id});
  }
  return table;
}
Strings Renames(const SourceTable& before, const SourceTable& now) {
  Strings result;
  for (const auto& one : FindRenamed(before, now)) result.push_back(one.from + ">" + one.to);
  return result;
}

TEST(PostgresCaptureDdl, NumbersOfColumnsTellARenameFromADropAndAnAdd) {
  const SourceTable before = Named({{"id", 1}, {"a", 2}, {"b", 3}});
  EXPECT_EQ(Renames(before, Named({{"id", 1}, {"x", 2}, {"b", 3}})), Strings{"a>x"});
  EXPECT_EQ(Renames(before, Named({{"id", 1}, {"b", 2}, {"a", 3}})), (Strings{"a>b", "b>a"}));
  EXPECT_EQ(Renames(before, Named({{"id", 1}, {"a", 2}, {"x", 4}})), Strings());
  EXPECT_EQ(Renames(before, Named({{"id", 1}, {"b", 3}, {"a", 4}})), Strings());
  EXPECT_EQ(Renames(Named({{"id", 0}, {"a", 0}}), Named({{"id", 1}, {"x", 2}})), Strings{"a>x"});
  EXPECT_EQ(Renames(Named({{"id", 0}, {"a", 0}}), Named({{"id", 1}, {"a", 2}, {"x", 3}})),
            Strings());
}

}  // namespace
}  // namespace tarn::postgres

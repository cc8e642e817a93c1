// Foreign keys that change rows by themselves, on real servers: the log does not tell of it.
#include <algorithm>

#include <gtest/gtest.h>

#include "source/mysql/my_capture_test_support.h"

namespace tarn::mysql {
namespace {

using Strings = std::vector<std::string>;

class MysqlCaptureCascade : public OnBothServers {};

constexpr char kFamily[] =
    "CREATE TABLE grandparent (id int PRIMARY KEY, v int);"
    "CREATE TABLE parent (id int PRIMARY KEY, g int, v int, FOREIGN KEY (g) REFERENCES grandparent "
    "(id) ON DELETE CASCADE ON UPDATE CASCADE);"
    "CREATE TABLE child (id int PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES parent (id) ON "
    "DELETE CASCADE);"
    "INSERT INTO grandparent VALUES (1, 1), (2, 2), (3, 3);"
    "INSERT INTO parent VALUES (10, 1, 1), (20, 2, 2), (30, NULL, 3);"
    "INSERT INTO child VALUES (100, 10), (200, 20)";

bool Stopped(const Strings& log, const std::string& table, const std::string& why) {
  return std::any_of(log.begin(), log.end(), [&](const std::string& line) {
    return line.starts_with(table + ": stopped") && line.find(why) != std::string::npos;
  });
}

TEST_P(MysqlCaptureCascade, ChangesThatCannotHaveCascadedAreFollowed) {
  const TestDatabase db(GetParam(), kFamily);
  Mirror mirror(db, {"grandparent", "parent", "child"});
  db.Run(
      "INSERT INTO grandparent VALUES (4, 4); UPDATE grandparent SET v = 9; "
      "INSERT INTO parent VALUES (40, 4, 4); UPDATE parent SET v = 9; "
      "UPDATE parent SET id = 31 WHERE id = 30;"  // its children are not ON UPDATE …
      "INSERT INTO child VALUES (400, 40); UPDATE child SET p = 31 WHERE id = 400; "
      "DELETE FROM child WHERE id = 100");
  const Strings log = mirror.CatchUp();
  for (const std::string& line : log) EXPECT_EQ(line.find("stopped"), std::string::npos) << line;
  EXPECT_EQ(log.size(), 14u) << ::testing::PrintToString(log);
  mirror.ExpectSame();
}

TEST_P(MysqlCaptureCascade, ADeleteStopsWhatItMayHaveReachedAndNothingElse) {
  const TestDatabase db(GetParam(), kFamily);
  Mirror mirror(db, {"grandparent", "parent", "child"});
  db.Run(
      "INSERT INTO child VALUES (101, 10); DELETE FROM parent WHERE id = 10; INSERT INTO parent "
      "VALUES (11, 2, 1)");
  const Strings log = mirror.CatchUp();
  EXPECT_TRUE(Stopped(log, "child", "rows of " + db.database + ".parent were deleted"))
      << ::testing::PrintToString(log);
  EXPECT_EQ(log.size(), 4u) << ::testing::PrintToString(log);
  mirror.ExpectSame();
}

// The parent is not followed, the grandparent neither.
TEST_P(MysqlCaptureCascade, ADeleteReachesThroughTablesThatAreNotFollowed) {
  const TestDatabase db(GetParam(), kFamily);
  Mirror mirror(db, {"child"});
  db.Run("UPDATE grandparent SET id = 22 WHERE id = 2");
  EXPECT_EQ(mirror.CatchUp(), Strings());  // of parent.g, to which child does not refer
  mirror.ExpectSame();
  db.Run("DELETE FROM grandparent WHERE id = 1");
  EXPECT_TRUE(Stopped(mirror.CatchUp(), "child", "grandparent were deleted"));
}

TEST_P(MysqlCaptureCascade, AnUpdateOfAReferencedColumnStopsIt) {
  const TestDatabase db(
      GetParam(),
      "CREATE TABLE p (id int PRIMARY KEY, a int, b int, v int, UNIQUE (a, b));"
      "CREATE TABLE c (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES p (a, b) ON "
      "UPDATE SET NULL); CREATE TABLE d (id int PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES p "
      "(id) ON UPDATE CASCADE); INSERT INTO p VALUES (1, 1, 1, 1), (2, NULL, 2, 2); INSERT INTO c "
      "VALUES (1, 1, 1); INSERT INTO d VALUES (1, 1)");
  Mirror mirror(db, {"p", "c", "d"});
  db.Run("UPDATE p SET v = 2, b = 1 WHERE id = 1; UPDATE p SET id = id, v = 3");
  Strings log = mirror.CatchUp();
  for (const std::string& line : log) EXPECT_EQ(line.find("stopped"), std::string::npos) << line;
  mirror.ExpectSame();
  db.Run("UPDATE p SET b = 2 WHERE id = 1; INSERT INTO d VALUES (2, 2)");
  log = mirror.CatchUp();
  EXPECT_TRUE(Stopped(log, "c", "column b of")) << ::testing::PrintToString(log);
  EXPECT_FALSE(Stopped(log, "d", ""));
  mirror.ExpectSame();
  db.Run("UPDATE p SET id = 9 WHERE id = 1");
  EXPECT_TRUE(Stopped(mirror.CatchUp(), "d", "column id of"));
}

TEST_P(MysqlCaptureCascade, WithoutTheChecksNothingCascades) {
  const TestDatabase db(GetParam(), kFamily);
  Mirror mirror(db, {"parent", "child"});
  db.Run(
      "SET foreign_key_checks = 0; DELETE FROM parent WHERE id = 10; UPDATE grandparent SET id = 5 "
      "WHERE id = 2");
  EXPECT_EQ(mirror.CatchUp(), Strings{"parent: delete 10|1|1"});
  mirror.ExpectSame();
}

TEST_P(MysqlCaptureCascade, ATableThatRefersToItself) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE tree (id int PRIMARY KEY, up int, FOREIGN KEY (up) "
                        "REFERENCES tree (id) ON DELETE "
                        "CASCADE); INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2)");
  Mirror mirror(db, {"tree"});
  db.Run("INSERT INTO tree VALUES (4, 1); UPDATE tree SET up = 2 WHERE id = 4");
  EXPECT_EQ(mirror.CatchUp().size(), 2u);
  mirror.ExpectSame();
  db.Run("DELETE FROM tree WHERE id = 1");
  EXPECT_TRUE(Stopped(mirror.CatchUp(), "tree", "rows of"));
}

TEST_P(MysqlCaptureCascade, KeysThatComeAndGoWhileTheyAreFollowed) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, "
                        "p int, CHECK (p > 0)); INSERT INTO p VALUES (1), (2), (3); INSERT INTO c "
                        "VALUES (1, 1), (2, 2)");
  Mirror mirror(db, {"c"});
  db.Run("DELETE FROM p WHERE id = 3");
  EXPECT_EQ(mirror.CatchUp(), Strings());
  db.Run("ALTER TABLE c ADD CONSTRAINT fk FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE");
  EXPECT_EQ(mirror.CatchUp(), Strings());
  db.Run(
      "ALTER TABLE c DROP FOREIGN KEY fk; DELETE FROM p WHERE id = 1; INSERT INTO c VALUES (3, 2)");
  EXPECT_EQ(mirror.CatchUp(), Strings{"c: insert 3|2"});
  mirror.ExpectSame();
  db.Run(
      "DELETE FROM c WHERE id = 1; ALTER TABLE c ADD CONSTRAINT fk FOREIGN KEY (p) REFERENCES p "
      "(id) "
      "ON DELETE CASCADE; "
      "INSERT INTO p VALUES (4); DELETE FROM p WHERE id = 2");
  EXPECT_TRUE(Stopped(mirror.CatchUp(), "c", "p were deleted"));
}

// Nobody can tell any more what the key was.
TEST_P(MysqlCaptureCascade, AKeyThatWasDroppedBeforeItWasSeenStopsItsTable) {
  const TestDatabase db(GetParam(), kFamily);
  Mirror mirror(db, {"child"});
  mirror.CatchUp();
  mirror.Reopen();
  db.Run(
      "DELETE FROM parent WHERE id = 10; ALTER TABLE child DROP FOREIGN KEY child_ibfk_1; INSERT "
      "INTO child VALUES (5, 5)");
  EXPECT_TRUE(Stopped(mirror.CatchUp(), "child", "dropped before it was known"));
}

constexpr char kNamed[] =
    "CREATE TABLE parent (id int PRIMARY KEY, v int);"
    "CREATE TABLE child (id int PRIMARY KEY, p int, CONSTRAINT fk FOREIGN KEY (p) REFERENCES "
    "parent (id) ON DELETE CASCADE);"
    "INSERT INTO parent VALUES (10, 1), (20, 2), (30, 3); INSERT INTO child VALUES (100, 10), "
    "(200, 20), (300, 30)";
constexpr char kMadeAgain[] =
    "ALTER TABLE child DROP FOREIGN KEY fk; ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (p) "
    "REFERENCES parent (id) ON DELETE RESTRICT;";

// What the server has under its name by now says nothing of what it was.
TEST_P(MysqlCaptureCascade, AKeyThatWasMadeAgainBeforeItWasSeenStopsItsTable) {
  const TestDatabase db(GetParam(), kNamed);
  Mirror mirror(db, {"child"});
  db.Run(std::string("DELETE FROM parent WHERE id = 10;") + kMadeAgain +
         "INSERT INTO child VALUES (5, 20)");
  const Strings log = mirror.CatchUp();
  EXPECT_TRUE(Stopped(log, "child", "dropped before it was known"))
      << ::testing::PrintToString(log);
}

TEST_P(MysqlCaptureCascade, AParentThatWasRenamedBeforeItWasSeenStopsItsChildren) {
  for (const char* rename : {"RENAME TABLE parent TO elder;", "ALTER TABLE parent RENAME elder;"}) {
    const TestDatabase db(GetParam(), kNamed);
    Mirror mirror(db, {"child"});
    db.Run(std::string("DELETE FROM parent WHERE id = 10;") + rename +
           "INSERT INTO child VALUES (5, 20)");
    const Strings log = mirror.CatchUp();
    EXPECT_TRUE(Stopped(log, "child", "elder, to which it refers, had another name"))
        << ::testing::PrintToString(log);
  }
}

TEST_P(MysqlCaptureCascade, KeysThatAreMadeAgainAndParentsThatAreRenamedAreFollowedFromHereOn) {
  const TestDatabase db(GetParam(), kNamed);
  Mirror mirror(db, {"child"});
  mirror.CatchUp();
  db.Run(std::string(kMadeAgain) + "INSERT INTO child VALUES (5, 20)");
  EXPECT_EQ(mirror.CatchUp(), Strings{"child: insert 5|20"});
  // Nothing refers to it by what the key was.
  db.Run("INSERT INTO parent VALUES (40, 4); DELETE FROM parent WHERE id = 40");
  EXPECT_EQ(mirror.CatchUp(), Strings());
  db.Run(
      "ALTER TABLE child DROP FOREIGN KEY fk; ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (p) "
      "REFERENCES parent (id) ON DELETE SET NULL");
  EXPECT_EQ(mirror.CatchUp(), Strings());
  db.Run(
      "RENAME TABLE parent TO elder; CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent "
      "VALUES (1)");
  EXPECT_EQ(mirror.CatchUp(), Strings());
  db.Run("DELETE FROM parent; UPDATE elder SET v = 5");
  EXPECT_EQ(mirror.CatchUp(), Strings());
  mirror.ExpectSame();
  db.Run("DELETE FROM elder WHERE id = 20");
  EXPECT_TRUE(Stopped(mirror.CatchUp(), "child", "elder were deleted"));
}

TEST_P(MysqlCaptureCascade, AStatementInsteadOfRowsCountsAsAnyChange) {
  const TestDatabase db(GetParam(), kFamily);
  Mirror mirror(db, {"child"});
  db.Run("SET binlog_format = 'STATEMENT'; DELETE FROM parent WHERE id = 10");
  EXPECT_TRUE(Stopped(mirror.CatchUp(), "child", "by a statement that the log has as such"));
}

TARN_ON_BOTH_SERVERS(MysqlCaptureCascade);

}  // namespace
}  // namespace tarn::mysql

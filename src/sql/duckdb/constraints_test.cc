#include "sql/duckdb/constraints.h"

#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

TEST(ConstraintSpellingTest, QuotedNamesAreSparksAndBack) {
  const auto check = [](const std::string& ours, const std::string& sparks) {
    EXPECT_EQ(duck::ToSpark(ours), sparks);
    EXPECT_EQ(duck::FromSpark(sparks), ours);
  };
  check("a > 0", "a > 0");
  check("\"odd name\" <> 'it''s \"x\" `y`'", "`odd name` <> 'it''s \"x\" `y`'");
  check("\"a\"\"b`c\" = 1", "`a\"b``c` = 1");
  EXPECT_EQ(duck::FromSpark("a = \"it's\""), "a = 'it''s'");
  // What ends in the midst of a text stays as it is.
  EXPECT_EQ(duck::ToSpark("a = 'x"), "a = 'x");
}

TEST(RewriteConstraintTest, OtherStatementsStay) {
  for (const char* sql :
       {"", "ALTER TABLE t", "ALTER TABLE t ADD COLUMN a INT", "ALTER TABLE t DROP COLUMN a",
        "ALTER TABLE t ADD CONSTRAINT c CHECK", "ALTER TABLE t ADD CONSTRAINT c CHECK (a",
        "ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)", "ALTER TABLE t ADD CONSTRAINT c CHECK (a) x",
        "ALTER VIEW t ADD CONSTRAINT c CHECK (a)", "SELECT 1"}) {
    EXPECT_FALSE(duck::RewriteConstraint(sql)) << sql;
  }
}

TEST(RewriteConstraintTest, BecomesACall) {
  const auto added = duck::RewriteConstraint(
      "alter table s.\"T 1\" add constraint \"c d\" check ((a > 0) /* b */ AND b <> ')') ;");
  ASSERT_TRUE(added);
  EXPECT_EQ(added->call,
            "CALL tarn_add_constraint('s.\"T 1\"', '\"c d\"', '(a > 0) AND b <> '')''')");
  EXPECT_EQ(added->table, "s.\"T 1\"");
  EXPECT_EQ(added->finds_violation, "((a > 0) AND b <> ')') IS NOT TRUE");
  const auto quoted =
      duck::RewriteConstraint("ALTER TABLE t ADD CONSTRAINT c CHECK (a <> '''--' -- it's\n)");
  ASSERT_TRUE(quoted);
  EXPECT_EQ(quoted->call, "CALL tarn_add_constraint('t', 'c', 'a <> ''''''--'' ')");
  const auto dropped = duck::RewriteConstraint("ALTER TABLE t DROP CONSTRAINT IF EXISTS c");
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->call, "CALL tarn_drop_constraint('t', 'c', 'if exists')");
}

class ConstraintsTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
    Sql("CREATE TABLE s.t AS SELECT 1::BIGINT AS a");
  }
  std::string Constrain() { return Sql("ALTER TABLE s.t ADD CONSTRAINT low CHECK (a < 100)"); }
  static bool Says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
};

TEST_F(ConstraintsTest, RowsThatWereWrittenWithoutItAreNotCommittedAfterIt) {
  const auto other = NewSession();
  Sql(*other, "BEGIN");
  EXPECT_EQ(Sql(*other, "INSERT INTO s.t VALUES (1000)"), "INSERT 0 1");
  EXPECT_EQ(Constrain(), "s|t|added constraint low\n");
  EXPECT_TRUE(Says(Sql(*other, "COMMIT"), "got the constraint low meanwhile"));
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t"), "1\n");
}

TEST_F(ConstraintsTest, ItIsNotAddedOverRowsThatCameWhileItWasLookedAt) {
  Sql("BEGIN");
  EXPECT_EQ(Constrain(), "s|t|added constraint low\n");
  const auto other = NewSession();
  EXPECT_EQ(Sql(*other, "INSERT INTO s.t VALUES (1000)"), "INSERT 0 1");
  EXPECT_TRUE(Says(Sql("COMMIT"), "conflict"));
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (1001)"), "INSERT 0 1");
}

TEST_F(ConstraintsTest, AFailedStatementLeavesTheSessionUsable) {
  Sql("INSERT INTO s.t VALUES (1000)");
  EXPECT_TRUE(Says(Constrain(), "rows of s.t break constraint low"));
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE a = 1000"), "DELETE 1");
  EXPECT_EQ(Constrain(), "s|t|added constraint low\n");
  EXPECT_TRUE(Says(Sql("UPDATE s.t SET a = 100"), "breaks constraint \"low\""));
  EXPECT_EQ(Sql("SELECT * FROM s.t"), "1\n");
}

TEST_F(ConstraintsTest, AReplacedTableKeepsItAndIsHeldToIt) {
  Constrain();
  for (const char* type : {"TINYINT", "UINTEGER", "BIGINT", "HUGEINT"}) {
    const std::string as = std::string("CREATE OR REPLACE TABLE s.t AS SELECT ");
    EXPECT_TRUE(Says(Sql(as + "101::" + type + " AS a"), "breaks constraint")) << type;
    EXPECT_EQ(Sql(as + "7::" + type + " AS a, 'more' AS b"), "SELECT 1") << type;
    EXPECT_EQ(Sql("SELECT a FROM s.t"), "7\n") << type;
  }
  EXPECT_TRUE(Says(Sql("CREATE OR REPLACE TABLE s.t (b INTEGER)"), "part of constraint"));
  EXPECT_EQ(Sql("SELECT a FROM s.t"), "7\n");
}

TEST_F(ConstraintsTest, ATemporaryTableOfTheNameIsNotLookedAt) {
  Sql("CREATE TABLE tc AS SELECT -1::BIGINT AS a");
  Sql("CREATE TEMP TABLE tc AS SELECT 1::BIGINT AS a");
  EXPECT_TRUE(Says(Sql("ALTER TABLE tc ADD CONSTRAINT pos CHECK (a > 0)"), "break constraint pos"));
  Sql("UPDATE lake.main.tc SET a = 2");
  EXPECT_EQ(Sql("ALTER TABLE tc ADD CONSTRAINT pos CHECK (a > 0)"),
            "main|tc|added constraint pos\n");
}

TEST_F(ConstraintsTest, NamesMayBeginWithAQuote) {
  Sql("CREATE TABLE s.\"\"\"q\"\"\" AS SELECT 1::BIGINT AS a");
  EXPECT_EQ(Sql("ALTER TABLE s.\"\"\"q\"\"\" ADD CONSTRAINT \"\"\"c\" CHECK (a < 100)"),
            "s|\"q\"|added constraint \"c\n");
  EXPECT_TRUE(Says(Sql("INSERT INTO s.\"\"\"q\"\"\" VALUES (1000)"), "breaks constraint"));
}

TEST_F(ConstraintsTest, RollingBackTakesItAway) {
  Sql("BEGIN");
  Constrain();
  EXPECT_TRUE(Says(Sql("INSERT INTO s.t VALUES (1000)"), "breaks constraint \"low\""));
  Sql("ROLLBACK");
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (1000)"), "INSERT 0 1");
}

}  // namespace
}  // namespace tarn

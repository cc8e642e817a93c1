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

TEST(PostgresCapture, SeveralRowsOfOneTransactionAreWholeAfterEveryRestart) {
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

TEST(PostgresCapture, TruncateAndSavepointsAndEmptyTransactions) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE other (id int);"
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

}  // namespace
}  // namespace tarn::postgres

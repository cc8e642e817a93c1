#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <arrow/record_batch.h>

#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

class ReturningTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
    Sql("CREATE TABLE s.t AS SELECT i::INTEGER AS i, 'n' || i AS name FROM range(10) r(i)");
  }
  /// The rows of a statement in the order of their text.
  std::string Sorted(const std::string& sql) {
    const std::string rows = Sql(sql);
    std::multiset<std::string> lines;
    for (size_t at = 0; at < rows.size();) {
      const size_t end = std::min(rows.find('\n', at), rows.size());
      lines.insert(rows.substr(at, end - at));
      at = end + 1;
    }
    std::string result;
    for (const std::string& line : lines) result += line + "\n";
    return result;
  }
};

TEST_F(ReturningTest, InsertReturnsItsRowsInTheirOrder) {
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (20, 'b'), (10, 'a') RETURNING name, i * 2 AS twice"),
            "b|40\na|20\n");
  EXPECT_EQ(Sql("INSERT INTO s.t (name) VALUES ('x') RETURNING *"), "NULL|x\n");
  EXPECT_EQ(Sql("INSERT INTO s.t SELECT * FROM s.t WHERE i > 900 RETURNING i"), "");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t"), "13\n");
}

TEST_F(ReturningTest, UpdateReturnsTheNewRows) {
  EXPECT_EQ(Sorted("UPDATE s.t SET name = upper(name) WHERE i < 2 RETURNING *"), "0|N0\n1|N1\n");
  // The table has row ids now, and those are none of its columns.
  EXPECT_EQ(Sorted("UPDATE s.t SET i = i + 100 WHERE i < 2 RETURNING *"), "100|N0\n101|N1\n");
  EXPECT_EQ(Sql("UPDATE s.t SET i = 1 WHERE i = 77 RETURNING *"), "");
}

TEST_F(ReturningTest, DeleteReturnsTheOldRows) {
  EXPECT_EQ(Sorted("DELETE FROM s.t WHERE i % 4 = 0 RETURNING name, i"), "n0|0\nn4|4\nn8|8\n");
  EXPECT_EQ(Sorted("DELETE FROM s.t t USING (SELECT 1 AS i UNION ALL SELECT 1) u "
                   "WHERE t.i = u.i RETURNING t.*"),
            "1|n1\n");
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE false RETURNING *"), "");
  EXPECT_EQ(Sql("DELETE FROM s.t RETURNING count(*)").substr(0, 6), "invali");
  EXPECT_EQ(Sorted("DELETE FROM s.t RETURNING i"), "2\n3\n5\n6\n7\n9\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t"), "0\n");
}

TEST_F(ReturningTest, MergeReturnsRowsWithWhatWasDone) {
  Sql("CREATE TABLE s.u AS SELECT i::INTEGER AS i, 'u' || i AS name FROM range(7, 12) r(i)");
  EXPECT_EQ(Sorted("MERGE INTO s.t USING s.u ON t.i = u.i "
                   "WHEN MATCHED AND u.i = 7 THEN DELETE "
                   "WHEN MATCHED AND u.i = 8 THEN DO NOTHING "
                   "WHEN MATCHED THEN UPDATE SET name = u.name "
                   "WHEN NOT MATCHED THEN INSERT (name, i) VALUES (u.name, u.i) "
                   "WHEN NOT MATCHED BY SOURCE AND t.i = 0 THEN DELETE "
                   "RETURNING merge_action, *"),
            "DELETE|0|n0\nDELETE|7|n7\nINSERT|10|u10\nINSERT|11|u11\nUPDATE|9|u9\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t"), "10\n");
}

TEST_F(ReturningTest, RowsOfATransactionAreReturnedAtOnceAndKeptAtItsCommit) {
  const auto other = NewSession();
  Sql("BEGIN");
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (50, 'x') RETURNING i"), "50\n");
  EXPECT_EQ(Sql("UPDATE s.t SET name = 'y' WHERE i = 50 RETURNING name"), "y\n");
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE i >= 50 RETURNING *"), "50|y\n");
  EXPECT_EQ(Sql(*other, "SELECT count(*) FROM s.t"), "10\n");
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (51, 'z') RETURNING i"), "51\n");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Sql(*other, "SELECT count(*) FROM s.t"), "11\n");
}

TEST_F(ReturningTest, NothingIsReturnedOfWhatIsNotCommitted) {
  Sql("CREATE TABLE s.r (i INTEGER NOT NULL)");
  EXPECT_EQ(Sql("INSERT INTO s.r VALUES (1), (NULL) RETURNING i").substr(0, 17),
            "invalid argument:");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.r"), "0\n");
  // A result that nobody reads to its end was committed before its first row.
  auto rows = session_->Execute("INSERT INTO s.r SELECT * FROM range(100000) RETURNING i");
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(Sql(*NewSession(), "SELECT count(*) FROM s.r"), "100000\n");
}

TEST_F(ReturningTest, PreparedStatementsReturnRowsToo) {
  Sql("PREPARE put AS INSERT INTO s.t VALUES ($1, $2) RETURNING i, name");
  EXPECT_EQ(Sql("EXECUTE put(31, 'a')"), "31|a\n");
  EXPECT_EQ(Sql("EXECUTE put(32, 'b')"), "32|b\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t WHERE i > 30"), "2\n");
}

TEST_F(ReturningTest, TheTagCountsTheRows) {
  auto rows = session_->Execute("DELETE FROM s.t WHERE i < 3 RETURNING i");
  ASSERT_TRUE(rows.ok());
  while (true) {
    const auto batch = (*rows)->Next();
    ASSERT_TRUE(batch.ok());
    if (*batch == nullptr) break;
  }
  EXPECT_TRUE((*rows)->returns_rows());
  EXPECT_EQ((*rows)->command_tag(), "DELETE 3");
}

/// Every value is handed out once, however often the statements that gave it had to run.
TEST_F(ReturningTest, StatementsThatLostARaceReturnTheRowsOfTheRunThatWasCommitted) {
  Sql("CREATE TABLE s.n AS SELECT 0 AS n");
  constexpr int kThreads = 4;
  constexpr int kUpdates = 5;
  std::vector<std::vector<std::string>> seen(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, i, &seen] {
      const auto session = NewSession();
      for (int update = 0; update < kUpdates; ++update) {
        seen[i].push_back(Sql(*session, "UPDATE s.n SET n = n + 1 RETURNING n"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::multiset<int> numbers;
  for (const auto& of_thread : seen) {
    for (const std::string& text : of_thread) numbers.insert(std::stoi(text));
  }
  std::multiset<int> expected;
  for (int i = 1; i <= kThreads * kUpdates; ++i) expected.insert(i);
  EXPECT_EQ(numbers, expected);
}

TEST_F(ReturningTest, ManyRowsComeBackWhole) {
  Sql("CREATE TABLE s.big AS SELECT i, repeat('x', 20) || i AS text FROM range(200000) r(i)");
  Sql("DELETE FROM s.big WHERE i % 5 = 0");
  int64_t rows = 0;
  auto result = session_->Execute("DELETE FROM s.big WHERE i % 5 = 1 RETURNING i, text");
  ASSERT_TRUE(result.ok());
  while (true) {
    const auto batch = (*result)->Next();
    ASSERT_TRUE(batch.ok());
    if (*batch == nullptr) break;
    rows += (*batch)->num_rows();
  }
  EXPECT_EQ(rows, 40000);
  EXPECT_EQ(Sql("SELECT count(*) FROM s.big"), "120000\n");
}

}  // namespace
}  // namespace tarn

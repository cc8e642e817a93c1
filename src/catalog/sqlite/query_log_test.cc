#include "catalog/sqlite/query_log.h"

#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

class QueryLogTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("queries-" + SystemRandom().Uuid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::unique_ptr<QueryLog> Open(int64_t kept_max = 100) const {
    SqliteQueryLogOptions options;
    options.folder = folder_.string();
    options.queries_kept_max = kept_max;
    return OpenSqliteQueryLog(options);
  }
  static QueryRecord Query(const std::string& statement) {
    QueryRecord query;
    query.id = SystemRandom().Uuid();
    query.statement = statement;
    query.status = "succeeded";
    query.author = "sql";
    return query;
  }

  fs::path folder_;
};

TEST_F(QueryLogTest, WhatWasRecordedIsThereForOtherProcessesAndLater) {
  auto log = Open();
  QueryRecord query = Query("SELECT 1");
  query.started_micros = 5;
  query.duration_micros = 7;
  query.status = "failed";
  query.rows = 3;
  query.error_kind = "not found";
  query.error = "no such table";
  query.sequence = Sequence(42);
  log->Record(query);
  log->Record(Query("SELECT 2"));
  const auto other = Open();
  for (QueryLog* reader : {log.get(), other.get()}) {
    const auto listed = reader->List(10);
    ASSERT_TRUE(listed.ok());
    ASSERT_EQ(listed->size(), 2u);
    EXPECT_EQ((*listed)[0].statement, "SELECT 2");
    EXPECT_FALSE((*listed)[0].sequence);
    const QueryRecord& first = (*listed)[1];
    EXPECT_EQ(first.id, query.id);
    EXPECT_EQ(first.started_micros, 5);
    EXPECT_EQ(first.duration_micros, 7);
    EXPECT_EQ(first.status, "failed");
    EXPECT_EQ(first.rows, 3);
    EXPECT_EQ(first.error_kind, "not found");
    EXPECT_EQ(first.error, "no such table");
    EXPECT_EQ(first.sequence, Sequence(42));
    EXPECT_EQ(first.author, "sql");
  }
}

TEST_F(QueryLogTest, OnlyTheNewestAreKept) {
  auto log = Open(3);
  for (int i = 0; i < 10; ++i) log->Record(Query(std::to_string(i)));
  const auto listed = log->List(100);
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 3u);
  EXPECT_EQ((*listed)[0].statement, "9");
  EXPECT_EQ((*listed)[2].statement, "7");
}

TEST_F(QueryLogTest, NothingIsKeptAndNoFileMadeWhereNothingShallBe) {
  Open(0)->Record(Query("SELECT 1"));
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(QueryLogTest, AFileThatIsNoLogLeavesTheStatementsInMemory) {
  std::ofstream(folder_ / "queries.db") << std::string(4096, 'x');
  auto log = Open();
  log->Record(Query("SELECT 1"));
  const auto listed = log->List(10);
  ASSERT_TRUE(listed.ok());
  EXPECT_EQ(listed->size(), 1u);
}

TEST_F(QueryLogTest, AFolderThatIsNotThereLeavesTheStatementsInMemory) {
  fs::remove_all(folder_);
  auto log = Open();
  log->Record(Query("SELECT 1"));
  EXPECT_EQ(log->List(10)->size(), 1u);
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(QueryLogTest, SeveralThreadsOfSeveralLogsLoseNothing) {
  constexpr int kThreads = 4;
  constexpr int kQueries = 20;
  auto one = Open(1000);
  SqliteQueryLogOptions options;
  options.folder = folder_.string();
  options.lock_timeout_ms = 20000;
  auto two = OpenSqliteQueryLog(options);
  auto three = OpenSqliteQueryLog(options);
  one->Record(Query("first"));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, log = i % 2 == 0 ? two.get() : three.get()] {
      for (int k = 0; k < kQueries; ++k) log->Record(Query("x"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(one->List(1000)->size(), size_t{kThreads * kQueries + 1});
}

}  // namespace
}  // namespace tarn

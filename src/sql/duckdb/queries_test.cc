#include <string>

#include <arrow/record_batch.h>

#include "catalog/sqlite/query_log.h"
#include "sql/duckdb/remembering_engine.h"
#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

class QueriesTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    SqlEngineOptions engine;
    engine.catalog_name = "lake";
    engine.tables = TableContext{&store_, &SystemClock(), &SystemRandom(), &limits_};
    engine.catalog = catalog_.get();
    engine.limits = limits_;
    session_.reset();
    engine_ = OpenDuckDbEngine(std::move(engine), OpenSqliteQueryLog({})).value();
    SessionOptions options;
    options.author = "anna";
    user_ = NewSession(options);
    options.author = "model:s.t";
    session_ = NewSession(options);
  }
  /// Asked in a session of the pipeline, which is not remembered.
  std::string Queries(const std::string& columns) {
    return Sql("SELECT " + columns + " FROM system.queries ORDER BY started_at, id");
  }

  std::unique_ptr<Session> user_;
};

TEST_F(QueriesTest, StatementsAreRememberedWithWhatBecameOfThem) {
  Sql(*user_, "CREATE SCHEMA s");
  Sql(*user_, "CREATE TABLE s.t AS SELECT * FROM range(5) r(i)");
  Sql(*user_, "SELECT i FROM s.t WHERE i < 3");
  Sql(*user_, "DELETE FROM s.t WHERE i = 0 RETURNING i");
  Sql(*user_, "DELETE FROM s.t WHERE i > 2");
  Sql(*user_, "SELECT * FROM s.nothing");
  Sql(*user_, "SELECT 1");
  EXPECT_EQ(Queries("statement, status, rows, error_kind, author"),
            "CREATE SCHEMA s|succeeded|0|NULL|anna\n"
            "CREATE TABLE s.t AS SELECT * FROM range(5) r(i)|succeeded|5|NULL|anna\n"
            "SELECT i FROM s.t WHERE i < 3|succeeded|3|NULL|anna\n"
            "DELETE FROM s.t WHERE i = 0 RETURNING i|succeeded|1|NULL|anna\n"
            "DELETE FROM s.t WHERE i > 2|succeeded|2|NULL|anna\n"
            "SELECT * FROM s.nothing|failed|0|not found|anna\n"
            "SELECT 1|succeeded|1|NULL|anna\n");
  EXPECT_EQ(Sql("SELECT count(error) FROM system.queries"), "1\n");
  EXPECT_EQ(Sql("SELECT bool_and(duration_ms >= 0 AND started_at <= now()) FROM system.queries"),
            "true\n");
}

TEST_F(QueriesTest, TheCommitThatAStatementSawIsRemembered) {
  Sql(*user_, "CREATE SCHEMA s");
  Sql(*user_, "CREATE TABLE s.t AS SELECT 1 AS i");
  const std::string now = std::to_string(catalog_->CurrentSequence()->value());
  Sql(*user_, "SELECT * FROM s.t");
  Sql(*user_, "BEGIN");
  Sql(*user_, "SELECT 'first', i FROM s.t");
  Sql("INSERT INTO s.t VALUES (2)");
  Sql(*user_, "SELECT 'second', i FROM s.t");
  Sql(*user_, "COMMIT");
  EXPECT_EQ(Sql("SELECT DISTINCT sequence FROM system.queries WHERE statement LIKE 'SELECT%s.t'"),
            now + "\n");
}

TEST_F(QueriesTest, SecretsAndEndlessTextsAreNotRemembered) {
  Sql(*user_, "CREATE SECRET x (TYPE s3, KEY_ID 'AKIA', SECRET 'hush')");
  Sql(*user_, "CALL create_tag('postgres://me:hush@host/db', 'x')");
  Sql(*user_, "SELECT * FROM iceberg_table('s3://me:hush@bucket/t')");
  EXPECT_EQ(Sql("SELECT count(*) FROM system.queries WHERE statement LIKE '%hush%' OR error LIKE "
                "'%hush%'"),
            "0\n");
  Sql(*user_, "SELECT '" + std::string(1 << 20, 'x') + "'");
  EXPECT_EQ(Sql("SELECT max(length(statement)) < 10000 FROM system.queries"), "true\n");
}

TEST_F(QueriesTest, WhatNobodyReadToItsEndIsAbandoned) {
  {
    auto rows = user_->Execute("SELECT * FROM range(1000000)");
    ASSERT_TRUE(rows.ok());
    ASSERT_TRUE((*rows)->Next().ok());
  }
  EXPECT_EQ(Queries("status"), "abandoned\n");
}

TEST_F(QueriesTest, ThePipelinesOwnStatementsAreForgotten) {
  Sql("SELECT 1");
  EXPECT_EQ(Sql("SELECT count(*) FROM system.queries"), "0\n");
  Sql(*user_, "-- nothing");
  Sql(*user_, "SELECT count(*) FROM system.queries");
  EXPECT_EQ(Queries("statement"), "SELECT count(*) FROM system.queries\n");
}

}  // namespace
}  // namespace tarn

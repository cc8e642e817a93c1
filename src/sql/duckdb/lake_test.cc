#include "sql/duckdb/testing.h"
#include "storage/local/local_store.h"

#include <filesystem>
#include <thread>

#include <arrow/record_batch.h>
#include <arrow/type.h>

namespace tarn {
namespace {

TEST_F(LakeTest, SelectsWithoutTables) {
  EXPECT_EQ(Sql("SELECT 1, 'a', NULL"), "1|a|NULL\n");
  EXPECT_EQ(Sql(""), "");
  EXPECT_EQ(Sql("-- nothing"), "");
}

TEST_F(LakeTest, CreatesInsertsAndReadsBack) {
  EXPECT_EQ(Sql("CREATE SCHEMA silver"), "CREATE SCHEMA");
  EXPECT_EQ(Sql("CREATE TABLE silver.t (id BIGINT NOT NULL, name VARCHAR, price DECIMAL(10,2))"),
            "CREATE TABLE");
  EXPECT_EQ(Sql("SELECT * FROM silver.t"), "");
  EXPECT_EQ(Sql("INSERT INTO silver.t VALUES (1, 'a', 1.5), (2, NULL, NULL)"), "INSERT 0 2");
  EXPECT_EQ(Sql("INSERT INTO silver.t (name, id) SELECT 'x', 3"), "INSERT 0 1");
  EXPECT_EQ(Sql("SELECT * FROM lake.silver.t ORDER BY id"), "1|a|1.50\n2|NULL|NULL\n3|x|NULL\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM silver.t"), "3\n");
  EXPECT_EQ(Sql("SELECT count(*), sum(id) FROM silver.t WHERE id > 1"), "2|5\n");
  EXPECT_EQ(Sql("INSERT INTO silver.t VALUES (NULL, 'b', 2)").substr(0, 17), "invalid argument:");
  EXPECT_EQ(Sql("SELECT count(*) FROM silver.t"), "3\n");
}

TEST_F(LakeTest, CreatesTableFromQuery) {
  EXPECT_EQ(
      Sql("CREATE TABLE gold.n AS SELECT i, i % 3 AS k, 's' || i AS s FROM range(100000) r(i)"),
      "not found: schema gold does not exist in lake");
  EXPECT_EQ(Sql("CREATE SCHEMA gold"), "CREATE SCHEMA");
  EXPECT_EQ(
      Sql("CREATE TABLE gold.n AS SELECT i, i % 3 AS k, 's' || i AS s FROM range(100000) r(i)"),
      "SELECT 100000");
  EXPECT_EQ(Sql("SELECT count(*), sum(i), min(s) FROM gold.n"), "100000|4999950000|s0\n");
  EXPECT_EQ(Sql("CREATE TABLE gold.n AS SELECT 1"), "already exists: table gold.n already exists");
  EXPECT_EQ(Sql("CREATE TABLE IF NOT EXISTS gold.n AS SELECT 1"), "SELECT 0");
  EXPECT_EQ(Sql("CREATE OR REPLACE TABLE gold.n AS SELECT 7 AS seven, 'x' AS s"), "SELECT 1");
  EXPECT_EQ(Sql("SELECT * FROM gold.n"), "7|x\n");
  EXPECT_EQ(Sql("CREATE OR REPLACE TABLE gold.n (a INTEGER)"), "CREATE TABLE");
  EXPECT_EQ(Sql("SELECT * FROM gold.n"), "");
  EXPECT_EQ(Sql("DROP TABLE gold.n"), "DROP TABLE");
  EXPECT_EQ(Sql("SELECT * FROM gold.n").substr(0, 10), "not found:");
}

TEST_F(LakeTest, AltersTables) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.t AS SELECT 1::INTEGER AS a, 'x' AS b");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN c DOUBLE"), "ALTER TABLE");
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (2, 'y', 2.5)"), "INSERT 0 1");
  EXPECT_EQ(Sql("ALTER TABLE s.t RENAME COLUMN b TO label"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t ALTER a TYPE BIGINT"), "ALTER TABLE");
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (3000000000, 'z', NULL)"), "INSERT 0 1");
  EXPECT_EQ(Sql("SELECT a, label, c FROM s.t ORDER BY a"),
            "1|x|NULL\n2|y|2.5\n3000000000|z|NULL\n");
  EXPECT_EQ(Sql("SELECT label FROM s.t WHERE a = 1"), "x\n");
  EXPECT_EQ(Sql("SELECT label FROM s.t WHERE a > 2000000000"), "z\n");
  EXPECT_EQ(Sql("ALTER TABLE s.t DROP COLUMN label"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t ADD COLUMN label VARCHAR"), "ALTER TABLE");
  EXPECT_EQ(Sql("SELECT a, label FROM s.t WHERE a = 1"), "1|NULL\n");
  EXPECT_EQ(Sql("ALTER TABLE s.t RENAME TO u"), "ALTER TABLE");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.u"), "3\n");
  EXPECT_EQ(Sql("ALTER TABLE s.u ALTER a TYPE INTEGER").substr(0, 17), "invalid argument:");
}

TEST_F(LakeTest, ReadsEveryType) {
  Sql("CREATE SCHEMA s");
  EXPECT_EQ(
      Sql("CREATE TABLE s.types AS SELECT true AS b, 1::TINYINT AS i8, 2::SMALLINT AS i16, "
          "3::INTEGER AS i32, 4::BIGINT AS i64, 5::UINTEGER AS u32, 6::UBIGINT AS u64, "
          "7::HUGEINT AS i128, 1.5::FLOAT AS f, 2.5::DOUBLE AS d, 12.34::DECIMAL(18,2) AS dec, "
          "DATE '2026-11-21' AS dt, TIME '04:05:06' AS tm, "
          "TIMESTAMP '1969-12-31 23:59:59.5' AS ts, "
          "TIMESTAMPTZ '2026-11-21 04:05:06+02' AS tz, 'text' AS s, '\\x00\\xFF'::BLOB AS bin, "
          "[1, 2, NULL] AS l, {'a': 1, 'b': 'x'} AS st, MAP {'k': 1} AS m, "
          "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::UUID AS u, NULL AS n, "
          "'happy'::ENUM('happy', 'sad') AS e, INTERVAL 1 DAY AS iv"),
      "SELECT 1");
  EXPECT_EQ(Sql("SELECT b, i8, i16, i32, i64, u32, u64, i128, f, d, dec FROM s.types"),
            "true|1|2|3|4|5|6|7|1.5|2.5|12.34\n");
  EXPECT_EQ(Sql("SELECT dt::VARCHAR, tm, ts::VARCHAR, tz::VARCHAR, s, bin::VARCHAR FROM s.types"),
            "2026-11-21|04:05:06|1969-12-31 23:59:59.5|2026-11-21 02:05:06+00|text|\\x00\\xFF\n");
  EXPECT_EQ(
      Sql("SELECT l::VARCHAR, st::VARCHAR, m::VARCHAR, u::VARCHAR, n, e FROM s.types"),
      "[1, 2, NULL]|{'a': 1, 'b': x}|{k=1}|6ba7b810-9dad-11d1-80b4-00c04fd430c8|NULL|happy\n");
  EXPECT_EQ(Sql("SELECT st.b FROM s.types WHERE st.a = 1"), "x\n");
}

TEST_F(LakeTest, ValuesAreStoredAlikeByCreateAndInsert) {
  Sql("CREATE SCHEMA s");
  const std::string row =
      "SELECT INTERVAL '1 day 2 hours' AS iv, [INTERVAL 1 MONTH] AS l, "
      "TIME '04:05:06.5' AS tm, 99::HUGEINT AS h";
  EXPECT_EQ(Sql("CREATE TABLE s.t AS " + row), "SELECT 1");
  EXPECT_EQ(Sql("INSERT INTO s.t " + row), "INSERT 0 1");
  EXPECT_EQ(Sql("SELECT DISTINCT iv, l::VARCHAR, tm, h FROM s.t"),
            "1 day 02:00:00|[1 month]|04:05:06.5|99\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t WHERE iv::INTERVAL = INTERVAL 26 HOURS"), "2\n");
  const std::string greatest = "170141183460469231731687303715884105727::HUGEINT";
  EXPECT_EQ(Sql("CREATE TABLE s.h AS SELECT " + greatest + " AS h").substr(0, 46),
            "invalid argument: column h, row 0 of the batch");
  EXPECT_EQ(Sql("INSERT INTO s.t (h) SELECT " + greatest).substr(0, 17), "invalid argument:");
}

TEST_F(LakeTest, ANameMayChangeInCaseAlone) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.\"case\" AS SELECT 1 AS i");
  EXPECT_EQ(Sql("ALTER TABLE s.\"case\" RENAME TO \"Case\""), "ALTER TABLE");
  Sql("CREATE VIEW s.v AS SELECT 2 AS i");
  EXPECT_EQ(Sql("ALTER VIEW s.v RENAME TO \"V\""), "ALTER VIEW");
  EXPECT_EQ(Sql("SHOW TABLES FROM s"), "s|Case|table\ns|V|view\n");
  EXPECT_EQ(Sql("SELECT i FROM s.case UNION ALL SELECT i FROM s.v ORDER BY 1"), "1\n2\n");
  EXPECT_EQ(Sql("ALTER TABLE s.case RENAME TO v"), "already exists: view s.v already exists");
}

TEST_F(LakeTest, PrunesFilesByPartitionAndBounds) {
  Sql("CREATE SCHEMA s");
  EXPECT_EQ(Sql("CREATE TABLE s.p (d DATE, v INTEGER) PARTITIONED BY (month(d))"), "CREATE TABLE");
  EXPECT_EQ(Sql("INSERT INTO s.p SELECT DATE '2026-01-15' + (i * 30)::INTEGER, i "
                "FROM range(10) r(i)"),
            "INSERT 0 10");
  const std::string plan =
      Sql("EXPLAIN SELECT v FROM s.p WHERE d >= DATE '2026-02-01' AND d < DATE '2026-03-01'");
  EXPECT_NE(plan.find("1 of "), std::string::npos) << plan;
  EXPECT_EQ(Sql("SELECT v FROM s.p WHERE d >= DATE '2026-02-01' AND d < DATE '2026-03-01'"), "1\n");
  Sql("CREATE TABLE s.b (id INTEGER, s VARCHAR)");
  for (int i = 0; i < 3; ++i) {
    Sql("INSERT INTO s.b SELECT i, 'v' || i FROM range(" + std::to_string(i * 100) + ", " +
        std::to_string(i * 100 + 100) + ") r(i)");
  }
  EXPECT_NE(Sql("EXPLAIN SELECT * FROM s.b WHERE id = 150").find("1 of 3"), std::string::npos);
  EXPECT_EQ(Sql("SELECT s FROM s.b WHERE id = 150"), "v150\n");
  EXPECT_EQ(Sql("SELECT s FROM s.b WHERE id = 1000"), "");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.b WHERE id IN (5, 250)"), "2\n");
}

TEST_F(LakeTest, TransactionOverTablesCommitsAtOneSequence) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.a (i INTEGER)");
  Sql("CREATE TABLE s.b (i INTEGER)");
  const auto other = NewSession();
  const int64_t before = catalog_->CurrentSequence()->value();
  EXPECT_EQ(Sql("BEGIN"), "BEGIN");
  Sql("INSERT INTO s.a VALUES (1)");
  Sql("INSERT INTO s.b VALUES (2)");
  Sql("INSERT INTO s.a VALUES (3)");
  EXPECT_EQ(Sql("SELECT (SELECT sum(i) FROM s.a), (SELECT sum(i) FROM s.b)"), "4|2\n");
  EXPECT_EQ(Sql(*other, "SELECT count(*) FROM s.a"), "0\n");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(catalog_->CurrentSequence()->value(), before + 1);
  EXPECT_EQ(Sql(*other, "SELECT sum(i) FROM s.a"), "4\n");
}

TEST_F(LakeTest, RollbackLeavesNothingBehind) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.a (i INTEGER)");
  const int64_t before = CountObjects("");
  Sql("BEGIN");
  Sql("INSERT INTO s.a SELECT * FROM range(1000)");
  Sql("CREATE TABLE s.z AS SELECT 1 AS q");
  EXPECT_EQ(Sql("SELECT q FROM s.z"), "1\n");
  EXPECT_GT(CountObjects(""), before);
  EXPECT_EQ(Sql("ROLLBACK"), "ROLLBACK");
  EXPECT_EQ(CountObjects(""), before);
  EXPECT_EQ(Sql("SELECT count(*) FROM s.a"), "0\n");
  EXPECT_EQ(Sql("SELECT * FROM s.z").substr(0, 10), "not found:");
}

TEST_F(LakeTest, FailedStatementDeletesItsFiles) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.a (i INTEGER)");
  const int64_t before = CountObjects("");
  EXPECT_NE(Sql("INSERT INTO s.a SELECT CASE WHEN i = 90000 THEN error('boom') ELSE i END "
                "FROM range(100000) r(i)")
                .find("boom"),
            std::string::npos);
  EXPECT_EQ(CountObjects(""), before);
  EXPECT_EQ(Sql("SELECT count(*) FROM s.a"), "0\n");
}

TEST_F(LakeTest, ConcurrentWritersAllCommit) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.a (i BIGINT)");
  constexpr int kWriters = 4;
  constexpr int kInserts = 5;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([this, writer] {
      const auto session = NewSession();
      for (int i = 0; i < kInserts; ++i) {
        EXPECT_EQ(
            Sql(*session, "INSERT INTO s.a SELECT " + std::to_string(writer) + " FROM range(1000)"),
            "INSERT 0 1000");
        EXPECT_EQ(Sql(*session, "SELECT count(*) % 1000 FROM s.a"), "0\n");
        EXPECT_NE(Sql(*session, "SHOW ALL TABLES"), "");
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(Sql("SELECT count(*), sum(i) FROM s.a"), "20000|30000\n");
}

TEST_F(LakeTest, SecondCreatorOfATableFails) {
  Sql("CREATE SCHEMA s");
  const auto other = NewSession();
  Sql("BEGIN");
  Sql("CREATE TABLE s.t AS SELECT 1 AS i");
  EXPECT_EQ(Sql(*other, "CREATE TABLE s.t AS SELECT 2 AS i"), "SELECT 1");
  const std::string answer = Sql("COMMIT");
  EXPECT_TRUE(answer.rfind("already exists:", 0) == 0 || answer.rfind("conflict:", 0) == 0)
      << answer;
  EXPECT_EQ(Sql("SELECT i FROM s.t"), "2\n");
}

TEST_F(LakeTest, TransactionReadsOneSequence) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.a AS SELECT 1 AS i");
  const auto other = NewSession();
  Sql("BEGIN");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.a"), "1\n");
  Sql(*other, "INSERT INTO s.a VALUES (2)");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.a"), "1\n");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.a"), "2\n");
}

TEST_F(LakeTest, AnAppendStandsOnWhateverIsThereWhenItCommits) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.a AS SELECT 1 AS i");
  const auto other = NewSession();
  Sql("BEGIN");
  Sql("INSERT INTO s.a VALUES (3)");
  Sql(*other, "INSERT INTO s.a VALUES (2)");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Sql("SELECT sum(i) FROM s.a"), "6\n");
}

TEST_F(LakeTest, ATransactionThatWritesIsRefusedWhenWhatItReadHasChanged) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.a AS SELECT 1 AS i");
  Sql("CREATE TABLE s.b AS SELECT 0 AS i");
  const auto other = NewSession();
  Sql("BEGIN");
  Sql("INSERT INTO s.b SELECT sum(i) FROM s.a");
  Sql(*other, "INSERT INTO s.a VALUES (2)");
  EXPECT_EQ(Sql("COMMIT"), "conflict: table s.a, which was read, has changed");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.b"), "1\n");
  // Statements of their own read one moment and add to what is there.
  EXPECT_EQ(Sql("INSERT INTO s.b SELECT sum(i) FROM s.a"), "INSERT 0 1");
}

TEST_F(LakeTest, SessionPinnedToASequenceReadsThePastAndCannotWrite) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.a AS SELECT 1 AS i");
  SessionOptions options;
  options.at = *catalog_->CurrentSequence();
  Sql("INSERT INTO s.a VALUES (2)");
  const auto past = NewSession(options);
  EXPECT_EQ(Sql(*past, "SELECT count(*) FROM s.a"), "1\n");
  EXPECT_EQ(Sql(*past, "INSERT INTO s.a VALUES (9)").substr(0, 17), "invalid argument:");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.a"), "2\n");
}

TEST_F(LakeTest, PivotFindsItsColumns) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.a AS SELECT * FROM (VALUES ('x', 1), ('y', 2), ('x', 3)) v(kind, n)");
  EXPECT_EQ(Sql("PIVOT s.a ON kind USING sum(n)"), "4|2\n");
  EXPECT_EQ(Sql("SELECT 1; SELECT 2").substr(0, 17), "invalid argument:");
  Sql("CREATE TABLE s.b AS SELECT * FROM (PIVOT s.a ON kind IN ('x', 'y') USING sum(n))");
  EXPECT_EQ(Sql("SELECT x, y FROM s.b"), "4|2\n");
}

TEST_F(LakeTest, ReadsEarlierSnapshots) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.a AS SELECT 1 AS i");
  auto entry = catalog_->LoadTable({"s", "a"}, std::nullopt);
  auto metadata = LoadTableMetadata(store_, entry->metadata_location);
  const int64_t first = (*metadata)->current_snapshot->value();
  Sql("INSERT INTO s.a VALUES (2)");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.a AT (VERSION => " + std::to_string(first) + ")"), "1\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.a AT (VERSION => 7)").substr(0, 10), "not found:");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.a AT (TIMESTAMP => now())"), "2\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.a AT (TIMESTAMP => TIMESTAMP '2001-01-01')").substr(0, 10),
            "not found:");
}

TEST_F(LakeTest, ViewsAreStoredAndExpanded) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.t AS SELECT i FROM range(5) r(i)");
  EXPECT_EQ(Sql("CREATE VIEW s.v (twice) AS SELECT i * 2 FROM s.t WHERE i > 2"), "CREATE VIEW");
  EXPECT_EQ(Sql("SELECT sum(twice) FROM s.v"), "14\n");
  EXPECT_EQ(Sql("CREATE VIEW s.v AS SELECT 1"), "already exists: view s.v already exists");
  EXPECT_EQ(Sql("CREATE OR REPLACE VIEW s.v AS SELECT 1 AS one"), "CREATE VIEW");
  EXPECT_EQ(Sql("SELECT * FROM s.v"), "1\n");
  EXPECT_EQ(Sql("CREATE OR REPLACE VIEW s.t AS SELECT 1"),
            "already exists: table s.t already exists");
  EXPECT_EQ(Sql("DROP TABLE s.v").substr(0, 17), "invalid argument:");
  EXPECT_EQ(Sql("DROP VIEW s.v"), "DROP VIEW");
  EXPECT_EQ(Sql("DROP VIEW IF EXISTS s.v"), "DROP VIEW");
}

TEST_F(LakeTest, RefusesWhatNothingWouldEnforce) {
  Sql("CREATE SCHEMA s");
  EXPECT_EQ(
      Sql("CREATE TABLE s.t (i INTEGER PRIMARY KEY)"),
      "unsupported: table s.t: PRIMARY KEY is not supported, because nothing would enforce it");
  EXPECT_EQ(Sql("CREATE TABLE s.t (i INTEGER CHECK (i > 0))").substr(0, 12), "unsupported:");
  Sql("CREATE TABLE s.t (i INTEGER)");
  EXPECT_EQ(Sql("CREATE TABLE s.\"x$y\" (i INTEGER)").substr(0, 17), "invalid argument:");
  EXPECT_EQ(Sql("COMMENT ON TABLE s.t IS 'x'").substr(0, 12), "unsupported:");
  EXPECT_EQ(Sql("CREATE INDEX x ON s.t (i)").substr(0, 12), "unsupported:");
  EXPECT_EQ(Sql("CREATE SEQUENCE s.q").substr(0, 12), "unsupported:");
}

TEST_F(LakeTest, NamesWithoutRegardToCase) {
  Sql("CREATE SCHEMA \"Odd Schema\"");
  Sql("CREATE TABLE \"Odd Schema\".\"Sélect; \"\"T\"\"\" AS SELECT 1 AS \"Col Umn\"");
  EXPECT_EQ(Sql("SELECT \"col umn\" FROM \"odd schema\".\"sélect; \"\"t\"\"\""), "1\n");
  EXPECT_EQ(Sql("INSERT INTO \"odd schema\".\"sélect; \"\"t\"\"\" VALUES (2)"), "INSERT 0 1");
  EXPECT_EQ(Sql("SELECT count(*) FROM LAKE.\"Odd Schema\".\"Sélect; \"\"T\"\"\""), "2\n");
}

TEST_F(LakeTest, DropsSchemas) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.t (i INTEGER)");
  EXPECT_EQ(Sql("CREATE SCHEMA s").substr(0, 15), "already exists:");
  EXPECT_EQ(Sql("CREATE SCHEMA IF NOT EXISTS s"), "CREATE SCHEMA");
  EXPECT_EQ(Sql("DROP SCHEMA s").substr(0, 17), "invalid argument:");
  EXPECT_EQ(Sql("DROP SCHEMA s CASCADE"), "DROP SCHEMA");
  EXPECT_EQ(Sql("DROP SCHEMA IF EXISTS s"), "DROP SCHEMA");
  EXPECT_EQ(Sql("SHOW SCHEMAS"), "");
}

TEST_F(LakeTest, UnqualifiedTablesLiveInMain) {
  EXPECT_EQ(Sql("CREATE TABLE t AS SELECT 1 AS i"), "SELECT 1");
  EXPECT_EQ(Sql("SELECT * FROM main.t"), "1\n");
  EXPECT_EQ(Sql("SHOW SCHEMAS"), "main\n");
  EXPECT_EQ(Sql("CREATE TEMP TABLE scratch AS SELECT 5 AS i"), "SELECT 1");
  EXPECT_EQ(Sql("INSERT INTO t SELECT * FROM scratch"), "INSERT 0 1");
  EXPECT_EQ(Sql("SELECT sum(i) FROM t"), "6\n");
}

TEST_F(LakeTest, TablesOfOthersAreNotWritten) {
  Sql("CREATE SCHEMA bronze");
  CommitRequest request;
  Sql("CREATE TABLE bronze.c AS SELECT 1 AS i");
  auto entry = *catalog_->LoadTable({"bronze", "c"}, std::nullopt);
  entry.owner = "source:postgres";
  entry.name.name = "kept";
  entry.location += "-kept";
  entry.uuid = SystemRandom().Uuid();
  request.commit_id = SystemRandom().Uuid();
  request.ops = {CreateTableOp{entry}, PutObjectOp{"source", "postgres", "{}"}};
  ASSERT_TRUE(catalog_->Commit(request).ok());
  EXPECT_EQ(Sql("INSERT INTO bronze.kept VALUES (2)"),
            "permission denied: table bronze.kept is kept by source postgres");
  EXPECT_EQ(Sql("DROP TABLE bronze.kept").substr(0, 18), "permission denied:");
  EXPECT_EQ(Sql("SELECT * FROM bronze.kept"), "1\n");
}

TEST_F(LakeTest, OverlaysWinOverTheCatalog) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.shown AS SELECT 2 AS i");
  Sql("CREATE TABLE s.t AS SELECT 1 AS i");
  auto entry = *catalog_->LoadTable({"s", "shown"}, std::nullopt);
  SessionOptions options;
  options.tables.push_back({{"s", "t"}, *LoadTableMetadata(store_, entry.metadata_location)});
  ViewEntry view;
  view.name = {"other", "v"};
  view.sql = "SELECT i + 40 AS i FROM s.t";
  options.views.push_back({view});
  const auto session = NewSession(options);
  EXPECT_EQ(Sql(*session, "SELECT i FROM s.t"), "2\n");
  EXPECT_EQ(Sql(*session, "SELECT i FROM other.v"), "42\n");
  EXPECT_EQ(Sql("SELECT i FROM s.t"), "1\n");
  EXPECT_EQ(Sql(*session, "INSERT INTO s.t VALUES (1)").substr(0, 18), "permission denied:");
}

TEST_F(LakeTest, StreamsLargeResultsInBatches) {
  auto rows = session_->Execute("SELECT i, i::VARCHAR AS s FROM range(3000000000) r(i)");
  ASSERT_TRUE(rows.ok());
  for (int i = 0; i < 3; ++i) {
    auto batch = (*rows)->Next();
    ASSERT_TRUE(batch.ok());
    EXPECT_LE((*batch)->num_rows(), limits_.batch_rows);
    EXPECT_GT((*batch)->num_rows(), 10000);
  }
  EXPECT_EQ((*rows)->type_names(), (std::vector<std::string>{"BIGINT", "VARCHAR"}));
  // The next statement ends the open one.
  EXPECT_EQ(Sql("SELECT 1"), "1\n");
  EXPECT_FALSE((*rows)->Next().ok());
}

TEST_F(LakeTest, InterruptStopsAStatement) {
  std::thread stopper;
  auto rows = session_->Execute("SELECT i FROM range(3000000000) r(i)");
  ASSERT_TRUE(rows.ok());
  stopper = std::thread([this] { session_->Interrupt(); });
  Result<std::shared_ptr<arrow::RecordBatch>> batch = (*rows)->Next();
  while (batch.ok() && *batch != nullptr) batch = (*rows)->Next();
  stopper.join();
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(Sql("SELECT 'usable again'"), "usable again\n");
}

TEST_F(LakeTest, ExportsPlainArrowTypes) {
  auto rows = session_->Execute(
      "SELECT 'a'::ENUM('a') AS e, 1::HUGEINT AS h, '101'::BIT AS b, uuid() AS u, "
      "TIMESTAMP_S '2026-01-01 00:00:00' AS s, now() AS tz, [1]::INTEGER[1] AS arr, "
      "'{}'::JSON AS j, TIME '01:02:03' AS t");
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  EXPECT_EQ((*rows)->schema()->ToString(/*show_metadata=*/false),
            "e: string\nh: decimal128(38, 0)\nb: string\nu: string\ns: timestamp[us]\n"
            "tz: timestamp[us, tz=UTC]\narr: list<l: int32>\nj: string\nt: time64[us]");
  EXPECT_TRUE((*(*rows)->Next())->ValidateFull().ok());
}

TEST_F(LakeTest, ErrorsSayWhereAndWhat) {
  auto error = session_->Execute("SELECT nope\nFROM lake.main.missing");
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(error.error().detail.find("LINE 2"), std::string::npos) << error.error().ToString();
  error = session_->Execute("SELEC 1");
  EXPECT_EQ(error.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(Sql("SELECT 1; SELECT 2"),
            "invalid argument: expected one statement, but another one begins at 1:11");
  EXPECT_EQ(*session_->Split("SELECT ';' -- ;\n; /* ; */ SELECT 2;;"),
            (std::vector<std::string>{"SELECT ';' -- ;", "/* ; */ SELECT 2"}));
}

TEST_F(LakeTest, SpillsAndReadsOnLocalFiles) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("tarn_sql_" + SystemRandom().Uuid());
  auto store = OpenLocalStore((folder / "lake").string(), limits_);
  ASSERT_TRUE(store.ok()) << store.error().ToString();
  ASSERT_TRUE((*store)->CheckAccess().ok());
  SqlEngineOptions options;
  options.catalog_name = "lake";
  options.tables = TableContext{store->get(), &SystemClock(), &SystemRandom(), &limits_};
  options.catalog = catalog_.get();
  options.limits.duckdb_memory_bytes = 100LL << 20;
  options.temp_directory = (folder / "spill").string();
  {
    auto engine = OpenDuckDbEngine(std::move(options));
    ASSERT_TRUE(engine.ok()) << engine.error().ToString();
    const auto session = *(*engine)->NewSession({});
    EXPECT_EQ(Sql(*session,
                  "CREATE TABLE t AS SELECT i, md5(i::VARCHAR) AS m "
                  "FROM range(1500000) r(i) ORDER BY m"),
              "SELECT 1500000");
    EXPECT_EQ(Sql(*session, "SELECT count(*), sum(i), min(m) < max(m) FROM t"),
              "1500000|1124999250000|true\n");
    EXPECT_EQ(Sql(*session, "SELECT i FROM t WHERE m = md5('77')"), "77\n");
  }
  std::filesystem::remove_all(folder);
}

TEST_F(LakeTest, ReservedOrDoubleNamesAreRefused) {
  for (const char* name : {"memory", "System", "temp", ""}) {
    SqlEngineOptions options;
    options.catalog_name = name;
    options.tables = TableContext{&store_, &SystemClock(), &SystemRandom(), &limits_};
    options.catalog = catalog_.get();
    auto engine = OpenDuckDbEngine(std::move(options));
    ASSERT_FALSE(engine.ok());
    EXPECT_EQ(engine.error().kind, ErrorKind::kInvalidArgument);
  }
}

TEST_F(LakeTest, CatalogMayHaveAReservedWordForName) {
  for (const char* name : {"select", "postgres", "awsdatacatalog", "My Lake"}) {
    SqlEngineOptions options;
    options.catalog_name = name;
    options.tables = TableContext{&store_, &SystemClock(), &SystemRandom(), &limits_};
    options.catalog = catalog_.get();
    auto engine = OpenDuckDbEngine(std::move(options));
    ASSERT_TRUE(engine.ok()) << engine.error().ToString();
    auto session = *(*engine)->NewSession({});
    Sql(*session, "CREATE SCHEMA IF NOT EXISTS s");
    Sql(*session, "CREATE OR REPLACE TABLE s.t AS SELECT 1 AS i");
    EXPECT_EQ(Sql(*session, std::string("SELECT i FROM \"") + name + "\".s.t"), "1\n");
    EXPECT_EQ(Sql(*session, "SELECT i FROM s.t"), "1\n");
    EXPECT_EQ(Sql(*session, std::string("SHOW SCHEMAS FROM \"") + name + "\""), "s\n");
  }
}

}  // namespace
}  // namespace tarn

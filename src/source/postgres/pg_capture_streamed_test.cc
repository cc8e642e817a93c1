// Transactions that are larger than a batch, than the server's memory, than ours.
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "source/postgres/pg_capture_test_support.h"
#include "source/postgres/pg_streamed.h"

namespace tarn::postgres {
namespace {

using Strings = std::vector<std::string>;

TEST(PostgresStreamed, ATransactionLargerThanTheLimitsComesInParts) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY, v int)");
  Mirror mirror(db, {"public.t"});
  db.Run(
      "INSERT INTO t VALUES (1, 1); BEGIN; INSERT INTO t SELECT i, i FROM generate_series(2, 5000) "
      "i; "
      "UPDATE t SET v = -1 WHERE id = 2; COMMIT; INSERT INTO t VALUES (6000, 1)");
  ChangeLimits limits{1000, 1 << 30, 20000, Must(mirror.capture().CurrentPosition())};
  const std::string begin = mirror.position;
  Strings log;
  std::string large;
  int parts = 0;
  while (true) {
    const ChangeBatch batch = Must(mirror.stream().Next(limits));
    EXPECT_LE(batch.rows, 1251);
    if (!batch.ends_at_commit) {
      ++parts;
      EXPECT_FALSE(batch.reached_until);
      ASSERT_FALSE(batch.transactions.empty());
      EXPECT_TRUE(parts == 1 || batch.transactions[0].id == large);
      large = batch.transactions.back().id;
    }
    mirror.Apply(batch, &log);
    if (batch.reached_until) break;
  }
  EXPECT_EQ(parts, 3);
  EXPECT_EQ(log.size(), 5002u);
  EXPECT_EQ(mirror.transactions.size(), 3u);
  mirror.ExpectSame();
  // Ordinals go on from part to part: a second reading gives them again.
  mirror.Reopen();
  mirror.position = begin;
  int64_t next = 0;
  for (bool more = true; more;) {
    const ChangeBatch batch = Must(mirror.stream().Next(limits));
    for (const TableChanges& table : batch.tables) {
      for (const TableEvent& event : table.events) {
        const auto& rows = std::get<RowChanges>(event);
        for (size_t i = 0; i < rows.ops.size(); ++i) {
          if (batch.transactions[rows.transactions[i]].id == large) {
            ASSERT_EQ(rows.ordinals[i], next++);
          }
        }
      }
    }
    more = !batch.reached_until;
  }
  EXPECT_EQ(next, 5000);
}

/// A database whose walsenders send transactions before they end.
struct StreamingDatabase : TestDatabase {
  explicit StreamingDatabase(const std::string& sql) : TestDatabase(sql) {
    Run("ALTER DATABASE " + database + " SET logical_decoding_work_mem = '64kB'");
  }
  std::string Streamed(const std::string& slot) const {
    return Run(
        "SELECT pg_stat_force_next_flush(); SELECT stream_txns > 0 FROM pg_stat_replication_slots "
        "WHERE slot_name = '" +
        slot + "'");
  }
};

constexpr char kLarge[] = R"(
BEGIN;
INSERT INTO t SELECT i, repeat('a', 100) FROM generate_series(1, 3000) i;
SAVEPOINT one;
INSERT INTO t SELECT i, repeat('b', 100) FROM generate_series(10001, 13000) i;
SAVEPOINT two;
UPDATE t SET v = 'two' WHERE id <= 2000;
ROLLBACK TO two;
UPDATE t SET v = 'kept' WHERE id <= 1000;
RELEASE one;
SAVEPOINT three;
INSERT INTO t SELECT i, repeat('c', 100) FROM generate_series(20001, 23000) i;
ROLLBACK TO three;
INSERT INTO t VALUES (30000, 'end');
)";

TEST(PostgresStreamed, AnAbortedSubtransactionTakesOnlyItsOwnChanges) {
  const StreamingDatabase db("CREATE TABLE t (id int PRIMARY KEY, v text)");
  Mirror mirror(db, {"public.t"}, "tarn_sub");
  mirror.CatchUp();
  db.Run(std::string(kLarge) + "COMMIT; INSERT INTO t VALUES (40000, 'after')");
  const Strings log = mirror.CatchUp();
  EXPECT_EQ(log.size(), 3000u + 3000u + 1000u + 2u);
  EXPECT_EQ(log.back(), "t: insert 40000|after");
  EXPECT_EQ(mirror.transactions.size(), 2u);
  mirror.ExpectSame();
  EXPECT_EQ(db.Streamed("tarn_sub"), "\nt");
  db.Run(std::string(kLarge).replace(0, 1, "TRUNCATE t; ") +
         "ROLLBACK; INSERT INTO t VALUES (50000, 'x')");
  EXPECT_EQ(mirror.CatchUp(), (Strings{"t: truncate", "t: insert 50000|x"}));
  mirror.ExpectSame();
}

TEST(PostgresStreamed, CommitsKeepTheirOrderWhileALargeTransactionGoesOn) {
  const StreamingDatabase db("CREATE TABLE t (id int PRIMARY KEY, v text)");
  Mirror mirror(db, {"public.t"}, "tarn_order");
  mirror.CatchUp();
  db.Run(R"(
CREATE EXTENSION IF NOT EXISTS dblink;
SELECT dblink_connect('big', 'host=127.0.0.1 user=postgres port=)" +
         std::to_string(db.server.port()) + " dbname=" + db.database + R"(');
SELECT dblink_exec('big', 'BEGIN');
SELECT dblink_exec('big', 'INSERT INTO t SELECT i, repeat(''a'', 100) FROM generate_series(1, 3000) i');
INSERT INTO t VALUES (9001, 'first');
SELECT dblink_exec('big', 'UPDATE t SET v = ''b'' WHERE id <= 3000');
INSERT INTO t VALUES (9002, 'second');
SELECT dblink_exec('big', 'COMMIT');
INSERT INTO t VALUES (9003, 'third');)");
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 6003u);
  EXPECT_EQ(log[0], "t: insert 9001|first");
  EXPECT_EQ(log[1], "t: insert 9002|second");
  EXPECT_EQ(log.back(), "t: insert 9003|third");
  EXPECT_EQ(mirror.transactions.size(), 4u);
  mirror.ExpectSame();
}

TEST(PostgresStreamed, ADdlWithinAStreamedTransactionIsSeenAtItsCommit) {
  const StreamingDatabase db("CREATE TABLE t (id int PRIMARY KEY, v text)");
  Mirror mirror(db, {"public.t"}, "tarn_sddl");
  mirror.CatchUp();
  db.Run(R"(BEGIN; INSERT INTO t SELECT i, repeat('a', 100) FROM generate_series(1, 2000) i;
ALTER TABLE t ADD COLUMN n int; INSERT INTO t SELECT i, repeat('b', 100), i FROM generate_series(3001, 5000) i;
SAVEPOINT s; ALTER TABLE t ADD COLUMN gone int; INSERT INTO t SELECT i, repeat('c', 100), i, i
FROM generate_series(6001, 8000) i; ROLLBACK TO s; INSERT INTO t VALUES (9000, 'd', 5); COMMIT;
INSERT INTO t VALUES (9001, 'e', 6);)");
  const Strings log = mirror.CatchUp();
  ASSERT_EQ(log.size(), 4003u);
  EXPECT_EQ(log[2000], "t: altered id int32 key, v string, n int32");
  mirror.ExpectSame();
}

TEST(PostgresStreamed, BeyondItsMemoryATransactionWaitsInAFileThatNobodySees) {
  const StreamingDatabase db("CREATE TABLE t (id int PRIMARY KEY, v text)");
  PostgresOptions options;
  options.url = db.server.Url(db.database);
  options.spool =
      std::filesystem::path(::testing::TempDir()) / ("spool" + std::to_string(getpid()));
  Limits limits;
  limits.capture_transaction_memory_bytes = 100000;
  auto source = Must(OpenPostgresSource(options, limits));
  const CaptureSpec spec{"tarn_spool", "", ""};
  auto snapshot = Must(source->capture()->Begin(spec, Must(source->Discover({"public.t"}))));
  const std::vector<SourceTable> tables = {Must(snapshot->Describe({"public", "t"}))};
  const std::string position = snapshot->position();
  snapshot.reset();
  db.Run(std::string(kLarge) + "COMMIT");
  const std::string until = Must(source->capture()->CurrentPosition());
  auto stream = Must(source->capture()->Open(spec, position, tables));
  int64_t rows = 0;
  while (true) {
    const ChangeBatch batch = Must(stream->Next({500, 1 << 20, 20000, until}));
    rows += batch.rows;
    EXPECT_LE(batch.rows, 626);
    if (batch.reached_until) break;
  }
  EXPECT_EQ(rows, 7001);
  ASSERT_TRUE(std::filesystem::is_directory(options.spool));
  EXPECT_TRUE(std::filesystem::is_empty(options.spool));
  stream.reset();

  // Where no file can be made, the error names the place.
  std::filesystem::remove_all(options.spool);
  std::ofstream(options.spool) << "in the way";
  stream = Must(source->capture()->Open(spec, position, tables));
  Result<ChangeBatch> batch = stream->Next({100000, 1 << 30, 20000, until});
  while (batch.ok() && !batch->reached_until) batch = stream->Next({100000, 1 << 30, 20000, until});
  ASSERT_FALSE(batch.ok());
  EXPECT_NE(batch.error().message.find(options.spool), std::string::npos) << batch.error().message;
  stream.reset();
  EXPECT_TRUE(source->capture()->Drop(spec).ok());
  std::filesystem::remove_all(options.spool);
}

std::string Text(StreamedTransactions::Replay& replay) {
  std::string text;
  StreamedTransactions::Replay::Message message;
  while (Must(replay.Next(&message))) {
    text += message.type + std::string(message.begin, message.end) + " ";
  }
  return text;
}

TEST(StreamedTransactions, KeepTheirOrderAcrossMemoryAndFile) {
  const std::string folder = ::testing::TempDir();
  StreamedTransactions streamed(folder, "unit", 64);
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    for (const uint32_t xid : {7U, 8U}) {
      const std::string body = std::to_string(i) + "-" + std::to_string(xid);
      const auto* p = reinterpret_cast<const uint8_t*>(body.data());
      ASSERT_TRUE(streamed.Add(xid, i % 3 == 0 ? 70 : xid, 'I', p, p + body.size()).ok());
    }
    if (i % 3 != 0) expected += "I" + std::to_string(i) + "-7 ";
  }
  EXPECT_GT(streamed.spilled_bytes(), 500);
  EXPECT_LE(streamed.memory_bytes(), 64);
  streamed.Abort(7, 70);
  streamed.Abort(8, 8);
  EXPECT_EQ(Text(*streamed.Commit(7)), expected);
  EXPECT_EQ(Text(*streamed.Commit(8)), "");
  EXPECT_EQ(streamed.memory_bytes(), 0);
}

TEST(StreamedTransactions, AFullDiskIsAnErrorThatNamesTheFile) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1000, before.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  StreamedTransactions streamed(::testing::TempDir(), "full", 500);
  const std::string body(300, 'x');
  const auto* p = reinterpret_cast<const uint8_t*>(body.data());
  Status status;
  for (int i = 0; i < 10 && status.ok(); ++i) status = streamed.Add(1, 1, 'I', p, p + body.size());
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_NE(status.error().message.find("full-1"), std::string::npos) << status.ToString();
}

}  // namespace
}  // namespace tarn::postgres

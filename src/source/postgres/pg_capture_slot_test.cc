// Slots, publications, rights and settings: what is refused before anything is made, and what a
// stream says when its log is not there any more.
#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "source/postgres/pg_capture_test_support.h"

namespace tarn::postgres {
namespace {

using Strings = std::vector<std::string>;

std::vector<SourceTable> Described(Source& source, const Strings& names) {
  return Must(source.Discover(names));
}

Error CheckError(const TestDatabase& db, const std::string& table,
                 const std::string& user = "postgres", CaptureSpec spec = {"tarn_check", "", ""}) {
  auto source = db.Open({}, "", user);
  auto tables = source->Discover({table});
  if (!tables.ok()) return tables.error();
  const Status status = source->capture()->Check(spec, *tables);
  EXPECT_FALSE(status.ok()) << table;
  return status.ok() ? Error{} : status.error();
}

std::string SlotsOf(const TestDatabase& db) {
  return db.Run("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()");
}

TEST(PostgresSlot, ATableWithoutIdentityIsRefusedWithItsRepair) {
  const TestDatabase db(R"(
CREATE TABLE keyless (v int); CREATE TABLE nothing (id int PRIMARY KEY);
ALTER TABLE nothing REPLICA IDENTITY NOTHING; CREATE TABLE whole (v int);
ALTER TABLE whole REPLICA IDENTITY FULL; CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
CREATE VIEW view AS SELECT 1 AS one; CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child () INHERITS (parent); CREATE TABLE root (id int) PARTITION BY LIST (id);
CREATE TABLE leaf PARTITION OF root DEFAULT;)");
  EXPECT_EQ(CheckError(db, "public.keyless").message,
            "table public.keyless has nothing that names an updated or deleted row: it has no "
            "primary key");
  EXPECT_TRUE(CheckError(db, "public.keyless")
                  .hint.starts_with("ALTER TABLE \"public\".\"keyless\" ADD PRIMARY KEY"));
  EXPECT_EQ(CheckError(db, "public.nothing").hint,
            "ALTER TABLE \"public\".\"nothing\" REPLICA IDENTITY DEFAULT");
  EXPECT_EQ(CheckError(db, "public.whole").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(CheckError(db, "public.unlogged").hint,
            "ALTER TABLE \"public\".\"unlogged\" SET LOGGED");
  EXPECT_EQ(CheckError(db, "public.view").message,
            "public.view is not a table: the log tells nothing of views");
  EXPECT_NE(CheckError(db, "public.parent").message.find("inherit"), std::string::npos);
  EXPECT_EQ(CheckError(db, "public.root").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(SlotsOf(db), "");
}

TEST(PostgresSlot, ADeferrablePrimaryKeyNamesNoRow) {
  const TestDatabase db(R"(
CREATE TABLE late (id int PRIMARY KEY DEFERRABLE, v text);
CREATE TABLE whole (id int PRIMARY KEY DEFERRABLE, v text); ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE root (id int PRIMARY KEY DEFERRABLE) PARTITION BY LIST (id);
CREATE TABLE leaf PARTITION OF root DEFAULT;
CREATE TABLE other (id int PRIMARY KEY DEFERRABLE, n int NOT NULL UNIQUE);
ALTER TABLE other REPLICA IDENTITY USING INDEX other_n_key;)");
  for (const std::string table : {"late", "whole", "root"}) {
    const Error error = CheckError(db, "public." + table);
    EXPECT_TRUE(
        error.message.starts_with("the primary key of table public." + table + " is DEFERRABLE"))
        << error.message;
    EXPECT_NE(error.hint.find("REPLICA IDENTITY USING INDEX"), std::string::npos) << error.hint;
  }
  auto source = db.Open();
  const Status status =
      source->capture()->Check({"tarn_check", "", ""}, Described(*source, {"public.other"}));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

TEST(PostgresSlot, ASlotOfTwoPhaseCommitsIsRefusedByName) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t");
  const std::string slot = "two_phase_" + db.database;
  db.Run("SELECT pg_create_logical_replication_slot('" + slot + "', 'pgoutput', false, true)");
  const Error error = CheckError(db, "public.t", "postgres", {"tarn_check", "p", slot});
  EXPECT_EQ(error.message, "replication slot " + slot +
                               " tells transactions when they are prepared (two_phase): what is "
                               "read here are those that were committed");
  EXPECT_NE(error.hint.find("pg_create_logical_replication_slot"), std::string::npos) << error.hint;
  db.Run("SELECT pg_drop_replication_slot('" + slot + "')");
}

TEST(PostgresSlot, MissingRightsNameTheGrant) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY)");
  db.Run(
      "DROP ROLE IF EXISTS tarn_reader; CREATE ROLE tarn_reader LOGIN; "
      "GRANT SELECT ON t TO tarn_reader");
  Error error = CheckError(db, "public.t", "tarn_reader");
  EXPECT_EQ(error.kind, ErrorKind::kPermissionDenied);
  EXPECT_EQ(error.hint, "ALTER ROLE \"tarn_reader\" REPLICATION");
  db.Run("ALTER ROLE tarn_reader REPLICATION");
  error = CheckError(db, "public.t", "tarn_reader");
  EXPECT_EQ(error.kind, ErrorKind::kPermissionDenied);
  EXPECT_NE(error.hint.find("GRANT CREATE ON DATABASE"), std::string::npos) << error.hint;
  db.Run("GRANT CREATE ON DATABASE " + db.database + " TO tarn_reader");
  error = CheckError(db, "public.t", "tarn_reader");
  EXPECT_EQ(error.message, "only the owner of table public.t (postgres) may publish its changes");
  db.Run("ALTER TABLE t OWNER TO tarn_reader");
  auto source = db.Open({}, "", "tarn_reader");
  const CaptureSpec spec{"tarn_rights", "", ""};
  const Status status = source->capture()->Check(spec, Described(*source, {"public.t"}));
  EXPECT_TRUE(status.ok()) << status.ToString();
  auto snapshot = source->capture()->Begin(spec, Described(*source, {"public.t"}));
  EXPECT_TRUE(snapshot.ok()) << snapshot.status().ToString();
  EXPECT_TRUE(source->capture()->Drop(spec).ok());
  source.reset();
  db.Run("DROP OWNED BY tarn_reader; DROP ROLE tarn_reader");
}

TEST(PostgresSlot, SettingsOfTheServerAreNamedWithTheirValue) {
  testing::PgServer replica("wal_level = replica");
  testing::PgServer small("max_replication_slots = 1\nmax_wal_senders = 1");
  for (testing::PgServer* server : {&replica, &small}) {
    server->Run("CREATE TABLE t (id int PRIMARY KEY)");
  }
  small.Run("SELECT pg_create_physical_replication_slot('somebody')");
  const auto check = [](testing::PgServer& server) {
    PostgresOptions options;
    options.url = server.Url();
    auto source = Must(OpenPostgresSource(options, {}));
    return source->capture()->Check({"tarn", "", ""}, Described(*source, {"public.t"})).error();
  };
  Error error = check(replica);
  EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(error.message.find("is replica; change capture needs logical"), std::string::npos);
  EXPECT_EQ(error.hint, "ALTER SYSTEM SET wal_level = 'logical'; and restart the server");
  error = check(small);
  EXPECT_NE(error.message.find("max_replication_slots is 1"), std::string::npos) << error.message;
  EXPECT_EQ(error.detail, "slots that nobody reads: somebody");
}

TEST(PostgresSlot, ABranchIsReadUpToAPlaceAndNoFurtherAndLeavesNothing) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  auto source = db.Open();
  ChangeCapture& capture = *source->capture();
  const CaptureSpec spec{"tarn_branch", "", ""};
  const auto tables = Described(*source, {"public.t"});
  Must(capture.Begin(spec, tables)).reset();
  LogBranch branch = Must(capture.Branch(spec));
  db.Run("INSERT INTO t VALUES (2)");
  const std::string first = Must(capture.CurrentPosition());
  db.Run("INSERT INTO t VALUES (3)");
  db.Run("INSERT INTO t VALUES (4)");
  const std::string last = Must(capture.CurrentPosition());
  branch.snapshot.reset();
  auto stream = Must(branch.open(tables));
  branch = {};
  const auto read = [&](const std::string& until) {
    ChangeLimits limits;
    limits.rows_max = 100;
    limits.bytes_max = 1 << 20;
    limits.wait_ms_max = 1000;
    limits.until = until;
    for (int64_t rows = 0;;) {
      const ChangeBatch batch = Must(stream->Next(limits));
      rows += batch.rows;
      if (batch.reached_until) return rows;
    }
  };
  EXPECT_EQ(read(first), 1);
  EXPECT_EQ(read(first), 0);
  EXPECT_EQ(read(last), 2);
  // The next one waits until what it made is gone.
  stream.reset();
  branch = Must(capture.Branch(spec));
  EXPECT_EQ(Must(capture.Compare(branch.snapshot->position(), last)), 1);
  EXPECT_TRUE(capture.Drop(spec).ok());
}

TEST(PostgresSlot, ALeftoverIsReplacedAndDropRemovesEverything) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  auto source = db.Open();
  ChangeCapture& capture = *source->capture();
  const CaptureSpec spec{"Tarn_Left", "", ""};
  const auto tables = Described(*source, {"public.t"});
  EXPECT_FALSE(Must(capture.Inspect(spec)).exists);
  auto killed = Must(capture.Begin(spec, tables));
  db.Run("INSERT INTO t VALUES (2)");
  auto snapshot = Must(capture.Begin(spec, tables));
  EXPECT_EQ(Must(capture.Compare(killed->position(), snapshot->position())), -1);
  const CaptureStatus status = Must(capture.Inspect(spec));
  EXPECT_TRUE(status.exists);
  EXPECT_FALSE(status.active);
  EXPECT_EQ(status.acknowledged, snapshot->position());
  EXPECT_GE(status.retained_bytes, status.lag_bytes);
  EXPECT_EQ(status.trouble, "");
  EXPECT_EQ(SlotsOf(db), "tarn_left");
  ASSERT_TRUE(capture.Drop(spec).ok());
  ASSERT_TRUE(capture.Drop(spec).ok()) << "gone already";
  EXPECT_EQ(SlotsOf(db) + db.Run("SELECT pubname FROM pg_publication"), "");
}

TEST(PostgresSlot, ASlotThatSomebodyReadsIsAConflict) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY)");
  Mirror mirror(db, {"public.t"}, "tarn_busy");
  mirror.CatchUp();
  PostgresOptions options;
  options.url = db.server.Url(db.database);
  options.connect_timeout_ms = 1000;
  auto second = Must(OpenPostgresSource(options, {}));
  const auto tables = Described(*second, {"public.t"});
  const auto open = second->capture()->Open(mirror.spec(), mirror.position, tables);
  ASSERT_FALSE(open.ok());
  EXPECT_EQ(open.error().kind, ErrorKind::kConflict) << open.error().ToString();
  EXPECT_EQ(second->capture()->Begin(mirror.spec(), tables).error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(Must(second->capture()->Inspect(mirror.spec())).active);
}

TEST(PostgresSlot, ASlotThatWasLostOrMadeAnewIsNeverASilentGap) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY)");
  Mirror mirror(db, {"public.t"}, "tarn_gap");
  mirror.CatchUp();
  const SourceTable table =
      Must(mirror.capture().Describe(mirror.spec(), Described(mirror.source(), {"public.t"})))[0];
  mirror.Reopen();
  const auto open = [&] { return mirror.capture().Open(mirror.spec(), mirror.position, {table}); };
  const auto drop = [&] {
    // The walsender of the last stream may still be on its way out.
    db.Run(
        "DO $$ BEGIN WHILE (SELECT active FROM pg_replication_slots WHERE slot_name = 'tarn_gap') "
        "LOOP PERFORM pg_sleep(0.01); END LOOP; END $$");
    db.Run("SELECT pg_drop_replication_slot('tarn_gap')");
  };
  drop();
  db.Run("INSERT INTO t VALUES (1)");
  Error error = open().error();
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_NE(error.hint.find("tarn resync"), std::string::npos) << error.hint;
  EXPECT_NE(Must(mirror.capture().Inspect(mirror.spec())).trouble, "");
  db.Run("SELECT pg_create_logical_replication_slot('tarn_gap', 'pgoutput')");
  error = open().error();
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_NE(error.message.find("it was made anew"), std::string::npos) << error.message;
  drop();
  db.Run("SELECT pg_create_physical_replication_slot('tarn_gap')");
  EXPECT_EQ(open().error().kind, ErrorKind::kConflict);
  EXPECT_EQ(
      mirror.capture().Begin(mirror.spec(), Described(mirror.source(), {"public.t"})).error().kind,
      ErrorKind::kConflict);
  db.Run("SELECT pg_drop_replication_slot('tarn_gap')");
}

TEST(PostgresSlot, LogThatTheServerThrewAwayIsALoudError) {
  testing::PgServer server("max_slot_wal_keep_size = 1MB\nmax_wal_size = 2MB\nmin_wal_size = 2MB");
  server.Run("CREATE TABLE t (id int PRIMARY KEY, v text)");
  PostgresOptions options;
  options.url = server.Url();
  auto source = Must(OpenPostgresSource(options, {}));
  const CaptureSpec spec{"tarn_lost", "", ""};
  auto snapshot = Must(source->capture()->Begin(spec, Described(*source, {"public.t"})));
  const SourceTable table = Must(snapshot->Describe({"public", "t"}));
  const std::string position = snapshot->position();
  snapshot.reset();
  for (int i = 0; i < 8; ++i) {
    server.Run("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(" +
               std::to_string(i * 1000) + ", " + std::to_string(i * 1000 + 999) +
               ") i; SELECT pg_switch_wal(); CHECKPOINT");
  }
  EXPECT_NE(Must(source->capture()->Inspect(spec)).trouble.find("invalidated"), std::string::npos);
  const Error error = source->capture()->Open(spec, position, {table}).error();
  EXPECT_EQ(error.kind, ErrorKind::kNotFound) << error.ToString();
  EXPECT_NE(error.hint.find("tarn resync"), std::string::npos) << error.hint;
}

TEST(PostgresSlot, AServerThatRestartsEndsTheStreamAndLosesNothing) {
  testing::PgServer server;
  server.Run("CREATE TABLE t (id int PRIMARY KEY)");
  PostgresOptions options;
  options.url = server.Url();
  auto source = Must(OpenPostgresSource(options, {}));
  const CaptureSpec spec{"tarn_restart", "", ""};
  auto snapshot = Must(source->capture()->Begin(spec, Described(*source, {"public.t"})));
  const std::vector<SourceTable> tables = {Must(snapshot->Describe({"public", "t"}))};
  const std::string position = snapshot->position();
  snapshot.reset();
  const ChangeLimits limits{1000, 1 << 20, 20000, std::nullopt};
  const auto first_row = [&](ChangeStream& stream) -> Result<int64_t> {
    while (true) {
      TARN_ASSIGN_OR_RETURN(const ChangeBatch batch,
                            stream.Next({1, 1 << 20, 20000, std::nullopt}));
      if (batch.rows > 0) return batch.rows;
    }
  };
  auto stream = Must(source->capture()->Open(spec, position, tables));
  server.Run("INSERT INTO t VALUES (1)");
  EXPECT_EQ(Must(first_row(*stream)), 1);
  server.CrashAndRestart();
  Result<ChangeBatch> after = stream->Next(limits);
  while (after.ok()) after = stream->Next(limits);
  EXPECT_EQ(after.error().kind, ErrorKind::kUnavailable) << after.error().ToString();
  stream = Must(source->capture()->Open(spec, position, tables));
  EXPECT_EQ(Must(first_row(*stream)), 1) << "nothing was acknowledged";
}

TEST(PostgresSlot, WhatIsAcknowledgedIsForgottenAndNothingBefore) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY)");
  Mirror mirror(db, {"public.t"}, "tarn_ack");
  const std::string begin = mirror.position;
  db.Run("INSERT INTO t VALUES (1)");
  Strings log;
  ASSERT_EQ(mirror.TryCatchUp(&log), std::nullopt);
  EXPECT_EQ(Must(mirror.capture().Inspect(mirror.spec())).acknowledged, begin);
  ASSERT_TRUE(mirror.stream().Acknowledge(mirror.position).ok());
  // Told to the server at the latest when the stream ends.
  mirror.Reopen();
  EXPECT_EQ(Must(mirror.capture().Inspect(mirror.spec())).acknowledged, mirror.position);
}

TEST(PostgresSlot, AnIdleSlotHoldsNoLogThatOtherDatabasesWrite) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY)");
  const TestDatabase other("CREATE TABLE o (id int PRIMARY KEY, v text)");
  Mirror mirror(db, {"public.t"}, "tarn_idle");
  const std::string begin = mirror.position;
  other.Run("INSERT INTO o SELECT i, repeat('x', 200) FROM generate_series(1, 5000) i");
  const std::string end = Must(mirror.capture().CurrentPosition());
  EXPECT_EQ(mirror.CatchUp(), Strings());
  EXPECT_LE(Must(mirror.capture().Compare(end, mirror.position)), 0);
  EXPECT_TRUE(mirror.transactions.empty());
}

TEST(PostgresSlot, AReaderThatIsBusyForLongKeepsItsConnection) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY, v text)");
  db.Run("ALTER DATABASE " + db.database + " SET wal_sender_timeout = '400ms'");
  Mirror mirror(db, {"public.t"}, "tarn_slow");
  mirror.CatchUp();
  // More than is read ahead, so that the socket is full too.
  db.Run("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 40000) i");
  db.Run("SELECT pg_sleep(1.5)");
  EXPECT_EQ(mirror.CatchUp().size(), 40000u);
}

// What comes in small pieces does not use up what may be read ahead with half-empty memory.
TEST(PostgresSlot, ManySmallTransactionsAreReadAheadOfAReaderThatIsBusy) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY, v text)");
  Mirror mirror(db, {"public.t"}, "tarn_ahead");
  mirror.CatchUp();
  db.Run(
      "DO $$ BEGIN FOR i IN 1..40000 LOOP INSERT INTO t VALUES (i, repeat('x', 150)); COMMIT; END "
      "LOOP; END $$");
  // Some 13 MB, of which the sockets alone hold the smaller part.
  const std::string sent =
      "SELECT sent_lsn >= pg_current_wal_flush_lsn() FROM pg_stat_replication WHERE pid = (SELECT "
      "active_pid FROM pg_replication_slots WHERE slot_name = 'tarn_ahead')";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (db.Run(sent) != "t") {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    db.Run("SELECT pg_sleep(0.05)");
  }
  EXPECT_EQ(mirror.CatchUp().size(), 40000u);
}

TEST(PostgresSlot, StopEndsAWaitAndAllLaterOnes) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY)");
  Mirror mirror(db, {"public.t"}, "tarn_stop");
  ChangeStream& stream = mirror.stream();
  std::thread stopper([&] { stream.Stop(); });
  Result<ChangeBatch> batch = stream.Next({10, 10, 60000, std::nullopt});
  stopper.join();
  EXPECT_EQ(batch.status().ok() ? ErrorKind::kInternal : batch.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(stream.Next({10, 10, 60000, std::nullopt}).error().kind, ErrorKind::kCancelled);
}

TEST(PostgresSlot, TablesJoinAndLeaveThePublication) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)");
  Mirror mirror(db, {"public.t"}, "tarn_set");
  ASSERT_TRUE(mirror.capture().SetTables(mirror.spec(), {{"public", "t"}, {"public", "u"}}).ok());
  EXPECT_EQ(
      db.Run("SELECT tablename FROM pg_publication_tables WHERE pubname = 'tarn_set' ORDER BY 1"),
      "t\nu");
  ASSERT_TRUE(mirror.capture().SetTables(mirror.spec(), {{"public", "t"}}).ok());
  EXPECT_EQ(db.Run("SELECT tablename FROM pg_publication_tables WHERE pubname = 'tarn_set'"), "t");
  EXPECT_EQ(mirror.capture().SetTables(mirror.spec(), {{"public", "none"}}).error().kind,
            ErrorKind::kNotFound);
}

TEST(PostgresSlot, APublicationThatListsTheTablesIsNotAltered) {
  const TestDatabase db("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)");
  Mirror mirror(db, {"public.t", "public.u"}, "tarn_same");
  db.Run(R"(
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
  'BEGIN RAISE EXCEPTION ''it is altered''; END';
CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('ALTER PUBLICATION')
  EXECUTE FUNCTION refuse())");
  const auto set = [&](const Strings& names) {
    std::vector<SourceTableName> tables;
    for (const std::string& name : names) tables.push_back({"public", name});
    return mirror.capture().SetTables(mirror.spec(), tables);
  };
  const Status same = set({"u", "t"});
  EXPECT_TRUE(same.ok()) << same.ToString();
  EXPECT_FALSE(set({"t"}).ok());
  db.Run("DROP TABLE u; CREATE TABLE u (id int PRIMARY KEY)");
  EXPECT_FALSE(set({"t", "u"}).ok());
  db.Run("ALTER EVENT TRIGGER refuse DISABLE");
  EXPECT_TRUE(set({"t", "u"}).ok());
  const bool filters = db.Run("SHOW server_version_num") >= "150000";
  if (filters) db.Run("ALTER PUBLICATION tarn_same SET TABLE t WHERE (id > 1), u");
  db.Run("ALTER EVENT TRIGGER refuse ENABLE");
  EXPECT_EQ(set({"t", "u"}).ok(), !filters);
}

TEST(PostgresSlot, ANamedPublicationAndSlotAreUsedAndLeftAlone) {
  const TestDatabase db(R"(
CREATE TABLE t (id int PRIMARY KEY, hidden text, v int); INSERT INTO t VALUES (1, 's', 1), (2, 's', -1);
CREATE PUBLICATION mine FOR TABLE t (id, v) WHERE (id > 0 AND v > 0);)");
  // Identity columns only may be filtered on where updates are published.
  db.Run("DROP PUBLICATION mine; CREATE PUBLICATION mine FOR TABLE t (id, v) WHERE (id < 100)");
  db.Run(
      "INSERT INTO t VALUES (100, 's', 5); "
      "SELECT pg_create_logical_replication_slot('mine_slot', 'pgoutput'); INSERT INTO t VALUES "
      "(3, 's', 3)");
  auto source = db.Open();
  const CaptureSpec spec{"tarn_named", "mine", "mine_slot"};
  const auto tables = Described(*source, {"public.t"});
  auto snapshot = Must(source->capture()->Begin(spec, tables));
  const SourceTable table = Must(snapshot->Describe({"public", "t"}));
  ASSERT_EQ(table.columns.size(), 2u);
  EXPECT_EQ(Must(source->capture()->Describe(spec, tables))[0].fingerprint, table.fingerprint);
  auto reader = Must(snapshot->Open(table, {}, std::nullopt));
  EXPECT_EQ(Drain(*reader), (Strings{"1|1", "2|-1", "3|3"}));
  reader.reset();
  db.Run("INSERT INTO t VALUES (4, 's', 4), (101, 's', 1); UPDATE t SET hidden = 'x' WHERE id = 4");
  const std::string until = Must(source->capture()->CurrentPosition());
  auto stream = Must(source->capture()->Open(spec, snapshot->position(), {table}));
  const ChangeBatch batch = Must(stream->Next({1000, 1 << 20, 20000, until}));
  ASSERT_EQ(batch.tables.size(), 1u);
  EXPECT_EQ(RowTexts(*std::get<RowChanges>(batch.tables[0].events[0]).rows),
            (Strings{"4|4", "4|4"}));
  stream.reset();
  ASSERT_TRUE(source->capture()->Drop(spec).ok());
  EXPECT_EQ(SlotsOf(db) + db.Run("SELECT pubname FROM pg_publication"), "mine_slotmine");
  db.Run("ALTER PUBLICATION mine SET (publish = 'insert, update')");
  EXPECT_NE(CheckError(db, "public.t", "postgres", spec).message.find("leaves out deletes"),
            std::string::npos);
  EXPECT_EQ(CheckError(db, "public.t", "postgres", {"x", "none", ""}).kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace tarn::postgres

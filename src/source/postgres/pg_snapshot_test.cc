// Discovery, snapshots, ranges, cursors, and what happens when the server goes away.
#include <stdlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "source/postgres/pg_test_support.h"

namespace tarn::postgres {
namespace {

std::vector<std::string> Names(const std::vector<SourceTable>& tables) {
  std::vector<std::string> names;
  for (const SourceTable& table : tables) names.push_back(table.name.ToString());
  return names;
}
using Strings = std::vector<std::string>;

TEST(PostgresSource, DiscoversWhatPatternsName) {
  const TestDatabase db(R"(
CREATE TABLE a (id int PRIMARY KEY, dropped int, "Full Name" text, twice int GENERATED ALWAYS AS (id * 2) STORED);
ALTER TABLE a DROP COLUMN dropped;
CREATE TABLE "Ab ""q""" (b int, a int, PRIMARY KEY (a, b));
CREATE TABLE p (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY RANGE (id);
CREATE TABLE p11 PARTITION OF p1 DEFAULT;
CREATE VIEW v AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW m AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW unready AS SELECT 1 AS one WITH NO DATA;
CREATE SCHEMA "select"; CREATE TABLE "select"."from" (x int);
INSERT INTO a SELECT i FROM generate_series(1, 1000) i; ANALYZE a;
)");
  auto source = db.Open();
  const auto all = Must(source->Discover({}));
  EXPECT_EQ(Names(all),
            (Strings{"public.Ab \"q\"", "public.a", "public.m", "public.p", "select.from"}));
  EXPECT_EQ(all[0].key, (Strings{"a", "b"}));
  EXPECT_EQ(all[1].key, (Strings{"id"}));
  ASSERT_EQ(all[1].columns.size(), 3u);
  EXPECT_EQ(all[1].columns[1].name, "Full Name");
  EXPECT_EQ(all[1].columns[2].name, "twice");
  EXPECT_EQ(all[1].estimated_rows, 1000);
  EXPECT_GT(all[1].estimated_bytes, 8192);
  EXPECT_FALSE(all[1].columns[0].field->nullable());
  EXPECT_EQ(all[3].kind, SourceTableKind::kPartitioned);
  EXPECT_EQ(Names(Must(source->Discover({"public.v", "public.A", "select.*"}))),
            (Strings{"public.a", "public.v", "select.from"}));
  EXPECT_EQ(Names(Must(source->Discover({"public.p11"}))), (Strings{"public.p11"}));
  const Error missing = source->Discover({"public.aa"}).error();
  EXPECT_EQ(missing.kind, ErrorKind::kNotFound);
  EXPECT_EQ(missing.hint, "did you mean public.a?");
  EXPECT_EQ(source->Discover({"nowhere.*"}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(source->Discover({"public.unready"}).error().hint,
            "REFRESH MATERIALIZED VIEW \"public\".\"unready\"");
  db.Run("ALTER TABLE a ADD COLUMN more text");
  EXPECT_NE(Must(source->Discover({"public.a"}))[0].fingerprint, all[1].fingerprint);
}

TEST(PostgresSource, AKeyThatInheritingTablesNeedNotKeepIsNone) {
  const TestDatabase db(R"(
CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1);
CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p0 PARTITION OF p DEFAULT;
)");
  auto source = db.Open();
  const auto tables = Must(source->Discover({"public.parent", "public.p", "public.p0"}));
  ASSERT_EQ(Names(tables), (Strings{"public.p", "public.p0", "public.parent"}));
  EXPECT_EQ(tables[0].key, Strings{"id"});
  EXPECT_EQ(tables[1].key, Strings{"id"});
  EXPECT_EQ(tables[2].key, Strings{});
  EXPECT_TRUE(tables[2].columns[0].field->nullable());
  EXPECT_EQ(ReadTable(*source, {"public", "parent"}), (Strings{"1", "1"}));
}

TEST(PostgresSource, RefusalsNameTableAndGrant) {
  const TestDatabase db(R"(
DROP ROLE IF EXISTS visitor; CREATE ROLE visitor LOGIN;
CREATE TABLE secret (id int, name text); CREATE TABLE half (id int, name text);
GRANT SELECT (id) ON half TO visitor;
CREATE SCHEMA closed; CREATE TABLE closed.t (x int);
CREATE TABLE rows (id int); ALTER TABLE rows ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON rows TO visitor; CREATE POLICY few ON rows USING (id > 1);
)");
  auto source = db.Open({}, "", "visitor");
  const auto refusal = [&](const char* pattern) { return source->Discover({pattern}).error(); };
  EXPECT_EQ(refusal("public.secret").kind, ErrorKind::kPermissionDenied);
  EXPECT_NE(refusal("public.secret").message.find("table public.secret"), std::string::npos);
  EXPECT_EQ(refusal("public.secret").hint, "GRANT SELECT ON \"public\".\"secret\" TO \"visitor\"");
  EXPECT_NE(refusal("public.half").message.find("column name of table public.half"),
            std::string::npos);
  EXPECT_EQ(refusal("closed.t").hint, "GRANT USAGE ON SCHEMA \"closed\" TO \"visitor\"");
  EXPECT_NE(refusal("public.rows").hint.find("BYPASSRLS"), std::string::npos);
  auto snapshot = Must(source->BeginSnapshot());
  EXPECT_EQ(snapshot->Describe({"public", "rows"}).error().kind, ErrorKind::kPermissionDenied);
  EXPECT_EQ(snapshot->Describe({"public", "none"}).error().kind, ErrorKind::kNotFound);
  db.Run("DROP OWNED BY visitor; DROP ROLE visitor");
}

TEST(PostgresSource, UnreachableAndRefusingServersAreToldApartWithoutSecrets) {
  const testing::PgServer& server = testing::PgServer::Shared();
  const auto error = [&](const std::string& url) {
    PostgresOptions options;
    options.name = "shop";
    options.url = url;
    options.connect_timeout_ms = 2000;
    auto source = OpenPostgresSource(options, {});
    const Error e = source.ok() ? (*source)->Discover({}).error() : source.error();
    EXPECT_EQ(e.ToString().find("hunter2"), std::string::npos) << e.ToString();
    return e;
  };
  const std::string port = std::to_string(server.port());
  EXPECT_EQ(error("postgresql://u:hunter2@127.0.0.1:1/x").kind, ErrorKind::kUnavailable);
  const Error locked = error("postgresql://locked:hunter2@127.0.0.1:" + port + "/postgres");
  EXPECT_EQ(locked.kind, ErrorKind::kPermissionDenied) << locked.ToString();
  const Error none = error("postgresql://locked@127.0.0.1:" + port + "/postgres");
  EXPECT_EQ(none.kind, ErrorKind::kPermissionDenied) << none.ToString();
  EXPECT_EQ(error("postgresql://postgres:hunter2@127.0.0.1:" + port + "/nowhere").kind,
            ErrorKind::kNotFound);
  EXPECT_EQ(error("postgresql://nobody:hunter2@127.0.0.1:" + port + "/postgres").kind,
            ErrorKind::kPermissionDenied);
  EXPECT_EQ(error("host=hunter2 'x").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(error("postgresql://u:hunter2/x@h:5432/d").kind, ErrorKind::kInvalidArgument);
  // A password that is not escaped would be read as a part of the host or of the database's name.
  for (const char* url : {"postgresql://u:p@hunter2@127.0.0.1:1/d", "postgres://u:12/hunter2@h:1/d",
                          "postgresql://u:p@1/hunter2@h:1/d", "postgresql://u:hunter2@h/a@b"}) {
    const Error e = error(url);
    EXPECT_EQ(e.kind, ErrorKind::kInvalidArgument) << url;
    EXPECT_NE(e.message.find("%40 or %2F"), std::string::npos) << e.ToString();
  }
  EXPECT_EQ(error("postgresql://u%40x:hunter2%40%2F@127.0.0.1:1/a%40b?application_name=a@b").kind,
            ErrorKind::kUnavailable);
  PostgresOptions options;
  options.url = "postgresql://locked:open%20sesame@127.0.0.1:" + port + "/postgres";
  auto source = Must(OpenPostgresSource(options, {}));
  EXPECT_EQ(source->address(), "127.0.0.1:" + port + "/postgres");
  EXPECT_TRUE(source->ListSchemas().ok());
}

TEST(PostgresSnapshot, ParallelRangesSeeEachRowOnceAndNothingThatCameLater) {
  const TestDatabase db(R"(
CREATE TABLE t (id int PRIMARY KEY, pad text);
INSERT INTO t SELECT i, repeat('x', 200) FROM generate_series(1, 100000) i;
DELETE FROM t WHERE id % 7 = 0;
CREATE TABLE p (id int, k int, pad char(100) DEFAULT 'x') PARTITION BY LIST (k);
CREATE TABLE p0 (k int, pad char(100) DEFAULT 'x', id int); ALTER TABLE p ATTACH PARTITION p0 FOR VALUES IN (0);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) PARTITION BY RANGE (id);
CREATE TABLE p1a PARTITION OF p1 FOR VALUES FROM (0) TO (40000);
CREATE TABLE p1b PARTITION OF p1 FOR VALUES FROM (40000) TO (200000);
INSERT INTO p (id, k) SELECT i, i % 2 FROM generate_series(1, 90000) i;
CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1); INSERT INTO child SELECT generate_series(2, 200000);
)");
  auto source = db.Open();
  auto snapshot = Must(source->BeginSnapshot());
  const SourceTable t = Must(snapshot->Describe({"public", "t"}));
  const SourceTable p = Must(snapshot->Describe({"public", "p"}));
  const SourceTable parent = Must(snapshot->Describe({"public", "parent"}));
  db.Run(
      "INSERT INTO t SELECT i, 'late' FROM generate_series(200001, 300000) i;"
      "UPDATE t SET pad = 'late' WHERE id % 3 = 0; DELETE FROM t WHERE id % 5 = 0;"
      "INSERT INTO p VALUES (190000, 1)");
  const auto read = [&](const SourceTable& table, int ranges, size_t ranges_min) {
    std::multiset<int> ids;
    const auto parts = Must(snapshot->Split(table, ranges));
    EXPECT_GE(parts.size(), ranges_min) << table.name.ToString();
    EXPECT_LE(parts.size(), static_cast<size_t>(ranges)) << table.name.ToString();
    for (const ScanRange& part : parts) {
      auto reader = Must(snapshot->Open(table, part, std::nullopt));
      for (const std::string& row : Drain(*reader)) {
        EXPECT_EQ(row.find("late"), std::string::npos);
        ids.insert(std::stoi(row));
      }
    }
    return ids;
  };
  for (int ranges : {1, 3, 8}) {
    const auto ids = read(t, ranges, static_cast<size_t>(ranges));
    EXPECT_EQ(ids.size(), 100000u - 14285u);
    EXPECT_EQ(std::set<int>(ids.begin(), ids.end()).size(), ids.size());
    const auto of_p = read(p, ranges, std::min(static_cast<size_t>(ranges), size_t{5}));
    EXPECT_EQ(of_p.size(), 90000u);
    EXPECT_EQ(std::set<int>(of_p.begin(), of_p.end()).size(), 90000u);
  }
  EXPECT_EQ(read(parent, 4, 1).size(), 200000u);
  EXPECT_EQ(ReadTable(*source, {"public", "p"}).size(), 90001u);
}

TEST(PostgresSnapshot, OddTablesAreRead) {
  std::string wide = "CREATE TABLE wide (";
  std::string values;
  for (int i = 0; i < 1600; ++i) {
    wide += (i > 0 ? ", c" : "c") + std::to_string(i) + " smallint";
    values += (i > 0 ? "," : "") + std::to_string(i);
  }
  const TestDatabase db(wide + "); INSERT INTO wide VALUES (" + values +
                        "); INSERT INTO wide DEFAULT VALUES;" + R"(
CREATE TABLE empty (id int, t text[]);
CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE "Größe ""des"" 表's\ %" ("select" int, " Ä'"", " text, "$1" int);
INSERT INTO "Größe ""des"" 表's\ %" VALUES (1, 'x', NULL);
CREATE VIEW v AS SELECT * FROM generate_series(1, 3) AS n;
CREATE MATERIALIZED VIEW m AS SELECT * FROM v;
)");
  auto source = db.Open();
  const auto rows = ReadTable(*source, {"public", "wide"}, 4);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows[0].starts_with("0|1|2|") && rows[0].ends_with("|1598|1599"));
  EXPECT_TRUE(rows[1].starts_with("NULL|NULL|") && rows[1].ends_with("|NULL"));
  EXPECT_EQ(ReadTable(*source, {"public", "empty"}, 4), Strings{});
  EXPECT_EQ(ReadTable(*source, {"public", "nothing"}, 4), (Strings{"", ""}));
  EXPECT_EQ(ReadTable(*source, {"public", "Größe \"des\" 表's\\ %"}), (Strings{"1|x|NULL"}));
  EXPECT_EQ(ReadTable(*source, {"public", "v"}, 4), (Strings{"1", "2", "3"}));
  EXPECT_EQ(ReadTable(*source, {"public", "m"}, 4), (Strings{"1", "2", "3"}));
}

TEST(PostgresSnapshot, BatchesKeepTheirLimitsOfRowsAndBytes) {
  const TestDatabase db(
      "CREATE TABLE t AS SELECT i AS id, repeat('x', 1000) AS pad, NULL::int AS n "
      "FROM generate_series(1, 5000) i");
  const auto batches = [&](int64_t rows, int64_t bytes) {
    Limits limits;
    limits.batch_rows = rows;
    limits.batch_bytes_max = bytes;
    auto source = db.Open({}, "", "postgres", limits);
    auto snapshot = Must(source->BeginSnapshot());
    const SourceTable table = Must(snapshot->Describe({"public", "t"}));
    auto reader = Must(snapshot->Open(table, {}, std::nullopt));
    int64_t next = 1;
    int64_t count = 0;
    while (auto batch = Must(reader->Next())) {
      EXPECT_LE(batch->num_rows(), rows);
      EXPECT_LE(batch->num_rows() * 1000, bytes + 2000);
      EXPECT_TRUE(batch->ValidateFull().ok());
      for (int64_t i = 0; i < batch->num_rows(); ++i) {
        EXPECT_EQ(TextOf(*batch->column(0), i), std::to_string(next++));
      }
      ++count;
    }
    EXPECT_EQ(next, 5001);
    return count;
  };
  EXPECT_EQ(batches(1000, 1 << 30), 5);
  EXPECT_EQ(batches(4999, 1 << 30), 2);
  EXPECT_GE(batches(100000, 100000), 50);
  EXPECT_EQ(batches(1, 1 << 30), 5000);
}

TEST(PostgresSnapshot, LongValuesArriveWholeAndTooLongOnesAreRefusedByName) {
  const TestDatabase db(
      "CREATE TABLE t (id int PRIMARY KEY, v text);"
      "INSERT INTO t SELECT i, repeat(md5(i::text), 200000 * i) FROM generate_series(1, 4) i");
  auto source = db.Open();
  auto snapshot = Must(source->BeginSnapshot());
  const SourceTable table = Must(snapshot->Describe({"public", "t"}));
  auto reader = Must(snapshot->Open(table, {}, std::nullopt));
  std::vector<size_t> sizes;
  for (const std::string& row : Drain(*reader)) {
    sizes.push_back(row.size());
    EXPECT_EQ(row.substr(2, 32), row.substr(row.size() - 32));
  }
  EXPECT_EQ(sizes, (std::vector<size_t>{6400002, 12800002, 19200002, 25600002}));
  Limits limits;
  limits.value_bytes_max = 7000000;
  auto strict = db.Open({}, "", "postgres", limits);
  auto again = Must(strict->BeginSnapshot());
  auto failing = Must(again->Open(Must(again->Describe({"public", "t"})), {}, std::nullopt));
  const Error error = DrainToError(*failing);
  EXPECT_EQ(error.kind, ErrorKind::kResourceExhausted);
  EXPECT_NE(error.message.find("(id = 2), column v: a value of 12800000 bytes"), std::string::npos);
}

TEST(PostgresSnapshot, CursorsRoundTripInTheirTextForm) {
  const TestDatabase db(R"(
CREATE TYPE mood AS ENUM ('z', 'a');
CREATE TABLE t (id int, ts timestamptz, n numeric, d date, f float8, s text, u uuid, m mood, j json);
INSERT INTO t SELECT i, '2024-01-01 00:00:00+02'::timestamptz + i * interval '1.000001 s', i / 3.0,
  DATE '2024-01-01' + i, i / 3.0, 'é' || lpad(i::text, 5, '0'), lpad(i::text, 32, '0')::uuid,
  (ARRAY['z', 'a']::mood[])[1 + i / 51], '{}' FROM generate_series(1, 100) i;
INSERT INTO t (id) VALUES (0);
)");
  auto source = db.Open({}, "string");
  for (const char* column : {"id", "ts", "n", "d", "f", "s", "u", "m"}) {
    auto before = Must(source->BeginSnapshot());
    const SourceTable table = Must(before->Describe({"public", "t"}));
    const auto upto = Must(before->MaxCursor(table, column, std::nullopt));
    ASSERT_TRUE(upto.has_value());
    auto first = Must(before->Open(table, {}, CursorRange{column, std::nullopt, *upto}));
    EXPECT_EQ(Drain(*first).size(), 101u) << column << " upto " << *upto;
    auto none = Must(before->Open(table, {}, CursorRange{column, *upto, *upto}));
    EXPECT_EQ(Drain(*none).size(), 0u) << column;
    const std::string middle = db.Run("SET timezone = 'UTC'; SELECT " + std::string(column) +
                                      "::text FROM t WHERE id = 50");
    auto rest = Must(before->Open(table, {}, CursorRange{column, middle, *upto}));
    EXPECT_EQ(Drain(*rest).size(), 50u) << column << " after " << middle;
  }
  auto snapshot = Must(source->BeginSnapshot());
  const SourceTable table = Must(snapshot->Describe({"public", "t"}));
  EXPECT_EQ(snapshot->MaxCursor(table, "j", std::nullopt).error().kind,
            ErrorKind::kInvalidArgument);
  EXPECT_EQ(snapshot->MaxCursor(table, "nope", std::nullopt).error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(snapshot->MaxCursor(table, "id", std::nullopt).ok())
      << "an error does not end the snapshot";
}

TEST(PostgresSnapshot, TheHighestCursorIsFiniteInEveryTypeThatHasMore) {
  const TestDatabase db(R"(
CREATE DOMAIN moment AS timestamptz; CREATE DOMAIN amount AS numeric;
CREATE TABLE t (a timestamptz, b timestamp, c date, d float4, e float8, f numeric, g moment,
  h amount, i numeric(6,2));
INSERT INTO t VALUES ('2024-01-01 00:00:00+00', '2024-01-02', '2024-01-03', 1.5, 2.5, 3.5,
  '2024-01-04 00:00:00+00', 4.5, 5.5);
INSERT INTO t VALUES ('infinity', 'infinity', 'infinity', 'Infinity', 'Infinity', 'NaN', 'infinity',
  'NaN', 'NaN');
INSERT INTO t (d, e) VALUES ('NaN', 'NaN');
)");
  auto source = db.Open();
  auto snapshot = Must(source->BeginSnapshot());
  const SourceTable table = Must(snapshot->Describe({"public", "t"}));
  const std::vector<std::pair<std::string, std::string>> highest = {{"a", "2024-01-01 00:00:00+00"},
                                                                    {"b", "2024-01-02 00:00:00"},
                                                                    {"c", "2024-01-03"},
                                                                    {"d", "1.5"},
                                                                    {"e", "2.5"},
                                                                    {"f", "3.5"},
                                                                    {"g", "2024-01-04 00:00:00+00"},
                                                                    {"h", "4.5"},
                                                                    {"i", "5.50"}};
  for (const auto& [column, value] : highest) {
    EXPECT_EQ(Must(snapshot->MaxCursor(table, column, std::nullopt)), value) << column;
  }
}

TEST(PostgresSnapshot, TablesThatChangeUnderItAreRefusedOrWait) {
  const TestDatabase db(
      "CREATE TABLE a AS SELECT 1 AS x; CREATE TABLE b AS SELECT 1 AS x;"
      "CREATE TABLE c AS SELECT 1 AS x; CREATE TABLE d AS SELECT 1 AS x;");
  auto source = db.Open();
  const SourceTable planned = Must(source->Discover({"public.d"}))[0];
  db.Run("ALTER TABLE d ADD COLUMN y int");
  auto snapshot = Must(source->BeginSnapshot());
  EXPECT_EQ(snapshot->Open(planned, {}, std::nullopt).error().kind, ErrorKind::kConflict);
  const SourceTable a = Must(snapshot->Describe({"public", "a"}));
  db.Run("TRUNCATE b; ALTER TABLE c DROP COLUMN x");
  EXPECT_EQ(snapshot->Describe({"public", "b"}).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(snapshot->Describe({"public", "c"}).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(db.Run("SET lock_timeout = '50ms'; DO $$ BEGIN DROP TABLE a; EXCEPTION WHEN "
                   "lock_not_available THEN RAISE NOTICE 'locked'; END $$; SELECT count(*) FROM a"),
            "1");
  EXPECT_EQ(ReadTable(*source, {"public", "a"}), (Strings{"1"}));
}

TEST(PostgresSnapshot, ABackendThatIsKilledIsUnavailableAndNothingLooksComplete) {
  const TestDatabase db(
      "CREATE TABLE t AS SELECT i, repeat('x', 500) AS pad FROM generate_series(1, 100000) i");
  Limits limits;
  limits.batch_rows = 100;
  auto source = db.Open({}, "", "postgres", limits);
  auto snapshot = Must(source->BeginSnapshot());
  const SourceTable table = Must(snapshot->Describe({"public", "t"}));
  auto reader = Must(snapshot->Open(table, {}, std::nullopt));
  ASSERT_NE(Must(reader->Next()), nullptr);
  db.Run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%'");
  const Error error = DrainToError(*reader);
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable) << error.ToString();
  auto other = Must(snapshot->Open(table, {}, std::nullopt));
  EXPECT_NE(Must(other->Next()), nullptr) << "the snapshot itself lives";
}

// With TLS libpq reads the socket, and every row comes another way.
TEST(PostgresSnapshot, OverTlsTheSameRowsArriveAndErrorsAreTheSame) {
  std::string folder = std::filesystem::temp_directory_path() / "tarn-tests-tls-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string make =
      "cd " + folder + " && openssl req -new -x509 -days 2 -nodes -subj /CN=localhost " +
      "-keyout key.pem -out cert.pem 2>/dev/null && chmod 755 . && chmod 600 key.pem && " +
      "if [ $(id -u) = 0 ]; then chown postgres key.pem cert.pem; fi";
  ASSERT_EQ(std::system(make.c_str()), 0);
  const testing::PgServer server("ssl = on\nssl_cert_file = '" + folder +
                                 "/cert.pem'\nssl_key_file = '" + folder + "/key.pem'");
  server.Run(
      "CREATE TABLE t AS SELECT i, repeat('x', i % 3000) AS pad FROM generate_series(1, 20000) i;"
      "CREATE TABLE bad (id int PRIMARY KEY, v int);"
      "INSERT INTO bad SELECT i, 1000 - i FROM generate_series(1, 2000) i;"
      "CREATE VIEW failing AS SELECT 1 / v AS x FROM bad");
  PostgresOptions options;
  options.name = "test";
  options.url = server.Url() + "?sslmode=require";
  auto source = Must(OpenPostgresSource(options, {}));
  EXPECT_EQ(ReadTable(*source, {"public", "t"}, 4).size(), 20000u);
  auto snapshot = Must(source->BeginSnapshot());
  const SourceTable table = Must(snapshot->Describe({"public", "failing"}));
  auto reader = snapshot->Open(table, {}, std::nullopt);
  const Error tls = reader.ok() ? DrainToError(**reader) : reader.error();
  options.url = server.Url() + "?sslmode=disable";
  auto plain_source = Must(OpenPostgresSource(options, {}));
  auto plain_snapshot = Must(plain_source->BeginSnapshot());
  auto plain = plain_snapshot->Open(table, {}, std::nullopt);
  const Error error = plain.ok() ? DrainToError(**plain) : plain.error();
  EXPECT_NE(tls.message.find("division by zero"), std::string::npos) << tls.ToString();
  EXPECT_EQ(tls.ToString(), error.ToString());
  std::filesystem::remove_all(folder);
}

TEST(PostgresSnapshot, AServerThatRestartsEndsReadersAndSnapshotsAsUnavailable) {
  testing::PgServer server;
  server.Run(
      "CREATE TABLE t AS SELECT i, repeat('x', 500) AS pad FROM generate_series(1, 100000) i;"
      "CHECKPOINT");
  PostgresOptions options;
  options.name = "test";
  options.url = server.Url();
  Limits limits;
  limits.batch_rows = 100;
  auto source = Must(OpenPostgresSource(options, limits));
  const SourceTable live = Must(source->Describe({"public", "t"}));
  auto snapshot = Must(source->BeginSnapshot());
  const SourceTable table = Must(snapshot->Describe({"public", "t"}));
  auto reader = Must(snapshot->Open(table, {}, std::nullopt));
  ASSERT_NE(Must(reader->Next()), nullptr);
  server.CrashAndRestart();
  EXPECT_EQ(DrainToError(*reader).kind, ErrorKind::kUnavailable);
  EXPECT_EQ(snapshot->Open(table, {}, std::nullopt).error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(snapshot->Describe({"public", "other"}).error().kind, ErrorKind::kUnavailable);
  EXPECT_TRUE(source->BeginSnapshot().ok());
  LiveScan scan;
  scan.table = live;
  scan.columns = {"i"};
  auto rows = Must(source->Scan(scan));  // over a pooled connection that the restart cut
  EXPECT_NE(Must(rows->Next()), nullptr);
}

}  // namespace
}  // namespace tarn::postgres

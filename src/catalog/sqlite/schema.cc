#include "catalog/sqlite/schema.h"

#include <string>

namespace tarn::sqlite {
namespace {

// Rows that change with the lake's sequence carry the half-open range [begin_sequence,
// end_sequence) in which they hold; a row that still holds ends at 9223372036854775807, so that one
// comparison serves reads of the present and of the past.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE commits(
  sequence INTEGER PRIMARY KEY,
  commit_id TEXT NOT NULL UNIQUE,
  committed_micros INTEGER NOT NULL,
  author TEXT NOT NULL,
  message TEXT NOT NULL) STRICT;
CREATE INDEX commits_by_time ON commits(committed_micros);

CREATE TABLE namespaces(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  properties TEXT NOT NULL,
  begin_sequence INTEGER NOT NULL,
  end_sequence INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX namespaces_by_name ON namespaces(name, begin_sequence);
CREATE INDEX namespaces_by_end ON namespaces(end_sequence);

CREATE TABLE tables(
  id INTEGER PRIMARY KEY,
  uuid TEXT NOT NULL,
  schema_name TEXT NOT NULL,
  name TEXT NOT NULL,
  location TEXT NOT NULL,
  metadata_location TEXT NOT NULL,
  version INTEGER NOT NULL,
  owner TEXT NOT NULL,
  begin_sequence INTEGER NOT NULL,
  end_sequence INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX tables_by_uuid ON tables(uuid, begin_sequence);
CREATE UNIQUE INDEX tables_by_name ON tables(schema_name, name, begin_sequence);
CREATE INDEX tables_by_folded_name ON tables(
  schema_name COLLATE NOCASE, name COLLATE NOCASE, end_sequence, begin_sequence);
CREATE INDEX tables_by_end ON tables(end_sequence);
CREATE INDEX tables_by_location ON tables(location);

CREATE TABLE views(
  id INTEGER PRIMARY KEY,
  schema_name TEXT NOT NULL,
  name TEXT NOT NULL,
  sql TEXT NOT NULL,
  columns TEXT NOT NULL,
  description TEXT NOT NULL,
  owner TEXT NOT NULL,
  begin_sequence INTEGER NOT NULL,
  end_sequence INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX views_by_name ON views(schema_name, name, begin_sequence);
CREATE INDEX views_by_folded_name ON views(
  schema_name COLLATE NOCASE, name COLLATE NOCASE, end_sequence, begin_sequence);
CREATE INDEX views_by_end ON views(end_sequence);

CREATE TABLE positions(
  source TEXT NOT NULL,
  table_name TEXT NOT NULL,
  position TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY(source, table_name)) STRICT, WITHOUT ROWID;

CREATE TABLE objects(
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  json TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY(kind, name)) STRICT, WITHOUT ROWID;

CREATE TABLE outbox(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  table_uuid TEXT NOT NULL,
  version INTEGER NOT NULL,
  previous_metadata_location TEXT NOT NULL,
  metadata_location TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  committed_micros INTEGER NOT NULL) STRICT;

CREATE TABLE runs(
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  started_micros INTEGER NOT NULL,
  finished_micros INTEGER,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sequence INTEGER,
  error TEXT NOT NULL,
  detail_json TEXT NOT NULL) STRICT;
CREATE INDEX runs_by_start ON runs(started_micros);

CREATE TABLE locks(
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  token TEXT NOT NULL,
  process TEXT NOT NULL,
  expires_micros INTEGER NOT NULL) STRICT, WITHOUT ROWID;
)sql";

// What a commit looks up costs the same however long a table's history or the outbox is.
constexpr const char* kVersion2 = R"sql(
DROP INDEX tables_by_location;
CREATE INDEX tables_by_location ON tables(location, end_sequence);
CREATE INDEX outbox_by_table ON outbox(table_uuid, id);
)sql";

// Migration i brings version i to version i + 1. A released one is never edited.
constexpr const char* kMigrations[] = {kVersion1, kVersion2};
static_assert(sizeof(kMigrations) / sizeof(kMigrations[0]) == kSchemaVersion);

Status MigrateFrom(Connection& connection, int64_t version, Clock& clock) {
  if (version == 0) {
    TARN_RETURN_IF_ERROR(
        connection.Execute("CREATE TABLE schema_version(version INTEGER PRIMARY KEY,"
                           " migrated_micros INTEGER NOT NULL) STRICT"));
  }
  for (; version < kSchemaVersion; ++version) {
    TARN_RETURN_IF_ERROR(connection.Execute(kMigrations[version]));
    TARN_RETURN_IF_ERROR(
        connection.Run("INSERT INTO schema_version VALUES (?, ?)", version + 1, clock.NowMicros()));
  }
  return {};
}

}  // namespace

Result<int64_t> ReadSchemaVersion(Connection& connection) {
  TARN_ASSIGN_OR_RETURN(
      Statement exists,
      connection.Query("SELECT count(*), sum(name = 'schema_version') FROM sqlite_schema"));
  TARN_RETURN_IF_ERROR(exists.Step());
  if (exists.Int(0) == 0) return 0;
  if (exists.Int(1) == 0) {
    return Corruption("catalog " + connection.path() + " is the SQLite file of another program",
                      "move the file away, or point `state` to another folder");
  }
  TARN_ASSIGN_OR_RETURN(Statement query,
                        connection.Query("SELECT max(version) FROM schema_version"));
  TARN_RETURN_IF_ERROR(query.Step());
  const int64_t version = query.Int(0);
  if (version > kSchemaVersion) {
    return Unsupported("catalog " + connection.path() + " has schema version " +
                           std::to_string(version) + ", and this program knows up to " +
                           std::to_string(kSchemaVersion),
                       "use the newer Tarn that wrote it");
  }
  return version;
}

Status Migrate(Connection& connection, Clock& clock) {
  TARN_ASSIGN_OR_RETURN(int64_t version, ReadSchemaVersion(connection));
  if (version == kSchemaVersion) return {};
  TARN_RETURN_IF_ERROR(connection.Begin());
  Result<int64_t> locked_version =
      ReadSchemaVersion(connection);  // another process may have been first
  Status status = locked_version.status();
  if (status.ok()) status = MigrateFrom(connection, *locked_version, clock);
  if (!status.ok()) {
    connection.Rollback();
    return status;
  }
  status = connection.Commit();
  if (status.ok() || status.error().kind != ErrorKind::kCommitUnknown) return status;
  Error error = status.error();
  error.kind = ErrorKind::kUnavailable;  // opening again finds out
  return error;
}

}  // namespace tarn::sqlite

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/cron.h"
#include "base/limits.h"
#include "base/time_zone.h"
#include "pipeline/ingest/capture.h"
#include "pipeline/transform/model.h"

namespace tarn {

/// Where something stands in a file of the project, for messages: "tarn.yaml:12:3".
struct FilePosition {
  std::string file;
  int line = 0;    ///< from 1
  int column = 0;  ///< from 1
  std::string ToString() const;
};

/// `storage:`: how an S3 warehouse is reached. Empty members: as the AWS SDK finds them.
struct StorageSpec {
  std::string endpoint;
  std::string region;
  std::string access_key;
  std::string secret_key;     ///< secret
  std::string session_token;  ///< secret
  std::string role_arn;
  std::string ca_file;
  std::string path_style;  ///< "true", "false" or empty
  std::string encryption;  ///< "sse-s3", "sse-kms" or empty
  std::string kms_key;
};

enum class SourceMode {
  kSnapshot,     ///< every run replaces the whole table
  kIncremental,  ///< every run appends, or merges by key, the rows past the cursor
  kCdc,          ///< loaded once, then `up` follows the source's log
  kQuery,        ///< live only, nothing is copied
};
std::string_view SourceModeName(SourceMode mode);

/// One entry of `sources:`.
struct SourceSpec {
  std::string name;                 ///< also the name of the live database in SQL
  std::string type;                 ///< "postgres", "mysql"
  std::string url;                  ///< secret: may hold a password
  std::vector<std::string> tables;  ///< patterns; empty: everything
  SourceMode mode = SourceMode::kSnapshot;
  std::string cursor;       ///< of mode incremental
  std::string into_schema;  ///< lake schema of tables without a mapping of their own
  /// Source table → lake table, as written: "public.customer" → "bronze.crm_customer".
  std::map<std::string, std::string> into_tables;
  /// \name Of mode cdc.
  /// @{
  CaptureCadence commit;
  std::string slot;         ///< an existing one of PostgreSQL, instead of one that `apply` makes
  std::string publication;  ///< likewise
  /// Patterns of source tables of which every change is kept: `history: true` is "*.*".
  std::vector<std::string> history;
  FilePosition history_position;
  /// @}
  std::string numeric;                       ///< what unconstrained numeric becomes; empty: default
  std::map<std::string, std::string> types;  ///< "public.t.column" → lake type
  FilePosition position;
};

/// One entry of `tables:`: settings of the tables that match a pattern.
struct TableRule {
  std::string pattern;  ///< "silver.sales", "silver.*"
  std::vector<std::string> partition;
  std::map<std::string, std::string> tags;
  std::string iceberg;  ///< "auto", "2", "3"; empty: not said
  FilePosition position;
};

/// One entry of `schedules:`, or the `schedule:` of a source.
struct ScheduleSpec {
  std::string name;       ///< "nightly"; "source <name>" of a source's own
  std::string cron_text;  ///< as written
  CronSchedule cron;
  std::string time_zone;         ///< "Europe/Berlin"; empty: UTC
  TimeZone zone;                 ///< the same, loaded
  std::vector<std::string> run;  ///< what `tarn run` would be told: selectors
  std::string source;            ///< instead: all tables of this source are loaded again
  FilePosition position;
};

/// `serve:`: where `up` listens.
struct ServeSpec {
  bool http = true;
  std::string http_host = "127.0.0.1";
  int http_port = 8181;        ///< 0: any that is free
  bool http_is_given = false;  ///< by tarn.yaml: then nothing but this address will do
};

/// A parsed project folder in one environment: what should exist.
struct ProjectSpec {
  std::string root;         ///< folder that holds tarn.yaml, absolute
  std::string environment;  ///< empty: none chosen
  std::string name;
  std::string catalog;
  std::string warehouse;  ///< absolute path, or s3://bucket/prefix
  std::string state;      ///< absolute path
  StorageSpec storage;
  std::vector<SourceSpec> sources;  ///< by name
  std::vector<TableRule> tables;  ///< in the order of the file; the last match of each setting wins
  std::vector<Model> models;      ///< by name
  std::vector<ScheduleSpec> schedules;  ///< by name
  ServeSpec serve;
  Limits limits;
};

/// Reads tarn.yaml and models/ below `root`. Strict: an unknown key, a wrong type, a key twice or a
/// missing environment variable is an InvalidArgument that begins with file:line:column, and what
/// is not available is an Unsupported that does. `environment` empty: the file's own settings; else
/// those with `environments: <name>:` laid over them, where a warehouse or state that the
/// environment does not set gets "-<name>" appended: no two environments share one.
Result<ProjectSpec> LoadProject(const std::string& root, const std::string& environment);

/// The folder at or above `start` that holds tarn.yaml. NotFound, with `tarn init` as the hint.
Result<std::string> FindProjectRoot(const std::string& start);

}  // namespace tarn

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/nearest.h"
#include "base/text.h"
#include "project/model_file.h"
#include "project/model_fingerprint.h"
#include "project/schedules.h"
#include "project/spec.h"
#include "project/yaml.h"
#include "source/table_pattern.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

constexpr char kFileName[] = "tarn.yaml";
/// `commit: {every: …}`: every commit is files, and readers' work.
constexpr int64_t kCadenceMsMin = 200;
constexpr int64_t kCadenceMsMax = 3'600'000;

/// A limit of tarn.yaml's `limits:` and where it goes.
struct LimitEntry {
  const char* name;
  int64_t Limits::*member;
  int64_t least = 1;
};
constexpr LimitEntry kLimits[] = {
    {"batch_rows", &Limits::batch_rows},
    {"batch_bytes_max", &Limits::batch_bytes_max},
    {"value_bytes_max", &Limits::value_bytes_max},
    {"row_group_bytes", &Limits::row_group_bytes},
    {"row_group_rows", &Limits::row_group_rows},
    {"target_file_bytes", &Limits::target_file_bytes},
    {"load_streams", &Limits::load_streams},
    {"duckdb_memory_bytes", &Limits::duckdb_memory_bytes},
    {"commit_retries_max", &Limits::commit_retries_max},
    {"storage_retries_max", &Limits::storage_retries_max},
    {"storage_timeout_ms", &Limits::storage_timeout_ms},
    {"storage_connect_timeout_ms", &Limits::storage_connect_timeout_ms},
    {"storage_deadline_ms", &Limits::storage_deadline_ms},
    {"source_connect_timeout_ms", &Limits::source_connect_timeout_ms},
    {"lock_lease_ms", &Limits::lock_lease_ms},
    {"lock_wait_ms", &Limits::lock_wait_ms},
    {"checkpoint_every_commits", &Limits::checkpoint_every_commits},
    {"runs_kept_max", &Limits::runs_kept_max},
    {"metadata_log_max", &Limits::metadata_log_max},
    {"partition_writers_max", &Limits::partition_writers_max},
    {"storage_part_bytes", &Limits::storage_part_bytes},
    {"storage_parts_in_flight_max", &Limits::storage_parts_in_flight_max},
    {"storage_reads_in_flight_max", &Limits::storage_reads_in_flight_max, 0},
    {"storage_read_part_bytes", &Limits::storage_read_part_bytes},
    {"storage_read_ahead_bytes", &Limits::storage_read_ahead_bytes, 0},
    {"storage_cache_bytes", &Limits::storage_cache_bytes, 0},
    {"storage_cache_block_bytes", &Limits::storage_cache_block_bytes},
    {"storage_connections_idle_max", &Limits::storage_connections_idle_max},
    {"local_open_files_max", &Limits::local_open_files_max},
    {"capture_read_ahead_bytes", &Limits::capture_read_ahead_bytes},
    {"capture_touched_keys_max", &Limits::capture_touched_keys_max},
    {"capture_transaction_memory_bytes", &Limits::capture_transaction_memory_bytes},
    {"capture_status_interval_ms", &Limits::capture_status_interval_ms},
    {"compact_small_percent", &Limits::compact_small_percent},
    {"compact_deleted_percent", &Limits::compact_deleted_percent},
    {"compact_group_bytes_max", &Limits::compact_group_bytes_max},
    {"statistics_rows_min", &Limits::statistics_rows_min},
    {"statistics_changed_percent", &Limits::statistics_changed_percent},
    {"statistics_read_bytes_max", &Limits::statistics_read_bytes_max, 0},
    {"snapshot_age_ms_max", &Limits::snapshot_age_ms_max, 0},
    {"snapshots_kept_max", &Limits::snapshots_kept_max},
    {"snapshots_kept_min", &Limits::snapshots_kept_min},
    {"reader_grace_ms", &Limits::reader_grace_ms, 0},
    {"orphan_grace_ms", &Limits::orphan_grace_ms, 3'600'000},
};

bool IsName(const std::string& text) {
  if (text.empty() || text.size() > 63) return false;
  for (char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && !(c >= '0' && c <= '9') && c != '-') return false;
  }
  return !(text[0] >= '0' && text[0] <= '9') && text[0] != '-';
}

std::string Absolute(const std::string& root, const std::string& path) {
  return (fs::path(root) / path).lexically_normal().string();
}

bool IsUri(const std::string& text) { return text.find("://") != std::string::npos; }

/// "file:///x" → "/x"; everything else as it is.
std::string WithoutFileScheme(const std::string& text) {
  return text.rfind("file://", 0) == 0 ? text.substr(7) : text;
}

/// The place of an environment beside the base one: "./lake/" and "-dev" → "./lake-dev". A whole
/// bucket has nothing beside it that is ours: there the environment is a prefix in it.
std::string WithSuffix(std::string place, const std::string& suffix) {
  while (place.size() > 1 && place.back() == '/') place.pop_back();
  if (suffix.empty()) return place;
  const size_t scheme = place.find("://");
  const bool bare_bucket =
      scheme != std::string::npos && place.find('/', scheme + 3) == std::string::npos;
  return bare_bucket ? place + "/" + suffix.substr(1) : place + suffix;
}

/// Two-part lake name; quotes are not needed: everything after the first dot is the table.
Status ParseInto(YamlMap& map, SourceSpec* source) {
  const YAML::Node node = map.Raw("into");
  if (!node.IsDefined()) {
    source->into_schema = "bronze";
    return Status::Ok();
  }
  if (!node.IsMap()) {
    TARN_ASSIGN_OR_RETURN(source->into_schema, map.RequiredString("into"));
    if (source->into_schema.find('.') != std::string::npos) {
      return map.ErrorAt("into",
                         "\"into\" names a schema, not a table: \"" + source->into_schema + "\"",
                         "map tables one by one: into: {public.customer: bronze.crm_customer}");
    }
    return Status::Ok();
  }
  source->into_schema = "bronze";
  TARN_ASSIGN_OR_RETURN(source->into_tables, map.StringMap("into"));
  for (const auto& [from, to] : source->into_tables) {
    auto parts = SplitName(to);
    if (!parts.ok() || parts->size() != 2) {
      return map.ErrorAt("into", "\"" + to + "\" is not of the form schema.table",
                         "write " + from + ": bronze." + to);
    }
  }
  return Status::Ok();
}

/// "5s", "200ms" → milliseconds; "64MB" → bytes: digits, then one of the units.
std::optional<int64_t> Measure(const std::string& text,
                               std::initializer_list<std::pair<const char*, int64_t>> units) {
  constexpr size_t kDigitsMax = 9;
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > kDigitsMax) return std::nullopt;
  for (const auto& [unit, factor] : units) {
    if (text.substr(digits) == unit) return std::stoll(text.substr(0, digits)) * factor;
  }
  return std::nullopt;
}

Status ParseCadence(YamlMap& map, CaptureCadence* cadence) {
  TARN_ASSIGN_OR_RETURN(YamlMap commit, map.Map("commit", "commit"));
  TARN_ASSIGN_OR_RETURN(const auto every, commit.String("every"));
  if (every.has_value()) {
    const auto ms = Measure(*every, {{"ms", 1}, {"s", 1000}, {"m", 60'000}});
    if (!ms.has_value() || *ms < kCadenceMsMin || *ms > kCadenceMsMax) {
      return commit.ErrorAt("every", "\"" + *every + "\" is no time between 200ms and 60m",
                            "write `every: 5s`");
    }
    cadence->every_ms = *ms;
  }
  TARN_ASSIGN_OR_RETURN(const auto rows, commit.Int("rows"));
  if (rows.has_value() && *rows < 1) {
    return commit.ErrorAt("rows", "rows must be at least 1");
  }
  cadence->rows = rows.value_or(cadence->rows);
  TARN_ASSIGN_OR_RETURN(const auto bytes, commit.String("bytes"));
  if (bytes.has_value()) {
    const auto size = Measure(*bytes, {{"", 1}, {"kB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}});
    if (!size.has_value() || *size < 1) {
      return commit.ErrorAt("bytes", "\"" + *bytes + "\" is no size", "write `bytes: 64MB`");
    }
    cadence->bytes = *size;
  }
  return commit.Done();
}

/// `history: true`, or the tables of which it is kept.
Status ParseHistory(YamlMap& map, SourceSpec* source) {
  if (!map.Has("history")) return {};
  source->history_position = map.PositionOf("history");
  TARN_ASSIGN_OR_RETURN(source->history, map.Strings("history"));
  const bool scalar = map.Raw("history").IsScalar();
  if (scalar && source->history[0] == "true") source->history = {"*.*"};
  if (scalar && source->history[0] == "false") source->history.clear();
  for (const std::string& pattern : source->history) {
    const auto parsed = TablePattern::Parse(pattern, "");
    if (parsed.ok()) continue;
    return map.ErrorAt("history", parsed.error().message,
                       "write `history: true`, or `history: [public.customer]`");
  }
  return {};
}

/// What belongs to mode cdc alone.
Status ParseCapture(YamlMap& map, SourceSpec* source) {
  if (source->mode != SourceMode::kCdc) {
    for (const char* key : {"commit", "slot", "publication", "history"}) {
      if (map.Has(key)) return map.ErrorAt(key, std::string("only mode cdc takes ") + key);
    }
    return {};
  }
  TARN_RETURN_IF_ERROR(ParseCadence(map, &source->commit));
  TARN_ASSIGN_OR_RETURN(const auto slot, map.String("slot"));
  TARN_ASSIGN_OR_RETURN(const auto publication, map.String("publication"));
  source->slot = slot.value_or("");
  source->publication = publication.value_or("");
  return ParseHistory(map, source);
}

Result<SourceSpec> ParseSource(YamlMap& map, const std::string& name) {
  SourceSpec source;
  source.name = name;
  source.position = map.position();
  TARN_RETURN_IF_ERROR(map.RequiredString("type").status());
  TARN_ASSIGN_OR_RETURN(auto type,
                        map.Choice("type", {"postgres", "mysql"}, {"files", "generate"}));
  source.type = *type;
  TARN_ASSIGN_OR_RETURN(source.url, map.RequiredString("url"));
  TARN_ASSIGN_OR_RETURN(source.tables, map.Strings("tables"));
  if (source.tables.empty() && map.Has("tables")) {
    return map.ErrorAt("tables", "\"tables\" of source " + name + " names none",
                       "take the key out for all tables of the database");
  }
  TARN_ASSIGN_OR_RETURN(auto mode, map.Choice("mode", {"snapshot", "incremental", "cdc", "query"}));
  if (mode == "incremental") source.mode = SourceMode::kIncremental;
  if (mode == "query") source.mode = SourceMode::kQuery;
  if (mode == "cdc") source.mode = SourceMode::kCdc;
  TARN_ASSIGN_OR_RETURN(auto cursor, map.String("cursor"));
  source.cursor = cursor.value_or("");
  if (source.mode == SourceMode::kIncremental && source.cursor.empty()) {
    return InvalidArgument(
        source.position.ToString() + ": source " + name + " has mode incremental and no cursor",
        "add `cursor: updated_at`, a column that only grows");
  }
  if (source.mode != SourceMode::kIncremental && !source.cursor.empty()) {
    return map.ErrorAt("cursor", "only mode incremental takes a cursor");
  }
  TARN_RETURN_IF_ERROR(ParseCapture(map, &source));
  TARN_RETURN_IF_ERROR(ParseInto(map, &source));
  TARN_ASSIGN_OR_RETURN(auto numeric, map.String("numeric"));
  source.numeric = numeric.value_or("");
  TARN_ASSIGN_OR_RETURN(source.types, map.StringMap("types"));
  TARN_RETURN_IF_ERROR(map.Done());
  return source;
}

Status ParseSources(YamlMap& file, const std::string& path, ProjectSpec* spec) {
  TARN_ASSIGN_OR_RETURN(YamlMap sources, file.Map("sources", "sources"));
  for (const std::string& name : sources.Keys()) {
    if (!IsName(name)) {
      return sources.ErrorAt(name, "\"" + name + "\" cannot name a source",
                             "use letters, digits, '_' and '-', beginning with a letter");
    }
    TARN_ASSIGN_OR_RETURN(YamlMap map, YamlMap::From(sources.Raw(name), path, "source " + name));
    if (map.Keys().empty()) return sources.ErrorAt(name, "source " + name + " is empty");
    TARN_RETURN_IF_ERROR(ParseSourceSchedule(map, name, spec));
    TARN_ASSIGN_OR_RETURN(SourceSpec source, ParseSource(map, name));
    if (LowerAscii(name) == LowerAscii(spec->catalog)) {
      return sources.ErrorAt(name, "the source and the catalog are both called \"" + name + "\"",
                             "rename one of them: SQL sees both names");
    }
    spec->sources.push_back(std::move(source));
  }
  return Status::Ok();
}

Status ParseTableRules(YamlMap& file, const std::string& path, ProjectSpec* spec) {
  TARN_ASSIGN_OR_RETURN(YamlMap tables, file.Map("tables", "tables"));
  for (const std::string& pattern : tables.Keys()) {
    TARN_ASSIGN_OR_RETURN(YamlMap map,
                          YamlMap::From(tables.Raw(pattern), path, "tables " + pattern));
    TableRule rule;
    rule.pattern = pattern;
    rule.position = tables.PositionOf(pattern);
    if (pattern.find('.') == std::string::npos) {
      return tables.ErrorAt(pattern, "\"" + pattern + "\" is not of the form schema.table",
                            "write " + pattern + ".* for all tables of a schema");
    }
    TARN_ASSIGN_OR_RETURN(rule.partition, map.Expressions("partition"));
    TARN_ASSIGN_OR_RETURN(rule.tags, map.StringMap("tags"));
    TARN_ASSIGN_OR_RETURN(const auto iceberg, map.Choice("iceberg", {"auto", "2", "3"}));
    rule.iceberg = iceberg.value_or("");
    TARN_RETURN_IF_ERROR(
        map.Unavailable("cluster", "leave it out: rows stay in the order they come"));
    TARN_RETURN_IF_ERROR(map.Unavailable("retain", "leave it out: nothing expires"));
    TARN_RETURN_IF_ERROR(map.Done());
    spec->tables.push_back(std::move(rule));
  }
  return Status::Ok();
}

Status ParseStorage(YamlMap& file, StorageSpec* storage) {
  TARN_ASSIGN_OR_RETURN(YamlMap map, file.Map("storage", "storage"));
  const std::pair<const char*, std::string StorageSpec::*> keys[] = {
      {"endpoint", &StorageSpec::endpoint},
      {"region", &StorageSpec::region},
      {"access_key", &StorageSpec::access_key},
      {"secret_key", &StorageSpec::secret_key},
      {"session_token", &StorageSpec::session_token},
      {"role_arn", &StorageSpec::role_arn},
      {"ca_file", &StorageSpec::ca_file},
      {"path_style", &StorageSpec::path_style},
      {"encryption", &StorageSpec::encryption},
      {"kms_key", &StorageSpec::kms_key}};
  for (const auto& [key, member] : keys) {
    TARN_ASSIGN_OR_RETURN(auto text, map.String(key));
    storage->*member = text.value_or("");
  }
  const std::string where = map.position().ToString();
  if (storage->access_key.empty() != storage->secret_key.empty()) {
    return InvalidArgument(where + ": storage needs access_key and secret_key together, or neither",
                           "without both, credentials are found as the AWS SDK finds them");
  }
  const auto is_one_of = [](const std::string& text, std::initializer_list<const char*> words) {
    return text.empty() || std::find(words.begin(), words.end(), text) != words.end();
  };
  if (!is_one_of(storage->path_style, {"true", "false"})) {
    return InvalidArgument(where + ": path_style of storage is true or false, not \"" +
                           storage->path_style + "\"");
  }
  if (!is_one_of(storage->encryption, {"sse-s3", "sse-kms"})) {
    return InvalidArgument(
        where + ": encryption of storage is sse-s3 or sse-kms, not \"" + storage->encryption + "\"",
        "left out, the bucket's own setting holds");
  }
  if (!storage->kms_key.empty() && storage->encryption != "sse-kms") {
    return InvalidArgument(where + ": kms_key of storage goes with encryption: sse-kms");
  }
  return map.Done();
}

Status ParseLimits(YamlMap& file, Limits* limits) {
  TARN_ASSIGN_OR_RETURN(YamlMap map, file.Map("limits", "limits"));
  for (const LimitEntry& entry : kLimits) {
    TARN_ASSIGN_OR_RETURN(auto value, map.Int(entry.name));
    if (!value.has_value()) continue;
    if (*value < entry.least) {
      return map.ErrorAt(
          entry.name, std::string(entry.name) + " must be at least " + std::to_string(entry.least));
    }
    limits->*entry.member = *value;
  }
  if (limits->lock_lease_ms < 1000) {
    return map.ErrorAt("lock_lease_ms", "lock_lease_ms must be at least 1000");
  }
  return map.Done();
}

/// Lays `environments: <name>:` over the file; tells which of its keys the environment sets.
Result<YAML::Node> ApplyEnvironment(const YAML::Node& document, const std::string& path,
                                    const std::string& environment, ProjectSpec* spec) {
  TARN_ASSIGN_OR_RETURN(YamlMap file, YamlMap::From(document, path, kFileName));
  TARN_ASSIGN_OR_RETURN(YamlMap all, file.Map("environments", "environments"));
  for (const std::string& name : all.Keys()) {
    if (!IsName(name)) return all.ErrorAt(name, "\"" + name + "\" cannot name an environment");
    // The other environments may need variables that are not set here: only their keys are read.
    TARN_ASSIGN_OR_RETURN(YamlMap map, YamlMap::From(all.Raw(name), path, "environment " + name));
    for (const char* key :
         {"warehouse", "state", "storage", "sources", "tables", "limits", "schedules", "serve"})
      map.Has(key);
    TARN_RETURN_IF_ERROR(map.Done());
  }
  if (environment.empty()) return document;
  if (!all.Has(environment) && !file.Has("environments")) {
    return NotFound(std::string(kFileName) + " has no environments",
                    "add `environments: {" + environment + ": {}}`");
  }
  const std::vector<std::string> names = all.Keys();
  if (std::find(names.begin(), names.end(), environment) == names.end()) {
    auto nearest = NearestName(environment, names);
    return NotFound(
        "there is no environment \"" + environment + "\" in " + kFileName,
        nearest ? "did you mean \"" + *nearest + "\"?" : "environments: " + Join(names, ", "));
  }
  TARN_ASSIGN_OR_RETURN(YamlMap chosen, all.Map(environment, "environment " + environment));
  if (!chosen.Has("warehouse")) spec->warehouse = "-" + environment;
  if (!chosen.Has("state")) spec->state = "-" + environment;
  const YAML::Node over = all.Raw(environment);
  return over.IsDefined() && over.IsMap() ? OverlayYaml(document, over) : document;
}

Status ParseFile(const YAML::Node& document, const std::string& path, ProjectSpec* spec) {
  TARN_ASSIGN_OR_RETURN(YamlMap file, YamlMap::From(document, path, kFileName));
  TARN_ASSIGN_OR_RETURN(spec->name, file.RequiredString("name"));
  if (!IsName(spec->name)) {
    return file.ErrorAt("name", "\"" + spec->name + "\" cannot name a project",
                        "use letters, digits, '_' and '-', beginning with a letter");
  }
  TARN_ASSIGN_OR_RETURN(auto catalog, file.String("catalog"));
  spec->catalog = catalog.value_or("lake");
  if (!IsName(spec->catalog)) {
    return file.ErrorAt("catalog", "\"" + spec->catalog + "\" cannot name a catalog",
                        "use letters, digits, '_' and '-', beginning with a letter");
  }
  TARN_ASSIGN_OR_RETURN(auto warehouse, file.String("warehouse"));
  TARN_ASSIGN_OR_RETURN(auto state, file.String("state"));
  const std::string base_warehouse = WithoutFileScheme(warehouse.value_or("./warehouse"));
  const std::string base_state = WithoutFileScheme(state.value_or("./state"));
  if (IsUri(base_warehouse) && base_warehouse.rfind("s3://", 0) != 0) {
    return file.ErrorAt("warehouse",
                        "Tarn knows no warehouse of the kind " +
                            base_warehouse.substr(0, base_warehouse.find("://") + 3) + "…",
                        "use a folder, or s3://bucket/prefix");
  }
  if (IsUri(base_state)) {
    return Unsupported(file.PositionOf("state").ToString() +
                           ": a state outside the local disk is not available in this version",
                       "use a folder");
  }
  // What ApplyEnvironment left is the environment's suffix.
  spec->warehouse = WithSuffix(base_warehouse, spec->warehouse);
  if (!IsUri(base_warehouse)) spec->warehouse = Absolute(spec->root, spec->warehouse);
  spec->state = Absolute(spec->root, WithSuffix(base_state, spec->state));
  TARN_RETURN_IF_ERROR(ParseStorage(file, &spec->storage));
  TARN_RETURN_IF_ERROR(ParseLimits(file, &spec->limits));
  TARN_RETURN_IF_ERROR(ParseSources(file, path, spec));
  TARN_RETURN_IF_ERROR(ParseTableRules(file, path, spec));
  file.Has("environments");
  TARN_RETURN_IF_ERROR(ParseSchedules(file, path, spec));
  TARN_RETURN_IF_ERROR(ParseServe(file, &spec->serve));
  return file.Done();
}

}  // namespace

std::string_view SourceModeName(SourceMode mode) {
  switch (mode) {
    case SourceMode::kSnapshot:
      return "snapshot";
    case SourceMode::kIncremental:
      return "incremental";
    case SourceMode::kCdc:
      return "cdc";
    case SourceMode::kQuery:
      return "query";
  }
  return "?";
}

Result<ProjectSpec> LoadProject(const std::string& root, const std::string& environment) {
  ProjectSpec spec;
  spec.root = fs::absolute(root).lexically_normal().string();
  spec.environment = environment;
  const fs::path path = fs::path(spec.root) / kFileName;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    return NotFound("there is no " + path.string(), "make a project with `tarn init pagila`");
  }
  std::ostringstream text;
  text << stream.rdbuf();
  TARN_ASSIGN_OR_RETURN(const YAML::Node document, ParseYaml(text.str(), kFileName, 1));
  TARN_ASSIGN_OR_RETURN(const YAML::Node merged,
                        ApplyEnvironment(document, kFileName, environment, &spec));
  TARN_RETURN_IF_ERROR(ParseFile(merged, kFileName, &spec));
  TARN_ASSIGN_OR_RETURN(spec.models, LoadModels(spec.root));
  for (Model& model : spec.models) {
    for (const TableRule& rule : spec.tables) {
      if (!MatchesPattern(rule.pattern, model.name.ToString())) continue;
      if (!rule.partition.empty() && model.materialize != Materialize::kView) {
        model.partition = rule.partition;
      }
      for (const auto& [tag, value] : rule.tags) model.tags[tag] = value;
    }
    SetFingerprints(&model);
  }
  return spec;
}

Result<std::string> FindProjectRoot(const std::string& start) {
  std::error_code error;
  fs::path folder = fs::absolute(start, error);
  while (true) {
    if (fs::exists(folder / kFileName, error)) return folder.string();
    if (!folder.has_parent_path() || folder.parent_path() == folder) break;
    folder = folder.parent_path();
  }
  return NotFound("there is no tarn.yaml here or in a folder above",
                  "go to a project, name one with --project DIR, or make one with `tarn init`");
}

}  // namespace tarn

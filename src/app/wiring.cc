#include "app/wiring.h"

#include <unistd.h>

#include <filesystem>

#include "app/state_files.h"
#include "base/clock.h"
#include "base/fault_point.h"
#include "base/log.h"
#include "base/random.h"
#include "catalog/committer.h"
#include "catalog/faulty/faulty_catalog.h"
#include "catalog/sqlite/query_log.h"
#include "catalog/sqlite/sqlite_catalog.h"
#include "pipeline/maintain/clock_steps.h"
#include "source/mysql/mysql_source.h"
#include "source/postgres/postgres_source.h"
#include "sql/duckdb/remembering_engine.h"
#include "storage/cache/cached_store.h"
#include "storage/faulty/faulty_store.h"
#include "storage/local/local_store.h"
#include "storage/outside_files.h"
#include "storage/read_ahead/read_ahead_store.h"
#include "storage/s3/s3_store.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

/// Next to the bytes, so that caches and reading ahead see the faults too.
std::unique_ptr<ObjectStore> WithFaults(std::unique_ptr<ObjectStore> store) {
  return FaultHandlerInstalled() ? OpenFaultyStore(std::move(store)) : std::move(store);
}

Result<std::unique_ptr<ObjectStore>> OpenStore(const ProjectSpec& spec, const CancelFlag* stop) {
  constexpr std::string_view kS3 = "s3://";
  if (spec.warehouse.rfind(kS3, 0) != 0) {
    TARN_ASSIGN_OR_RETURN(auto local, OpenLocalStore(spec.warehouse, spec.limits));
    return WithFaults(std::move(local));
  }
  S3Options options;
  const std::string rest = spec.warehouse.substr(kS3.size());
  const size_t slash = rest.find('/');
  options.bucket = rest.substr(0, slash);
  options.prefix = slash == std::string::npos ? "" : rest.substr(slash + 1);
  options.endpoint = spec.storage.endpoint;
  options.region = spec.storage.region;
  options.access_key = spec.storage.access_key;
  options.secret_key = spec.storage.secret_key;
  options.session_token = spec.storage.session_token;
  options.role_arn = spec.storage.role_arn;
  options.tls_ca_file = spec.storage.ca_file;
  if (!spec.storage.path_style.empty()) options.path_style = spec.storage.path_style == "true";
  if (spec.storage.encryption == "sse-s3") options.encryption = S3Options::Encryption::kS3;
  if (spec.storage.encryption == "sse-kms") options.encryption = S3Options::Encryption::kKms;
  options.kms_key = spec.storage.kms_key;
  options.stop = stop;
  const Limits& limits = spec.limits;
  TARN_ASSIGN_OR_RETURN(auto store, OpenS3Store(options, limits));
  store = WithFaults(std::move(store));
  if (limits.storage_cache_bytes > 0) {
    CacheOptions cache;
    cache.folder = (fs::path(spec.state) / kCacheFolder).string();
    cache.bytes_max = limits.storage_cache_bytes;
    cache.block_bytes = limits.storage_cache_block_bytes;
    cache.fetch_bytes_max = limits.storage_read_part_bytes;
    store = OpenCachedStore(std::move(store), std::move(cache));
  }
  ReadAheadOptions ahead;
  ahead.reads_in_flight_max = limits.storage_reads_in_flight_max;
  ahead.part_bytes = limits.storage_read_part_bytes;
  ahead.ahead_bytes_max = limits.storage_read_ahead_bytes;
  return OpenReadAheadStore(std::move(store), ahead);
}

/// For tables outside of the lake: a top-level folder of this machine, or a whole bucket.
Result<std::unique_ptr<ObjectStore>> OpenForeignStore(const ProjectSpec& spec,
                                                      const std::string& location,
                                                      const CancelFlag* stop) {
  const size_t scheme = location.find("://");
  if (scheme != std::string::npos && location.starts_with("s3")) {
    ProjectSpec elsewhere = spec;
    const std::string rest = location.substr(scheme + 3);
    elsewhere.warehouse = "s3://" + rest.substr(0, rest.find('/'));
    // The lake's cache is for files whose names are never used twice.
    elsewhere.limits.storage_cache_bytes = 0;
    return OpenStore(elsewhere, stop);
  }
  if (scheme != std::string::npos && !location.starts_with("file:")) {
    return InvalidArgument("there is no storage for " + location,
                           "name a folder, or s3://bucket/…");
  }
  // A table and its files are below one folder of the root.
  const size_t path = location.find_first_not_of('/', location.starts_with("file:") ? 5 : 0);
  if (path == std::string::npos) return InvalidArgument("\"" + location + "\" names no table");
  return OpenLocalStore("/" + location.substr(path, location.find('/', path) - path), spec.limits);
}

Result<std::unique_ptr<Catalog>> OpenCatalog(const ProjectSpec& spec, const WireOptions& wire,
                                             bool* exists) {
  const StateUse use = wire.state;
  SqliteCatalogOptions options;
  options.missing = use == StateUse::kCreate ? SqliteCatalogOptions::Missing::kCreate
                                             : SqliteCatalogOptions::Missing::kRefuse;
  options.runs_kept_max = spec.limits.runs_kept_max;
  options.stop = wire.stop;
  auto catalog = OpenSqliteCatalog(spec.state, SystemClock(), options);
  *exists = catalog.ok();
  if (catalog.ok() || catalog.error().kind != ErrorKind::kNotFound) return catalog;
  if (use == StateUse::kRead) return OpenSqliteCatalogInMemory(SystemClock());
  return NotFound(
      "the project " + spec.name + " was not applied yet: there is no state in " + spec.state,
      "run `tarn apply` first");
}

template <typename Options>
Options OptionsOf(const SourceSpec& spec, const CancelFlag* cancel) {
  Options options;
  options.name = spec.name;
  options.url = spec.url;
  options.numeric = spec.numeric;
  options.types = spec.types;
  options.cancel = cancel;
  return options;
}

Result<std::unique_ptr<Source>> OpenSource(const SourceSpec& spec, const CancelFlag* cancel,
                                           const ProjectSpec& project) {
  const Limits& limits = project.limits;
  if (spec.type == "mysql") return OpenMysqlSource(OptionsOf<MysqlOptions>(spec, cancel), limits);
  auto options = OptionsOf<PostgresOptions>(spec, cancel);
  options.spool = (fs::path(project.state) / kSpoolFolder).string();
  return OpenPostgresSource(std::move(options), limits);
}

Status OpenSources(const CancelFlag* cancel, Wired* wired) {
  for (const SourceSpec& spec : wired->open.spec.sources) {
    auto source = OpenSource(spec, cancel, wired->open.spec);
    if (!source.ok()) {
      return std::move(source).Wrap(spec.position.ToString() + ": source " + spec.name).status();
    }
    wired->open.sources[spec.name] = source->get();
    wired->sources[spec.name] = std::move(source).value();
  }
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<Wired>> WireProject(const WireOptions& options) {
  auto wired = std::make_unique<Wired>();
  std::string root = options.project;
  if (root.empty()) {
    TARN_ASSIGN_OR_RETURN(root, FindProjectRoot("."));
  }
  TARN_ASSIGN_OR_RETURN(wired->open.spec, LoadProject(root, options.environment));
  const ProjectSpec& spec = wired->open.spec;
  TARN_ASSIGN_OR_RETURN(auto store, OpenStore(spec, options.stop));
  wired->store =
      OpenReachingStore(std::move(store), [&spec, stop = options.stop](const std::string& uri) {
        return OpenForeignStore(spec, uri, stop);
      });
  TARN_ASSIGN_OR_RETURN(wired->catalog, OpenCatalog(spec, options, &wired->state_exists));
  if (FaultHandlerInstalled()) wired->catalog = OpenFaultyCatalog(std::move(wired->catalog));
  TARN_RETURN_IF_ERROR(OpenSources(options.cancel, wired.get()));

  TableContext tables;
  tables.store = wired->store.get();
  tables.clock = &SystemClock();
  tables.random = &SystemRandom();
  tables.limits = &wired->open.spec.limits;
  wired->table_cache = std::make_unique<TableCache>();
  tables.cache = wired->table_cache.get();

  SqlEngineOptions engine;
  engine.catalog_name = spec.catalog;
  engine.tables = tables;
  engine.catalog = wired->catalog.get();
  engine.sources = wired->open.sources;
  engine.limits = spec.limits;
  engine.open_store = [&spec, stop = options.stop](
                          const std::string& location) -> Result<std::unique_ptr<ObjectStore>> {
    TARN_ASSIGN_OR_RETURN(auto foreign, OpenForeignStore(spec, location, stop));
    return OpenReadOnlyStore(std::move(foreign));
  };
  engine.temp_directory = (fs::path(spec.state) / kSpillFolder).string();
  SqliteQueryLogOptions log;
  log.folder = wired->state_exists ? spec.state : "";
  TARN_ASSIGN_OR_RETURN(wired->engine,
                        OpenDuckDbEngine(std::move(engine), OpenSqliteQueryLog(std::move(log))));

  wired->open.catalog = wired->catalog.get();
  wired->open.tables = tables;
  wired->open.engine = wired->engine.get();
  wired->pipeline.engine = wired->engine.get();
  wired->pipeline.catalog = wired->catalog.get();
  wired->pipeline.tables = tables;
  wired->pipeline.progress = options.progress;
  wired->pipeline.cancel = options.cancel;
  if (wired->state_exists) {
    // Before this process writes anything that upkeep might take for old.
    if (auto looked = LookAtClock(ClockRecordPath(spec.state), ReadMachineTime()); !looked.ok()) {
      Log(LogLevel::kWarning,
          "whether the clock was set is not written down: " + looked.error().message);
    }
    if (Status published = PublishOutbox(tables, *wired->catalog); !published.ok()) {
      Log(LogLevel::kWarning,
          "some commits are not in the Delta log yet: " + published.error().message);
    }
  }
  return wired;
}

bool StateExists(const ProjectSpec& spec) {
  std::error_code error;
  return fs::exists(fs::path(spec.state) / "catalog.db", error);
}

Status RemoveState(const ProjectSpec& spec) {
  // Only an empty folder goes: what else stands there is somebody else's.
  if (spec.warehouse.find("://") == std::string::npos) ::rmdir(spec.warehouse.c_str());
  return RemoveStateFiles(spec.state);
}

}  // namespace tarn

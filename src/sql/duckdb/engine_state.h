#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/result.h"
#include "sql/duckdb/duckdb_headers.h"
#include "sql/engine.h"

namespace tarn::duck {

/// Table metadata by its location. Metadata files never change, so that an entry is right for ever;
/// the oldest used one goes when the cache is full. Threads: may be called concurrently.
class MetadataCache {
 public:
  explicit MetadataCache(size_t entries_max) : entries_max_(entries_max) {}
  Result<std::shared_ptr<const TableMetadata>> Load(ObjectStore& store,
                                                    const std::string& location);

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const TableMetadata>>;
  const size_t entries_max_;
  std::mutex mutex_;
  std::list<Entry> entries_;  ///< most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_location_;
};

/// What all sessions of one engine share. Lives as long as the DuckDB instance.
struct EngineState {
  explicit EngineState(SqlEngineOptions engine_options)
      : options(std::move(engine_options)), metadata(512) {}

  const SqlEngineOptions options;
  MetadataCache metadata;
  /// Proves to our file system that a path comes from a scan of ours and not from a user's SQL.
  std::string open_token;
};

/// What belongs to one connection, found through its ClientContext. Connections that the engine
/// uses for itself have none and see the newest lake.
class SessionState : public duckdb::ClientContextState {
 public:
  static constexpr char kKey[] = "tarn_session";
  explicit SessionState(SessionOptions session_options) : options(std::move(session_options)) {}

  /// nullptr for the engine's own connections.
  static duckdb::shared_ptr<SessionState> Find(duckdb::ClientContext& context);

  const SessionOptions options;
  /// Why the last commit failed: DuckDB's own commit path keeps nothing but the message.
  std::optional<Error> commit_error;
};

/// Hands the engine's state to the catalogs that DuckDB attaches and to our table functions.
struct EngineInfo : duckdb::StorageExtensionInfo {
  explicit EngineInfo(EngineState& engine_state) : engine(engine_state) {}
  EngineState& engine;
};
struct EngineFunctionInfo : duckdb::TableFunctionInfo {
  explicit EngineFunctionInfo(EngineState& engine_state) : engine(engine_state) {}
  EngineState& engine;
};

}  // namespace tarn::duck

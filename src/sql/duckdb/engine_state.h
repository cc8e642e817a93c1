#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sql/duckdb/duckdb_headers.h"
#include "sql/engine.h"

namespace tarn::duck {

/// Names of what was looked at once. Threads: any.
class LookedAt {
 public:
  bool Has(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return names_.contains(name);
  }
  void Add(std::string name) {
    const std::lock_guard lock(mutex_);
    if (names_.size() >= kNamesMax) names_.clear();
    names_.insert(std::move(name));
  }

 private:
  static constexpr size_t kNamesMax = 10'000;  ///< kept; then it begins anew

  std::mutex mutex_;
  std::unordered_set<std::string> names_;
};

/// What all sessions of one engine share. Lives as long as the DuckDB instance.
struct EngineState {
  explicit EngineState(SqlEngineOptions engine_options) : options(std::move(engine_options)) {}

  const SqlEngineOptions options;

  /// The store that serves a location: the lake's own (0), or one opened for tables that are not
  /// the lake's. Stays open as long as the engine. Errors: PermissionDenied where only the lake may
  /// be read; those of opening.
  Result<uint64_t> StoreFor(const std::string& location);
  ObjectStore& StoreOf(uint64_t id);

  /// Proves to our file system that a path comes from a scan of ours and not from a user's SQL.
  std::string open_token;

  /// Files whose variants are known to be well-formed.
  LookedAt checked_variants;

 private:
  static constexpr size_t kForeignStoresMax = 64;  ///< stores that one engine opens

  std::mutex mutex_;
  std::vector<std::unique_ptr<ObjectStore>> foreign_stores_;  ///< id - 1
};

/// What belongs to one connection, found through its ClientContext. Connections that the engine
/// uses for itself have none and see the newest lake.
class SessionState : public duckdb::ClientContextState {
 public:
  static constexpr char kKey[] = "tarn_session";
  explicit SessionState(SessionOptions session_options) : options(std::move(session_options)) {}

  /// nullptr for the engine's own connections.
  static duckdb::shared_ptr<SessionState> Find(duckdb::ClientContext& context);

  void QueryBegin(duckdb::ClientContext&) override { ++statements; }

  const SessionOptions options;
  /// How many the session has begun.
  std::atomic<int64_t> statements{0};
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

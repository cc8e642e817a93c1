#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "sql/duckdb/duckdb_headers.h"
#include "sql/engine.h"

namespace tarn::duck {

/// What all sessions of one engine share. Lives as long as the DuckDB instance.
struct EngineState {
  explicit EngineState(SqlEngineOptions engine_options) : options(std::move(engine_options)) {}

  const SqlEngineOptions options;
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

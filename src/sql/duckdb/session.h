#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "sql/duckdb/constraints.h"
#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/statement_state.h"

namespace tarn::duck {

/// One connection of DuckDB. Rows that it handed out keep the connection alive.
class DuckDbSession final : public Session {
 public:
  /// Throws what DuckDB throws.
  static std::unique_ptr<DuckDbSession> Open(std::shared_ptr<duckdb::DuckDB> database,
                                             EngineState& engine, const SessionOptions& options,
                                             QueryLog* queries);
  ~DuckDbSession() override;

  Result<std::vector<std::string>> Split(const std::string& text) override;
  Result<std::unique_ptr<Rows>> Execute(const std::string& statement) override;
  void Interrupt() override;

  duckdb::Connection& connection() { return *connection_; }

 private:
  DuckDbSession(std::shared_ptr<duckdb::DuckDB> database, EngineState& engine,
                const SessionOptions& options, QueryLog* queries);
  Result<std::unique_ptr<Rows>> ExecuteUntilCommitted(const std::string& statement);
  /// Whether a statement of its own that failed, and did nothing, sees another lake when it is run
  /// again.
  bool IsLostRace(const Error& error) const;
  Result<std::unique_ptr<Rows>> ExecuteOne(const std::string& statement);
  /// Adds a constraint in the transaction in which the rows that are there are looked at.
  Result<std::unique_ptr<Rows>> AddConstraint(const ConstraintStatement& statement);

  std::shared_ptr<duckdb::DuckDB> database_;
  EngineState& engine_;
  std::atomic<bool> interrupted_{false};  ///< since the statement began
  duckdb::shared_ptr<SessionState> state_;
  duckdb::shared_ptr<StatementState> statement_;
  std::shared_ptr<duckdb::Connection> connection_;
};

}  // namespace tarn::duck

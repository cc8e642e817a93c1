#pragma once

#include <atomic>
#include <cstdint>

#include "base/cancel.h"
#include "catalog/query_log.h"
#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {

/// What is known of the statement that a connection runs, found through its ClientContext.
/// Connections that the engine uses for itself have none.
class StatementState : public duckdb::ClientContextState {
 public:
  static constexpr char kKey[] = "tarn_statement";
  explicit StatementState(QueryLog* query_log) : queries(query_log) {}

  /// nullptr for the engine's own connections.
  static duckdb::shared_ptr<StatementState> Find(duckdb::ClientContext& context) {
    return context.registered_state->Get<StatementState>(kKey);
  }

  QueryLog* const queries;  ///< borrowed; nullptr: no statement is remembered
  /// Asked by work that DuckDB's own interrupt does not reach.
  CancelFlag cancel;
  /// Which commit of the lake the open transaction, or the statement, looks at; -1: none yet.
  std::atomic<int64_t> sequence{-1};
};

}  // namespace tarn::duck

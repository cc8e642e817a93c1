#pragma once

#include <memory>
#include <string>

#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/statement_state.h"

namespace tarn::duck {

/// Follows one statement of a session to its end and tells the QueryLog about it. Where there is
/// none, or the session is the pipeline's, it does nothing.
class QueryRecorder {
 public:
  QueryRecorder(EngineState& engine, const SessionOptions& session,
                duckdb::shared_ptr<StatementState> state, const std::string& statement);

  void Failed(const Error& error);
  /// The same rows, followed until somebody took the last one, or gave up.
  std::unique_ptr<Rows> Follow(std::unique_ptr<Rows> rows);

 private:
  class FollowedRows;

  void NoteSequence();
  void Finish(const std::string& status, int64_t rows);

  EngineState& engine_;
  const duckdb::shared_ptr<StatementState> state_;
  const bool on_;
  QueryRecord record_;
  int64_t started_ = 0;  ///< of a clock that nobody sets
};

}  // namespace tarn::duck

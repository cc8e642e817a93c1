#pragma once

#include <memory>
#include <string>

#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

/// A result of DuckDB as Arrow batches. `connection` stays open as long as the rows live.
Result<std::unique_ptr<Rows>> MakeRows(std::shared_ptr<duckdb::Connection> connection,
                                       duckdb::shared_ptr<SessionState> session,
                                       duckdb::unique_ptr<duckdb::QueryResult> result,
                                       std::string tag, const Limits& limits);

/// The result of a text without any statement.
std::unique_ptr<Rows> MakeEmptyRows();

}  // namespace tarn::duck

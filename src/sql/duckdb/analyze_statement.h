#pragma once

#include <string>

#include "base/result.h"
#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {

/// `ANALYZE t` is `CALL analyze_table('schema.t')`: the call as SQL; empty for other statements.
/// Errors: Unsupported for ANALYZE of single columns, or of no table.
Result<std::string> CallOfAnalyze(duckdb::ClientContext& context,
                                  const duckdb::SQLStatement& statement);

}  // namespace tarn::duck

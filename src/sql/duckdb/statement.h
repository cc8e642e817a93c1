#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {

/// One SQL statement cut out of a text.
struct StatementText {
  std::string sql;    ///< without ';' and surrounding space; comments stay
  size_t offset = 0;  ///< where its first word stands in the text
};

/// Splits at ';' outside of quotes and comments; pieces without any token are left out.
std::vector<StatementText> SplitStatements(const std::string& text);

/// "2:14": line and column (in characters) of a byte of `text`, both from 1.
std::string LineColumn(const std::string& text, size_t offset);

/// `f('x', timestamp => …)` with the parameter's name in quotes: DuckDB takes the bare word for a
/// type. Everything else is left as it is.
std::string QuoteTimestampParameter(const std::string& sql);

/// PostgreSQL's command tag without counts: "CREATE TABLE", "BEGIN", "SELECT".
std::string TagOf(const duckdb::SQLStatement& statement);

/// COMMIT, END.
bool IsCommit(const duckdb::SQLStatement& statement);

/// Refuses what no user may say, before anything is bound (binding opens files): ATTACH, DETACH,
/// COPY, EXPORT, INSTALL, LOAD, … also below EXPLAIN and PREPARE.
Status CheckStatement(const duckdb::SQLStatement& statement);

}  // namespace tarn::duck

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "source/source.h"
#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

/// The tables that a query names, from its parse tree alone: common table expressions are not
/// tables, views and macros are not opened. Each once, what stands in FROM before what stands in
/// expressions.
struct QueryInputs {
  std::vector<TableName> lake;
  std::vector<std::pair<std::string, SourceTableName>> live;
};

/// Errors: InvalidArgument ("2:14: …") for a syntax error, for anything but one SELECT, and for the
/// beginning of a second statement.
Result<duckdb::unique_ptr<duckdb::SelectStatement>> ParseQuery(const std::string& sql);

QueryInputs InputsOfQuery(const SqlEngineOptions& options, duckdb::SelectStatement& query);

}  // namespace tarn::duck

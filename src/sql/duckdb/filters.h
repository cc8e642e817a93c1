#pragma once

#include <functional>
#include <optional>
#include <string>

#include "columnar/predicate.h"
#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {

/// Tells the top-level column that a column reference of a filter means; nullopt for anything else.
using ColumnOf = std::function<std::optional<std::string>(const duckdb::BoundColumnRefExpression&)>;

/// DuckDB's filter expressions → Predicate.
/// @{
/// Matches exactly the rows that the expression matches; nullopt where that cannot be said.
std::optional<Predicate> ToExactPredicate(duckdb::ClientContext& context,
                                          const duckdb::Expression& filter,
                                          const ColumnOf& column_of);
/// Matches at least the rows that all `filters` match: for skipping files.
Predicate ToPruningPredicate(duckdb::ClientContext& context,
                             const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters,
                             const ColumnOf& column_of);
/// @}

/// A constant as a column of its own type stores it; nullopt for types without statistics.
std::optional<Scalar> ToScalar(const duckdb::Value& value);

}  // namespace tarn::duck

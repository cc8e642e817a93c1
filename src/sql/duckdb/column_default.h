#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "catalog/catalog.h"
#include "sql/duckdb/duckdb_headers.h"
#include "table/model/schema.h"

namespace tarn::duck {

/// The value after DEFAULT, as a column of type `type` stores it; nullopt for NULL. `declared`: the
/// column's type as SQL has it, which the value must have too.
/// Only what is the same for every row and every day can be kept in both formats: Unsupported
/// unless the expression is a constant or a cast of one; InvalidArgument for one that is no value
/// of the type. Throws what DuckDB does.
Result<std::optional<Scalar>> DefaultValueOf(duckdb::ClientContext& context, const TableName& table,
                                             const std::string& column,
                                             const duckdb::ParsedExpression& expression,
                                             const duckdb::LogicalType& declared, const Type& type);

/// DuckDB's parser makes three statements of ADD COLUMN … DEFAULT with anything but a plain
/// constant: one that adds the column, an UPDATE, and SET DEFAULT. Here it is one again.
void RejoinAddColumn(duckdb::vector<duckdb::unique_ptr<duckdb::SQLStatement>>& statements);

}  // namespace tarn::duck

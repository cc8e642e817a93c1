#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "sql/duckdb/duckdb_headers.h"
#include "table/model/schema.h"

namespace tarn::duck {

struct EngineState;

/// Constraints of a table: `delta.constraints.<name>` among its properties, as Delta has them. The
/// expression must be *true* for every row, so NULL is not enough, other than in standard SQL.
/// They are kept in Spark's spelling, `like this` for names, and "like that" for texts too.

/// By name, from a table's properties.
std::map<std::string, std::string> ConstraintsOf(
    const std::map<std::string, std::string>& properties);

/// \name Between the two spellings of quoted names; texts stay what they are.
/// @{
std::string ToSpark(const std::string& duckdb_expression);
std::string FromSpark(const std::string& spark_expression);
/// @}

/// Constraints bound to the columns of a table, for one thread.
class RowChecks {
 public:
  /// Throws InvalidArgument or Unsupported, naming the constraint, for what is no expression over
  /// one row: unknown columns and functions, subqueries, aggregates, random().
  RowChecks(duckdb::ClientContext& context, TableName table, const Schema& schema,
            const std::map<std::string, std::string>& constraints);
  ~RowChecks();

  /// Throws InvalidArgument, naming the constraint, unless all are true for every row. `rows`
  /// begins with the table's columns, in its order, of types that become theirs.
  void Check(duckdb::DataChunk& rows);

 private:
  struct One;
  duckdb::ClientContext& context_;
  duckdb::vector<duckdb::LogicalType> types_;  ///< of the table's columns
  const TableName table_;
  std::vector<std::unique_ptr<One>> checks_;
};

/// Error InvalidArgument when a constraint is about the column, in any spelling of its name.
Status CheckNoConstraintOn(const std::map<std::string, std::string>& constraints,
                           const std::string& column);

/// `ALTER TABLE t ADD CONSTRAINT name CHECK (expression)` and `DROP CONSTRAINT [IF EXISTS] name`,
/// which DuckDB's parser does not know.
struct ConstraintStatement {
  std::string call;   ///< what does it: a statement that DuckDB knows
  std::string table;  ///< as it was written
  /// Holds for a row that would break the constraint that is added; empty otherwise.
  std::string finds_violation;
  std::string violation;  ///< what is said then
};
/// Nothing for any other statement.
std::optional<ConstraintStatement> RewriteConstraint(const std::string& sql);

/// `tarn_add_constraint(table, name, expression)`, `tarn_drop_constraint(table, name, if_exists)`.
void RegisterConstraintCalls(duckdb::ExtensionLoader& loader, EngineState& engine);

}  // namespace tarn::duck

#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {

/// Walks a bound plan (before the optimizer) and tells, for every column of its result, the base
/// columns that the value is made of. Conditions (WHERE, join keys) are not origins; what a value
/// is computed from is.
class Lineage {
 public:
  /// (catalog.schema.table, column)
  using Origin = std::pair<std::string, std::string>;
  using Origins = std::set<Origin>;

  /// The origins of the plan's columns, in order.
  std::vector<Origins> Of(duckdb::LogicalOperator& plan);

 private:
  using Key = std::pair<duckdb::idx_t, duckdb::idx_t>;
  void Walk(duckdb::LogicalOperator& op);
  Origins OfExpression(const duckdb::Expression& expression);
  std::vector<Origins> Output(duckdb::LogicalOperator& op);
  void Define(duckdb::idx_t table_index,
              const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& expressions);
  void DefineUnion(duckdb::idx_t table_index, duckdb::LogicalOperator& op);

  std::map<Key, Origins> by_binding_;
  std::map<duckdb::idx_t, std::vector<Origins>> ctes_;
  std::vector<std::vector<Origins>> delim_joins_;
};

/// "catalog.schema.table".
std::string FullName(const duckdb::TableCatalogEntry& table);

}  // namespace tarn::duck

#include "sql/duckdb/lake_sort.h"

#include <algorithm>
#include <string>
#include <utility>

#include "duckdb/execution/operator/order/physical_order.hpp"
#include "duckdb/planner/bound_result_modifier.hpp"
#include "table/dual/sort_orders.h"

namespace tarn::duck {
namespace {

Result<std::string> ColumnName(const duckdb::ParsedExpression& expression) {
  if (expression.GetExpressionClass() == duckdb::ExpressionClass::COLUMN_REF) {
    const auto& column = expression.Cast<duckdb::ColumnRefExpression>();
    if (!column.IsQualified()) return column.GetColumnName();
  }
  return InvalidArgument("SORTED BY: cannot sort by " + expression.ToString(),
                         "name columns, with ASC or DESC and NULLS FIRST or NULLS LAST");
}

duckdb::idx_t PlaceOf(const Schema& schema, FieldId id) {
  const auto found = std::find_if(schema.fields.begin(), schema.fields.end(),
                                  [&](const Field& field) { return field.id == id; });
  return static_cast<duckdb::idx_t>(found - schema.fields.begin());
}

}  // namespace

Result<std::vector<SortKey>> SortKeysOf(const duckdb::vector<duckdb::OrderByNode>& orders) {
  std::vector<SortKey> keys;
  for (const auto& order : orders) {
    SortKey key;
    TARN_ASSIGN_OR_RETURN(key.column, ColumnName(*order.expression));
    if (order.type == duckdb::OrderType::DESCENDING) {
      key.direction = SortField::Direction::kDescending;
    }
    if (order.null_order == duckdb::OrderByNullType::NULLS_FIRST) {
      key.nulls = SortField::Nulls::kFirst;
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<std::vector<SortKey>> SortKeysOf(
    const duckdb::vector<duckdb::unique_ptr<duckdb::ParsedExpression>>& keys) {
  std::vector<SortKey> result;
  for (const auto& key : keys) {
    SortKey one;
    TARN_ASSIGN_OR_RETURN(one.column, ColumnName(*key));
    result.push_back(std::move(one));
  }
  return result;
}

bool CanSortRows(const Schema& schema, const SortOrder& order) {
  return !order.fields.empty() &&
         std::all_of(order.fields.begin(), order.fields.end(), [&](const SortField& field) {
           return field.transform.kind == Transform::Kind::kIdentity && field.source_ids.empty() &&
                  PlaceOf(schema, field.source_id) < schema.fields.size();
         });
}

duckdb::PhysicalOperator& PlanSorted(duckdb::PhysicalPlanGenerator& planner, const Schema& schema,
                                     const PartitionSpec& spec, const SortOrder& order,
                                     duckdb::PhysicalOperator& plan) {
  duckdb::vector<duckdb::BoundOrderByNode> orders;
  for (const SortField& field : WithPartitions(order, spec).fields) {
    const duckdb::idx_t place = PlaceOf(schema, field.source_id);
    if (place >= schema.fields.size()) continue;  // of a partition within a struct
    orders.emplace_back(
        field.direction == SortField::Direction::kAscending ? duckdb::OrderType::ASCENDING
                                                            : duckdb::OrderType::DESCENDING,
        field.nulls == SortField::Nulls::kFirst ? duckdb::OrderByNullType::NULLS_FIRST
                                                : duckdb::OrderByNullType::NULLS_LAST,
        duckdb::make_uniq<duckdb::BoundReferenceExpression>(plan.types.at(place), place));
  }
  duckdb::vector<duckdb::idx_t> projections;
  for (duckdb::idx_t i = 0; i < plan.types.size(); ++i) projections.push_back(i);
  auto& sort = planner.Make<duckdb::PhysicalOrder>(
      plan.types, std::move(orders), std::move(projections), plan.estimated_cardinality);
  sort.children.push_back(plan);
  return sort;
}

}  // namespace tarn::duck

#include "sql/duckdb/lineage.h"

#include "duckdb/planner/expression_iterator.hpp"
#include "duckdb/planner/logical_operator_visitor.hpp"

namespace tarn::duck {

using duckdb::LogicalOperatorType;

std::string FullName(const duckdb::TableCatalogEntry& table) {
  return table.catalog.GetName() + "." + table.schema.name + "." + table.name;
}

std::vector<Lineage::Origins> Lineage::Of(duckdb::LogicalOperator& plan) {
  Walk(plan);
  return Output(plan);
}

Lineage::Origins Lineage::OfExpression(const duckdb::Expression& expression) {
  if (expression.GetExpressionClass() == duckdb::ExpressionClass::BOUND_COLUMN_REF) {
    const auto& binding = expression.Cast<duckdb::BoundColumnRefExpression>().binding;
    return by_binding_[{binding.table_index, binding.column_index}];
  }
  Origins result;
  duckdb::ExpressionIterator::EnumerateChildren(
      expression, [&](const duckdb::Expression& child) { result.merge(OfExpression(child)); });
  return result;
}

std::vector<Lineage::Origins> Lineage::Output(duckdb::LogicalOperator& op) {
  std::vector<Origins> result;
  for (const auto& binding : op.GetColumnBindings()) {
    result.push_back(by_binding_[{binding.table_index, binding.column_index}]);
  }
  return result;
}

void Lineage::Define(duckdb::idx_t table_index,
                     const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& expressions) {
  for (duckdb::idx_t i = 0; i < expressions.size(); ++i) {
    by_binding_[{table_index, i}] = OfExpression(*expressions[i]);
  }
}

void Lineage::DefineUnion(duckdb::idx_t table_index, duckdb::LogicalOperator& op) {
  for (auto& child : op.children) {
    std::vector<Origins> output = Output(*child);
    for (duckdb::idx_t i = 0; i < output.size(); ++i) {
      by_binding_[{table_index, i}].merge(output[i]);
    }
  }
}

void Lineage::Walk(duckdb::LogicalOperator& op) {
  const bool delim = op.type == LogicalOperatorType::LOGICAL_DELIM_JOIN;
  for (duckdb::idx_t i = 0; i < op.children.size(); ++i) {
    Walk(*op.children[i]);
    if (i > 0) continue;
    if (delim) {
      std::vector<Origins> columns;
      for (auto& e : op.Cast<duckdb::LogicalComparisonJoin>().duplicate_eliminated_columns) {
        columns.push_back(OfExpression(*e));
      }
      delim_joins_.push_back(std::move(columns));
    }
    if (op.type == LogicalOperatorType::LOGICAL_MATERIALIZED_CTE ||
        op.type == LogicalOperatorType::LOGICAL_RECURSIVE_CTE) {
      ctes_[op.Cast<duckdb::LogicalCTE>().table_index] = Output(*op.children[0]);
    }
  }
  if (delim) delim_joins_.pop_back();
  switch (op.type) {
    case LogicalOperatorType::LOGICAL_GET: {
      auto& get = op.Cast<duckdb::LogicalGet>();
      const auto table = get.GetTable();
      if (!table) break;
      const auto& ids = get.GetColumnIds();
      for (duckdb::idx_t i = 0; i < ids.size(); ++i) {
        if (ids[i].IsVirtualColumn()) continue;
        by_binding_[{get.table_index, i}] = {{FullName(*table), get.GetColumnName(ids[i])}};
      }
      break;
    }
    case LogicalOperatorType::LOGICAL_PROJECTION:
      Define(op.Cast<duckdb::LogicalProjection>().table_index, op.expressions);
      break;
    case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY: {
      auto& aggregate = op.Cast<duckdb::LogicalAggregate>();
      Define(aggregate.group_index, aggregate.groups);
      Define(aggregate.aggregate_index, aggregate.expressions);
      break;
    }
    case LogicalOperatorType::LOGICAL_WINDOW:
      Define(op.Cast<duckdb::LogicalWindow>().window_index, op.expressions);
      break;
    case LogicalOperatorType::LOGICAL_UNNEST:
      Define(op.Cast<duckdb::LogicalUnnest>().unnest_index, op.expressions);
      break;
    case LogicalOperatorType::LOGICAL_UNION:
    case LogicalOperatorType::LOGICAL_EXCEPT:
    case LogicalOperatorType::LOGICAL_INTERSECT:
      DefineUnion(op.Cast<duckdb::LogicalSetOperation>().table_index, op);
      break;
    case LogicalOperatorType::LOGICAL_RECURSIVE_CTE:
      DefineUnion(op.Cast<duckdb::LogicalCTE>().table_index, op);
      break;
    case LogicalOperatorType::LOGICAL_CTE_REF: {
      auto& reference = op.Cast<duckdb::LogicalCTERef>();
      const auto& columns = ctes_[reference.cte_index];
      for (duckdb::idx_t i = 0; i < columns.size(); ++i) {
        by_binding_[{reference.table_index, i}] = columns[i];
      }
      break;
    }
    case LogicalOperatorType::LOGICAL_DELIM_GET: {
      if (delim_joins_.empty()) break;
      const auto& columns = delim_joins_.back();
      for (duckdb::idx_t i = 0; i < columns.size(); ++i) {
        by_binding_[{op.Cast<duckdb::LogicalDelimGet>().table_index, i}] = columns[i];
      }
      break;
    }
    case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
    case LogicalOperatorType::LOGICAL_DELIM_JOIN: {
      auto& join = op.Cast<duckdb::LogicalComparisonJoin>();
      if (join.join_type != duckdb::JoinType::MARK) break;
      duckdb::LogicalOperatorVisitor::EnumerateExpressions(
          op, [&](duckdb::unique_ptr<duckdb::Expression>* expression) {
            by_binding_[{join.mark_index, 0}].merge(OfExpression(**expression));
          });
      break;
    }
    default:
      break;
  }
}

}  // namespace tarn::duck

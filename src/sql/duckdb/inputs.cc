#include "sql/duckdb/inputs.h"

#include <algorithm>
#include <set>

#include "duckdb/parser/expression/subquery_expression.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/query_node/list.hpp"
#include "duckdb/parser/tableref/list.hpp"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/statement.h"

namespace tarn::duck {
namespace {

using Names = std::set<std::string>;  ///< lower case

class Walker {
 public:
  explicit Walker(const SqlEngineOptions& options) : options_(options) {}
  QueryInputs inputs;

  void Node(duckdb::QueryNode& node, Names ctes) {
    for (auto& entry : node.cte_map.map) {
      // A common table expression sees those before it, and itself only when it is recursive.
      Names scope = ctes;
      const std::string name = duckdb::StringUtil::Lower(entry.first);
      duckdb::QueryNode& body = *entry.second->query->node;
      if (body.type == duckdb::QueryNodeType::RECURSIVE_CTE_NODE) scope.insert(name);
      Node(body, scope);
      ctes.insert(name);
    }
    switch (node.type) {
      case duckdb::QueryNodeType::SELECT_NODE:
        Select(node.Cast<duckdb::SelectNode>(), ctes);
        break;
      case duckdb::QueryNodeType::SET_OPERATION_NODE:
        for (auto& child : node.Cast<duckdb::SetOperationNode>().children) Node(*child, ctes);
        break;
      case duckdb::QueryNodeType::RECURSIVE_CTE_NODE: {
        auto& recursive = node.Cast<duckdb::RecursiveCTENode>();
        ctes.insert(duckdb::StringUtil::Lower(recursive.ctename));
        Node(*recursive.left, ctes);
        Node(*recursive.right, ctes);
        break;
      }
      case duckdb::QueryNodeType::CTE_NODE: {
        auto& cte = node.Cast<duckdb::CTENode>();
        Node(*cte.query, ctes);
        ctes.insert(duckdb::StringUtil::Lower(cte.ctename));
        Node(*cte.child, ctes);
        break;
      }
      default:
        break;
    }
    duckdb::ParsedExpressionIterator::EnumerateQueryNodeModifiers(
        node, [&](duckdb::unique_ptr<duckdb::ParsedExpression>& expression) {
          Expression(expression.get(), ctes);
        });
  }

 private:
  void Select(duckdb::SelectNode& select, const Names& ctes) {
    if (select.from_table) Ref(*select.from_table, ctes);
    for (auto& expression : select.select_list) Expression(expression.get(), ctes);
    for (auto& expression : select.groups.group_expressions) Expression(expression.get(), ctes);
    Expression(select.where_clause.get(), ctes);
    Expression(select.having.get(), ctes);
    Expression(select.qualify.get(), ctes);
  }

  void Expression(duckdb::ParsedExpression* expression, const Names& ctes) {
    if (expression == nullptr) return;
    if (expression->GetExpressionClass() == duckdb::ExpressionClass::SUBQUERY) {
      Node(*expression->Cast<duckdb::SubqueryExpression>().subquery->node, ctes);
    }
    duckdb::ParsedExpressionIterator::EnumerateChildren(
        *expression, [&](duckdb::ParsedExpression& child) { Expression(&child, ctes); });
  }

  void Ref(duckdb::TableRef& ref, const Names& ctes) {
    switch (ref.type) {
      case duckdb::TableReferenceType::BASE_TABLE:
        Table(ref.Cast<duckdb::BaseTableRef>(), ctes);
        break;
      case duckdb::TableReferenceType::JOIN: {
        auto& join = ref.Cast<duckdb::JoinRef>();
        Ref(*join.left, ctes);
        Ref(*join.right, ctes);
        Expression(join.condition.get(), ctes);
        break;
      }
      case duckdb::TableReferenceType::SUBQUERY:
        Node(*ref.Cast<duckdb::SubqueryRef>().subquery->node, ctes);
        break;
      case duckdb::TableReferenceType::TABLE_FUNCTION: {
        auto& function = ref.Cast<duckdb::TableFunctionRef>();
        Expression(function.function.get(), ctes);
        if (function.subquery) Node(*function.subquery->node, ctes);
        break;
      }
      case duckdb::TableReferenceType::EXPRESSION_LIST:
        for (auto& row : ref.Cast<duckdb::ExpressionListRef>().values) {
          for (auto& expression : row) Expression(expression.get(), ctes);
        }
        break;
      case duckdb::TableReferenceType::PIVOT: {
        auto& pivot = ref.Cast<duckdb::PivotRef>();
        Ref(*pivot.source, ctes);
        for (auto& expression : pivot.aggregates) Expression(expression.get(), ctes);
        for (auto& column : pivot.pivots) {
          if (column.subquery) Node(*column.subquery, ctes);
        }
        break;
      }
      default:
        break;
    }
  }

  void Table(const duckdb::BaseTableRef& ref, const Names& ctes) {
    using duckdb::StringUtil;
    std::string catalog = ref.catalog_name;
    std::string schema = ref.schema_name;
    if (catalog.empty() && schema.empty() && ctes.count(StringUtil::Lower(ref.table_name)) > 0) {
      return;
    }
    if (catalog.empty() && !schema.empty() && IsCatalog(schema)) {
      catalog = schema;
      schema = DEFAULT_SCHEMA;
    }
    if (schema.empty()) schema = DEFAULT_SCHEMA;
    for (const auto& [name, source] : options_.sources) {
      if (!StringUtil::CIEquals(catalog, name)) continue;
      Add(inputs.live, {name, SourceTableName{schema, ref.table_name}});
      return;
    }
    const bool lake = catalog.empty() || StringUtil::CIEquals(catalog, options_.catalog_name);
    if (!lake || StringUtil::CIEquals(schema, "information_schema") ||
        StringUtil::CIEquals(schema, "pg_catalog")) {
      return;
    }
    Add(inputs.lake, TableName{schema, ref.table_name});
  }

  bool IsCatalog(const std::string& name) const {
    for (const char* own : {SYSTEM_CATALOG, TEMP_CATALOG, "memory"}) {
      if (duckdb::StringUtil::CIEquals(name, own)) return true;
    }
    if (duckdb::StringUtil::CIEquals(name, options_.catalog_name)) return true;
    return std::any_of(options_.sources.begin(), options_.sources.end(), [&](const auto& source) {
      return duckdb::StringUtil::CIEquals(name, source.first);
    });
  }

  template <typename T>
  static void Add(std::vector<T>& list, T value) {
    if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(std::move(value));
  }

  const SqlEngineOptions& options_;
};

}  // namespace

Result<duckdb::unique_ptr<duckdb::SelectStatement>> ParseQuery(const std::string& sql) {
  using Query = duckdb::unique_ptr<duckdb::SelectStatement>;
  const std::vector<StatementText> pieces = SplitStatements(sql);
  if (pieces.empty()) return InvalidArgument("there is no statement", "write one SELECT");
  if (pieces.size() > 1) {
    return InvalidArgument(
        LineColumn(sql, pieces[1].offset) + ": a second statement begins here, expected one SELECT",
        "make one model of each statement");
  }
  duckdb::Parser parser;
  try {
    parser.ParseQuery(sql);
  } catch (const std::exception& exception) {
    const duckdb::ErrorData error(exception);
    Error result = FromDuckDb(error);
    const auto position = error.ExtraInfo().find("position");
    if (position != error.ExtraInfo().end()) {
      result.message = LineColumn(sql, std::stoull(position->second)) + ": " + result.message;
    }
    return result;
  }
  if (parser.statements.size() != 1 ||
      parser.statements[0]->type != duckdb::StatementType::SELECT_STATEMENT) {
    return InvalidArgument(LineColumn(sql, pieces[0].offset) + ": expected a SELECT",
                           "a query begins with SELECT, WITH, FROM or VALUES");
  }
  return Query(duckdb::unique_ptr_cast<duckdb::SQLStatement, duckdb::SelectStatement>(
      std::move(parser.statements[0])));
}

QueryInputs InputsOfQuery(const SqlEngineOptions& options, duckdb::SelectStatement& query) {
  Walker walker(options);
  walker.Node(*query.node, {});
  return std::move(walker.inputs);
}

}  // namespace tarn::duck

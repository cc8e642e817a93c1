#include "sql/duckdb/column_default.h"

#include <utility>

#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/parser/statement/alter_statement.hpp"
#include "duckdb/parser/statement/update_statement.hpp"
#include "duckdb/planner/expression_binder/constant_binder.hpp"
#include "sql/duckdb/filters.h"
#include "sql/duckdb/types.h"

namespace tarn::duck {
namespace {

using duckdb::ExpressionClass;

bool IsConstant(const duckdb::ParsedExpression& expression) {
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::CONSTANT:
      return true;
    case ExpressionClass::CAST:
      return IsConstant(*expression.Cast<duckdb::CastExpression>().child);
    case ExpressionClass::FUNCTION: {  // a sign
      const auto& function = expression.Cast<duckdb::FunctionExpression>();
      const bool sign = function.function_name == "-" || function.function_name == "+";
      return sign && function.children.size() == 1 && IsConstant(*function.children[0]);
    }
    default:
      return false;
  }
}

const duckdb::AlterTableInfo* AlterOf(const duckdb::SQLStatement& statement) {
  if (statement.type != duckdb::StatementType::ALTER_STATEMENT) return nullptr;
  const auto& info = *statement.Cast<duckdb::AlterStatement>().info;
  return info.type == duckdb::AlterType::ALTER_TABLE ? &info.Cast<duckdb::AlterTableInfo>()
                                                     : nullptr;
}

}  // namespace

Result<std::optional<Scalar>> DefaultValueOf(duckdb::ClientContext& context, const TableName& table,
                                             const std::string& column,
                                             const duckdb::ParsedExpression& expression,
                                             const duckdb::LogicalType& declared,
                                             const Type& type) {
  const std::string place = "column " + column + " of " + table.ToString();
  if (!IsConstant(expression)) {
    return Unsupported(place + ": DEFAULT " + expression.ToString() + " is not a constant",
                       "name the value when you INSERT: a default is a constant, or a cast of one");
  }
  const auto binder = duckdb::Binder::CreateBinder(context);
  duckdb::ConstantBinder constants(*binder, context, "DEFAULT value");
  auto copy = expression.Copy();
  const auto bound = constants.Bind(copy);
  duckdb::Value value = duckdb::ExpressionExecutor::EvaluateScalar(context, *bound);
  if (value.IsNull()) return std::optional<Scalar>();
  const std::string text = value.ToString();
  for (const duckdb::LogicalType& wanted : {declared, ToLogicalType(type)}) {
    duckdb::Value cast;
    std::string error;
    if (!value.TryCastAs(context, wanted, cast, &error)) {
      return InvalidArgument(place + ": DEFAULT " + text + " is no value of type " +
                             declared.ToString());
    }
    value = std::move(cast);
  }
  std::optional<Scalar> scalar = ToScalar(value);
  if (!scalar) {
    return Unsupported(place + ": " + text + " cannot be a DEFAULT of type " + declared.ToString(),
                       "name the value when you INSERT");
  }
  TARN_RETURN_IF_ERROR(CheckDefault(type, *scalar, column));
  return scalar;
}

void RejoinAddColumn(duckdb::vector<duckdb::unique_ptr<duckdb::SQLStatement>>& statements) {
  using duckdb::AlterTableType;
  // Outside of a transaction they come with one of their own, within one between two SETs of what
  // an error does to it.
  const auto is_frame = [&](size_t i) {
    return statements[i]->type == duckdb::StatementType::TRANSACTION_STATEMENT ||
           statements[i]->type == duckdb::StatementType::SET_STATEMENT;
  };
  const bool wrapped = statements.size() == 5 && is_frame(0) && is_frame(4);
  if (statements.size() != 3 && !wrapped) return;
  const size_t first = wrapped ? 1 : 0;
  const auto* add = AlterOf(*statements[first]);
  const auto* set = AlterOf(*statements[first + 2]);
  if (add == nullptr || add->alter_table_type != AlterTableType::ADD_COLUMN || set == nullptr ||
      set->alter_table_type != AlterTableType::SET_DEFAULT ||
      statements[first + 1]->type != duckdb::StatementType::UPDATE_STATEMENT ||
      // Said of no UPDATE that somebody typed.
      !statements[first + 1]->Cast<duckdb::UpdateStatement>().prioritize_table_when_binding) {
    return;
  }
  statements[0] = std::move(statements[first]);
  auto& info = *statements[0]->Cast<duckdb::AlterStatement>().info;
  info.Cast<duckdb::AddColumnInfo>().new_column.SetDefaultValue(
      set->Cast<duckdb::SetDefaultInfo>().expression->Copy());
  statements.resize(1);
}

}  // namespace tarn::duck

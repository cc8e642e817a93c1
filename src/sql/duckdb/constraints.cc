#include "sql/duckdb/constraints.h"

#include <utility>

#include "base/text.h"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/planner/expression_binder/check_binder.hpp"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/types.h"
#include "table/delta/properties.h"

namespace tarn::duck {
namespace {

/// Copies texts in single quotes as they are, and hands every other character to `other`.
template <typename Other>
std::string OutsideOfTexts(const std::string& expression, const Other& other) {
  std::string result;
  for (size_t i = 0; i < expression.size(); ++i) {
    if (expression[i] != '\'') {
      other(result, expression, i);
      continue;
    }
    const size_t end = expression.find('\'', i + 1);
    const size_t last = end == std::string::npos ? expression.size() - 1 : end;
    result += expression.substr(i, last - i + 1);
    i = last;
  }
  return result;
}

/// The text between the quotes that begin at `i`, which moves to the closing one.
std::string Unquoted(const std::string& text, size_t& i) {
  const char quote = text[i];
  std::string inner;
  while (++i < text.size()) {
    if (text[i] == quote && (i + 1 >= text.size() || text[i + 1] != quote)) break;
    if (text[i] == quote) ++i;
    inner += text[i];
  }
  return inner;
}

std::string QuotedBy(const std::string& text, char quote) {
  const std::string one(1, quote);
  return one + duckdb::StringUtil::Replace(text, one, one + one) + one;
}

Error Wrong(const std::string& constraint, const std::string& why) {
  return InvalidArgument("constraint " + QuoteIdentifier(constraint) + ": " + why,
                         "a CHECK is an expression over the columns of one row");
}

duckdb::unique_ptr<duckdb::ParsedExpression> Parse(const std::string& constraint,
                                                   const std::string& expression) {
  duckdb::vector<duckdb::unique_ptr<duckdb::ParsedExpression>> parsed;
  const Status status = Guard([&]() -> Status {
    parsed = duckdb::Parser::ParseExpressionList(FromSpark(expression));
    return {};
  });
  if (!status.ok()) Throw(Wrong(constraint, status.error().message));
  if (parsed.size() != 1) Throw(Wrong(constraint, "it is no single expression"));
  return std::move(parsed[0]);
}

}  // namespace

std::map<std::string, std::string> ConstraintsOf(
    const std::map<std::string, std::string>& properties) {
  std::map<std::string, std::string> constraints;
  const std::string_view prefix = delta::kConstraintPrefix;
  for (auto one = properties.lower_bound(std::string(prefix));
       one != properties.end() && one->first.starts_with(prefix); ++one) {
    constraints[one->first.substr(prefix.size())] = one->second;
  }
  return constraints;
}

std::string ToSpark(const std::string& duckdb_expression) {
  return OutsideOfTexts(duckdb_expression,
                        [](std::string& result, const std::string& text, size_t& i) {
                          if (text[i] == '"') {
                            result += QuotedBy(Unquoted(text, i), '`');
                          } else {
                            result += text[i];
                          }
                        });
}

std::string FromSpark(const std::string& spark_expression) {
  return OutsideOfTexts(spark_expression,
                        [](std::string& result, const std::string& text, size_t& i) {
                          if (text[i] == '`') {
                            result += QuotedBy(Unquoted(text, i), '"');
                          } else if (text[i] == '"') {
                            result += QuotedBy(Unquoted(text, i), '\'');
                          } else {
                            result += text[i];
                          }
                        });
}

struct RowChecks::One {
  One(duckdb::ClientContext& context, std::string constraint, std::string text,
      duckdb::unique_ptr<duckdb::Expression> bound)
      : name(std::move(constraint)),
        expression(std::move(text)),
        check(std::move(bound)),
        executor(context, *check) {}

  const std::string name;
  const std::string expression;
  const duckdb::unique_ptr<duckdb::Expression> check;
  duckdb::ExpressionExecutor executor;
};

RowChecks::RowChecks(duckdb::ClientContext& context, TableName table, const Schema& schema,
                     const std::map<std::string, std::string>& constraints)
    : context_(context), table_(std::move(table)) {
  duckdb::ColumnList columns;
  for (const Field& field : schema.fields) {
    types_.push_back(ToLogicalType(field.type));
    columns.AddColumn(duckdb::ColumnDefinition(field.name, types_.back()));
  }
  for (const auto& [name, expression] : constraints) {
    auto parsed = Parse(name, expression);
    duckdb::unique_ptr<duckdb::Expression> bound;
    const Status status = Guard([&]() -> Status {
      const auto binder = duckdb::Binder::CreateBinder(context);
      duckdb::physical_index_set_t used;
      duckdb::CheckBinder check(*binder, context, table_.name, columns, used);
      check.target_type = duckdb::LogicalType::BOOLEAN;
      bound = check.Bind(parsed);
      return {};
    });
    if (!status.ok()) Throw(Wrong(name, status.error().message));
    if (bound->IsVolatile()) Throw(Wrong(name, "its value is another one each time"));
    checks_.push_back(std::make_unique<One>(context, name, expression, std::move(bound)));
  }
}

RowChecks::~RowChecks() = default;

void RowChecks::Check(duckdb::DataChunk& given) {
  // CREATE TABLE AS has what its query gives: a TINYINT, say, of what is stored as INTEGER.
  duckdb::DataChunk cast;
  bool differs = false;
  for (duckdb::idx_t i = 0; i < types_.size(); ++i) {
    differs = differs || given.data[i].GetType() != types_[i];
  }
  if (differs) {
    cast.Initialize(duckdb::Allocator::Get(context_), types_, given.size());
    for (duckdb::idx_t i = 0; i < types_.size(); ++i) {
      duckdb::VectorOperations::Cast(context_, given.data[i], cast.data[i], given.size());
    }
    cast.SetCardinality(given.size());
  }
  duckdb::DataChunk& rows = differs ? cast : given;
  for (const auto& one : checks_) {
    duckdb::Vector result(duckdb::LogicalType::BOOLEAN);
    one->executor.ExecuteExpression(rows, result);
    duckdb::UnifiedVectorFormat values;
    result.ToUnifiedFormat(rows.size(), values);
    const auto* flags = duckdb::UnifiedVectorFormat::GetData<bool>(values);
    for (duckdb::idx_t row = 0; row < rows.size(); ++row) {
      const auto at = values.sel->get_index(row);
      if (values.validity.RowIsValid(at) && flags[at]) continue;
      Throw(InvalidArgument("a row breaks constraint " + QuoteIdentifier(one->name) + " of table " +
                                table_.ToString() + ": CHECK (" + FromSpark(one->expression) + ")",
                            "the expression has to be true, and NULL is not"));
    }
  }
}

Status CheckNoConstraintOn(const std::map<std::string, std::string>& constraints,
                           const std::string& column) {
  for (const auto& [name, expression] : constraints) {
    bool about = false;
    const auto parsed = Parse(name, expression);
    duckdb::ParsedExpressionIterator::VisitExpressionMutable<duckdb::ColumnRefExpression>(
        *parsed, [&](duckdb::ColumnRefExpression& reference) {
          // A struct's field comes after its column.
          for (const std::string& part : reference.column_names) {
            about = about || duckdb::StringUtil::CIEquals(part, column);
          }
        });
    if (!about) continue;
    return InvalidArgument(
        "column " + QuoteIdentifier(column) + " is part of constraint " + QuoteIdentifier(name),
        "DROP CONSTRAINT first, and add it again afterwards");
  }
  return {};
}

}  // namespace tarn::duck

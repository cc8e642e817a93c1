#include "pipeline/transform/checks.h"

#include <arrow/api.h>

#include "base/text.h"

namespace tarn {
namespace {

std::string QuoteList(const std::vector<std::string>& columns) {
  std::vector<std::string> quoted;
  for (const std::string& column : columns) quoted.push_back(QuoteIdentifier(column));
  return Join(quoted, ", ");
}

std::string UniqueName(size_t index) { return "__tarn_unique_" + std::to_string(index); }

/// The first row of a query, its integers by column; nulls are 0.
Result<std::vector<int64_t>> FirstRow(Session& session, const std::string& query) {
  TARN_ASSIGN_OR_RETURN(auto rows, session.Execute(query));
  TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
  std::vector<int64_t> values;
  if (batch == nullptr || batch->num_rows() == 0) return Internal("a check returned no row");
  for (const auto& column : batch->columns()) {
    auto scalar = column->GetScalar(0);
    if (!scalar.ok() || !(*scalar)->is_valid) {
      values.push_back(0);
      continue;
    }
    auto number = (*scalar)->CastTo(arrow::int64());
    if (!number.ok()) return Internal("a check returned no number");
    values.push_back(std::static_pointer_cast<arrow::Int64Scalar>(*number)->value);
  }
  while (batch != nullptr) {
    TARN_ASSIGN_OR_RETURN(batch, rows->Next());
  }
  return values;
}

std::string TableCheckQuery(const Check& check, const std::string& table) {
  if (check.kind == Check::Kind::kRowCount) return "SELECT count(*) FROM " + table;
  // Seconds since the newest value; NULL (an empty table) is as stale as can be.
  return "SELECT coalesce(date_diff('second', max(CAST(" + QuoteIdentifier(check.columns[0]) +
         " AS TIMESTAMPTZ)), now()), 9223372036854775807) FROM " + table;
}

void JudgeTableCheck(const Check& check, int64_t value, CheckResult* result) {
  if (check.kind == Check::Kind::kRowCount) {
    if (check.min_rows && value < *check.min_rows) {
      result->failing_rows = 1;
      result->message =
          std::to_string(value) + " rows, expected at least " + std::to_string(*check.min_rows);
    } else if (check.max_rows && value > *check.max_rows) {
      result->failing_rows = 1;
      result->message =
          std::to_string(value) + " rows, expected at most " + std::to_string(*check.max_rows);
    }
    return;
  }
  if (value > check.within_seconds) {
    result->failing_rows = 1;
    result->message =
        "the newest value is " +
        (value == INT64_MAX ? std::string("missing") : std::to_string(value) + " s old") +
        ", expected at most " + std::to_string(check.within_seconds) + " s";
  }
}

}  // namespace

std::string FailingCondition(const Check& check, size_t index) {
  switch (check.kind) {
    case Check::Kind::kNotNull: {
      std::vector<std::string> parts;
      for (const std::string& column : check.columns) {
        parts.push_back(QuoteIdentifier(column) + " IS NULL");
      }
      return Join(parts, " OR ");
    }
    case Check::Kind::kUnique: {
      std::vector<std::string> parts;
      for (const std::string& column : check.columns) {
        parts.push_back(QuoteIdentifier(column) + " IS NOT NULL");
      }
      return Join(parts, " AND ") + " AND " + UniqueName(index) + " > 1";
    }
    case Check::Kind::kAcceptedValues: {
      std::vector<std::string> values;
      for (const std::string& value : check.values) values.push_back(QuoteLiteral(value));
      const std::string column = QuoteIdentifier(check.columns[0]);
      return column + " IS NOT NULL AND CAST(" + column + " AS VARCHAR) NOT IN (" +
             Join(values, ", ") + ")";
    }
    case Check::Kind::kRelationships: {
      const std::string column = QuoteIdentifier(check.columns[0]);
      // Qualified, so that a field that the other table lacks is not taken for one of the model's.
      const std::string field = "referred." + QuoteIdentifier(check.field);
      return column + " IS NOT NULL AND " + column + " NOT IN (SELECT " + field + " FROM " +
             QuotedName(check.to) + " AS referred WHERE " + field + " IS NOT NULL)";
    }
    case Check::Kind::kExpect:
      // As SQL's CHECK: a condition that is unknown is not violated.
      return "(" + check.condition + "\n) IS FALSE";
    case Check::Kind::kRowCount:
    case Check::Kind::kFreshness:
      return "";
  }
  return "";
}

std::string UniqueWindow(const Check& check, size_t index, const std::string& stood) {
  if (check.kind != Check::Kind::kUnique) return "";
  const std::string over = " OVER (PARTITION BY " + QuoteList(check.columns) + ")";
  std::string count = "count(*)" + over;
  if (!stood.empty()) {
    count = "CASE WHEN " + stood + " THEN count(*) FILTER (WHERE " + stood + ")" + over + " ELSE " +
            count + " END";
  }
  return count + " AS " + UniqueName(index);
}

Result<std::vector<CheckResult>> RunChecks(const Model& model, const std::string& table,
                                           Session& session) {
  std::vector<CheckResult> results;
  for (size_t i = 0; i < model.checks.size(); ++i) {
    const Check& check = model.checks[i];
    CheckResult result;
    result.check = check.ToString();
    const std::string condition = FailingCondition(check, i);
    result.row_level = !condition.empty();
    std::string query;
    if (result.row_level) {
      const std::string window = UniqueWindow(check, i);
      const std::string source =
          window.empty() ? table : "(SELECT *, " + window + " FROM " + table + ")";
      query = "SELECT count(*) FROM " + source + " WHERE " + condition;
    } else {
      query = TableCheckQuery(check, table);
    }
    auto row = FirstRow(session, query);
    if (!row.ok()) {
      return std::move(row)
          .Wrap(check.where + ": the check " + check.ToString() + " does not run")
          .status();
    }
    if (result.row_level) {
      result.failing_rows = row->at(0);
      if (!result.passed()) {
        result.message = result.failing_rows == 1
                             ? std::string("1 row fails")
                             : std::to_string(result.failing_rows) + " rows fail";
      }
    } else {
      JudgeTableCheck(check, row->at(0), &result);
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace tarn

#include "sql/duckdb/constraints.h"
#include "sql/duckdb/tokens.h"

namespace tarn::duck {

std::optional<ConstraintStatement> RewriteConstraint(const std::string& sql) {
  const Tokens tokens(sql);
  size_t at = 0;
  if (!tokens.Take(at, {"ALTER", "TABLE"})) return std::nullopt;
  constexpr int kPartsMax = 3;
  const std::string table = tokens.TakeName(at, kPartsMax);
  const bool add = tokens.Take(at, {"ADD", "CONSTRAINT"});
  if (!add && !tokens.Take(at, {"DROP", "CONSTRAINT"})) return std::nullopt;
  const bool if_exists = !add && tokens.Take(at, {"IF", "EXISTS"});
  const std::string name = tokens.TakeName(at, 1);
  ConstraintStatement statement;
  if (!add) {
    if (!tokens.AtEnd(at)) return std::nullopt;
    statement.call = "CALL tarn_drop_constraint(" + QuotedText(table) + ", " + QuotedText(name) +
                     ", " + (if_exists ? "'if exists'" : "''") + ")";
    return statement;
  }
  if (!tokens.Take(at, {"CHECK", "("})) return std::nullopt;
  const std::optional<std::string> expression = tokens.TakeUntilClosed(at);
  if (!expression || !tokens.AtEnd(at)) return std::nullopt;
  statement.call = "CALL tarn_add_constraint(" + QuotedText(table) + ", " + QuotedText(name) +
                   ", " + QuotedText(*expression) + ")";
  statement.table = table;
  statement.finds_violation = "(" + *expression + ") IS NOT TRUE";
  statement.violation =
      "rows of " + table + " break constraint " + name + ": CHECK (" + *expression + ")";
  return statement;
}

}  // namespace tarn::duck

#include "sql/duckdb/adopt_table.h"
#include "sql/duckdb/tokens.h"

namespace tarn::duck {

Result<std::optional<std::string>> RewriteAdopt(const std::string& sql) {
  const Tokens tokens(sql);
  const std::optional<std::string> other;
  size_t at = 0;
  if (!tokens.Take(at, {"CREATE"})) return other;
  const bool replace = tokens.Take(at, {"OR", "REPLACE"});
  if (!tokens.Take(at, {"TABLE"})) return other;
  const bool keep = tokens.Take(at, {"IF", "NOT", "EXISTS"});
  constexpr int kPartsMax = 3;
  const std::string name = tokens.TakeName(at, kPartsMax);
  if (!tokens.Take(at, {"FROM"})) return other;
  const bool iceberg = tokens.Take(at, {"ICEBERG_TABLE", "("});
  if (!iceberg && !tokens.Take(at, {"DELTA_TABLE", "("})) return other;
  const std::string what = iceberg ? "iceberg_table(…)" : "delta_table(…)";
  if (replace) {
    return InvalidArgument("CREATE OR REPLACE TABLE … FROM " + what + " is not supported",
                           "DROP TABLE first, or CREATE OR REPLACE TABLE … AS SELECT * FROM it");
  }
  const std::optional<std::string> arguments = tokens.TakeUntilClosed(at);
  if (!arguments) return other;
  if (!tokens.AtEnd(at)) {
    return InvalidArgument("CREATE TABLE … FROM " + what + " takes nothing behind it",
                           "to choose rows or columns, CREATE TABLE … AS SELECT … FROM " + what);
  }
  const std::string function = iceberg ? "tarn_adopt_iceberg" : "tarn_adopt_delta";
  return std::optional<std::string>("CALL " + function + "(" + QuotedText(name) + ", " +
                                    (keep ? "'keep'" : "'fail'") + ", " + *arguments + ")");
}

}  // namespace tarn::duck

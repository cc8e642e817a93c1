#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/transform/model.h"
#include "sql/engine.h"

namespace tarn {

/// What one check found.
struct CheckResult {
  std::string check;         ///< "not_null(customer_id)"
  int64_t failing_rows = 0;  ///< or 1 for a check on the whole table
  std::string message;       ///< empty when it passed
  bool row_level = false;    ///< whether failing rows can be told from the others
  bool passed() const { return failing_rows == 0; }
};

/// The condition, over the columns of `model`, that is true exactly for the rows that fail `check`;
/// empty for a check on the whole table (row count, freshness).
/// Uniqueness needs a window: the condition then refers to the column UniqueColumn(index).
std::string FailingCondition(const Check& check, size_t index);
/// `count(*) OVER (PARTITION BY …) AS __tarn_unique_<index>` for a uniqueness check, else empty.
/// Rows for which `stood`, a condition, is true are counted among themselves: what stands is not
/// made double by what comes. Empty: it is true for none.
std::string UniqueWindow(const Check& check, size_t index, const std::string& stood = "");

/// Runs all checks of the model on `table` (a quoted name that `session` sees).
/// Errors: InvalidArgument when a check itself does not run (unknown column), with its place.
Result<std::vector<CheckResult>> RunChecks(const Model& model, const std::string& table,
                                           Session& session);

}  // namespace tarn

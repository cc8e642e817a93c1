#include "pipeline/transform/history_query.h"

#include <algorithm>

#include <arrow/type.h>

#include "base/text.h"
#include "pipeline/history_columns.h"

namespace tarn {
namespace {

/// Columns of the query that tell the change, not the row.
bool TellsChange(const std::string& name) {
  const std::string folded = LowerAscii(name);
  return folded == kHistoryOp || folded == kHistoryOrder || folded == kHistoryOrdinal ||
         folded == kHistoryTransaction || folded == kHistoryPosition || folded == kHistoryTime;
}

std::vector<std::string> RowColumns(const arrow::FieldVector& columns) {
  std::vector<std::string> quoted;
  for (const auto& column : columns) {
    if (!TellsChange(column->name())) quoted.push_back(QuoteIdentifier(column->name()));
  }
  return quoted;
}

}  // namespace

Result<arrow::FieldVector> HistoryModelFields(const Model& model,
                                              const arrow::FieldVector& columns) {
  for (const char* needed : {kHistoryOp, kHistoryOrder, kHistoryOrdinal}) {
    const bool there = std::any_of(columns.begin(), columns.end(), [&](const auto& column) {
      return LowerAscii(column->name()) == needed;
    });
    if (there) continue;
    return InvalidArgument(model.path + ": the query has no column " + needed +
                               ", which `materialize: history` tells versions by",
                           "select it from the table's history: SELECT * FROM bronze.customer" +
                               std::string(kHistorySuffix));
  }
  arrow::FieldVector fields;
  for (const auto& column : columns) {
    const std::string folded = LowerAscii(column->name());
    if (TellsChange(folded)) continue;
    if (folded == kValidFrom || folded == kValidTo || folded == kIsCurrent) {
      return InvalidArgument(model.path + ": the query has a column \"" + column->name() +
                                 "\", which `materialize: history` makes itself",
                             "give it another name with AS");
    }
    fields.push_back(column);
  }
  const auto time = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  fields.push_back(arrow::field(kValidFrom, time));
  fields.push_back(arrow::field(kValidTo, time));
  fields.push_back(arrow::field(kIsCurrent, arrow::boolean()));
  return fields;
}

std::string HistoryModelQuery(const Model& model, const arrow::FieldVector& columns,
                              int* lines_before) {
  std::vector<std::string> key;
  for (const std::string& column : model.key) key.push_back(QuoteIdentifier(column));
  const std::string by_key = Join(key, ", ");
  const std::string row = Join(RowColumns(columns), ", ");
  *lines_before = 1;
  // A reload stands right before its rows and takes effect with them. Times are those of the log's
  // order, which the clocks of commits follow, and in which no two transactions are one.
  return "WITH __tarn_query AS (\n" + model.sql +
         "\n), __tarn_changes AS (SELECT *,"
         " CAST(_log_order AS BIGINT) + CAST(_op = 'reload' AS BIGINT) AS __at,"
         " coalesce(_ordinal, -1) AS __ordinal FROM __tarn_query)"
         // All rows went.
         ", __tarn_resets AS (SELECT __at AS __reset_at, max(__ordinal) AS __reset_ordinal"
         " FROM __tarn_changes WHERE _op IN ('truncate', 'reload') GROUP BY __at)"
         // What each transaction left of each key.
         ", __tarn_last AS (SELECT * FROM __tarn_changes WHERE _op NOT IN ('truncate', 'reload')"
         " QUALIFY row_number() OVER (PARTITION BY " +
         by_key +
         ", __at ORDER BY __ordinal DESC, _op = 'update_preimage') = 1)"
         ", __tarn_states AS (SELECT l.*, _op NOT IN ('delete', 'update_preimage')"
         " AND coalesce(__ordinal >= __reset_ordinal, true) AS __present,"
         " lead(__at) OVER (PARTITION BY " +
         by_key +
         " ORDER BY __at) AS __next FROM __tarn_last l"
         " LEFT JOIN __tarn_resets ON __at = __reset_at)"
         ", __tarn_versions AS (SELECT s.* EXCLUDE (__next),"
         " least(__next, r.__reset_at) AS __until FROM __tarn_states s"
         " ASOF LEFT JOIN (SELECT __reset_at FROM __tarn_resets) r ON s.__at < r.__reset_at"
         " WHERE __present)"
         // Equal ones that follow one another are one.
         ", __tarn_islands AS (SELECT *, coalesce(lag(__until) OVER w = __at AND lag(row(" +
         row + ")) OVER w IS NOT DISTINCT FROM row(" + row +
         "), false) AS __same FROM __tarn_versions WINDOW w AS (PARTITION BY " + by_key +
         " ORDER BY __at))"
         ", __tarn_numbered AS (SELECT *, count_if(NOT __same) OVER (PARTITION BY " +
         by_key + " ORDER BY __at) AS __island FROM __tarn_islands)" +
         ", __tarn_ends AS (SELECT *, last_value(__until) OVER (PARTITION BY " + by_key +
         ", __island ORDER BY __at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
         " AS __end FROM __tarn_numbered)"
         " SELECT " +
         row +
         ", make_timestamptz(__at) AS valid_from, make_timestamptz(__end) AS valid_to,"
         " __end IS NULL AS is_current FROM __tarn_ends WHERE NOT __same";
}

}  // namespace tarn

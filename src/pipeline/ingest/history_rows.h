#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <arrow/api.h>

#include "base/result.h"
#include "pipeline/history_columns.h"
#include "source/source_table.h"

namespace tarn {

/// The columns of the table's history, as they are stored. Errors: those of StorableSchema();
/// InvalidArgument where the table has a column of a name that the history needs.
Result<std::shared_ptr<arrow::Schema>> HistorySchema(const SourceTable& table);

/// Between the orders of two transactions there is place for a load: the row that says so, and its
/// rows.
inline constexpr int64_t kOrdersApart = 4;

/// Where a change stands in the source's log.
struct HistoryPlace {
  int64_t order = 0;
  std::string_view transaction;  ///< "": null
  std::string_view position;
  int64_t committed_micros = 0;
};

/// Builds rows of a history: what happened row by row, then the rows' own columns.
class HistoryRows {
 public:
  explicit HistoryRows(std::shared_ptr<arrow::Schema> schema) : schema_(std::move(schema)) {}

  Status Add(std::string_view op, const HistoryPlace& place, std::optional<int64_t> ordinal);
  int64_t size() const { return ops_.length(); }
  /// `columns`: the table's, of the rows that were added, in HistorySchema()'s types; nullptr where
  /// a column is null of all of them.
  Result<std::shared_ptr<arrow::RecordBatch>> Finish(arrow::ArrayVector columns);
  /// The same, where no column has a value.
  Result<std::shared_ptr<arrow::RecordBatch>> FinishWithoutColumns();

 private:
  std::shared_ptr<arrow::Schema> schema_;
  arrow::StringBuilder ops_;
  arrow::Int64Builder orders_;
  arrow::Int64Builder ordinals_;
  arrow::StringBuilder transactions_;
  arrow::StringBuilder positions_;
  arrow::Int64Builder times_;  ///< microseconds
};

}  // namespace tarn

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/table_target.h"
#include "source/change_capture.h"
#include "source/source_table.h"

namespace tarn {

/// The part of a table's load that goes into its history. A history that stands already goes on: a
/// row says that the table was loaded again, then the rows of the load follow.
struct HistoryLoad {
  WrittenTable written;
  std::shared_ptr<arrow::Schema> schema;
  int64_t order = 0;     ///< of all rows; that of the row that says so is right before it
  std::string position;  ///< the snapshot's
  int64_t micros = 0;
};

/// `target`: the history; made when missing, evolved to the table's columns otherwise (one that
/// cannot change its type in place begins anew). `order`: of the rows; by itself they come after
/// all that stand there. Errors: those of HistorySchema() and OpenTarget().
Result<std::unique_ptr<HistoryLoad>> OpenHistoryLoad(const PipelineContext& context,
                                                     const std::string& source_name,
                                                     const SourceTable& table,
                                                     const TableTarget& target,
                                                     const std::string& position,
                                                     std::optional<int64_t> order = std::nullopt);

/// Where in the history of a table that goes on being followed the rows of a load belong that were
/// read at `position`, once the log was followed up to there: after what was committed at the
/// source until then, before all of later. `order_before`: the log's at a place before `position`.
/// Conflict where there is no order between the two.
Result<int64_t> HistoryOrderAt(const PipelineContext& context, ChangeCapture& capture,
                               const std::string& source_name, const TableName& history,
                               const std::string& position, int64_t order_before);

/// The highest order that the source's log was given.
Result<int64_t> LogOrder(const PipelineContext& context, const std::string& source_name);

/// Rows of the load, in the types of the table, as rows of the history.
Result<std::shared_ptr<arrow::RecordBatch>> HistoryOfLoad(const HistoryLoad& load,
                                                          const arrow::RecordBatch& rows);

/// Hands all files over to the history's transaction. Files are removed on error.
Status StageHistory(const PipelineContext& context, std::vector<DataFile> files, HistoryLoad* load);

}  // namespace tarn

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/table_target.h"
#include "source/source_table.h"

namespace tarn {

/// The part of a table's load that goes into its history. A history that stands already goes on: a
/// row says that the table was loaded again, then the rows of the load follow.
struct HistoryLoad {
  WrittenTable written;
  std::shared_ptr<arrow::Schema> schema;
  int64_t order = 0;     ///< of all rows; after all that stand in the history
  std::string position;  ///< the snapshot's
  int64_t micros = 0;
};

/// `target`: the history; made when missing, evolved to the table's columns otherwise (one that
/// cannot change its type in place begins anew). Errors: those of HistorySchema() and OpenTarget().
Result<std::unique_ptr<HistoryLoad>> OpenHistoryLoad(const PipelineContext& context,
                                                     const std::string& source_name,
                                                     const SourceTable& table,
                                                     const TableTarget& target,
                                                     const std::string& position);

/// Rows of the load, in the types of the table, as rows of the history.
Result<std::shared_ptr<arrow::RecordBatch>> HistoryOfLoad(const HistoryLoad& load,
                                                          const arrow::RecordBatch& rows);

/// Hands all files over to the history's transaction. Files are removed on error.
Status StageHistory(const PipelineContext& context, std::vector<DataFile> files, HistoryLoad* load);

}  // namespace tarn

#include "table/dual/rewrite.h"

#include <memory>
#include <utility>

#include <arrow/record_batch.h>

#include "table/dual/batches_ahead.h"
#include "table/dual/live_rows.h"
#include "table/dual/row_order.h"
#include "table/dual/row_sorter.h"
#include "table/dual/sort_orders.h"
#include "table/model/column_mapping.h"

namespace tarn {

namespace {

/// Batches of full size that wait between the reader and the writer.
constexpr int64_t kBatchesWaitingMax = 4;

/// Reads the live rows of all files, one after the other.
Status ReadAll(const TableContext& context, const TableMetadata& table, const Schema& columns,
               const std::vector<ScanFile>& files, const RewriteOptions& options,
               const BatchesAhead::Put& put) {
  for (const ScanFile& file : files) {
    const auto left_out = options.leave_out.find(file.file.path);
    TARN_ASSIGN_OR_RETURN(
        auto rows,
        LiveRows::Open(context, table, columns, file,
                       left_out == options.leave_out.end() ? nullptr : left_out->second));
    while (true) {
      TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
      if (batch == nullptr) break;
      if (!put(std::move(batch))) return {};
    }
  }
  return {};
}

}  // namespace

Result<std::vector<DataFile>> CopyLiveRows(const TableContext& context, const TableMetadata& table,
                                           const std::vector<ScanFile>& files,
                                           const RewriteOptions& options) {
  DataWriterOptions writing;
  if (options.writing) {
    writing = *options.writing;
  } else {
    writing.location = table.location;
    writing.schema = table.schema();
    writing.spec = table.spec();
    TARN_ASSIGN_OR_RETURN(writing.physical_names, ReadColumnMapping(table));
  }
  if (options.row_ids == RewriteOptions::RowIds::kKept) {
    writing.schema = WithLineage(std::move(writing.schema), table.format_version);
  }
  const Schema columns = writing.schema;
  writing.file = options.file;
  writing.factory = options.factory;
  std::unique_ptr<RowSorter> sorter;
  const SortOrder order = WithPartitions(options.sort, writing.spec);
  if (!options.sort.fields.empty() && RowOrder::CanCompare(columns, order)) {
    TARN_ASSIGN_OR_RETURN(sorter, RowSorter::Open(context, writing.location, columns, order));
    writing.sort_order_id = options.sort.id;
  }
  TARN_ASSIGN_OR_RETURN(auto writer, DataWriter::Open(context, std::move(writing)));
  TARN_ASSIGN_OR_RETURN(const auto rows, BatchesAhead::Start(
                                             [&](const BatchesAhead::Put& put) {
                                               return ReadAll(context, table, columns, files,
                                                              options, put);
                                             },
                                             kBatchesWaitingMax * context.limits->batch_bytes_max));
  while (true) {
    if (options.cancel != nullptr) TARN_RETURN_IF_ERROR(options.cancel->Check());
    TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
    if (batch == nullptr) break;
    TARN_RETURN_IF_ERROR(sorter != nullptr ? sorter->Add(std::move(batch)) : writer->Write(*batch));
  }
  while (sorter != nullptr) {
    if (options.cancel != nullptr) TARN_RETURN_IF_ERROR(options.cancel->Check());
    TARN_ASSIGN_OR_RETURN(const auto batch, sorter->Next());
    if (batch == nullptr) break;
    TARN_RETURN_IF_ERROR(writer->Write(*batch));
  }
  TARN_ASSIGN_OR_RETURN(std::vector<DataFile> written, writer->Finish());
  return written;
}

}  // namespace tarn

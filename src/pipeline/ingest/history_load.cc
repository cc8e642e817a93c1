#include "pipeline/ingest/history_load.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <arrow/api.h>

#include "pipeline/ingest/history_rows.h"
#include "pipeline/ingest/stream_position.h"

namespace tarn {
namespace {

/// The highest order in a history, by the bounds of its files.
Result<int64_t> HighestOrder(const PipelineContext& context, const TableName& name) {
  TARN_ASSIGN_OR_RETURN(const TableEntry entry, context.catalog->LoadTable(name, std::nullopt));
  TARN_ASSIGN_OR_RETURN(const auto table,
                        LoadTableMetadata(context.tables, entry.metadata_location));
  const Field* field = table->schema().Find(kHistoryOrder);
  int64_t highest = 0;
  if (field == nullptr) return highest;
  const Predicate has_order{Predicate::Op::kIsNotNull, kHistoryOrder, {}, {}};
  TARN_RETURN_IF_ERROR(
      VisitScan(context.tables, *table, std::nullopt, has_order, [&](ScanFile&& file) {
        const auto bound = file.file.upper_bounds.find(field->id.value());
        if (bound == file.file.upper_bounds.end()) return Status();
        const auto* order = std::get_if<int64_t>(&bound->second);
        if (order != nullptr) highest = std::max(highest, *order);
        return Status();
      }).status());
  return highest;
}

/// The highest order that the source's log was given.
Result<int64_t> LogOrder(const PipelineContext& context, const std::string& source_name) {
  TARN_ASSIGN_OR_RETURN(const auto positions, context.catalog->ListPositions());
  for (const PositionEntry& entry : positions) {
    if (entry.source != source_name || entry.table != kStreamPosition) continue;
    TARN_ASSIGN_OR_RETURN(const auto position, StreamPosition::FromJson(entry.position));
    return position.order;
  }
  return 0;
}

HistoryPlace PlaceOf(const HistoryLoad& load, int64_t order) {
  return {order, "", load.position, load.micros};
}

}  // namespace

Result<std::unique_ptr<HistoryLoad>> OpenHistoryLoad(const PipelineContext& context,
                                                     const std::string& source_name,
                                                     const SourceTable& table,
                                                     const TableTarget& target,
                                                     const std::string& position) {
  auto load = std::make_unique<HistoryLoad>();
  load->position = position;
  load->micros = context.tables.clock->NowMicros();
  TARN_ASSIGN_OR_RETURN(load->schema, HistorySchema(table));
  TARN_ASSIGN_OR_RETURN(load->written,
                        OpenTarget(context, *load->schema, target, WriteMode::kAppendReplacing));
  TARN_ASSIGN_OR_RETURN(const int64_t of_log, LogOrder(context, source_name));
  // The order right before is that of the row which says that the table was loaded again.
  load->order = std::max(load->micros, of_log + 2);
  if (!load->written.transaction->creates()) {
    TARN_ASSIGN_OR_RETURN(const int64_t highest, HighestOrder(context, target.name));
    load->order = std::max(load->order, highest + 2);
  }
  return load;
}

Result<std::shared_ptr<arrow::RecordBatch>> HistoryOfLoad(const HistoryLoad& load,
                                                          const arrow::RecordBatch& rows) {
  HistoryRows out(load.schema);
  for (int64_t i = 0; i < rows.num_rows(); ++i) {
    TARN_RETURN_IF_ERROR(out.Add(kHistorySnapshot, PlaceOf(load, load.order), std::nullopt));
  }
  return out.Finish(rows.columns());
}

Status StageHistory(const PipelineContext& context, std::vector<DataFile> files,
                    HistoryLoad* load) {
  load->written.files = std::move(files);
  if (!load->written.transaction->creates()) {
    Status marked = [&]() -> Status {
      HistoryRows out(load->schema);
      TARN_RETURN_IF_ERROR(out.Add(kHistoryReload, PlaceOf(*load, load->order - 1), std::nullopt));
      TARN_ASSIGN_OR_RETURN(const auto mark, out.FinishWithoutColumns());
      TARN_ASSIGN_OR_RETURN(auto writer, OpenTargetWriter(context, load->written));
      TARN_RETURN_IF_ERROR(writer->Write(*mark));
      TARN_ASSIGN_OR_RETURN(auto marks, writer->Finish());
      load->written.files.insert(load->written.files.end(), std::make_move_iterator(marks.begin()),
                                 std::make_move_iterator(marks.end()));
      return {};
    }();
    if (!marked.ok()) return marked;
  }
  auto all = std::move(load->written.files);
  return StageFiles(context, std::move(all), WriteMode::kAppend, &load->written);
}

}  // namespace tarn

#include "pipeline/ingest/history_load.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include <arrow/api.h>

#include "pipeline/ingest/history_rows.h"
#include "pipeline/ingest/stream_position.h"
#include "table/dual/live_rows.h"

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

HistoryPlace PlaceOf(const HistoryLoad& load, int64_t order) {
  return {order, "", load.position, load.micros};
}

/// The orders that are next to each other around a place of the log.
struct Around {
  int64_t before = 0;
  int64_t after = std::numeric_limits<int64_t>::max();
};

/// Of the rows of one file.
Status LookAround(ChangeCapture& capture, const std::string& position, int64_t order_before,
                  const arrow::RecordBatch& rows, Around* around) {
  const auto& orders = static_cast<const arrow::Int64Array&>(*rows.column(0));
  const auto& positions = static_cast<const arrow::StringArray&>(*rows.column(1));
  std::string_view last;
  int side = 0;
  for (int64_t i = 0; i < rows.num_rows(); ++i) {
    if (orders.IsNull(i) || orders.Value(i) <= order_before || positions.IsNull(i)) continue;
    // Rows of a transaction, and of a load, stand together.
    if (positions.GetView(i) != last) {
      last = positions.GetView(i);
      TARN_ASSIGN_OR_RETURN(side, capture.Compare(std::string(last), position));
    }
    if (side <= 0) {
      around->before = std::max(around->before, orders.Value(i));
    } else {
      around->after = std::min(around->after, orders.Value(i));
    }
  }
  return {};
}

}  // namespace

/// The highest order that the source's log was given.
Result<int64_t> LogOrder(const PipelineContext& context, const std::string& source_name) {
  TARN_ASSIGN_OR_RETURN(const std::string place, FindStreamPosition(*context.catalog, source_name));
  if (place.empty()) return 0;
  TARN_ASSIGN_OR_RETURN(const auto position, StreamPosition::FromJson(place));
  return position.order;
}

Result<int64_t> HistoryOrderAt(const PipelineContext& context, ChangeCapture& capture,
                               const std::string& source_name, const TableName& history,
                               const std::string& position, int64_t order_before) {
  // What comes later than this is committed with orders of after it.
  TARN_ASSIGN_OR_RETURN(const int64_t of_log, LogOrder(context, source_name));
  TARN_ASSIGN_OR_RETURN(const TableEntry entry, context.catalog->LoadTable(history, std::nullopt));
  TARN_ASSIGN_OR_RETURN(const auto table,
                        LoadTableMetadata(context.tables, entry.metadata_location));
  Schema columns;
  for (const char* name : {kHistoryOrder, kHistoryPosition}) {
    const Field* field = table->schema().Find(name);
    if (field == nullptr) {
      return Conflict("the history " + history.ToString() + " has no column " + name,
                      "drop it, and `tarn apply` begins it anew");
    }
    columns.fields.push_back(*field);
  }
  Around around;
  around.before = order_before;
  const Predicate later =
      Predicate::Compare(Predicate::Op::kGt, kHistoryOrder, Scalar(order_before));
  const auto visit = [&](ScanFile&& file) -> Status {
    TARN_ASSIGN_OR_RETURN(auto rows, LiveRows::Open(context.tables, *table, columns, file));
    while (true) {
      TARN_ASSIGN_OR_RETURN(const auto batch, rows->Next());
      if (batch == nullptr) return {};
      TARN_RETURN_IF_ERROR(LookAround(capture, position, order_before, *batch, &around));
    }
  };
  TARN_RETURN_IF_ERROR(VisitScan(context.tables, *table, std::nullopt, later, visit).status());
  const int64_t last = std::min(of_log + kOrdersApart - 1, around.after - 1);
  const int64_t order =
      std::max(around.before + 2, std::min(context.tables.clock->NowMicros(), last));
  if (order < around.after) return order;
  return Conflict("the history " + history.ToString() + " has no place for a load at " + position,
                  "run it again");
}

Result<std::unique_ptr<HistoryLoad>> OpenHistoryLoad(
    const PipelineContext& context, const std::string& source_name, const SourceTable& table,
    const TableTarget& target, const std::string& position, std::optional<int64_t> order) {
  auto load = std::make_unique<HistoryLoad>();
  load->position = position;
  load->micros = context.tables.clock->NowMicros();
  TARN_ASSIGN_OR_RETURN(load->schema, HistorySchema(table));
  TARN_ASSIGN_OR_RETURN(load->written,
                        OpenTarget(context, *load->schema, target, WriteMode::kAppendReplacing));
  if (order) {
    load->order = *order;
    return load;
  }
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

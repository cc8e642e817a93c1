#include "pipeline/ingest/history_rows.h"

#include <utility>

#include "base/text.h"
#include "columnar/conform.h"

namespace tarn {
namespace {

Error FromArrow(const arrow::Status& status) {
  return MakeError(status.IsOutOfMemory() ? ErrorKind::kResourceExhausted : ErrorKind::kInternal,
                   "writing a history: " + status.message());
}

arrow::FieldVector OwnFields() {
  return {arrow::field(kHistoryOp, arrow::utf8()),
          arrow::field(kHistoryOrder, arrow::int64()),
          arrow::field(kHistoryOrdinal, arrow::int64()),
          arrow::field(kHistoryTransaction, arrow::utf8()),
          arrow::field(kHistoryPosition, arrow::utf8()),
          arrow::field(kHistoryTime, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))};
}

}  // namespace

Result<std::shared_ptr<arrow::Schema>> HistorySchema(const SourceTable& table) {
  arrow::FieldVector fields = OwnFields();
  const size_t own = fields.size();
  for (const SourceColumn& column : table.columns) {
    for (size_t i = 0; i < own; ++i) {
      if (LowerAscii(column.name) != fields[i]->name()) continue;
      return InvalidArgument("the table " + table.name.ToString() + " has a column \"" +
                                 column.name + "\", which its history needs for itself",
                             "rename the column, or leave the table out of `history:`");
    }
    fields.push_back(column.field->WithNullable(true));
  }
  return StorableSchema(arrow::Schema(std::move(fields)));
}

Status HistoryRows::Add(std::string_view op, const HistoryPlace& place,
                        std::optional<int64_t> ordinal) {
  const arrow::Status added = [&]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(ops_.Append(op));
    ARROW_RETURN_NOT_OK(orders_.Append(place.order));
    ARROW_RETURN_NOT_OK(ordinal ? ordinals_.Append(*ordinal) : ordinals_.AppendNull());
    ARROW_RETURN_NOT_OK(place.transaction.empty() ? transactions_.AppendNull()
                                                  : transactions_.Append(place.transaction));
    ARROW_RETURN_NOT_OK(positions_.Append(place.position));
    return times_.Append(place.committed_micros);
  }();
  return added.ok() ? Status() : FromArrow(added);
}

Result<std::shared_ptr<arrow::RecordBatch>> HistoryRows::Finish(arrow::ArrayVector columns) {
  const int64_t rows = size();
  arrow::ArrayVector all;
  for (arrow::ArrayBuilder* builder : std::initializer_list<arrow::ArrayBuilder*>{
           &ops_, &orders_, &ordinals_, &transactions_, &positions_, &times_}) {
    auto array = builder->Finish();
    if (!array.ok()) return FromArrow(array.status());
    all.push_back(*std::move(array));
  }
  auto times = all.back()->View(schema_->field(static_cast<int>(all.size()) - 1)->type());
  if (!times.ok()) return FromArrow(times.status());
  all.back() = *std::move(times);
  for (auto& column : columns) {
    if (column == nullptr) {
      auto nulls =
          arrow::MakeArrayOfNull(schema_->field(static_cast<int>(all.size()))->type(), rows);
      if (!nulls.ok()) return FromArrow(nulls.status());
      column = *std::move(nulls);
    }
    all.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(schema_, rows, std::move(all));
}

Result<std::shared_ptr<arrow::RecordBatch>> HistoryRows::FinishWithoutColumns() {
  return Finish(
      arrow::ArrayVector(static_cast<size_t>(schema_->num_fields()) - OwnFields().size()));
}

}  // namespace tarn

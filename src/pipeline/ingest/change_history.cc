#include "pipeline/ingest/change_history.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api_vector.h>

#include "columnar/conform.h"
#include "pipeline/ingest/history_rows.h"
#include "pipeline/ingest/present_state.h"
#include "table/dual/table.h"

namespace tarn {
namespace {

std::string_view OpText(RowOp op) {
  switch (op) {
    case RowOp::kInsert:
      return kHistoryInsert;
    case RowOp::kUpdate:
      return kHistoryUpdate;
    case RowOp::kDelete:
      return kHistoryDelete;
  }
  return kHistoryInsert;
}

HistoryPlace PlaceOf(const LogPlaces& places, uint32_t transaction) {
  const ChangeTransaction& of = places.transactions[transaction];
  return {places.orders[transaction], of.id, of.position, of.commit_micros};
}

}  // namespace

ChangeHistory::ChangeHistory(const PipelineContext& context, SourceTable table, TableTarget target)
    : context_(context), table_(std::move(table)), target_(std::move(target)) {}

ChangeHistory::~ChangeHistory() = default;

Result<std::unique_ptr<TableTransaction>> ChangeHistory::Change() {
  TARN_ASSIGN_OR_RETURN(PresentState present, LoadPresentState(context_.tables, [this] {
                          return context_.catalog->LoadTable(target_.name, std::nullopt);
                        }));
  const TableEntry& entry = present.entry;
  if (!uuid_.empty() && entry.uuid != uuid_) {
    return Conflict("table " + target_.name.ToString() + " was replaced by another one",
                    "`tarn resync` of the table begins its history anew");
  }
  uuid_ = entry.uuid;
  TARN_ASSIGN_OR_RETURN(auto transaction,
                        TableTransaction::Change(context_.tables, std::move(present.metadata),
                                                 entry.metadata_location));
  for (const TableAltered& altered : edits_) TARN_RETURN_IF_ERROR(Edit(altered, *transaction));
  return transaction;
}

Status ChangeHistory::Begin() {
  if (shape_ != nullptr) return {};
  uuid_.clear();
  TARN_ASSIGN_OR_RETURN(schema_, HistorySchema(table_));
  TARN_ASSIGN_OR_RETURN(shape_, Change());
  return {};
}

Status ChangeHistory::Edit(const TableAltered& altered, TableTransaction& transaction) const {
  TARN_ASSIGN_OR_RETURN(const auto storable, HistorySchema(*altered.table));
  for (const TableAltered::Renamed& renamed : altered.renamed) {
    TARN_RETURN_IF_ERROR(transaction.RenameColumn(renamed.from, renamed.to));
  }
  TARN_ASSIGN_OR_RETURN(const Schema wanted, SchemaFromArrow(*storable));
  return transaction.EvolveTo(wanted, TableTransaction::IncompatibleColumns::kRefuse);
}

Status ChangeHistory::Alter(const TableAltered& altered) {
  TARN_RETURN_IF_ERROR(Begin());
  // Files that are begun have the columns of before; readers find them by their ids.
  TARN_RETURN_IF_ERROR(FinishWriter());
  TARN_RETURN_IF_ERROR(Edit(altered, *shape_));
  edits_.push_back(altered);
  table_ = *altered.table;
  TARN_ASSIGN_OR_RETURN(schema_, HistorySchema(table_));
  return {};
}

Status ChangeHistory::Add(const RowChanges& changes, const arrow::RecordBatch& rows, int64_t first,
                          const LogPlaces& places) {
  TARN_RETURN_IF_ERROR(Begin());
  const int64_t end = first + rows.num_rows();
  TARN_RETURN_IF_ERROR(AddBefore(changes, first, end, places));
  HistoryRows out(schema_);
  for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(end); ++i) {
    TARN_RETURN_IF_ERROR(out.Add(OpText(changes.ops[i]), PlaceOf(places, changes.transactions[i]),
                                 changes.ordinals[i]));
  }
  TARN_ASSIGN_OR_RETURN(const auto batch, out.Finish(rows.columns()));
  return Write(*batch);
}

/// Rows as they were before their updates, and keys of those that got another one.
Status ChangeHistory::AddBefore(const RowChanges& changes, int64_t first, int64_t end,
                                const LogPlaces& places) {
  const auto add = [&](HistoryRows& out, int64_t row) {
    const auto i = static_cast<size_t>(row);
    return out.Add(kHistoryBefore, PlaceOf(places, changes.transactions[i]), changes.ordinals[i]);
  };
  const int own = schema_->num_fields() - static_cast<int>(table_.columns.size());
  if (changes.before != nullptr) {
    const auto begin =
        std::lower_bound(changes.before_rows.begin(), changes.before_rows.end(), first);
    const auto behind = std::lower_bound(begin, changes.before_rows.end(), end);
    HistoryRows out(schema_);
    for (auto row = begin; row != behind; ++row) {
      TARN_RETURN_IF_ERROR(add(out, *row));
    }
    const arrow::FieldVector fields(schema_->fields().begin() + own, schema_->fields().end());
    TARN_ASSIGN_OR_RETURN(
        const auto before,
        Conform(changes.before->Slice(begin - changes.before_rows.begin(), behind - begin),
                arrow::schema(fields)));
    TARN_ASSIGN_OR_RETURN(const auto batch, out.Finish(before->columns()));
    TARN_RETURN_IF_ERROR(Write(*batch));
  }
  if (changes.old_keys == nullptr) return {};
  HistoryRows out(schema_);
  std::vector<int64_t> kept;
  for (size_t i = 0; i < changes.old_key_rows.size(); ++i) {
    const int64_t row = changes.old_key_rows[i];
    const bool whole =
        std::binary_search(changes.before_rows.begin(), changes.before_rows.end(), row);
    if (row < first || row >= end || whole) continue;
    TARN_RETURN_IF_ERROR(add(out, row));
    kept.push_back(static_cast<int64_t>(i));
  }
  if (kept.empty()) return {};
  arrow::FieldVector fields;
  for (const std::string& name : table_.key) fields.push_back(schema_->GetFieldByName(name));
  TARN_ASSIGN_OR_RETURN(const auto keys,
                        Conform(changes.old_keys, arrow::schema(std::move(fields))));
  const arrow::Int64Array indices(static_cast<int64_t>(kept.size()), arrow::Buffer::Wrap(kept));
  auto taken = arrow::compute::Take(arrow::Datum(keys), arrow::Datum(indices.data()),
                                    arrow::compute::TakeOptions::NoBoundsCheck());
  if (!taken.ok()) {
    return Internal("keys of a history: " + taken.status().message());
  }
  const auto rows = taken->record_batch();
  arrow::ArrayVector columns(table_.columns.size());
  for (size_t i = 0; i < table_.columns.size(); ++i) {
    columns[i] = rows->GetColumnByName(table_.columns[i].name);
  }
  TARN_ASSIGN_OR_RETURN(const auto batch, out.Finish(std::move(columns)));
  return Write(*batch);
}

Status ChangeHistory::Truncate(const TableTruncated& truncated, const LogPlaces& places) {
  TARN_RETURN_IF_ERROR(Begin());
  HistoryRows out(schema_);
  TARN_RETURN_IF_ERROR(
      out.Add(kHistoryTruncate, PlaceOf(places, truncated.transaction), truncated.ordinal));
  TARN_ASSIGN_OR_RETURN(const auto batch, out.FinishWithoutColumns());
  return Write(*batch);
}

Status ChangeHistory::Write(const arrow::RecordBatch& rows) {
  if (rows.num_rows() == 0) return {};
  if (writer_ == nullptr) {
    DataWriterOptions options;
    options.location = shape_->location();
    options.schema = shape_->schema();
    options.spec = shape_->spec();
    options.physical_names = shape_->physical_names();
    options.factory = context_.file_writer;
    TARN_ASSIGN_OR_RETURN(writer_, DataWriter::Open(context_.tables, std::move(options)));
  }
  return writer_->Write(rows);
}

Status ChangeHistory::FinishWriter() {
  if (writer_ == nullptr) return {};
  TARN_ASSIGN_OR_RETURN(auto files, writer_->Finish());
  writer_.reset();
  files_.insert(files_.end(), std::make_move_iterator(files.begin()),
                std::make_move_iterator(files.end()));
  return {};
}

Result<std::optional<TableChange>> ChangeHistory::Prepare(
    const std::map<std::string, std::string>& summary) {
  TARN_RETURN_IF_ERROR(Begin());
  TARN_RETURN_IF_ERROR(FinishWriter());
  TARN_ASSIGN_OR_RETURN(transaction_, Change());
  if (!transaction_->schema().SameColumns(shape_->schema())) {
    return Conflict("the columns of " + target_.name.ToString() +
                    " were changed by somebody else meanwhile");
  }
  if (!files_.empty()) TARN_RETURN_IF_ERROR(transaction_->Append(files_));
  for (const auto& [key, value] : summary) transaction_->SetSummary(key, value);
  return std::optional<TableChange>(
      TableChange{target_.name, target_.owner, uuid_, transaction_.get()});
}

void ChangeHistory::Committed() {
  files_.clear();
  edits_.clear();
  shape_.reset();
  transaction_.reset();
}

void ChangeHistory::Discard() {
  if (writer_ != nullptr) static_cast<void>(writer_->Abort());
  writer_.reset();
  WrittenTable rest;
  rest.files = std::move(files_);
  tarn::Discard(context_, rest);
  Committed();
}

}  // namespace tarn

#include "pipeline/ingest/captured_table.h"

#include <algorithm>
#include <map>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api_vector.h>

#include "base/log.h"
#include "columnar/conform.h"
#include "pipeline/ingest/read_back.h"
#include "table/dual/data_writer.h"

namespace tarn {
namespace {

Result<std::shared_ptr<arrow::Schema>> StorableOf(const SourceTable& table) {
  arrow::FieldVector fields;
  for (const SourceColumn& column : table.columns) fields.push_back(column.field);
  return StorableSchema(arrow::Schema(fields));
}

Error FromArrow(const arrow::Status& status, const std::string& table) {
  return MakeError(status.IsOutOfMemory() ? ErrorKind::kResourceExhausted : ErrorKind::kInternal,
                   "folding changes of " + table + ": " + status.message());
}

}  // namespace

/// One writer's rows: still open, or files.
struct CapturedTable::Written {
  std::unique_ptr<DataWriter> writer;
  std::vector<DataFile> files;
  std::map<uint32_t, DeletionVector> superseded;  ///< by file
};

CapturedTable::CapturedTable(const PipelineContext& context, Options options)
    : context_(context), options_(std::move(options)) {}

CapturedTable::~CapturedTable() = default;

bool CapturedTable::pending() const {
  return truncated_ || !edits_.empty() || !rows_.empty() || !writers_.empty();
}

Status CapturedTable::Begin() {
  if (shape_ != nullptr) return {};
  TARN_ASSIGN_OR_RETURN(storable_, StorableOf(options_.table));
  TARN_ASSIGN_OR_RETURN(const TableEntry entry,
                        context_.catalog->LoadTable(options_.target.name, std::nullopt));
  uuid_ = entry.uuid;
  base_location_ = entry.metadata_location;
  TARN_ASSIGN_OR_RETURN(base_, LoadTableMetadata(context_.tables, base_location_));
  TARN_ASSIGN_OR_RETURN(shape_, ChangeTable(base_, base_location_));
  return {};
}

Status CapturedTable::Edit(const TableAltered& altered, TableTransaction& transaction) const {
  for (const TableAltered::Renamed& renamed : altered.renamed) {
    TARN_RETURN_IF_ERROR(transaction.RenameColumn(renamed.from, renamed.to));
  }
  TARN_ASSIGN_OR_RETURN(const auto storable, StorableOf(*altered.table));
  TARN_ASSIGN_OR_RETURN(Schema wanted, SchemaFromArrow(*storable));
  for (Field& field : wanted.fields) {
    const auto& key = altered.table->key;
    if (std::find(key.begin(), key.end(), field.name) == key.end()) continue;
    field.nullability = Nullability::kRequired;
    wanted.identifier_fields.push_back(field.id);
  }
  TARN_RETURN_IF_ERROR(
      transaction.EvolveTo(wanted, TableTransaction::IncompatibleColumns::kRefuse));
  return transaction.SetKey(altered.table->key);
}

Result<std::unique_ptr<TableTransaction>> CapturedTable::ChangeTable(
    const std::shared_ptr<const TableMetadata>& base, const std::string& location) const {
  TARN_ASSIGN_OR_RETURN(auto transaction,
                        TableTransaction::Change(context_.tables, base, location));
  for (const TableAltered& altered : edits_) {
    TARN_RETURN_IF_ERROR(Edit(altered, *transaction));
  }
  return transaction;
}

Status CapturedTable::Alter(const TableAltered& altered) {
  TARN_RETURN_IF_ERROR(Begin());
  // Files that are begun have the columns of before; readers find them by their ids.
  TARN_RETURN_IF_ERROR(FinishWriter());
  TARN_RETURN_IF_ERROR(Edit(altered, *shape_));
  edits_.push_back(altered);
  options_.table = *altered.table;
  options_.target.key = altered.table->key;
  TARN_ASSIGN_OR_RETURN(storable_, StorableOf(options_.table));
  return {};
}

Status CapturedTable::Truncate() {
  TARN_RETURN_IF_ERROR(Begin());
  TARN_RETURN_IF_ERROR(FinishWriter());
  truncated_ = true;
  rows_.Clear();
  // The files stay until the end of the commit: removing them is not worth failing for.
  for (const auto& written : writers_) {
    for (uint32_t file = 0; file < written->files.size(); ++file) {
      written->superseded[file].AddRange(0, written->files[file].record_count);
    }
  }
  return {};
}

Result<arrow::ArrayVector> CapturedTable::KeyArrays(const arrow::RecordBatch& rows) const {
  arrow::ArrayVector arrays;
  for (const std::string& name : options_.target.key) {
    const int at = rows.schema()->GetFieldIndex(name);
    if (at < 0) {
      return Internal("changes of " + options_.table.name.ToString() + " lack the key column " +
                      name);
    }
    arrays.push_back(rows.column(at));
  }
  return arrays;
}

Result<std::shared_ptr<arrow::RecordBatch>> CapturedTable::Add(const RowChanges& changes,
                                                               int64_t first_row) {
  TARN_RETURN_IF_ERROR(Begin());
  TARN_ASSIGN_OR_RETURN(auto rows, Conform(changes.rows, storable_));
  std::vector<KeyHash> keys(static_cast<size_t>(rows->num_rows()));
  TARN_ASSIGN_OR_RETURN(const arrow::ArrayVector key_arrays, KeyArrays(*rows));
  TARN_RETURN_IF_ERROR(HashKeys(key_arrays, keys));
  std::vector<KeyHash> old_keys;
  if (changes.old_keys != nullptr) {
    arrow::FieldVector fields;
    for (const std::string& name : options_.target.key) {
      fields.push_back(storable_->GetFieldByName(name));
    }
    TARN_ASSIGN_OR_RETURN(const auto before,
                          Conform(changes.old_keys, arrow::schema(std::move(fields))));
    old_keys.resize(static_cast<size_t>(before->num_rows()));
    TARN_RETURN_IF_ERROR(HashKeys(before->columns(), old_keys));
  }
  const auto fills =
      options_.whole_rows ? PendingRows::FillsOf::kAllRows : PendingRows::FillsOf::kSurvivors;
  const PendingRows::Folded folded = rows_.Fold(changes, keys, old_keys, first_row, fills);
  for (const PendingPlace& place : folded.superseded) {
    writers_[place.writer]->superseded[place.file].Add(place.row);
  }
  pending_changes_ += rows->num_rows() - first_row;
  TARN_ASSIGN_OR_RETURN(rows, FillGaps(std::move(rows), folded.fills));
  if (!folded.survivors.empty()) TARN_RETURN_IF_ERROR(WriteRows(*rows, folded));
  return rows;
}

Status CapturedTable::WriteRows(const arrow::RecordBatch& rows, const PendingRows::Folded& folded) {
  std::shared_ptr<arrow::RecordBatch> kept;
  if (static_cast<int64_t>(folded.survivors.size()) == rows.num_rows()) {
    kept = rows.Slice(0);
  } else {
    const auto indices = std::make_shared<arrow::Int64Array>(
        static_cast<int64_t>(folded.survivors.size()), arrow::Buffer::Wrap(folded.survivors));
    auto taken = arrow::compute::Take(arrow::Datum(rows.Slice(0)), arrow::Datum(indices),
                                      arrow::compute::TakeOptions::NoBoundsCheck());
    if (!taken.ok()) return FromArrow(taken.status(), options_.table.name.ToString());
    kept = taken->record_batch();
  }
  if (writers_.empty() || writers_.back()->writer == nullptr) {
    DataWriterOptions options;
    options.location = shape_->location();
    options.schema = shape_->schema();
    options.spec = shape_->spec();
    options.physical_names = shape_->physical_names();
    options.factory = context_.file_writer;
    auto written = std::make_unique<Written>();
    TARN_ASSIGN_OR_RETURN(written->writer, DataWriter::Open(context_.tables, std::move(options)));
    writers_.push_back(std::move(written));
  }
  std::vector<RowPlacement> placed;
  TARN_RETURN_IF_ERROR(writers_.back()->writer->Write(*kept, placed));
  std::vector<PendingPlace> places;
  places.reserve(placed.size());
  const auto writer = static_cast<uint32_t>(writers_.size() - 1);
  for (const RowPlacement& place : placed) {
    places.push_back({writer, place.file, static_cast<uint32_t>(place.row)});
  }
  rows_.Put(folded.keys, places);
  return {};
}

Status CapturedTable::FinishWriter() {
  if (writers_.empty() || writers_.back()->writer == nullptr) return {};
  TARN_ASSIGN_OR_RETURN(writers_.back()->files, writers_.back()->writer->Finish());
  writers_.back()->writer.reset();
  return {};
}

Status CapturedTable::FollowBase() {
  if (places_ == nullptr) {
    TARN_ASSIGN_OR_RETURN(places_,
                          KeyPlaces::Open(context_, options_.index_folder, options_.target.key));
  }
  return places_->Follow(base_, base_location_);
}

Result<std::shared_ptr<arrow::RecordBatch>> CapturedTable::FillGaps(
    std::shared_ptr<arrow::RecordBatch> rows, const std::vector<PendingRows::Fill>& fills) {
  if (fills.empty()) return rows;
  using Kind = PendingRows::ValueSource::Kind;
  ReadBack values(context_, *base_, shape_->schema());
  std::vector<KeyHash> keys;
  for (const PendingRows::Fill& fill : fills) {
    if (fill.source.kind == Kind::kTable) keys.push_back(fill.source.key);
  }
  std::vector<RowPlace> places(keys.size());
  if (!keys.empty()) {
    TARN_RETURN_IF_ERROR(FollowBase());
    TARN_RETURN_IF_ERROR(places_->Find(keys, places));
  }
  // Rows that are still in the writer's memory become files that can be read.
  if (std::any_of(fills.begin(), fills.end(),
                  [](const auto& fill) { return fill.source.kind == Kind::kPending; })) {
    TARN_RETURN_IF_ERROR(FinishWriter());
  }
  size_t of_table = 0;
  for (const PendingRows::Fill& fill : fills) {
    if (fill.source.kind == Kind::kBatch) {
      values.TakeFromBatch(fill.column, fill.row, fill.source.row);
    } else if (fill.source.kind == Kind::kPending) {
      const PendingPlace& place = fill.source.place;
      values.TakeFromFile(fill.column, fill.row, writers_[place.writer]->files[place.file],
                          place.row);
    } else {
      const RowPlace& place = places[of_table++];
      if (!place.found() || truncated_) {
        return Corruption(
            "table " + options_.target.name.ToString() +
                " lacks a row that the source updated: the log left out column " +
                options_.table.columns[static_cast<size_t>(fill.column)].name +
                " of it, because it did not change",
            "`tarn resync " + options_.target.name.ToString() + "` loads the table anew");
      }
      values.TakeFromFile(fill.column, fill.row, places_->FileOf(place), place.row);
    }
  }
  return values.Fill(std::move(rows));
}

Result<std::vector<RowDeletes>> CapturedTable::DeletesOfBase() {
  std::vector<RowDeletes> deletes;
  if (truncated_ || rows_.empty()) return deletes;
  std::vector<KeyHash> keys;
  keys.reserve(rows_.size());
  for (const auto& [key, state] : rows_.rows()) keys.push_back(key);
  std::vector<RowPlace> places(keys.size());
  TARN_RETURN_IF_ERROR(places_->Find(keys, places));
  std::sort(places.begin(), places.end());
  for (size_t i = 0; i < places.size() && places[i].found();) {
    RowDeletes one{places_->FileOf(places[i]), {}};
    const uint32_t file = places[i].file;
    for (; i < places.size() && places[i].file == file; ++i) one.positions.Add(places[i].row);
    deletes.push_back(std::move(one));
  }
  return deletes;
}

Result<std::optional<TableChange>> CapturedTable::Prepare(
    const std::map<std::string, std::string>& summary) {
  TARN_RETURN_IF_ERROR(Begin());
  TARN_RETURN_IF_ERROR(FinishWriter());
  TARN_ASSIGN_OR_RETURN(const TableEntry entry,
                        context_.catalog->LoadTable(options_.target.name, std::nullopt));
  if (entry.uuid != uuid_) {
    return Conflict("table " + options_.target.name.ToString() + " was replaced by another one",
                    "`tarn resync` loads it anew");
  }
  base_location_ = entry.metadata_location;
  TARN_ASSIGN_OR_RETURN(base_, LoadTableMetadata(context_.tables, base_location_));
  TARN_ASSIGN_OR_RETURN(transaction_, ChangeTable(base_, base_location_));
  if (!transaction_->schema().SameColumns(shape_->schema())) {
    return Conflict("the columns of " + options_.target.name.ToString() +
                    " were changed by somebody else meanwhile");
  }
  TARN_RETURN_IF_ERROR(FollowBase());
  TARN_ASSIGN_OR_RETURN(std::vector<RowDeletes> deletes, DeletesOfBase());
  std::vector<DataFile> files;
  for (const auto& written : writers_) {
    for (uint32_t file = 0; file < written->files.size(); ++file) {
      files.push_back(written->files[file]);
      const auto superseded = written->superseded.find(file);
      if (superseded == written->superseded.end() || superseded->second.empty()) continue;
      deletes.push_back({written->files[file], superseded->second});
    }
  }
  if (files.empty() && deletes.empty() && edits_.empty() && !truncated_) {
    transaction_.reset();
    return std::optional<TableChange>();
  }
  if (truncated_) {
    TARN_RETURN_IF_ERROR(transaction_->Overwrite(std::move(files)));
  } else if (!files.empty()) {
    TARN_RETURN_IF_ERROR(transaction_->Append(std::move(files)));
  }
  if (!deletes.empty()) TARN_RETURN_IF_ERROR(transaction_->DeleteRows(std::move(deletes)));
  for (const auto& [key, value] : summary) transaction_->SetSummary(key, value);
  return std::optional<TableChange>(
      TableChange{options_.target.name, options_.target.owner, uuid_, transaction_.get()});
}

Status CapturedTable::Committed(Sequence sequence) {
  KeyPlaces::Step step;
  std::vector<uint32_t> first_file;
  for (const auto& written : writers_) {
    first_file.push_back(static_cast<uint32_t>(step.files.size()));
    step.files.insert(step.files.end(), written->files.begin(), written->files.end());
  }
  for (const auto& [key, state] : rows_.rows()) {
    if (state.kind == PendingRows::State::Kind::kDeleted) {
      step.removed.push_back(key);
    } else {
      step.put.push_back(key);
      step.put_file.push_back(first_file[state.place.writer] + state.place.file);
      step.put_row.push_back(state.place.row);
    }
  }
  const std::string base_location = transaction_ == nullptr ? "" : transaction_->base_location();
  Forget();
  if (base_location.empty() || places_ == nullptr) return {};
  // The commit may have been put on a state that came after the one it was prepared for: where it
  // deletes no committed row, it needs no look at where those stand.
  if (base_location != places_->location()) {
    TARN_ASSIGN_OR_RETURN(auto base, LoadTableMetadata(context_.tables, base_location));
    TARN_RETURN_IF_ERROR(places_->Follow(base, base_location));
  }
  // The state right after this commit: what others committed since is for the next Follow().
  TARN_ASSIGN_OR_RETURN(const TableEntry entry,
                        context_.catalog->LoadTable(options_.target.name, sequence));
  Status advanced = places_->Advance(step, entry.metadata_location);
  // Opened again, it says what it knows and what not.
  if (!advanced.ok()) places_.reset();
  return advanced;
}

void CapturedTable::Forget() {
  writers_.clear();
  rows_.Clear();
  edits_.clear();
  truncated_ = false;
  pending_changes_ = 0;
  shape_.reset();
  transaction_.reset();
}

void CapturedTable::Discard() {
  for (auto& written : writers_) {
    if (written->writer != nullptr) static_cast<void>(written->writer->Abort());
    WrittenTable rest;
    rest.files = std::move(written->files);
    tarn::Discard(context_, rest);
  }
  Forget();
}

}  // namespace tarn

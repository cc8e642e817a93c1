#include "pipeline/ingest/captured_table.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api_vector.h>

#include "base/log.h"
#include "base/text.h"
#include "columnar/conform.h"
#include "pipeline/ingest/captured_table_written.h"
#include "pipeline/ingest/column_fill.h"
#include "table/dual/data_writer.h"
#include "table/dual/table.h"

namespace tarn {
namespace {

constexpr char kOverflowSuffix[] = ".touched";

Result<std::shared_ptr<arrow::Schema>> StorableOf(const SourceTable& table) {
  arrow::FieldVector fields;
  for (const SourceColumn& column : table.columns) fields.push_back(column.field);
  return StorableSchema(arrow::Schema(fields));
}

}  // namespace

CapturedTable::CapturedTable(const PipelineContext& context, Options options)
    : context_(context),
      options_(std::move(options)),
      base_key_(options_.target.key),
      rows_({options_.index_folder + kOverflowSuffix, options_.touched_keys_max}) {}

CapturedTable::~CapturedTable() = default;

bool CapturedTable::pending() const {
  return truncated_ || !edits_.empty() || !rows_.empty() || !writers_.empty();
}

Status CapturedTable::Begin() {
  if (shape_ != nullptr) return {};
  TARN_ASSIGN_OR_RETURN(storable_, StorableOf(options_.table));
  TARN_ASSIGN_OR_RETURN(const PresentState present, Present());
  uuid_ = present.entry.uuid;
  base_location_ = present.entry.metadata_location;
  base_ = present.metadata;
  TARN_ASSIGN_OR_RETURN(shape_, ChangeTable(base_, base_location_));
  return {};
}

Result<TableEntry> CapturedTable::State(std::optional<Sequence> at) const {
  if (options_.state) return options_.state();
  return context_.catalog->LoadTable(options_.target.name, at);
}

Result<PresentState> CapturedTable::Present() const {
  return LoadPresentState(context_.tables, [this] { return State(std::nullopt); });
}

Status CapturedTable::Edit(const TableAltered& altered, TableTransaction& transaction) {
  for (const TableAltered::Renamed& renamed : altered.renamed) {
    TARN_RETURN_IF_ERROR(transaction.RenameColumn(renamed.from, renamed.to));
  }
  for (const TableAltered::Filled& filled : altered.filled) {
    TARN_RETURN_IF_ERROR(AddFilledColumn(altered, filled, transaction));
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
  std::vector<std::string> key = options_.target.key;
  for (std::string& column : key) {
    const auto renamed = std::find_if(altered.renamed.begin(), altered.renamed.end(),
                                      [&](const auto& one) { return one.from == column; });
    if (renamed != altered.renamed.end()) column = renamed->to;
  }
  // Where rows stand is known by the key of before.
  if (key != altered.table->key) {
    return InvalidArgument("table " + options_.table.name.ToString() + " has another key: " +
                               Join(altered.table->key, ", ") + " instead of " + Join(key, ", "),
                           "load the table anew with `tarn resync`");
  }
  // Files that are begun have the columns of before; readers find them by their ids.
  TARN_RETURN_IF_ERROR(FinishWriter());
  TARN_RETURN_IF_ERROR(Edit(altered, *shape_));
  if (!altered.filled.empty()) {
    for (const auto& written : writers_) written->lacks_columns = true;
  }
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

Status CapturedTable::FinishWriter() {
  if (writers_.empty() || writers_.back()->writer == nullptr) return {};
  TARN_ASSIGN_OR_RETURN(writers_.back()->files, writers_.back()->writer->Finish());
  writers_.back()->writer.reset();
  return {};
}

Status CapturedTable::DeletesOfBase(std::vector<RowDeletes>* deletes) {
  if (truncated_ || rows_.empty()) return {};
  std::map<uint32_t, DeletionVector> positions;  // by the file's number
  std::vector<RowPlace> places;
  const auto find = [&](const std::vector<KeyHash>& keys) -> Status {
    places.resize(keys.size());
    TARN_RETURN_IF_ERROR(places_->Find(keys, places));
    std::sort(places.begin(), places.end());
    for (size_t i = 0; i < places.size() && places[i].found();) {
      const uint32_t file = places[i].file;
      DeletionVector& of_file = positions[file];
      for (; i < places.size() && places[i].file == file; ++i) of_file.Add(places[i].row);
    }
    return {};
  };
  const Status visited = rows_.Visit([&](const PendingRows::Piece& piece) -> Status {
    if (context_.cancel != nullptr) TARN_RETURN_IF_ERROR(context_.cancel->Check());
    TARN_RETURN_IF_ERROR(find(piece.deleted));
    return find(piece.written);
  });
  TARN_RETURN_IF_ERROR(visited);
  for (auto& [number, of_file] : positions) {
    deletes->push_back({places_->FileOf({number, 0}), std::move(of_file)});
  }
  return {};
}

/// Rows that lack columns with a value of before go into new files: those of the base but for the
/// rows that `deletes` takes, which is done with them, and those written before the columns came.
Status CapturedTable::FillColumns(std::vector<RowDeletes>* deletes, std::vector<DataFile>* files) {
  ColumnFill fill;
  std::vector<DataFile> replaced;
  if (!truncated_) {
    std::map<std::string, DeletionVector> gone;
    for (RowDeletes& one : *deletes) gone[one.file.path] = std::move(one.positions);
    deletes->clear();
    TARN_ASSIGN_OR_RETURN(ScanPlan plan,
                          PlanScan(context_.tables, *base_, std::nullopt, Predicate::True()));
    for (ScanFile& file : plan.files) {
      replaced.push_back(file.file);
      DeletionVector left_out = std::move(gone[file.file.path]);
      fill.Add(std::move(file), std::move(left_out));
    }
  }
  for (const auto& written : writers_) {
    if (!written->lacks_columns) continue;
    for (uint32_t i = 0; i < written->files.size(); ++i) {
      ScanFile file;
      file.file = written->files[i];
      const auto superseded = written->superseded.find(i);
      fill.Add(std::move(file),
               superseded == written->superseded.end() ? DeletionVector() : superseded->second);
    }
  }
  TARN_ASSIGN_OR_RETURN(filled_, fill.Write(context_, *base_, *transaction_));
  moves_all_rows_ = true;
  *files = filled_;
  // Rows that come meanwhile would lack the value.
  transaction_->ReadRows(Predicate::True(), Isolation::kSerializable, Gone::kNoMatter);
  return replaced.empty() ? Status() : transaction_->RemoveFiles(std::move(replaced));
}

/// Files that FillColumns() wrote, and nothing refers to.
void CapturedTable::DiscardFilled() {
  WrittenTable rest;
  rest.files = std::exchange(filled_, {});
  tarn::Discard(context_, rest);
  moves_all_rows_ = false;
}

Result<std::unique_ptr<TableTransaction>> CapturedTable::MoveBase() {
  TARN_ASSIGN_OR_RETURN(const PresentState present, Present());
  if (present.entry.uuid != uuid_) {
    return Conflict("table " + options_.target.name.ToString() + " was replaced by another one",
                    "`tarn resync` loads it anew");
  }
  base_location_ = present.entry.metadata_location;
  base_ = present.metadata;
  TARN_ASSIGN_OR_RETURN(auto transaction, ChangeTable(base_, base_location_));
  if (!transaction->schema().SameColumns(shape_->schema())) {
    return Conflict("the columns of " + options_.target.name.ToString() +
                    " were changed by somebody else meanwhile");
  }
  return transaction;
}

Result<std::optional<TableChange>> CapturedTable::Prepare(
    const std::map<std::string, std::string>& summary) {
  TARN_RETURN_IF_ERROR(Begin());
  TARN_RETURN_IF_ERROR(FinishWriter());
  DiscardFilled();  // of an attempt that was refused
  TARN_ASSIGN_OR_RETURN(transaction_, MoveBase());
  std::vector<RowDeletes> deletes;
  TARN_RETURN_IF_ERROR(WithPlaces([&] { return DeletesOfBase(&deletes); }));
  std::vector<DataFile> files;
  if (HasFilledColumns(*transaction_)) TARN_RETURN_IF_ERROR(FillColumns(&deletes, &files));
  for (const auto& written : writers_) {
    if (moves_all_rows_ && written->lacks_columns) continue;
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
  if (moves_all_rows_ || truncated_) {
    // What stood in the table stands elsewhere, or is gone: the index finds out at the next
    // Follow().
    WrittenTable rest;
    for (const auto& written : writers_) {
      if (!moves_all_rows_ || !written->lacks_columns) continue;
      std::move(written->files.begin(), written->files.end(), std::back_inserter(rest.files));
    }
    tarn::Discard(context_, rest);
    filled_.clear();
    Forget();
    RenameKey();
    return {};
  }
  const std::string base_location = transaction_ == nullptr ? "" : transaction_->base_location();
  if (base_location.empty() || places_ == nullptr) {
    Forget();
    RenameKey();
    return {};
  }
  Status advanced = AdvancePlaces(base_location, sequence);
  if (!advanced.ok()) {
    if (places_->damaged()) {
      Log(LogLevel::kWarning, "the key index of " + options_.target.name.ToString() +
                                  " will be built again: " + advanced.error().message);
      advanced = Status();
    }
    // Opened again, they say what they know and what not.
    places_.reset();
  }
  Forget();
  RenameKey();
  return advanced;
}

Status CapturedTable::AdvancePlaces(const std::string& base_location, Sequence sequence) {
  // The commit may have been put on a state that came after the one it was prepared for: where it
  // deletes no committed row, it needs no look at where those stand.
  if (base_location != places_->location()) {
    TARN_ASSIGN_OR_RETURN(auto base, LoadTableMetadata(context_.tables, base_location));
    TARN_RETURN_IF_ERROR(places_->Follow(base, base_location));
  }
  // The state right after this commit: what others committed since is for the next Follow().
  TARN_ASSIGN_OR_RETURN(const TableEntry entry, State(sequence));
  std::vector<std::vector<uint32_t>> numbers;
  for (const auto& written : writers_) {
    TARN_ASSIGN_OR_RETURN(numbers.emplace_back(), places_->AddFiles(written->files));
  }
  std::vector<RowPlace> places;
  return rows_.Visit([&](const PendingRows::Piece& piece) {
    places.clear();
    for (const PendingPlace& place : piece.places) {
      places.push_back({numbers[place.writer][place.file], place.row});
    }
    return piece.last
               ? places_->Finish(piece.deleted, piece.written, places, entry.metadata_location)
               : places_->Advance(piece.deleted, piece.written, places);
  });
}

std::vector<DataFile> CapturedTable::files() const {
  std::vector<DataFile> files;
  for (const auto& written : writers_) {
    files.insert(files.end(), written->files.begin(), written->files.end());
  }
  return files;
}

/// The table's key has the names that were pending.
void CapturedTable::RenameKey() {
  if (base_key_ == options_.target.key) return;
  base_key_ = options_.target.key;
  places_.reset();
}

void CapturedTable::Forget() {
  writers_.clear();
  rows_.Clear();
  edits_.clear();
  truncated_ = false;
  pending_changes_ = 0;
  shape_.reset();
  transaction_.reset();
  moves_all_rows_ = false;
}

void CapturedTable::Discard() {
  DiscardFilled();
  for (auto& written : writers_) {
    if (written->writer != nullptr) static_cast<void>(written->writer->Abort());
    WrittenTable rest;
    rest.files = std::move(written->files);
    tarn::Discard(context_, rest);
  }
  Forget();
}

}  // namespace tarn

#include "table/dual/transaction.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "table/dual/analyze.h"
#include "table/dual/delta_partition.h"
#include "table/dual/meanwhile.h"
#include "table/dual/next_state.h"
#include "table/dual/partition_specs.h"
#include "table/dual/ref_changes.h"
#include "table/dual/remove_snapshots.h"
#include "table/dual/schema_editor.h"
#include "table/dual/sort_orders.h"
#include "table/dual/stage.h"
#include "table/dual/table_checks.h"
#include "table/iceberg/metadata_json.h"
#include "table/model/column_mapping.h"
#include "table/model/delta_property.h"
#include "table/model/partition.h"

namespace tarn {

namespace {

class TransactionImpl final : public TableTransaction {
 public:
  TransactionImpl(const TableContext& context, std::string location)
      : context_(context),
        location_(std::move(location)),
        snapshot_id_(context.random->PositiveInt64()) {}

  Status InitNew(const NewTable& table) {
    TARN_RETURN_IF_ERROR(CheckColumnNames(table.schema));
    editor_.schema = AssignFreshIds(table.schema);
    editor_.schema.id = SchemaId(0);
    editor_.schema.identifier_fields.clear();
    editor_.last_column_id = editor_.schema.HighestFieldId();
    editor_.files = SchemaEditor::Files::kNone;
    for (const auto& [key, value] : table.properties) {
      TARN_RETURN_IF_ERROR(SetProperty(key, value));
    }
    TARN_RETURN_IF_ERROR(CheckNewTypes(editor_.schema, nullptr, formats()));
    std::vector<std::string> keys;
    for (FieldId id : table.schema.identifier_fields) {
      const Field* field = table.schema.Find(id);
      if (field != nullptr) keys.push_back(field->name);
    }
    TARN_RETURN_IF_ERROR(SetKey(keys));
    TARN_RETURN_IF_ERROR(SetPartition(table.partition));
    table_uuid_ = context_.random->Uuid();
    return {};
  }

  Status InitChange(std::shared_ptr<const TableMetadata> base, std::string base_location) {
    editor_.schema = base->schema();
    editor_.last_column_id = base->last_column_id;
    TARN_ASSIGN_OR_RETURN(editor_.physical_names, ReadColumnMapping(*base));
    editor_.files =
        base->snapshots.empty() ? SchemaEditor::Files::kNone : SchemaEditor::Files::kMayExist;
    spec_ = base->spec();
    sort_order_ = CurrentSortOrder(*base);
    last_partition_id_ = base->last_partition_id;
    table_uuid_ = base->table_uuid.empty() ? context_.random->Uuid() : base->table_uuid;
    base_ = std::move(base);
    base_location_ = std::move(base_location);
    return {};
  }

  Status AddColumn(const std::string& name, const Type& type, const std::string& doc) override {
    return Edit([&](SchemaEditor& editor) { return editor.Add(name, type, doc); });
  }
  Status DropColumn(const std::string& name) override {
    return EditColumns([&](SchemaEditor& editor) { return editor.Drop(name); });
  }
  Status RenameColumn(const std::string& from, const std::string& to) override {
    return Edit([&](SchemaEditor& editor) { return editor.Rename(from, to); });
  }
  Status WidenColumn(const std::string& name, const Type& type) override {
    return Edit([&](SchemaEditor& editor) { return editor.Widen(name, type); });
  }
  Status MakeOptional(const std::string& name) override {
    return Edit([&](SchemaEditor& editor) { return editor.MakeOptional(name); });
  }
  Status ReorderColumns(const std::vector<std::string>& names) override {
    return Edit([&](SchemaEditor& editor) { return editor.Reorder(names); });
  }
  Status SetKey(const std::vector<std::string>& columns) override {
    const auto optional =
        creates() ? SchemaEditor::OptionalKeys::kMakeRequired : SchemaEditor::OptionalKeys::kRefuse;
    return Edit([&](SchemaEditor& editor) { return editor.SetKey(columns, optional); });
  }

  Status EvolveTo(const Schema& wanted, IncompatibleColumns incompatible) override {
    SchemaEditor editor = editor_;
    TARN_RETURN_IF_ERROR(editor.EvolveTo(wanted, incompatible));
    return TakeOtherColumns(std::move(editor));
  }
  Status RestoreColumns(const Schema& earlier) override {
    SchemaEditor editor = editor_;
    editor.Restore(earlier);
    return TakeOtherColumns(std::move(editor));
  }

  Status SetPartition(const std::vector<std::string>& partition) override {
    TARN_ASSIGN_OR_RETURN(auto fields, ParsePartition(partition, editor_.schema));
    TakeSpec(std::move(fields));
    return {};
  }

  Status EditColumns(const std::function<Status(SchemaEditor&)>& edit) override {
    return Edit([&](SchemaEditor& editor) -> Status {
      TARN_RETURN_IF_ERROR(edit(editor));
      TARN_RETURN_IF_ERROR(CheckSortSources(editor.schema, sort_order_));
      return CheckPartitionSources(editor.schema, spec_);
    });
  }

  Status SetSortOrder(const std::vector<SortKey>& keys) override {
    TARN_ASSIGN_OR_RETURN(std::vector<SortField> fields, SortFieldsOf(editor_.schema, keys));
    TakeSortOrder(std::move(fields));
    return {};
  }

  Status SetProperty(const std::string& key, const std::string& value) override {
    TARN_RETURN_IF_ERROR(CheckProperty(key));
    TARN_RETURN_IF_ERROR(CheckPropertyValue(key, value));
    TARN_RETURN_IF_ERROR(CheckDeltaStays(base_.get(), key, value));
    TARN_RETURN_IF_ERROR(CheckMappingById(base_.get(), key, value));
    properties_[key] = value;
    return {};
  }
  Status RemoveProperty(const std::string& key) override {
    TARN_RETURN_IF_ERROR(CheckProperty(key));
    TARN_RETURN_IF_ERROR(CheckDeltaStays(base_.get(), key, kDeltaOn));
    properties_[key] = std::nullopt;
    return {};
  }

  Status Append(std::vector<DataFile> files) override {
    return SetRows(RowChange::Kind::kAppend, std::move(files));
  }
  Status Overwrite(std::vector<DataFile> files) override {
    return SetRows(RowChange::Kind::kOverwrite, std::move(files));
  }
  Status ReplacePartitions(std::vector<DataFile> files) override {
    return SetRows(RowChange::Kind::kReplacePartitions, std::move(files));
  }
  Status DeleteRows(std::vector<RowDeletes> deletes) override {
    TARN_RETURN_IF_ERROR(TakeKind(RowChange::Kind::kAppend));
    for (RowDeletes& one : deletes) {
      const std::string path = one.file.path;
      auto [place, fresh] = rows_.deletes.try_emplace(path, std::move(one));
      if (!fresh) place->second.positions.AddAll(one.positions);
    }
    return {};
  }
  Status RemoveFiles(std::vector<DataFile> files) override {
    TARN_RETURN_IF_ERROR(TakeKind(RowChange::Kind::kAppend));
    for (const DataFile& file : files) rows_.removed.emplace(file.path, file);
    return {};
  }
  Status RewriteFiles(std::vector<DataFile> removed, std::vector<DataFile> added) override {
    TARN_RETURN_IF_ERROR(SetRows(RowChange::Kind::kRewrite, std::move(added)));
    for (const DataFile& file : removed) rows_.removed.emplace(file.path, file);
    return {};
  }
  Status RewriteManifests() override {
    TARN_RETURN_IF_ERROR(SetRows(RowChange::Kind::kRewrite, {}));
    rows_.manifests = RowChange::Manifests::kMerge;
    return {};
  }
  Status ExpireSnapshots(std::vector<SnapshotId> snapshots) override {
    TARN_RETURN_IF_ERROR(CheckMayExpire(base_.get(), refs_, snapshots));
    expired_ = std::move(snapshots);
    return {};
  }
  void ReadRows(const Predicate& read, Isolation isolation, Gone gone) override {
    if (isolation == Isolation::kSerializable) reads_.push_back({read, gone});
  }
  Status CreateRef(const std::string& name, const SnapshotRef& ref) override {
    return AddRef(base_.get(), location_, name, ref, refs_);
  }
  Status RemoveRef(const std::string& name, RefKind kind) override {
    return DropRef(base_.get(), location_, name, kind, refs_);
  }
  Status RollBackTo(SnapshotId snapshot) override {
    if (rows_.kind != RowChange::Kind::kNone) {
      return InvalidArgument("a transaction changes rows in one way only");
    }
    TARN_RETURN_IF_ERROR(CheckSnapshot(base_.get(), location_, snapshot));
    rollback_ = snapshot;
    return {};
  }
  void SetStatistics(StatisticsFile file) override { statistics_.push_back(std::move(file)); }
  void SetSummary(const std::string& key, const std::string& value) override {
    summary_[key] = value;
  }

  const Schema& schema() const override { return editor_.schema; }
  const PartitionSpec& spec() const override { return spec_; }
  const SortOrder& sort_order() const override { return sort_order_; }
  const std::string& location() const override { return location_; }
  const std::map<int32_t, std::string>& physical_names() const override {
    return editor_.physical_names;
  }
  const std::string& base_location() const override { return base_location_; }
  bool creates() const override { return base_ == nullptr; }

  int64_t earliest_ms() const override { return base_ ? base_->last_updated_ms + 1 : 0; }
  void SetTime(int64_t ms) override { time_ms_ = ms; }
  Status Rebase(std::shared_ptr<const TableMetadata> base, std::string base_location) override;
  Result<StagedTable> Stage(const std::string& commit_id) override;

 private:
  Status Edit(const std::function<Status(SchemaEditor&)>& edit) {
    SchemaEditor editor = editor_;
    TARN_RETURN_IF_ERROR(edit(editor));
    TARN_RETURN_IF_ERROR(CheckNewTypes(editor.schema, &editor_.schema, formats()));
    TARN_RETURN_IF_ERROR(CheckPartitionNames(editor.schema, spec_));
    editor_ = std::move(editor);
    return {};
  }

  /// Partitioning and order follow the names of columns that others took the place of.
  Status TakeOtherColumns(SchemaEditor editor) {
    const Schema& before = editor_.schema;
    PartitionSpec spec{spec_.id, FollowNames(spec_.fields, before, editor.schema)};
    TARN_RETURN_IF_ERROR(CheckNewTypes(editor.schema, &before, formats()));
    TARN_RETURN_IF_ERROR(CheckPartitionNames(editor.schema, spec));
    TakeSortOrder(FollowNames(sort_order_.fields, before, editor.schema));
    editor_ = std::move(editor);
    if (spec.fields != spec_.fields) TakeSpec(std::move(spec.fields));
    return {};
  }

  /// The rows of a rolled back table are not those that the next snapshot would stand on.
  Status CheckNotRolledBack() const {
    if (!rollback_) return {};
    return InvalidArgument("the table was rolled back in this transaction",
                           "COMMIT before its rows are changed");
  }

  /// Deleting goes with appending, and, of files that came with it, with overwriting.
  Status TakeKind(RowChange::Kind kind) {
    TARN_RETURN_IF_ERROR(CheckNotRolledBack());
    if (rows_.kind == RowChange::Kind::kOverwrite && kind == RowChange::Kind::kAppend) return {};
    if (rows_.kind != RowChange::Kind::kNone && rows_.kind != kind) {
      return InvalidArgument("a transaction changes rows in one way only");
    }
    rows_.kind = kind;
    return {};
  }

  Status SetRows(RowChange::Kind kind, std::vector<DataFile> files) {
    TARN_RETURN_IF_ERROR(CheckNotRolledBack());
    if (rows_.kind != RowChange::Kind::kNone && rows_.kind != kind) {
      return InvalidArgument("a transaction changes rows in one way only");
    }
    rows_.kind = kind;
    for (DataFile& file : files) rows_.files.push_back(std::move(file));
    return {};
  }

  bool SchemaChanged() const {
    return base_ == nullptr || !editor_.schema.SameColumns(base_->schema());
  }

  void TakeSpec(std::vector<PartitionField> fields) {
    last_partition_id_ = base_ ? base_->last_partition_id : 999;
    spec_ = PartitionSpecOf(base_.get(), std::move(fields), last_partition_id_);
    spec_changed_ = base_ == nullptr || spec_.id != base_->default_spec;
  }

  void TakeSortOrder(std::vector<SortField> fields) {
    sort_order_ = SortOrderOf(base_.get(), std::move(fields));
    sort_changed_ = base_ == nullptr || sort_order_.id != CurrentSortOrder(*base_).id;
  }

  Formats formats() const { return FormatsOf(base_.get(), properties_); }

  Status CheckBeforeStage() const {
    if (!expired_.empty() && rows_.kind != RowChange::Kind::kNone) {
      return InvalidArgument("a transaction that takes snapshots out changes no rows");
    }
    TARN_RETURN_IF_ERROR(CheckSortSources(editor_.schema, sort_order_));
    TARN_RETURN_IF_ERROR(CheckPartitionSources(editor_.schema, spec_));
    const bool overwrites = rows_.kind == RowChange::Kind::kOverwrite;
    if (base_ && base_->current_snapshot && (rollback_ || rows_.loses_rows())) {
      TARN_RETURN_IF_ERROR(CheckMayRemoveRows(base_->properties, "removing rows of " + location_));
    }
    if (!overwrites && editor_.needs_overwrite && editor_.files == SchemaEditor::Files::kMayExist) {
      return InvalidArgument(
          "columns of " + location_ + " were replaced, which needs all its rows to be overwritten",
          "load the table anew");
    }
    return {};
  }

  Status AddSnapshot(const std::string& commit_id, TableMetadata& next, StagedFiles& files) const;

  const TableContext context_;
  const std::string location_;
  std::string table_uuid_;
  std::shared_ptr<const TableMetadata> base_;
  std::string base_location_;
  SchemaEditor editor_;
  PartitionSpec spec_;
  bool spec_changed_ = false;
  SortOrder sort_order_;
  bool sort_changed_ = false;
  int32_t last_partition_id_ = 999;
  std::map<std::string, std::optional<std::string>> properties_;
  RowChange rows_;
  std::vector<SnapshotId> expired_;
  std::map<std::string, std::optional<SnapshotRef>> refs_;  ///< nullopt: removed
  std::optional<SnapshotId> rollback_;
  std::optional<int64_t> time_ms_;
  std::vector<MeanwhileCheck::Read> reads_;  ///< what statements read that must not have changed
  std::map<std::string, std::string> summary_;
  std::vector<StatisticsFile> statistics_;
  SnapshotId snapshot_id_;
  int attempts_ = 0;
};

Status TransactionImpl::Rebase(std::shared_ptr<const TableMetadata> base,
                               std::string base_location) {
  if (base_ == nullptr) return Conflict("table " + location_ + " was created by somebody else");
  if (base->table_uuid != base_->table_uuid) {
    return Conflict("table " + location_ + " was replaced by another table",
                    "look at it, then try again");
  }
  if (!expired_.empty()) {
    return Conflict("table " + location_ + " was changed while its old snapshots were taken out",
                    "find out anew what may leave");
  }
  const Schema& before = base_->schema();
  const Schema& now = base->schema();
  const bool theirs = !now.SameColumns(before) || base->last_column_id != base_->last_column_id;
  const bool ours = SchemaChanged() || editor_.last_column_id != base_->last_column_id;
  if (theirs && (ours || editor_.needs_overwrite)) {
    return Conflict("the columns of " + location_ +
                        " were changed by somebody else meanwhile: " + FirstDifference(before, now),
                    "look at the table, then try again");
  }
  if (theirs && !rows_.files.empty()) {
    if (std::string why = WhyRowsDoNotFit(before, now); !why.empty()) {
      return Conflict("the rows do not fit " + location_ + " any more: " + why + " meanwhile",
                      "try again with the table's columns of now");
    }
  }
  if (theirs && !rows_.files.empty()) {
    TARN_ASSIGN_OR_RETURN(const auto mapping, ReadColumnMapping(*base));
    if (std::string renamed = RenamedWithoutMapping(before, now, mapping); !renamed.empty()) {
      return Conflict("the rows do not fit " + location_ + " any more: " + renamed + " meanwhile",
                      "try again with the table's columns of now");
    }
  }
  const bool other_spec = spec_changed_ && base->default_spec != base_->default_spec;
  if (other_spec || (sort_changed_ && base->default_sort_order != base_->default_sort_order)) {
    const std::string what = other_spec ? "partitioning" : "sort order";
    return Conflict("the " + what + " of " + location_ + " was changed by somebody else meanwhile",
                    "look at the table, then try again");
  }
  TARN_RETURN_IF_ERROR(CheckRefsMeanwhile(*base_, *base, refs_, rollback_));
  TARN_RETURN_IF_ERROR(CheckRulesMeanwhile(*base_, *base, rows_));
  if (!reads_.empty() || !rows_.removed.empty()) {
    MeanwhileCheck check;
    check.reads = ours || theirs ? ReadsOfAllRows(reads_) : reads_;
    if (!rows_.removed.empty()) check.rewritten = &rows_.removed;
    using Copier = MeanwhileCheck::Copier;
    if (rows_.kind != RowChange::Kind::kRewrite) check.copier = Copier::kStatement;
    TARN_RETURN_IF_ERROR(CheckMeanwhile(context_, *base_, *base, check));
  }
  if (!ours) {
    editor_.schema = now;
    editor_.last_column_id = base->last_column_id;
    TARN_ASSIGN_OR_RETURN(editor_.physical_names, ReadColumnMapping(*base));
  }
  // Dropping or renaming a column of a table that had no rows meanwhile got some is the one change
  // whose way of naming Parquet columns depends on the base.
  const bool got_rows = base_->snapshots.empty() && !base->snapshots.empty();
  if (ours && got_rows && rows_.kind != RowChange::Kind::kOverwrite) {
    return Conflict("table " + location_ + " got its first rows while its columns were changed",
                    "try again");
  }
  if (got_rows) editor_.files = SchemaEditor::Files::kMayExist;
  const std::vector<PartitionField> fields = spec_.fields;
  base_ = std::move(base);
  base_location_ = std::move(base_location);
  if (spec_changed_) {
    const SpecId written_with = spec_.id;
    TakeSpec(fields);
    for (DataFile& file : rows_.files) {
      if (file.spec_id == written_with) file.spec_id = spec_.id;
    }
  } else {
    spec_ = base_->spec();
    last_partition_id_ = base_->last_partition_id;
  }
  if (sort_changed_) {
    const int32_t written_with = sort_order_.id;
    TakeSortOrder(sort_order_.fields);
    RenumberSortOrder(written_with, sort_order_.id, rows_.files);
  } else {
    sort_order_ = CurrentSortOrder(*base_);
  }
  while (base_->FindSnapshot(snapshot_id_) != nullptr) {
    snapshot_id_ = SnapshotId(context_.random->PositiveInt64());
  }
  return {};
}

Status TransactionImpl::AddSnapshot(const std::string& commit_id, TableMetadata& next,
                                    StagedFiles& files) const {
  next.last_sequence_number += 1;
  StageRowsRequest request;
  request.base = base_.get();
  request.table = &next;
  request.change = &rows_;
  request.snapshot = snapshot_id_;
  request.sequence_number = next.last_sequence_number;
  TARN_ASSIGN_OR_RETURN(StagedRows rows, StageRows(context_, request, files));

  Snapshot snapshot;
  snapshot.id = snapshot_id_;
  if (base_) snapshot.parent = base_->current_snapshot;
  snapshot.sequence_number = next.last_sequence_number;
  snapshot.timestamp_ms = next.last_updated_ms;
  snapshot.schema_id = next.current_schema;
  snapshot.summary = summary_;
  for (auto& [key, value] : rows.summary) snapshot.summary[key] = std::move(value);
  snapshot.summary["operation"] = rows.operation;
  snapshot.summary["engine-name"] = "tarn";
  snapshot.summary[kCommitIdKey] = commit_id;
  TARN_RETURN_IF_ERROR(AssignRowIds(next, snapshot, rows.manifests));
  TARN_ASSIGN_OR_RETURN(std::string list, WriteManifestList(rows.manifests, snapshot,
                                                            *context_.random, next.format_version));
  const std::string name = "snap-" + std::to_string(snapshot_id_.value()) + "-" +
                           std::to_string(attempts_) + "-" + context_.random->Uuid() + ".avro";
  TARN_ASSIGN_OR_RETURN(snapshot.manifest_list, files.Put(name, list));

  next.current_snapshot = snapshot_id_;
  next.snapshot_log.emplace_back(snapshot.timestamp_ms, snapshot_id_);
  next.refs[kMainBranch].snapshot = snapshot_id_;
  next.snapshots.push_back(std::move(snapshot));
  return {};
}

Result<StagedTable> TransactionImpl::Stage(const std::string& commit_id) {
  TARN_RETURN_IF_ERROR(CheckBeforeStage());
  TARN_ASSIGN_OR_RETURN(std::string table, context_.store->KeyOf(location_));
  StagedFiles files(*context_.store, table);
  ++attempts_;
  TableMetadata next = NextState(context_, {base_.get(), base_location_, location_, table_uuid_,
                                            &editor_, &spec_, last_partition_id_, &sort_order_,
                                            &properties_, &rows_, &refs_, rollback_, time_ms_});
  TARN_RETURN_IF_ERROR(CheckTypeForVersion(next.schema(), next.format_version));
  AddStatistics(statistics_, next);
  RemoveSnapshots(expired_, next);
  if (rows_.kind != RowChange::Kind::kNone) {
    TARN_RETURN_IF_ERROR(AddSnapshot(commit_id, next, files));
  }
  TARN_RETURN_IF_ERROR(CheckAdoptedPartitionsInDelta(context_, next));
  StagedTable staged;
  TARN_ASSIGN_OR_RETURN(
      staged.metadata_location,
      files.Put(StagedMetadataName(base_location_, *context_.random), WriteTableMetadata(next)));
  staged.metadata = std::make_shared<const TableMetadata>(std::move(next));
  staged.files = files.Release();
  return staged;
}

}  // namespace

Result<std::unique_ptr<TableTransaction>> TableTransaction::Create(const TableContext& context,
                                                                   const NewTable& table) {
  std::string location = table.location;
  while (location.ends_with('/')) location.pop_back();
  auto transaction = std::make_unique<TransactionImpl>(context, std::move(location));
  TARN_RETURN_IF_ERROR(transaction->InitNew(table));
  return std::unique_ptr<TableTransaction>(std::move(transaction));
}

Result<std::unique_ptr<TableTransaction>> TableTransaction::Change(
    const TableContext& context, std::shared_ptr<const TableMetadata> base,
    std::string base_location) {
  auto transaction = std::make_unique<TransactionImpl>(context, base->location);
  TARN_RETURN_IF_ERROR(transaction->InitChange(std::move(base), std::move(base_location)));
  return std::unique_ptr<TableTransaction>(std::move(transaction));
}

}  // namespace tarn

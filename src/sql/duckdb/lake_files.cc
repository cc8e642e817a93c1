#include "sql/duckdb/lake_files.h"

#include <algorithm>
#include <utility>

#include "sql/duckdb/errors.h"
#include "sql/duckdb/file_system.h"
#include "sql/duckdb/filters.h"
#include "table/dual/deletes.h"
#include "table/dual/scan_bounds.h"
#include "table/model/adopted_columns.h"

namespace tarn::duck {

namespace {

/// Files of a scan whose bounds are looked up for the optimizer.
constexpr size_t kStatisticsFilesMax = 1000;

/// DuckDB's row groups hold so many rows: fewer are not worth a second thread.
constexpr int64_t kRowsOfAThread = 122'880;

enum class Metrics { kOfPredicate, kAll };

/// The columns by which PlanScan() understands a predicate.
const Schema& PlannedSchema(const LakeTable& table) {
  const TableMetadata& metadata = *table.metadata;
  const Snapshot* snapshot = table.snapshot ? metadata.FindSnapshot(*table.snapshot) : nullptr;
  const Schema* schema = snapshot != nullptr && snapshot->schema_id
                             ? metadata.FindSchema(*snapshot->schema_id)
                             : nullptr;
  return schema != nullptr ? *schema : metadata.schema();
}

Result<ScanPlan> PlanTable(EngineState& engine, const LakeTable& table, const Predicate& predicate,
                           Metrics wanted) {
  ScanPlan plan;
  if (table.metadata != nullptr && table.base == LakeTable::Base::kVisible) {
    // Columns that were renamed since have other names in the state that is planned.
    const bool same_names = table.schema.SameColumns(PlannedSchema(table));
    const Predicate& known = same_names ? predicate : Predicate::True();
    const TableContext& context = engine.options.tables;
    TARN_ASSIGN_OR_RETURN(plan,
                          wanted == Metrics::kAll
                              ? PlanScanWithMetrics(context, *table.metadata, table.snapshot, known)
                              : PlanScan(context, *table.metadata, table.snapshot, known));
  }
  for (const auto& file : table.added) {
    ScanFile scan_file;
    scan_file.file = *file;
    plan.files.push_back(std::move(scan_file));
    ++plan.files_total;
  }
  return plan;
}

Result<std::shared_ptr<const DeletionVector>> DeletedRows(EngineState& engine,
                                                          const LakeTable& table,
                                                          const ScanFile& file) {
  std::shared_ptr<const DeletionVector> committed;
  if (!file.deletes.empty()) {
    TARN_ASSIGN_OR_RETURN(committed, LoadDeletes(engine.options.tables, *table.metadata, file));
  }
  const auto own = table.deleted.find(file.file.path);
  if (own == table.deleted.end()) return committed;
  if (committed == nullptr) return own->second;
  auto all = std::make_shared<DeletionVector>(*committed);
  all->AddAll(*own->second);
  return std::shared_ptr<const DeletionVector>(std::move(all));
}

/// Values of partition columns that adopted files do not hold. Threads: any.
class AdoptedConstants {
 public:
  /// Stays valid as long as this.
  const std::map<int32_t, Scalar>* Of(const LakeTable& table, const DataFile& file) {
    const PartitionSpec* spec = &table.spec;
    if (table.metadata != nullptr) spec = table.metadata->FindSpec(file.spec_id);
    if (spec == nullptr || spec->id != file.spec_id) return nullptr;
    const std::lock_guard lock(mutex_);
    const auto [known, fresh] = by_path_.try_emplace(file.path);
    if (fresh) known->second = IdentityValues(*spec, file);
    return &known->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::map<int32_t, Scalar>> by_path_;
};

}  // namespace

std::shared_ptr<const LakeFilePlanner> PlannerOf(EngineState& engine,
                                                 std::shared_ptr<const LakeTable> table) {
  auto planner = std::make_shared<LakeFilePlanner>();
  planner->plan = [&engine, table](const Predicate& predicate) {
    return PlanTable(engine, *table, predicate, Metrics::kOfPredicate);
  };
  planner->plan_with_metrics = [&engine, table](const Predicate& predicate) {
    return PlanTable(engine, *table, predicate, Metrics::kAll);
  };
  planner->deleted_rows = [&engine, table](const ScanFile& file) {
    return DeletedRows(engine, *table, file);
  };
  planner->physical_names = table->physical_names;
  if (table->metadata == nullptr || !ReadAdoptedPartitions(table->metadata->properties).empty()) {
    planner->constants = [table, known = std::make_shared<AdoptedConstants>()](
                             const ScanFile& file) { return known->Of(*table, file.file); };
  }
  return planner;
}

LakeFileList::LakeFileList(EngineState& engine, std::shared_ptr<const LakeFilePlanner> planner,
                           duckdb::optional_ptr<duckdb::TableCatalogEntry> table_entry,
                           Predicate pushed)
    : engine_(engine),
      planner_(std::move(planner)),
      entry_(table_entry),
      predicate_(std::move(pushed)) {}

void LakeFileList::EnsurePlanned() const {
  const std::lock_guard lock(mutex_);
  if (planned_) return;
  auto plan = std::make_shared<const ScanPlan>(ValueOrThrow(planner_->plan(predicate_)));
  ObjectStore& store = engine_.StoreOf(planner_->store_id);
  for (const ScanFile& scan_file : plan->files) {
    const DataFile& file = scan_file.file;
    if (file.format != "PARQUET" && file.format != "parquet") {
      Throw(Unsupported("data file " + file.path + " is " + file.format + ", not Parquet"));
    }
    // Tables that were adopted have files in other places.
    uint64_t store_id = planner_->store_id;
    Result<std::string> key = store.KeyOf(file.path);
    if (!key.ok()) {
      store_id = ValueOrThrow(engine_.StoreFor(file.path));
      key = engine_.StoreOf(store_id).KeyOf(file.path);
    }
    files_.push_back(
        LakeFileSystem::Describe(engine_, store_id, ValueOrThrow(std::move(key)), file.size_bytes));
    if (file.first_row_id) {
      files_.back().extended_info->options[LakeFileSystem::kFirstRowId] =
          duckdb::Value::BIGINT(*file.first_row_id);
    }
  }
  plan_ = std::move(plan);
  planned_ = true;
}

const ScanPlan& LakeFileList::plan() const {
  EnsurePlanned();
  return *plan_;
}

std::shared_ptr<const ScanPlan> LakeFileList::shared_plan() const {
  EnsurePlanned();
  return plan_;
}

std::shared_ptr<const ScanPlan> LakeFileList::KnownPlan() const {
  const std::lock_guard lock(mutex_);
  return plan_;
}

std::shared_ptr<const ScanPlan> LakeFileList::MetricsOfFiles() const {
  EnsurePlanned();
  const std::lock_guard lock(mutex_);
  if (!planner_->plan_with_metrics || plan_->files.size() > kStatisticsFilesMax) return nullptr;
  if (plan_with_metrics_ == nullptr) {
    plan_with_metrics_ =
        std::make_shared<const ScanPlan>(ValueOrThrow(planner_->plan_with_metrics(predicate_)));
  }
  return plan_with_metrics_;
}

const std::map<int32_t, Scalar>* LakeFileList::ConstantsOf(duckdb::idx_t index) const {
  if (planner_->constants_at) return planner_->constants_at(index);
  return planner_->constants ? planner_->constants(plan().files.at(index)) : nullptr;
}

std::shared_ptr<const DeletionVector> LakeFileList::OnlyRowsOf(duckdb::idx_t index) const {
  EnsurePlanned();
  return planner_->only_rows ? planner_->only_rows(index) : nullptr;
}

std::shared_ptr<const DeletionVector> LakeFileList::DeletedRowsOf(duckdb::idx_t index) const {
  return ValueOrThrow(planner_->deleted_rows(plan().files.at(index)));
}

duckdb::unique_ptr<duckdb::MultiFileList> LakeFileList::ComplexFilterPushdown(
    duckdb::ClientContext& context, const duckdb::MultiFileOptions&,
    duckdb::MultiFilePushdownInfo& info,
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) const {
  const std::vector<std::string>& field_names = planner_->field_names;
  const ColumnOf column_of =
      [&](const duckdb::BoundColumnRefExpression& column) -> std::optional<std::string> {
    if (column.binding.table_index != info.table_index) return std::nullopt;
    const auto index = info.column_ids.at(column.binding.column_index);
    if (duckdb::IsVirtualColumn(index)) return std::nullopt;
    if (column.binding.column_index < info.column_indexes.size() &&
        info.column_indexes[column.binding.column_index].HasChildren()) {
      return std::nullopt;
    }
    return field_names.empty() ? info.column_names.at(index) : field_names.at(index);
  };
  Predicate pushed = ToPruningPredicate(context, filters, column_of);
  if (pushed.always_true()) return nullptr;
  if (!predicate_.always_true()) pushed = Predicate::And({predicate_, std::move(pushed)});
  return duckdb::make_uniq<LakeFileList>(engine_, planner_, entry_, std::move(pushed));
}

duckdb::unique_ptr<duckdb::MultiFileList> LakeFileList::DynamicFilterPushdown(
    duckdb::ClientContext&, const duckdb::MultiFileOptions&, const duckdb::vector<std::string>&,
    const duckdb::vector<duckdb::LogicalType>&, const duckdb::vector<duckdb::column_t>&,
    duckdb::TableFilterSet&) const {
  return nullptr;
}

duckdb::vector<duckdb::OpenFileInfo> LakeFileList::GetAllFiles() const {
  EnsurePlanned();
  return files_;
}

duckdb::FileExpandResult LakeFileList::GetExpandResult() const {
  EnsurePlanned();
  if (files_.empty()) return duckdb::FileExpandResult::NO_FILES;
  // For a single file DuckDB would plan one thread, because it has not read its footer; row groups
  // of one file are scanned in parallel only when it expects several files.
  const int64_t rows = plan_->files[0].file.record_count;
  const bool one_thread = files_.size() == 1 && rows >= 0 && rows <= kRowsOfAThread;
  return one_thread ? duckdb::FileExpandResult::SINGLE_FILE
                    : duckdb::FileExpandResult::MULTIPLE_FILES;
}

duckdb::idx_t LakeFileList::GetTotalFileCount() const {
  EnsurePlanned();
  return files_.size();
}

duckdb::unique_ptr<duckdb::NodeStatistics> LakeFileList::GetCardinality(
    duckdb::ClientContext&) const {
  uint64_t rows = 0;
  for (const ScanFile& file : plan().files) {
    rows += static_cast<uint64_t>(std::max<int64_t>(0, file.file.record_count));
  }
  return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
}

duckdb::unique_ptr<duckdb::MultiFileList> LakeFileList::Copy() const {
  return duckdb::make_uniq<LakeFileList>(engine_, planner_, entry_, predicate_);
}

duckdb::OpenFileInfo LakeFileList::GetFile(duckdb::idx_t index) const {
  EnsurePlanned();
  return index < files_.size() ? files_[index] : duckdb::OpenFileInfo("");
}

}  // namespace tarn::duck

#include "sql/duckdb/lake_files.h"

#include <utility>

#include "sql/duckdb/errors.h"
#include "sql/duckdb/file_system.h"
#include "sql/duckdb/filters.h"

namespace tarn::duck {

PlanFunction PlanOf(EngineState& engine, std::shared_ptr<const LakeTable> table) {
  return [&engine, table = std::move(table)](const Predicate& predicate) -> Result<ScanPlan> {
    ScanPlan plan;
    if (table->metadata != nullptr && table->base == LakeTable::Base::kVisible) {
      // Columns that this transaction renamed have other names in the state that is planned.
      const bool same_names =
          table->snapshot.has_value() || table->schema.SameColumns(table->metadata->schema());
      TARN_ASSIGN_OR_RETURN(plan, PlanScan(engine.options.tables, *table->metadata, table->snapshot,
                                           same_names ? predicate : Predicate::True()));
    }
    for (const DataFile& file : table->added) {
      ScanFile scan_file;
      scan_file.file = file;
      plan.files.push_back(std::move(scan_file));
      ++plan.files_total;
    }
    return plan;
  };
}

LakeFileList::LakeFileList(EngineState& engine, PlanFunction plan,
                           duckdb::optional_ptr<duckdb::TableCatalogEntry> table_entry,
                           Predicate pushed)
    : engine_(engine),
      plan_function_(std::move(plan)),
      entry_(table_entry),
      predicate_(std::move(pushed)) {}

void LakeFileList::EnsurePlanned() const {
  const std::lock_guard lock(mutex_);
  if (planned_) return;
  plan_ = ValueOrThrow(plan_function_(predicate_));
  ObjectStore& store = *engine_.options.tables.store;
  for (const ScanFile& scan_file : plan_.files) {
    const DataFile& file = scan_file.file;
    if (file.format != "PARQUET" && file.format != "parquet") {
      Throw(Unsupported("data file " + file.path + " is " + file.format + ", not Parquet"));
    }
    files_.push_back(
        LakeFileSystem::Describe(engine_, ValueOrThrow(store.KeyOf(file.path)), file.size_bytes));
  }
  planned_ = true;
}

const ScanPlan& LakeFileList::plan() const {
  EnsurePlanned();
  return plan_;
}

const std::vector<DataFile>& LakeFileList::DeletesOf(duckdb::idx_t index) const {
  return plan().files.at(index).deletes;
}

duckdb::unique_ptr<duckdb::MultiFileList> LakeFileList::ComplexFilterPushdown(
    duckdb::ClientContext& context, const duckdb::MultiFileOptions&,
    duckdb::MultiFilePushdownInfo& info,
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) const {
  const ColumnOf column_of =
      [&info](const duckdb::BoundColumnRefExpression& column) -> std::optional<std::string> {
    if (column.binding.table_index != info.table_index) return std::nullopt;
    const auto index = info.column_ids.at(column.binding.column_index);
    if (duckdb::IsVirtualColumn(index)) return std::nullopt;
    if (column.binding.column_index < info.column_indexes.size() &&
        info.column_indexes[column.binding.column_index].HasChildren()) {
      return std::nullopt;
    }
    return info.column_names.at(index);
  };
  Predicate pushed = ToPruningPredicate(context, filters, column_of);
  if (pushed.always_true()) return nullptr;
  if (!predicate_.always_true()) pushed = Predicate::And({predicate_, std::move(pushed)});
  return duckdb::make_uniq<LakeFileList>(engine_, plan_function_, entry_, std::move(pushed));
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
  const bool one_group = files_.size() == 1 && plan_.files[0].file.split_offsets.size() <= 1;
  return one_group ? duckdb::FileExpandResult::SINGLE_FILE
                   : duckdb::FileExpandResult::MULTIPLE_FILES;
}

duckdb::idx_t LakeFileList::GetTotalFileCount() const {
  EnsurePlanned();
  return files_.size();
}

duckdb::unique_ptr<duckdb::NodeStatistics> LakeFileList::GetCardinality(
    duckdb::ClientContext&) const {
  uint64_t rows = 0;
  for (const ScanFile& file : plan().files) rows += static_cast<uint64_t>(file.file.record_count);
  return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
}

duckdb::unique_ptr<duckdb::MultiFileList> LakeFileList::Copy() const {
  return duckdb::make_uniq<LakeFileList>(engine_, plan_function_, entry_, predicate_);
}

duckdb::OpenFileInfo LakeFileList::GetFile(duckdb::idx_t index) const {
  EnsurePlanned();
  return index < files_.size() ? files_[index] : duckdb::OpenFileInfo("");
}

}  // namespace tarn::duck

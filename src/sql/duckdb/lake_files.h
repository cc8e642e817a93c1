#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "columnar/predicate.h"
#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"

namespace tarn::duck {

/// How a scan comes to its files: those of a table of the lake, or of somebody else's.
struct LakeFilePlanner {
  /// The files that may hold matching rows.
  std::function<Result<ScanPlan>(const Predicate&)> plan;
  /// The same files with all that is known of their columns; may be empty.
  std::function<Result<ScanPlan>(const Predicate&)> plan_with_metrics;
  /// The deleted rows of one file of the plan; nullptr when there are none.
  std::function<Result<std::shared_ptr<const DeletionVector>>(const ScanFile&)> deleted_rows;
  /// Values of columns that a file need not have (partition columns), by field id; may be empty.
  std::function<const std::map<int32_t, Scalar>*(const ScanFile&)> constants;
  /// The table's own names of the columns, where the scan may show others; may be empty.
  std::vector<std::string> field_names;
  /// What files without field ids call columns, by id, where it is not their name.
  std::map<int32_t, std::string> physical_names;
  /// \name Of plans that read one file several times or in part, by the place of the file in the
  /// plan; may be empty.
  /// @{
  /// The only rows that are read; nullptr for all that are not deleted.
  std::function<std::shared_ptr<const DeletionVector>(size_t)> only_rows;
  std::function<const std::map<int32_t, Scalar>*(size_t)> constants_at;
  /// @}
  /// The table that the scan is of, where it is none of the lake's own.
  duckdb::optional_ptr<duckdb::TableCatalogEntry> shown_as;
  /// Where the files are: 0 is the lake's store, others as EngineState::foreign_stores counts.
  uint64_t store_id = 0;
};

/// The data files of one table in one scan, as DuckDB's multi-file scan walks them. Planned at the
/// first question, with all filters that were pushed by then: what the manifests exclude is never
/// opened. Threads: may be called concurrently.
class LakeFileList final : public duckdb::MultiFileList {
 public:
  LakeFileList(EngineState& engine, std::shared_ptr<const LakeFilePlanner> planner,
               duckdb::optional_ptr<duckdb::TableCatalogEntry> entry, Predicate predicate);

  duckdb::optional_ptr<duckdb::TableCatalogEntry> entry() const { return entry_; }
  const Predicate& predicate() const { return predicate_; }
  const LakeFilePlanner& planner() const { return *planner_; }
  /// All files with what belongs to them.
  const ScanPlan& plan() const;
  /// The plan, kept alive beyond the list.
  std::shared_ptr<const ScanPlan> shared_plan() const;
  /// The plan if there is one already; else nullptr. For those who only tell about it.
  std::shared_ptr<const ScanPlan> KnownPlan() const;
  /// The same files with all that is known of their columns, which costs a second look at the
  /// manifests; nullptr when they are not offered, or are too many to be worth it.
  std::shared_ptr<const ScanPlan> MetricsOfFiles() const;
  /// Values of columns that the file at an index need not have; nullptr when there are none.
  const std::map<int32_t, Scalar>* ConstantsOf(duckdb::idx_t index) const;
  /// The only rows that are read of the file at an index; nullptr for all that are not deleted.
  std::shared_ptr<const DeletionVector> OnlyRowsOf(duckdb::idx_t index) const;
  /// The deleted rows of the file at an index of the list; nullptr when there are none.
  std::shared_ptr<const DeletionVector> DeletedRowsOf(duckdb::idx_t index) const;

  duckdb::unique_ptr<duckdb::MultiFileList> ComplexFilterPushdown(
      duckdb::ClientContext& context, const duckdb::MultiFileOptions& options,
      duckdb::MultiFilePushdownInfo& info,
      duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) const override;
  duckdb::unique_ptr<duckdb::MultiFileList> DynamicFilterPushdown(
      duckdb::ClientContext& context, const duckdb::MultiFileOptions& options,
      const duckdb::vector<std::string>& names, const duckdb::vector<duckdb::LogicalType>& types,
      const duckdb::vector<duckdb::column_t>& column_ids,
      duckdb::TableFilterSet& filters) const override;
  duckdb::vector<duckdb::OpenFileInfo> GetAllFiles() const override;
  duckdb::FileExpandResult GetExpandResult() const override;
  duckdb::idx_t GetTotalFileCount() const override;
  duckdb::unique_ptr<duckdb::NodeStatistics> GetCardinality(
      duckdb::ClientContext& context) const override;
  duckdb::unique_ptr<duckdb::MultiFileList> Copy() const override;

 protected:
  duckdb::OpenFileInfo GetFile(duckdb::idx_t index) const override;

 private:
  void EnsurePlanned() const;

  EngineState& engine_;
  const std::shared_ptr<const LakeFilePlanner> planner_;
  const duckdb::optional_ptr<duckdb::TableCatalogEntry> entry_;
  const Predicate predicate_;
  mutable std::mutex mutex_;
  mutable bool planned_ = false;
  mutable std::shared_ptr<const ScanPlan> plan_;
  mutable std::shared_ptr<const ScanPlan> plan_with_metrics_;
  mutable duckdb::vector<duckdb::OpenFileInfo> files_;
};

/// The files of `table` as its transaction sees it.
std::shared_ptr<const LakeFilePlanner> PlannerOf(EngineState& engine,
                                                 std::shared_ptr<const LakeTable> table);

}  // namespace tarn::duck

#include "pipeline/maintain/statistics.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/fault_point.h"
#include "base/log.h"
#include "catalog/asked_catalog.h"
#include "catalog/committer.h"
#include "pipeline/maintain/policy.h"
#include "pipeline/maintain/statistics_plan.h"
#include "pipeline/maintain/table_state.h"
#include "table/dual/analyze.h"

namespace tarn {

namespace {

/// What would be read.
struct Reading {
  int64_t files = 0, bytes = 0;
};

Result<int64_t> CountRows(const PipelineContext& context, const TableMetadata& table) {
  int64_t rows = 0;
  TARN_RETURN_IF_ERROR(VisitScan(context.tables, table, std::nullopt, Predicate::True(),
                                 [&](ScanFile&& file) -> Status {
                                   int64_t live = file.file.record_count;
                                   for (const DataFile& one : file.deletes) {
                                     if (one.is_deletion_vector()) live -= one.record_count;
                                   }
                                   rows += std::max<int64_t>(live, 0);
                                   return {};
                                 })
                           .status());
  return rows;
}

Result<Reading> CountReading(const PipelineContext& context, const TableMetadata& table,
                             const EarlierSketches* earlier) {
  Reading reading;
  TARN_RETURN_IF_ERROR(
      VisitFilesToAnalyze(context.tables, table, earlier, [&](ScanFile&& file) -> Status {
        ++reading.files;
        reading.bytes += file.file.size_bytes;
        return {};
      }));
  return reading;
}

void Discard(const PipelineContext& context, const StatisticsFile& file) {
  const auto key = context.tables.store->KeyOf(file.path);
  const Status deleted = key.ok() ? context.tables.store->Delete(*key) : key.status();
  if (!deleted.ok()) Log(LogLevel::kWarning, "an unused file remains: " + deleted.error().message);
}

Status Commit(const PipelineContext& context, Catalog& catalog, const TableState& state,
              const StatisticsFile& file) {
  TARN_ASSIGN_OR_RETURN(auto transaction, TableTransaction::Change(context.tables, state.metadata,
                                                                   state.entry.metadata_location));
  transaction->SetStatistics(file);
  LakeCommit commit = context.NewCommit("maintain", "statistics of " + state.entry.name.ToString());
  commit.tables.push_back({state.entry.name, "", state.entry.uuid, transaction.get()});
  return CommitToLake(context.tables, catalog, commit).status();
}

bool IsTold(const TableMetadata& table, const StatisticsFile& file) {
  return std::any_of(table.statistics.begin(), table.statistics.end(),
                     [&](const StatisticsFile& one) { return one.path == file.path; });
}

}  // namespace

Result<MaintainStep> RefreshStatistics(const PipelineContext& context, const std::string& uuid,
                                       MaintainMode mode) {
  MaintainStep step;
  step.part = "statistics";
  TARN_ASSIGN_OR_RETURN(const TableState state, LoadTableState(context, uuid));
  const TableMetadata& table = *state.metadata;
  TARN_ASSIGN_OR_RETURN(const MaintainPolicy policy,
                        MaintainPolicy::Of(table, *context.tables.limits));
  if (table.current() == nullptr || AnalyzedColumns(table.schema()).fields.empty()) {
    step.why = "nothing to count";
    return step;
  }
  TARN_ASSIGN_OR_RETURN(const int64_t rows, CountRows(context, table));
  const StatisticsPlan plan = PlanStatistics(table, policy, rows);
  step.why = plan.why;
  if (!plan.due) return step;

  std::optional<EarlierSketches> earlier;
  if (plan.newest != nullptr) {
    TARN_ASSIGN_OR_RETURN(earlier, LoadEarlierSketches(context.tables, table, *plan.newest));
  }
  const EarlierSketches* const base = earlier ? &*earlier : nullptr;
  TARN_ASSIGN_OR_RETURN(const Reading reading, CountReading(context, table, base));
  step.why += "; to read: " + std::to_string(reading.files) +
              (reading.files == 1 ? " file" : " files") +
              (base != nullptr ? " that came since" : "");
  step.bytes = reading.bytes;
  if (reading.bytes > policy.statistics_read_bytes_max) {
    step.outcome = MaintainStep::Outcome::kHeld;
    step.why += ", more than " + std::to_string(policy.statistics_read_bytes_max) +
                " bytes (statistics_read_bytes_max): ANALYZE reads them";
    return step;
  }
  step.made = 1;
  if (mode == MaintainMode::kDryRun) {
    step.outcome = MaintainStep::Outcome::kWould;
    return step;
  }
  TARN_ASSIGN_OR_RETURN(const StatisticsFile file,
                        AnalyzeTable(context.tables, table, base, context.cancel));
  TARN_FAULT_POINT(kStatisticsWritten);
  AskedCatalog catalog(*context.catalog);
  const Status committed = Commit(context, catalog, state, file);
  if (!committed.ok() && catalog.RulesOut(committed.error())) Discard(context, file);
  if (!committed.ok() && committed.error().kind != ErrorKind::kConflict) return committed;
  step.outcome = MaintainStep::Outcome::kDone;
  if (!committed.ok()) {
    step.outcome = MaintainStep::Outcome::kHeld;
    step.why += "; writers were faster: " + committed.error().message;
    return step;
  }
  TARN_ASSIGN_OR_RETURN(const TableState now, LoadTableState(context, uuid));
  // One that another upkeep put in its place meanwhile is the orphans' business.
  const bool left = now.metadata->FindSnapshot(file.snapshot) == nullptr;
  if (left && !IsTold(*now.metadata, file)) {
    Discard(context, file);
    step.outcome = MaintainStep::Outcome::kHeld;
    step.why += "; the snapshot that was read left meanwhile";
  }
  return step;
}

}  // namespace tarn

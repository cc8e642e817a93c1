#include <utility>

#include "table/dual/delete_index.h"
#include "table/dual/file_pruner.h"
#include "table/dual/manifest_io.h"
#include "table/dual/scan_bounds.h"
#include "table/dual/table.h"

namespace tarn {

namespace {

using VisitFile = std::function<Status(ScanFile&&)>;

enum class Metrics { kOfPredicate, kAll };

Result<ScanPlan> Visit(const TableContext& context, const TableMetadata& table,
                       std::optional<SnapshotId> snapshot_id, const Predicate& predicate,
                       Metrics wanted, const VisitFile& visit) {
  ScanPlan plan;
  const Snapshot* snapshot = table.current();
  const Schema* schema = &table.schema();
  if (snapshot_id) {
    TARN_ASSIGN_OR_RETURN(snapshot, FindSnapshot(table, *snapshot_id));
    if (snapshot->schema_id && table.FindSchema(*snapshot->schema_id) != nullptr) {
      schema = table.FindSchema(*snapshot->schema_id);
    }
  }
  if (snapshot == nullptr) return plan;
  ManifestIo io(*context.store, context.cache, table, *schema);
  TARN_ASSIGN_OR_RETURN(std::vector<ManifestFile> manifests, io.List(*snapshot));
  FilePruner pruner(table, *schema, io.types(), predicate);

  std::vector<ManifestFile> data, deletes;
  for (ManifestFile& manifest : manifests) {
    ++plan.manifests_total;
    if (!manifest.may_have_live_files() || !pruner.ManifestMayMatch(manifest)) {
      ++plan.manifests_skipped;
      continue;
    }
    const bool is_data = manifest.content == ManifestFile::Content::kData;
    (is_data ? data : deletes).push_back(std::move(manifest));
  }

  DeleteIndex delete_index(table);
  const ManifestMetrics paths{ManifestMetrics::Kind::kPruning, {kDeletePathFieldId}};
  TARN_RETURN_IF_ERROR(io.Read(deletes, paths, [&](ManifestEntry&& entry) -> Status {
    if (entry.status == EntryStatus::kDeleted) return {};
    delete_index.Add(std::move(entry));
    return {};
  }));

  ManifestMetrics metrics{ManifestMetrics::Kind::kPruning, pruner.column_ids()};
  if (metrics.columns.empty()) metrics.kind = ManifestMetrics::Kind::kNone;
  if (wanted == Metrics::kAll) metrics.kind = ManifestMetrics::Kind::kAll;
  const auto keep = [&](ManifestEntry&& entry) -> Status {
    ScanFile file;
    file.deletes = delete_index.For(entry.file, entry.data_sequence_number);
    file.data_sequence_number = entry.data_sequence_number;
    file.file = std::move(entry.file);
    return visit(std::move(file));
  };
  TARN_ASSIGN_OR_RETURN(const ManifestIo::FileCounts counts,
                        io.ReadMatching(data, metrics, pruner, keep));
  plan.files_total = counts.total;
  plan.files_skipped = counts.skipped;
  return plan;
}

Result<ScanPlan> Collect(const TableContext& context, const TableMetadata& table,
                         std::optional<SnapshotId> snapshot, const Predicate& predicate,
                         Metrics wanted) {
  std::vector<ScanFile> files;
  const VisitFile keep = [&files](ScanFile&& file) -> Status {
    files.push_back(std::move(file));
    return {};
  };
  TARN_ASSIGN_OR_RETURN(ScanPlan plan, Visit(context, table, snapshot, predicate, wanted, keep));
  plan.files = std::move(files);
  return plan;
}

}  // namespace

Result<ScanPlan> PlanScan(const TableContext& context, const TableMetadata& table,
                          std::optional<SnapshotId> snapshot, const Predicate& predicate) {
  return Collect(context, table, snapshot, predicate, Metrics::kOfPredicate);
}

Result<ScanPlan> PlanScanWithMetrics(const TableContext& context, const TableMetadata& table,
                                     std::optional<SnapshotId> snapshot,
                                     const Predicate& predicate) {
  return Collect(context, table, snapshot, predicate, Metrics::kAll);
}

Result<ScanPlan> VisitScan(const TableContext& context, const TableMetadata& table,
                           std::optional<SnapshotId> snapshot, const Predicate& predicate,
                           const std::function<Status(ScanFile&&)>& visit) {
  return Visit(context, table, snapshot, predicate, Metrics::kOfPredicate, visit);
}

}  // namespace tarn

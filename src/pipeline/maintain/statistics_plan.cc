#include "pipeline/maintain/statistics_plan.h"

#include <algorithm>
#include <optional>

#include "table/dual/analyze.h"
#include "table/dual/snapshot_tally.h"

namespace tarn {

namespace {

int64_t RowsChangedBy(const Snapshot& snapshot) {
  const auto count = [&](const char* key) {
    return SummaryCount(snapshot.summary, key).value_or(0);
  };
  const auto operation = snapshot.summary.find("operation");
  if (operation != snapshot.summary.end() && operation->second == "replace") return 0;
  const int64_t removed = count("deleted-records") + count("added-position-deletes") -
                          count("removed-position-deletes") + count("added-equality-deletes");
  return std::max({count("added-records"), removed, int64_t{0}});
}

/// nullopt when `since` is none that the current snapshot comes from, as far as is known.
std::optional<int64_t> RowsChangedSince(const TableMetadata& table, SnapshotId since) {
  int64_t changed = 0;
  const Snapshot* at = table.current();
  for (int i = 0; at != nullptr && i < kStatisticsAncestorsMax; ++i) {
    if (at->id == since) return changed;
    changed += RowsChangedBy(*at);
    at = at->parent ? table.FindSnapshot(*at->parent) : nullptr;
  }
  return std::nullopt;
}

/// A column that no statistics tell of.
std::optional<std::string> UntoldColumn(const TableMetadata& table) {
  for (const Field& field : AnalyzedColumns(table.schema()).fields) {
    if (!DistinctValuesOf(table, *table.current_snapshot, field.id)) return field.name;
  }
  return std::nullopt;
}

}  // namespace

StatisticsPlan PlanStatistics(const TableMetadata& table, const MaintainPolicy& policy,
                              int64_t rows) {
  StatisticsPlan plan;
  if (policy.statistics_read_bytes_max == 0) {
    plan.why = "upkeep makes none of this table: it may read 0 bytes for them";
    return plan;
  }
  plan.newest = NewestSketches(table);
  if (plan.newest == nullptr) {
    plan.due = rows > 0 && rows >= policy.statistics_rows_min;
    plan.why = "there are none of " + std::to_string(rows) + " rows";
    if (!plan.due && rows > 0) {
      plan.why += ", and they pay from " + std::to_string(policy.statistics_rows_min) + " on";
    }
    return plan;
  }
  const auto from = ReadFrom(*plan.newest);
  const auto changed = from ? RowsChangedSince(table, *from) : std::nullopt;
  if (!changed) {
    plan.due = true;
    plan.why = "the snapshot that they were made of has left";
    return plan;
  }
  if (const auto untold = UntoldColumn(table)) {
    plan.due = true;
    plan.why = "they do not tell of column " + *untold;
    return plan;
  }
  plan.due = *changed > 0 &&
             static_cast<double>(*changed) * 100 >
                 static_cast<double>(rows) * static_cast<double>(policy.statistics_changed_percent);
  plan.why = std::to_string(*changed) + " rows changed since they were made, and the table has " +
             std::to_string(rows);
  return plan;
}

}  // namespace tarn

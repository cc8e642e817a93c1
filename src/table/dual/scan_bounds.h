#pragma once

#include "table/dual/table.h"

namespace tarn {

/// PlanScan() whose files carry all that the manifests say of them: counts, sizes and bounds of
/// every column. For those who want to know what stands in the files and not only which they are.
Result<ScanPlan> PlanScanWithMetrics(const TableContext& context, const TableMetadata& table,
                                     std::optional<SnapshotId> snapshot,
                                     const Predicate& predicate);

}  // namespace tarn

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/maintain/clock_steps.h"
#include "pipeline/maintain/report.h"

namespace tarn {

struct MaintainOptions {
  std::vector<std::string> patterns = {};  ///< "bronze.*"; empty: all tables, and dropped ones
  MaintainMode mode = MaintainMode::kDo;
  /// Whether tables are read for their statistics, which may take long.
  enum class Statistics { kRefresh, kLeave } statistics = Statistics::kRefresh;
  /// Tells whether this machine's clock was set; may be empty: then it is believed.
  std::function<Result<ClockSteps>()> clock_steps = {};
  std::function<void(const TableUpkeep&)> finished = {};  ///< told after every table; may be absent
};

/// Upkeep of the lake's tables, one after the other: data files, manifests, statistics, snapshots,
/// orphans, the Delta log. Needs no lock and stops nobody: every change is a commit of its own,
/// which gives way to writers, and what is removed nobody refers to or may begin to. Safe to repeat
/// after a kill at any point, and to run twice at once. A table's failure is in its report and does
/// not keep the others from their upkeep. Errors: NotFound when no table matches; Cancelled; those
/// of the catalog that prevent all work.
Result<MaintainReport> Maintain(const PipelineContext& context, const MaintainOptions& options);

}  // namespace tarn

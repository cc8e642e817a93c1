#include "base/fault_point.h"
#include "catalog/delta_cleanup.h"
#include "pipeline/maintain/sweep.h"
#include "pipeline/maintain/table_state.h"

namespace tarn {

Result<MaintainStep> CleanDeltaLog(const PipelineContext& context, const std::string& uuid,
                                   MaintainMode mode) {
  MaintainStep step;
  step.part = "delta log";
  TARN_ASSIGN_OR_RETURN(const TableState state, LoadTableState(context, uuid));
  TARN_ASSIGN_OR_RETURN(const std::string folder, TableFolder(context, state));
  TARN_ASSIGN_OR_RETURN(const bool pending, HasPendingPublications(context, uuid));
  if (pending) {
    step.outcome = MaintainStep::Outcome::kHeld;
    step.why = "commits wait for their entries";
    return step;
  }
  TARN_ASSIGN_OR_RETURN(const auto expired, FindExpiredDeltaLog(*context.tables.store, folder,
                                                                context.tables.clock->NowMillis()));
  step.taken = static_cast<int64_t>(expired.size());
  step.why = std::to_string(step.taken) + " files that the log does not need";
  if (expired.empty()) return step;
  step.outcome = MaintainStep::Outcome::kWould;
  if (mode == MaintainMode::kDryRun) return step;
  TARN_FAULT_POINT(kDeltaLogFound);
  // One by one: a log that is cut short anywhere in this order can be read.
  for (const std::string& key : expired) {
    if (context.cancel != nullptr) TARN_RETURN_IF_ERROR(context.cancel->Check());
    TARN_RETURN_IF_ERROR(context.tables.store->Delete(key));
  }
  step.outcome = MaintainStep::Outcome::kDone;
  return step;
}

}  // namespace tarn

#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/maintain/report.h"

namespace tarn {

/// Removes the objects below a table's folder that nothing refers to: data files of processes that
/// died, staged metadata that lost its race, files of expired snapshots whose removal was cut
/// short, and the metadata of states that can be asked for no more: they are older than the
/// policy's age, or before the oldest snapshot that its number left. What stays: all that the
/// present state, its snapshots, and states that can be asked for refer to; objects younger than
/// the grace, which a process may still commit (metadata of states that the catalog has is no such
/// thing); names that Tarn and Iceberg's other writers do not give. The Delta log has its own
/// clean-up (CleanDeltaLog). A state of the catalog's history whose metadata is gone is an error
/// that says so, not a table without rows. Errors: those of reading and removing.
Result<MaintainStep> SweepTable(const PipelineContext& context, const std::string& uuid,
                                MaintainMode mode);

/// Removes what a table's Delta log does not need after its retention (see FindExpiredDeltaLog).
Result<MaintainStep> CleanDeltaLog(const PipelineContext& context, const std::string& uuid,
                                   MaintainMode mode);

/// Removes the folders of dropped tables, once nobody can ask for a state of the lake in which they
/// were there (the policy's age), and forgets them in the catalog; and, once they are old, the
/// files of first loads that never ended.
Result<MaintainStep> SweepDroppedTables(const PipelineContext& context, MaintainMode mode);

}  // namespace tarn

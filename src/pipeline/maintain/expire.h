#pragma once

#include <string>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/maintain/report.h"

namespace tarn {

/// Takes old snapshots out of a table's history (see PlanExpiry) and then removes the files that
/// nothing else refers to. First the commit, then the files: a process that dies between the two
/// leaves files that nobody refers to, which SweepTable() finds.
/// Held while commits of the table wait for their Delta log entries, which are made of snapshots.
/// Errors: those of reading, committing and removing.
Result<MaintainStep> ExpireTable(const PipelineContext& context, const std::string& uuid,
                                 MaintainMode mode);

}  // namespace tarn

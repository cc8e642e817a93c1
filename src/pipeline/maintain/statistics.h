#pragma once

#include <string>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/maintain/report.h"

namespace tarn {

/// Makes a table's statistics anew (see AnalyzeTable) where that pays (see PlanStatistics), within
/// the bytes of data files that the policy lets it read. Where rows only came since the last ones,
/// it reads the files of those rows alone and goes on with the sketches of before.
/// Runs beside writers: the statistics are those of the snapshot that was read and are told as
/// such, whatever was committed meanwhile. Memory: AnalyzeTable's and VisitFilesToAnalyze's.
/// Errors: those of reading and committing.
Result<MaintainStep> RefreshStatistics(const PipelineContext& context, const std::string& uuid,
                                       MaintainMode mode);

}  // namespace tarn

#pragma once

#include <string>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/maintain/report.h"

namespace tarn {

/// Puts small data files of a table together, applies its deletes and brings files of an earlier
/// partitioning into the present one, where that pays (see CompactionPlanner). Groups of files are
/// written and committed one after the other (Iceberg "replace", Delta without data change); old
/// files stay until their snapshots expire.
/// Runs beside writers: rows that come meanwhile are not looked at; when rows of a group are
/// deleted meanwhile, that group is given up and found again. Neither side is ever lost.
/// Memory: CompactionPlanner's and CopyLiveRows', whatever the table's size.
/// Errors: those of copying and committing. What was committed before stays.
Result<MaintainStep> CompactTable(const PipelineContext& context, const std::string& uuid,
                                  MaintainMode mode);

/// Puts small manifests of a table together when there are many, in a snapshot of its own.
Result<MaintainStep> CompactManifests(const PipelineContext& context, const std::string& uuid,
                                      MaintainMode mode);

}  // namespace tarn

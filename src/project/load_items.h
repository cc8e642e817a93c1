#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "pipeline/ingest/load.h"
#include "project/plan.h"
#include "project/spec.h"

namespace tarn {

/// The lake's table of a source's table.
TableTarget TargetOfTable(const PlannedTable& planned);

/// The load that the plan wants, but for where the one before stood.
LoadItem ItemOf(const SourceSpec& spec, const PlannedTable& planned);

/// Where the last load of a source table stood; "" when there was none.
std::string PositionOf(const std::vector<PositionEntry>& positions, const std::string& source,
                       const SourceTableName& table);

/// Makes an incremental load one of the rows past `position`, if that has a mark.
Status GoOnFrom(const std::string& position, LoadItem* item);

CommitOp RememberTable(const PlannedTable& planned);

}  // namespace tarn

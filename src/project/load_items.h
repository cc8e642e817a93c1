#pragma once

#include "catalog/catalog.h"
#include "pipeline/ingest/load.h"
#include "project/plan.h"
#include "project/spec.h"

namespace tarn {

/// The lake's table of a source's table.
TableTarget TargetOfTable(const PlannedTable& planned);

/// The load that the plan wants, but for where the one before stood.
LoadItem ItemOf(const SourceSpec& spec, const PlannedTable& planned);

CommitOp RememberTable(const PlannedTable& planned);

}  // namespace tarn

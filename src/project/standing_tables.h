#pragma once

#include "base/result.h"
#include "pipeline/transform/model.h"
#include "project/objects.h"
#include "project/plan.h"

namespace tarn {

/// Whether the table or view of a model of which nothing is remembered stands. Errors:
/// AlreadyExists for what has its name and is not of its making.
Result<bool> ModelStands(Catalog& catalog, const Model& model);

/// Whether the table, and its history where it has one, may be loaded: AlreadyExists for what has
/// its name and was not made by its source. A table stays with who made it, for who loads it may
/// take rows away that the source has no longer.
Status CheckTargetsFree(Catalog& catalog, const SourceSpec& spec, const SourceTableObject& table,
                        const AliveObjects& alive);

}  // namespace tarn

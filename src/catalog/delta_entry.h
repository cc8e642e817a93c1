#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "catalog/delta_log.h"
#include "storage/object_store.h"
#include "table/delta/actions.h"
#include "table/model/metadata.h"

namespace tarn {

/// The actions of the Delta entry that tells one committed state of a table: what is different from
/// `previous` (nullptr for a table's first state). Depends on the two states and on earlier entries
/// alone, never on the clock: every process that builds it gets the same actions.
/// Reads the manifests of the snapshots between, and the log where the table's shape changed.
/// Errors: those of reading; Unsupported (a snapshot with delete files).
Result<std::vector<delta::Action>> BuildDeltaEntry(ObjectStore& store, const DeltaLog& log,
                                                   const Publication& publication,
                                                   const TableMetadata* previous,
                                                   const TableMetadata& current);

}  // namespace tarn

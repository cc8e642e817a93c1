#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "catalog/delta_snapshot.h"
#include "storage/object_store.h"
#include "table/dual/adopt.h"

namespace tarn {

/// From a version of a Delta table of any writer, whose files are in `store`. Its deletion vectors
/// become the lake's; statistics are the log's, rows are counted by the files' footers, which are
/// all read. Errors: those of reading; Unsupported, naming what cannot be told in both formats, or
/// the rule of the table that would not be kept, with the repair.
Result<AdoptedTable> AdoptDelta(ObjectStore& store, const Limits& limits,
                                const DeltaSnapshot& snapshot);

}  // namespace tarn

#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "catalog/delta_log.h"
#include "table/delta/actions.h"
#include "table/dual/table.h"
#include "table/model/metadata.h"

namespace tarn {

/// The actions of the Delta entry that tells one committed state of a table: what is different from
/// `previous` (nullptr for a table's first state). Depends on the two states and on earlier entries
/// alone, never on the clock: every process that builds it gets the same actions.
/// Reads the manifests of the snapshots between, and the log where the table's shape changed or may
/// have its first deletion vectors. Writes the files of deletion vectors that the entry names, as
/// every process would.
/// Errors: those of reading and writing; Unsupported (equality deletes), naming the file.
Result<std::vector<delta::Action>> BuildDeltaEntry(const TableContext& context, const DeltaLog& log,
                                                   const Publication& publication,
                                                   const TableMetadata* previous,
                                                   const TableMetadata& current);

}  // namespace tarn

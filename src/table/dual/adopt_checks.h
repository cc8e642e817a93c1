#pragma once

#include <map>
#include <set>
#include <vector>

#include "base/result.h"
#include "table/dual/adopt.h"
#include "table/dual/file_columns.h"

namespace tarn {

/// Columns, partitionings and files of what is adopted from any format. Errors: Unsupported, naming
/// the column or file; those of the checks of a new table, with the repair.
Status CheckAdoptable(const TableMetadata& seed);

/// Writes into the seed how columns are found in the files: names, and partition columns that stand
/// in the manifests alone. Error Unsupported, naming the column, for values that files do not hold
/// and that Delta cannot tell.
Status TakeFoundColumns(const FoundColumns& found, AdoptedTable& table);

}  // namespace tarn

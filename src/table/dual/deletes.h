#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "columnar/deletion_vector.h"
#include "table/dual/table.h"
#include "table/dual/table_cache.h"

namespace tarn {

/// The rows of a data file that are deleted: the union of all its delete files (deletion vectors,
/// position deletes, equality deletes; Iceberg "Row-level Deletes"). Nullptr when nothing is.
/// Equality deletes are resolved by reading the columns that they name from the data file.
/// Memory: the bitmaps, and the keys of equality deletes; what delete files say is kept in the
/// context's cache, if there is one.
/// Errors: NotFound, Corruption (naming the file; also a second vector on one data file),
/// Unsupported (a format of delete files that is not known).
Result<std::shared_ptr<const DeletionVector>> LoadDeletes(const TableContext& context,
                                                          const TableMetadata& table,
                                                          const ScanFile& file);

/// The positions that one file of position deletes or one deletion vector names.
Result<std::shared_ptr<const DeletedPositions>> LoadPositionDeletes(const TableContext& context,
                                                                    const DataFile& deletes);

}  // namespace tarn

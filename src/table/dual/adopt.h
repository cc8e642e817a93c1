#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "table/dual/table.h"
#include "table/dual/transaction.h"
#include "table/model/metadata.h"

namespace tarn {

/// A table of the lake in the making whose data files are those of somebody else's table, where
/// they stand (docs/decisions/0009).
struct AdoptedTable {
  /// The new table before its first rows: columns and partitionings under the ids that the files
  /// know them by. Whoever creates it says where it stands and what its uuid is.
  TableMetadata seed;
  std::vector<DataFile> files;      ///< at URIs as stores write them
  std::vector<RowDeletes> deletes;  ///< rows of `files` that are deleted
};

/// From a state of an Iceberg table of any writer: `snapshot` is one of the table's, nullptr for a
/// table without rows. Deletes of all kinds become positions. Every data file's footer is read, for
/// Delta finds columns by their names in the files. `foreign.store` holds the table and its files.
/// Errors: those of reading; Unsupported, naming the file or column and the repair, for what one of
/// the two formats cannot tell without new files.
Result<AdoptedTable> AdoptIceberg(const TableContext& foreign, const TableMetadata& table,
                                  const Snapshot* snapshot);

/// A transaction that creates the table of `seed`; its files are appended to it like any others.
/// Errors: those of TableTransaction::Change().
Result<std::unique_ptr<TableTransaction>> CreateAdopted(const TableContext& context,
                                                        TableMetadata seed);

/// What is said of everything that cannot be adopted.
inline constexpr char kAdoptRepair[] = "copy the rows: CREATE TABLE … AS SELECT * FROM it";

}  // namespace tarn

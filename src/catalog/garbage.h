#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "storage/object_store.h"

namespace tarn {

/// Kind of the objects that remember the folder of a dropped table whose files still stand: its
/// name is the folder's key, and it says which table was dropped: another one may stand there later
/// and be dropped in its turn. Written in the commit that drops the table, taken away once the
/// folder is empty, so that no crash between the two loses sight of files that nobody refers to.
inline constexpr char kGarbageObject[] = "garbage";

/// Kind of the objects that remember where a table was going to stand: its name is the folder's
/// key. Written before the table's first file, taken away in the commit that makes the table, so
/// that files of a first load that never committed are found.
inline constexpr char kIntentionObject[] = "intention";

/// Whether a file of a table's folder, "metadata/…" say, tells that a table was made there, by
/// whatever program, and not only begun: metadata of Iceberg (staged files of ours have other
/// names), the hint to it, the log of Delta.
bool TellsOfTable(std::string_view name);

/// The operations that drop a table. The folder of a table that the project made is remembered; one
/// that was made by hand is the business of whoever made it.
Result<std::vector<CommitOp>> DropTableOps(const ObjectStore& store, const TableEntry& table);

}  // namespace tarn

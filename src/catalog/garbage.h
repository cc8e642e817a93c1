#pragma once

#include <string>
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
/// that files of a first load that never committed are found. It says for whom, by
/// TableEntry::owner: who begins again after a load that died takes the same folder.
inline constexpr char kIntentionObject[] = "intention";

/// The operation that remembers where a table of `owner` is going to stand.
PutObjectOp IntentionOp(std::string folder, const std::string& owner);

/// Whether this intention is one of `owner`, or does not say whose. Corruption when it is no JSON.
Result<bool> MayBeIntentionOf(const ObjectEntry& intention, const std::string& owner);

/// Whether a file of a table's folder, "metadata/…" say, tells that a table was made there, by
/// whatever program, and not only begun: metadata of Iceberg (staged files of ours have other
/// names), the hint to it, the log of Delta.
bool TellsOfTable(std::string_view name);

/// The operations that drop a table, whoever made it. Its folder is remembered where it lies in the
/// lake's own store: there it was chosen for this table alone, also for one that was adopted, whose
/// other files are somebody else's. A folder elsewhere is the business of whoever keeps it.
std::vector<CommitOp> DropTableOps(const ObjectStore& store, const TableEntry& table);

}  // namespace tarn

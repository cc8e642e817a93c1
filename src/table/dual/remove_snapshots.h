#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "table/model/metadata.h"

namespace tarn {

/// Whether these snapshots may leave `base` (nullptr: a new table) once its references are changed
/// so (nullopt: removed). Errors: NotFound for a snapshot that is not there, InvalidArgument for
/// one that must stay; naming it.
Status CheckMayExpire(const TableMetadata* base,
                      const std::map<std::string, std::optional<SnapshotRef>>& refs,
                      const std::vector<SnapshotId>& snapshots);

/// Takes snapshots out of a state, and what the state says of them beside: the history up to the
/// last of them, for one with gaps would answer wrongly what the table was at a time; and their
/// statistics, which go over to the first snapshot that came after them and stays, where it has
/// none: its readers went by them, and their blobs go on telling which rows they are of.
void RemoveSnapshots(const std::vector<SnapshotId>& snapshots, TableMetadata& state);

}  // namespace tarn

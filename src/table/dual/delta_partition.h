#pragma once

#include <vector>

#include "base/result.h"
#include "storage/object_store.h"
#include "table/delta/description.h"
#include "table/dual/table.h"
#include "table/model/metadata.h"

namespace tarn {

/// The partition columns that Delta is told of one state of a table: those `candidates` whose
/// values in all files of the current snapshot Delta's log can tell, as the manifest list sums them
/// up, and those that files of an adopted table, which it still has, do not hold. A function of the
/// state alone. Errors: those of reading the manifests.
Result<std::vector<delta::PartitionColumn>> DeltaPartitionColumns(
    ObjectStore& store, const TableMetadata& table,
    const std::vector<delta::PartitionColumn>& candidates);

/// Whether Delta's readers find the columns that files of an adopted table do not hold
/// (ReadAdoptedPartitions()) in the current state of `table`, which is about to be committed.
/// Errors: InvalidArgument, naming column, value and repair, where a file is partitioned by one
/// that is no partition column of Delta any more, or has a value that Delta's log cannot tell;
/// those of reading the manifests.
Status CheckAdoptedPartitionsInDelta(const TableContext& context, const TableMetadata& table);

/// The index of the field of `spec` that holds the identity of a column; -1 where none does.
int IdentityFieldIndex(const PartitionSpec& spec, FieldId source);

}  // namespace tarn

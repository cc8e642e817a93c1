#pragma once

#include <vector>

#include "base/result.h"
#include "storage/object_store.h"
#include "table/delta/description.h"
#include "table/model/metadata.h"

namespace tarn {

/// The partition columns that Delta is told of one state of a table: those `candidates` whose
/// values in all files of the current snapshot Delta's log can tell, as the manifest list sums them
/// up. A function of the state alone. Errors: those of reading the manifest list.
Result<std::vector<delta::PartitionColumn>> DeltaPartitionColumns(
    ObjectStore& store, const TableMetadata& table,
    const std::vector<delta::PartitionColumn>& candidates);

/// The index of the field of `spec` that holds the identity of a column; -1 where none does.
int IdentityFieldIndex(const PartitionSpec& spec, FieldId source);

}  // namespace tarn

#pragma once

#include <cstdint>
#include <vector>

#include "table/model/metadata.h"

namespace tarn {

/// Fields as a spec of the table at `base` (may be nullptr): ids of equal fields of earlier specs
/// are used again, and an equal spec is taken as it is (Iceberg "Partition Evolution").
/// `last_partition_id` becomes the highest id given.
PartitionSpec PartitionSpecOf(const TableMetadata* base, std::vector<PartitionField> fields,
                              int32_t& last_partition_id);

/// Partitions by columns of `before`, by those of the same names in `now` where ids are gone.
std::vector<PartitionField> FollowNames(std::vector<PartitionField> fields, const Schema& before,
                                        const Schema& now);

/// Gives fields of specs that are not the default one other names where a column has theirs that
/// they are not made of: Iceberg's Java library loads no table with such a name in any spec. Ids
/// say what a field is, so that files written under the name stay what they are.
void RenameClashingPartitions(TableMetadata& table);

}  // namespace tarn

#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "table/dual/transaction.h"
#include "table/model/metadata.h"

namespace tarn {

/// \name The order of rows within a table's files (Iceberg "Sorting"). The order 0 is none.
/// @{
/// The one that new files have; an order that cannot be followed counts as none.
SortOrder CurrentSortOrder(const TableMetadata& table);
/// Errors: InvalidArgument (no such column, a nested one, one named twice).
Result<std::vector<SortField>> SortFieldsOf(const Schema& schema, const std::vector<SortKey>& keys);
/// Fields with the id of an equal order that `base` (may be nullptr) has, else with a new one.
SortOrder SortOrderOf(const TableMetadata* base, std::vector<SortField> fields);
/// The order of columns of `before` by those of the same names in `now`, where ids are gone. It
/// ends before the first column that is gone itself.
std::vector<SortField> FollowNames(std::vector<SortField> fields, const Schema& before,
                                   const Schema& now);
/// The order in which rows come that are written to files of a partition each: a partition's rows
/// stand together, where its columns tell it.
SortOrder WithPartitions(const SortOrder& order, const PartitionSpec& spec);
/// Files that were written in the order `from` say `to`.
void RenumberSortOrder(int32_t from, int32_t to, std::vector<DataFile>& files);
/// Makes `order` the table's own.
void AddSortOrder(const SortOrder& order, TableMetadata& table);
/// Every column that the order names exists.
Status CheckSortSources(const Schema& schema, const SortOrder& order);
/// @}

}  // namespace tarn

#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "table/model/metadata.h"

namespace tarn {

/// The table property that names, by field ids ("3,7"), the partition columns that some data files
/// do not hold: files of tables that were adopted (docs/decisions/0009), whose values stand in the
/// manifests alone. Such columns stay partition columns, of Iceberg by identity and of Delta, as
/// long as there are such files.
inline constexpr char kAdoptedPartitionsProperty[] = "tarn.adopted.partition-columns";

/// The table property that says "true" where data files that were adopted hold shredded variants:
/// Delta's log allows them by a feature of the table.
inline constexpr char kAdoptedShreddedProperty[] = "tarn.adopted.shredded-variants";

/// The table property that says what a table was adopted from, for people.
inline constexpr char kAdoptedFromProperty[] = "tarn.adopted.from";

/// Empty for a table without the property. Text that is no number is passed over.
std::set<int32_t> ReadAdoptedPartitions(const std::map<std::string, std::string>& properties);
std::string WriteAdoptedPartitions(const std::set<int32_t>& columns);

/// Error InvalidArgument unless `spec` has each of these columns of `table` as it is.
Status CheckAdoptedPartitions(const TableMetadata& table, const std::set<int32_t>& columns,
                              const PartitionSpec& spec);

/// Values of columns that are partitioned by identity, by field id: files need not hold them.
std::map<int32_t, Scalar> IdentityValues(const PartitionSpec& spec, const DataFile& file);

}  // namespace tarn

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "table/model/metadata.h"

namespace tarn {

/// \name What must hold of a table's columns and partitions before a change of them is staged.
/// Errors: InvalidArgument and Unsupported, naming the column and the repair.
/// @{
/// No empty names, and none that differ in nothing or in case only.
Status CheckColumnNames(const Schema& schema);
/// Columns that `known` (may be nullptr) does not have are of types that Iceberg and Delta share;
/// in tables that leave Delta out, of any type.
enum class Formats { kBoth, kIcebergAlone };
Status CheckNewTypes(const Schema& schema, const Schema* known, Formats formats = Formats::kBoth);
/// `properties` are those that are set on top of `base` (may be nullptr); nullopt: removed.
Formats FormatsOf(const TableMetadata* base,
                  const std::map<std::string, std::optional<std::string>>& properties);
/// Whether a table is one of Delta, too, is decided when it is made: a log that begins late, or
/// ends early, would show other rows than the table.
Status CheckDeltaStays(const TableMetadata* base, const std::string& key, const std::string& value);
/// Delta finds columns by their ids only where all files have some.
Status CheckMappingById(const TableMetadata* base, const std::string& key,
                        const std::string& value);
/// A partition has a column's name only if it is made of that column.
Status CheckPartitionNames(const Schema& schema, const PartitionSpec& spec);
/// Every partition's column exists and has a type that its transform takes.
Status CheckPartitionSources(const Schema& schema, const PartitionSpec& spec);
/// A property that users may set, and a value that the property may have.
Status CheckProperty(const std::string& key);
Status CheckPropertyValue(const std::string& key, const std::string& value);
/// @}

/// Why rows written for `from` cannot join a table that has become `to`; empty when they can.
std::string WhyRowsDoNotFit(const Schema& from, const Schema& to);
/// Which column was renamed although the table had no rows, so that no mapping leads to the name
/// that rows written for `from` carry; empty when none was.
std::string RenamedWithoutMapping(const Schema& from, const Schema& to,
                                  const std::map<int32_t, std::string>& mapping);
/// The first thing that differs between two schemas, for messages.
std::string FirstDifference(const Schema& from, const Schema& to);

/// Error InvalidArgument, naming the property and the repair, where a table says "delta.appendOnly"
/// and rows would go: `what` says how.
Status CheckMayRemoveRows(const std::map<std::string, std::string>& properties,
                          const std::string& what);

}  // namespace tarn

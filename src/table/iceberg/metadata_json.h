#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "table/model/metadata.h"

namespace tarn {

/// Reads a table's metadata.json (Iceberg "Table Metadata Fields"), versions 1 and 2. `what` names
/// the file. What version 1 leaves out gets the values that the specification gives it. Members
/// that are not interpreted (sort orders, statistics, …) are kept in unknown_members.
/// Errors: Corruption, naming the member; Unsupported for version 3 and later and for types of
/// later specifications.
Result<TableMetadata> ParseTableMetadata(std::string_view json, std::string_view what);

/// The document in version 2, whatever version was read.
std::string WriteTableMetadata(const TableMetadata& table);

}  // namespace tarn

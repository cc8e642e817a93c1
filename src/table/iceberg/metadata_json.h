#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "table/model/metadata.h"

namespace tarn {

/// Reads a table's metadata.json (Iceberg "Table Metadata Fields"), versions 1 to 3. `what` names
/// the file. What version 1 leaves out gets the values that the specification gives it. Members
/// that are not interpreted (partition statistics, encryption keys, …) are kept in unknown_members.
/// Errors: Corruption, naming the member; Unsupported for version 4 and later, naming it, and for
/// columns that SchemaFromJson does not support.
Result<TableMetadata> ParseTableMetadata(std::string_view json, std::string_view what);

/// The document in the table's format version; a table of version 1 becomes one of version 2. For
/// every table that ParseTableMetadata gives, it reads the written one as the same table again.
std::string WriteTableMetadata(const TableMetadata& table);

}  // namespace tarn

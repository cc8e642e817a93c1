#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "table/model/metadata.h"

namespace tarn {

/// The table property that holds the Parquet names of columns, and of fields of structs at any
/// depth, once they may differ from their own: a JSON object {"<field id>": "<physical name>"}.
/// Absent until a table sees its first rename or drop; afterwards it names every current column,
/// and every field of a struct that does not stand in the files under its own name. What existed at
/// that moment keeps its name of then; what is added later is called "col-<field id>". The names of
/// columns that are gone stay: a rollback may bring them back.
inline constexpr char kColumnMappingProperty[] = "tarn.delta.column-mapping";

/// The physical names by field id; empty for a table without the property.
/// Errors: Corruption when the property is no such object.
Result<std::map<int32_t, std::string>> ReadColumnMapping(const TableMetadata& table);
Result<std::map<int32_t, std::string>> ParseColumnMapping(const std::string& json);

/// What data files without field ids call the columns, by field id: as mapped, else by the names
/// of the table's current columns. Errors: those of ReadColumnMapping().
Result<std::map<int32_t, std::string>> PhysicalNames(const TableMetadata& table);

/// The property's text.
std::string WriteColumnMapping(const std::map<int32_t, std::string>& physical_names);

}  // namespace tarn

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "table/model/schema.h"

namespace tarn::delta {

/// "Column Mapping": how columns are found in data files.
enum class ColumnMapping { kOff, kByName, kById };

/// Delta's name of a primitive type ("integer", "decimal(10,2)"); nullopt where it has none.
std::optional<std::string> PrimitiveName(const Type& type);

/// Whether Delta can hold the type; a struct counts when one of its fields does.
bool CanHold(const Type& type);

/// "Schema Serialization Format". `physical_names` is parallel to the fields; `nested_names` has
/// those of fields within structs, by id, where files do not have their own names. Fields that
/// Delta cannot hold are left out; their paths are appended to `omitted`. Names that differ only in
/// case get a number.
Json SchemaJson(const std::vector<Field>& fields, const std::vector<std::string>& physical_names,
                ColumnMapping mapping, std::vector<std::string>& omitted,
                const std::map<int32_t, std::string>& nested_names = {});

/// The names that Delta shows: each unique without regard to case ("id", "ID_2").
std::vector<std::string> DisplayNames(const std::vector<Field>& fields);

/// Whether names at any one level differ only in case.
bool HasNamesThatDifferInCase(const std::vector<Field>& fields);

}  // namespace tarn::delta

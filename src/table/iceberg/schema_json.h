#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "table/model/metadata.h"

namespace tarn {

/// \name Iceberg "Appendix C: JSON Serialization" of schemas, partition specs and sort orders. No
/// I/O. `what` names the document in errors. Errors: Corruption; Unsupported for types that are not
/// known (geometry, geography and those of later specifications) and for defaults of nested
/// columns, naming the column.
/// @{
Result<Schema> SchemaFromJson(const Json& json, std::string_view what);
Json SchemaToJson(const Schema& schema);

/// A primitive's text: "decimal(9, 2)", "fixed[16]", "timestamptz".
Result<Type> PrimitiveFromText(std::string_view text, std::string_view column);

/// {"spec-id": 0, "fields": […]}.
Result<PartitionSpec> PartitionSpecFromJson(const Json& json, std::string_view what);
/// The bare array of fields, as version 1 and manifests have it. Fields without id get those that
/// version 1 gave them by their place.
Result<std::vector<PartitionField>> PartitionFieldsFromJson(const Json& json,
                                                            std::string_view what);
Json PartitionSpecToJson(const PartitionSpec& spec);
Json PartitionFieldsToJson(const PartitionSpec& spec);

/// {"order-id": 1, "fields": […]}.
Result<SortOrder> SortOrderFromJson(const Json& json, std::string_view what);
Json SortOrderToJson(const SortOrder& order);
/// @}

/// An integer member that must fit into 32 bits. Errors: Corruption.
Result<int32_t> JsonInt32(const Json& object, std::string_view key, std::string_view what);
/// One of 0…kFieldIdMax: ids that the next one can be counted on from. Errors: Corruption.
Result<int32_t> JsonId(const Json& object, std::string_view key, std::string_view what);

}  // namespace tarn

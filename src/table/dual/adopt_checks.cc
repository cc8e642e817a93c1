#include "table/dual/adopt_checks.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "table/delta/description.h"
#include "table/delta/properties.h"
#include "table/delta/schema_json.h"
#include "table/dual/table_checks.h"
#include "table/model/adopted_columns.h"
#include "table/model/column_mapping.h"

namespace tarn {

namespace {

/// A type that DuckDB and Delta's readers have.
Status CheckType(const Type& type, const std::string& path) {
  if (!type.fields().empty()) {
    for (const Field& field : type.fields()) {
      TARN_RETURN_IF_ERROR(CheckType(field.type, path + "." + field.name));
    }
    return {};
  }
  if (delta::CanHold(type) && type.kind() != Type::Kind::kUnknown) return {};
  return Unsupported("column " + QuoteIdentifier(path) + " has the type " + type.ToString() +
                         ", which Delta does not have",
                     kAdoptRepair);
}

Error WithRepair(Error error) {
  error.hint = kAdoptRepair;
  return error;
}

/// The column's value in the file's partition, where it is partitioned by it as it is.
const Scalar* IdentityValue(const TableMetadata& table, const DataFile& file, int32_t column) {
  const PartitionSpec* spec = table.FindSpec(file.spec_id);
  for (size_t i = 0; spec != nullptr && i < spec->fields.size(); ++i) {
    const PartitionField& field = spec->fields[i];
    if (field.source_id.value() == column && i < file.partition.size() &&
        field.transform.kind == Transform::Kind::kIdentity) {
      return &file.partition[i];
    }
  }
  return nullptr;
}

}  // namespace

Status CheckAdoptable(const TableMetadata& seed) {
  const Schema& schema = seed.schema();
  if (schema.fields.empty()) {
    return Unsupported("the table has no columns", "make one with CREATE TABLE");
  }
  for (const Field& field : schema.fields) {
    TARN_RETURN_IF_ERROR(CheckType(field.type, field.name));
  }
  for (const Status& status : {CheckColumnNames(schema), CheckNewTypes(schema, nullptr),
                               CheckTypeForVersion(schema, seed.format_version),
                               CheckPartitionNames(schema, seed.spec())}) {
    if (!status.ok()) return WithRepair(status.error());
  }
  for (const PartitionSpec& spec : seed.specs) {
    for (const PartitionField& field : spec.fields) {
      if (field.transform.kind != Transform::Kind::kUnknown) continue;
      return Unsupported(
          "the table is partitioned by " + field.transform.ToString() + ", which is not known",
          kAdoptRepair);
    }
  }
  return CheckPartitionSources(schema, seed.spec());
}

Status TakeFoundColumns(const FoundColumns& found, AdoptedTable& table) {
  TableMetadata& seed = table.seed;
  if (found.mapped)
    seed.properties[kColumnMappingProperty] = WriteColumnMapping(found.physical_names);
  if (found.some_files_lack_ids && !seed.properties.contains(kNameMappingProperty)) {
    seed.properties[kNameMappingProperty] = WriteNameMapping(seed.schema(), found);
  }
  if (found.shredded_variants) seed.properties[kAdoptedShreddedProperty] = "true";

  std::set<int32_t> in_manifests_alone;
  for (const auto& [id, places] : found.absent) {
    const Field* column = seed.schema().Find(FieldId(id));
    for (const size_t place : places) {
      const DataFile& file = table.files[place];
      if (const Scalar* value = IdentityValue(seed, file, id); value != nullptr) {
        if (!IsNull(*value)) in_manifests_alone.insert(id);
      } else if (column->initial_default && !IsNull(*column->initial_default)) {
        return Unsupported("column " + QuoteIdentifier(column->name) +
                               " has a default for the rows of " + file.path +
                               ", which Delta cannot tell",
                           kAdoptRepair);
      }
    }
  }
  if (in_manifests_alone.empty()) return {};
  seed.properties[kAdoptedPartitionsProperty] = WriteAdoptedPartitions(in_manifests_alone);
  TARN_ASSIGN_OR_RETURN(const delta::Description description,
                        delta::Describe(seed, delta::VectorUse::kNo));
  for (const int32_t id : in_manifests_alone) {
    const auto& candidates = description.partition_candidates;
    const bool told =
        std::any_of(candidates.begin(), candidates.end(),
                    [id](const auto& candidate) { return candidate.id.value() == id; });
    if (told) continue;
    const Field* column = seed.schema().Find(FieldId(id));
    return Unsupported("files do not hold the partition column " + QuoteIdentifier(column->name) +
                           " of type " + column->type.ToString() +
                           ", which Delta cannot be partitioned by here",
                       kAdoptRepair);
  }
  return {};
}

}  // namespace tarn

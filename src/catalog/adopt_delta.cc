#include "catalog/adopt_delta.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "base/text.h"
#include "catalog/delta_vectors.h"
#include "table/delta/properties.h"
#include "table/dual/adopt_checks.h"
#include "table/dual/file_columns.h"
#include "table/iceberg/manifest_schema.h"

namespace tarn {
namespace {

constexpr int32_t kFirstPartitionId = 1000;
constexpr char kHighestColumnId[] = "delta.columnMapping.maxColumnId";

/// Rules that writers of the lake keep are kept. An invariant is a constraint of one column.
Status TakeRules(const delta::TableSchema& schema, TableMetadata& seed) {
  using Kind = delta::TableRule::Kind;
  for (const delta::TableRule& rule : schema.rules) {
    std::string what;
    switch (rule.kind) {
      case Kind::kAppendOnly:
        seed.properties[delta::kAppendOnlyProperty] = "true";
        continue;
      case Kind::kInvariant:
        seed.properties[delta::kConstraintPrefix + ("invariant_" + rule.name)] = rule.expression;
        continue;
      case Kind::kCheck:
        seed.properties[delta::kConstraintPrefix + rule.name] = rule.expression;
        continue;
      case Kind::kGenerated:
        what = "is generated";
        break;
      case Kind::kIdentity:
        what = "is counted up";
        break;
      case Kind::kDefault:
        what = "has a default";
        break;
    }
    return Unsupported("column " + QuoteIdentifier(rule.name) + " of the Delta table " + what +
                           ", which would not be kept",
                       kAdoptRepair);
  }
  return {};
}

TableMetadata SeedOf(const DeltaSnapshot& snapshot) {
  const delta::TableSchema& foreign = snapshot.schema();
  TableMetadata seed;
  seed.schemas = {foreign.schema};
  seed.schemas[0].id = SchemaId(0);
  seed.current_schema = SchemaId(0);
  seed.last_column_id = foreign.schema.HighestFieldId();
  if (!CheckTypeForVersion(foreign.schema, seed.format_version).ok()) seed.format_version = 3;
  // Ids of dropped columns stand in the files still.
  const auto& configuration = snapshot.metadata().configuration;
  if (const auto highest = configuration.find(kHighestColumnId); highest != configuration.end()) {
    int32_t id = 0;
    const std::string& text = highest->second;
    std::from_chars(text.data(), text.data() + text.size(), id);
    seed.last_column_id = std::max(seed.last_column_id, id);
  }
  PartitionSpec spec;
  spec.id = SpecId(0);
  for (const FieldId column : foreign.partition_columns) {
    PartitionField field;
    field.source_id = column;
    field.field_id = kFirstPartitionId + static_cast<int32_t>(spec.fields.size());
    field.name = foreign.schema.Find(column)->name;
    spec.fields.push_back(std::move(field));
  }
  if (!spec.fields.empty()) seed.last_partition_id = spec.fields.back().field_id;
  seed.specs = {std::move(spec)};
  seed.default_spec = SpecId(0);
  for (const char* key : {delta::kCheckpointPolicyProperty, delta::kLogRetentionProperty,
                          delta::kDeletedFileRetentionProperty}) {
    const auto found = configuration.find(key);
    if (found == configuration.end()) continue;
    if (delta::CheckDeltaProperty(key, found->second).ok()) seed.properties[key] = found->second;
  }
  const std::string& description = snapshot.metadata().description;
  if (!description.empty()) seed.properties["comment"] = description;
  return seed;
}

/// Files may hold row ids and sequence numbers of rows that moved, when they are a table of Iceberg
/// as well: new ones come after them.
Status TakeLineage(const StoredLineage& stored, TableMetadata& seed) {
  if (!stored.unknown_in.empty()) {
    return Unsupported(
        "file " + stored.unknown_in + " holds row ids of Iceberg and has no statistics of them",
        kAdoptRepair);
  }
  if (!stored.row_id && !stored.sequence_number) return {};
  seed.format_version = kVersionOfRowIds;
  seed.next_row_id = std::max<int64_t>(0, stored.row_id.value_or(-1) + 1);
  seed.last_sequence_number = std::max<int64_t>(0, stored.sequence_number.value_or(0));
  return {};
}

}  // namespace

Result<AdoptedTable> AdoptDelta(ObjectStore& store, const Limits& limits,
                                const DeltaSnapshot& snapshot) {
  const delta::TableSchema& foreign = snapshot.schema();
  AdoptedTable adopted;
  adopted.seed = SeedOf(snapshot);
  TARN_RETURN_IF_ERROR(TakeRules(foreign, adopted.seed));
  TARN_RETURN_IF_ERROR(CheckAdoptable(adopted.seed));

  std::vector<std::pair<size_t, delta::DeletionVectorDescriptor>> vectors;
  TARN_RETURN_IF_ERROR(snapshot.VisitFiles([&](delta::TableFile&& found) -> Status {
    DataFile& file = found.file;
    TARN_ASSIGN_OR_RETURN(const std::string key, store.KeyOf(file.path));
    file.path = store.UriOf(key);
    file.spec_id = SpecId(0);
    for (const FieldId column : foreign.partition_columns) {
      file.partition.push_back(found.partition_values[column.value()]);
    }
    if (found.deletion_vector) vectors.emplace_back(adopted.files.size(), *found.deletion_vector);
    adopted.files.push_back(std::move(file));
    return {};
  }));

  ColumnLookup lookup;
  lookup.schema = foreign.schema;
  lookup.match = ColumnLookup::Match::kAnyCase;
  for (const auto& [id, name] : foreign.physical_names) lookup.names[id] = {name};
  if (foreign.mapping == delta::ColumnMapping::kOff) {
    lookup.ids = ColumnLookup::Ids::kMeanNothing;
  }
  TARN_ASSIGN_OR_RETURN(FoundColumns found,
                        FindColumnsInFiles(store, limits, lookup, adopted.files));
  TARN_RETURN_IF_ERROR(TakeLineage(found.lineage, adopted.seed));
  if (foreign.mapping != delta::ColumnMapping::kOff) found.mapped = true;
  TARN_RETURN_IF_ERROR(TakeFoundColumns(found, adopted));

  for (const auto& [place, descriptor] : vectors) {
    TARN_ASSIGN_OR_RETURN(DeletionVector rows,
                          LoadDeltaVector(store, snapshot.table_uri(), descriptor));
    if (rows.empty()) continue;
    adopted.deletes.push_back({adopted.files[place], std::move(rows)});
  }
  return adopted;
}

}  // namespace tarn

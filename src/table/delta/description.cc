#include "table/delta/description.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/json.h"
#include "columnar/utf8.h"
#include "table/delta/properties.h"
#include "table/delta/schema_json.h"
#include "table/delta/text.h"
#include "table/model/adopted_columns.h"
#include "table/model/column_mapping.h"

namespace tarn::delta {
namespace {

constexpr char kColumnDefaultsFeature[] = "allowColumnDefaults";
constexpr char kAppendOnlyFeature[] = "appendOnly";
constexpr char kCheckConstraintsFeature[] = "checkConstraints";
constexpr char kColumnMappingFeature[] = "columnMapping";
constexpr char kDeletionVectorsFeature[] = "deletionVectors";
constexpr char kInvariantsFeature[] = "invariants";
constexpr char kShreddingFeature[] = "variantShredding";
constexpr char kTimestampNtzFeature[] = "timestampNtz";
constexpr char kV2CheckpointFeature[] = "v2Checkpoint";
constexpr char kVariantFeature[] = "variantType";
constexpr char kOmittedColumns[] = "tarn.omitted-columns";

bool HasPlainTimestamp(const Type& type) {
  if (type.primitive()) return type.kind() == Type::Kind::kTimestamp;
  return std::any_of(type.fields().begin(), type.fields().end(),
                     [](const Field& field) { return HasPlainTimestamp(field.type); });
}

bool HasVariant(const Field& field) {
  const std::vector<Field>& fields = field.type.fields();
  return field.type.kind() == Type::Kind::kVariant ||
         std::any_of(fields.begin(), fields.end(), HasVariant);
}

bool HasRequired(const Field& field) {
  if (field.nullability == Nullability::kRequired) return true;
  if (field.type.primitive()) return false;
  return std::any_of(field.type.fields().begin(), field.type.fields().end(), HasRequired);
}

bool HasDefault(const Field& field) {
  if (field.write_default) return true;
  if (field.type.primitive()) return false;
  return std::any_of(field.type.fields().begin(), field.type.fields().end(), HasDefault);
}

bool AnyField(const TableMetadata& table, bool (*has)(const Field&)) {
  return std::any_of(table.schemas.begin(), table.schemas.end(), [&](const Schema& schema) {
    return std::any_of(schema.fields.begin(), schema.fields.end(), has);
  });
}

// What any schema of the table needed: a feature once raised stays.
Protocol ProtocolOf(const TableMetadata& table, ColumnMapping mapping, VectorUse vectors) {
  const auto policy = table.properties.find(kCheckpointPolicyProperty);
  std::vector<std::string> features;  // that only a list can name, in the order of the alphabet
  if (vectors == VectorUse::kYes) features.emplace_back(kDeletionVectorsFeature);
  if (AnyField(table, [](const Field& field) { return HasPlainTimestamp(field.type); })) {
    features.emplace_back(kTimestampNtzFeature);
  }
  if (policy != table.properties.end() && policy->second == "v2") {
    features.emplace_back(kV2CheckpointFeature);
  }
  // Existing files alone may be shredded: delta.enableVariantShredding is not set.
  if (table.properties.contains(kAdoptedShreddedProperty)) {
    features.emplace_back(kShreddingFeature);
  }
  if (AnyField(table, HasVariant)) features.emplace_back(kVariantFeature);
  const auto constraint = table.properties.lower_bound(kConstraintPrefix);
  const bool constraints =
      constraint != table.properties.end() && constraint->first.starts_with(kConstraintPrefix);
  const bool mapped = mapping != ColumnMapping::kOff;
  const bool defaults = AnyField(table, HasDefault);
  if (features.empty() && !defaults) {
    // Version 2 knows tables that are only appended to, and 3 constraints as well.
    if (mapped) return {2, 5, {}, {}};
    return constraints ? Protocol{1, 3, {}, {}} : Protocol{};
  }
  Protocol protocol;
  protocol.min_writer_version = 7;
  if (features.empty()) {  // defaults ask nothing of readers
    protocol.min_reader_version = mapped ? 2 : 1;
    if (mapped) protocol.writer_features.emplace_back(kColumnMappingFeature);
  } else {
    protocol.min_reader_version = 3;
    if (mapped) features.insert(features.begin(), kColumnMappingFeature);
    protocol.reader_features = protocol.writer_features = features;
  }
  if (defaults) protocol.writer_features.emplace_back(kColumnDefaultsFeature);
  // NOT NULL is an invariant, which a list of features must name (writer version 2 implies it).
  if (AnyField(table, HasRequired)) protocol.writer_features.emplace_back(kInvariantsFeature);
  if (constraints) protocol.writer_features.emplace_back(kCheckConstraintsFeature);
  const auto append_only = table.properties.find(kAppendOnlyProperty);
  if (append_only != table.properties.end() && append_only->second == "true") {
    protocol.writer_features.emplace_back(kAppendOnlyFeature);
  }
  std::sort(protocol.writer_features.begin(), protocol.writer_features.end());
  return protocol;
}

ColumnMapping MappingOf(const TableMetadata& table) {
  const auto mode = table.properties.find(kColumnMappingModeProperty);
  if (mode != table.properties.end() && mode->second == "id") return ColumnMapping::kById;
  const bool by_name = mode != table.properties.end() && mode->second == "name";
  const bool ever_differed_in_case =
      std::any_of(table.schemas.begin(), table.schemas.end(),
                  [](const Schema& schema) { return HasNamesThatDifferInCase(schema.fields); });
  return by_name || ever_differed_in_case || table.properties.contains(kColumnMappingProperty)
             ? ColumnMapping::kByName
             : ColumnMapping::kOff;
}

bool CanPartitionBy(const Type& type) {
  switch (type.kind()) {
    case Type::Kind::kBoolean:
    case Type::Kind::kInt:
    case Type::Kind::kLong:
    case Type::Kind::kDecimal:
    case Type::Kind::kDate:
    case Type::Kind::kString:
      return true;
    default:
      return false;  // times beyond the year 9999, NaN and bytes have no text that all readers know
  }
}

bool HasIdentity(const PartitionSpec& spec, FieldId source) {
  return std::any_of(spec.fields.begin(), spec.fields.end(), [&](const PartitionField& field) {
    return field.source_id == source && field.transform.kind == Transform::Kind::kIdentity;
  });
}

std::vector<PartitionColumn> PartitionCandidates(const TableMetadata& table,
                                                 const std::vector<std::string>& physical_names) {
  const std::vector<Field>& fields = table.schema().fields;
  const std::vector<std::string> names = DisplayNames(fields);
  std::vector<PartitionColumn> candidates;
  for (const PartitionField& partition : table.spec().fields) {
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const Field& candidate) {
      return candidate.id == partition.source_id;
    });
    if (field == fields.end() || !CanPartitionBy(field->type)) continue;
    const bool always = std::all_of(table.specs.begin(), table.specs.end(), [&](const auto& spec) {
      return HasIdentity(spec, partition.source_id);
    });
    if (!always || !HasIdentity(table.spec(), partition.source_id)) continue;
    const auto index = static_cast<size_t>(field - fields.begin());
    candidates.push_back({field->id, physical_names[index], names[index], field->type});
  }
  // A Delta table has at least one column that is no partition column.
  if (candidates.size() == fields.size()) candidates.clear();
  return candidates;
}

}  // namespace

bool Description::SameShape(const Description& other) const {
  return protocol == other.protocol && schema_string == other.schema_string &&
         configuration == other.configuration && description == other.description;
}

Result<Description> Describe(const TableMetadata& table, VectorUse vectors) {
  TARN_ASSIGN_OR_RETURN(const auto mapped_names, ReadColumnMapping(table));
  const ColumnMapping mapping = MappingOf(table);

  Description description;
  const Schema& schema = table.schema();
  for (const Field& field : schema.fields) {
    const auto mapped = mapped_names.find(field.id.value());
    description.physical_names.push_back(mapped == mapped_names.end() ? field.name
                                                                      : mapped->second);
  }
  description.protocol = ProtocolOf(table, mapping, vectors);
  description.partition_candidates = PartitionCandidates(table, description.physical_names);
  // DuckDB's reader finds nothing but null in partition columns of a table with column mapping. So
  // there are none, but those that files do not hold.
  if (mapping != ColumnMapping::kOff) {
    const std::set<int32_t> adopted = ReadAdoptedPartitions(table.properties);
    std::erase_if(description.partition_candidates, [&](const PartitionColumn& column) {
      return !adopted.contains(column.id.value());
    });
  }

  for (const auto& [key, value] : table.properties) {
    if (key == kColumnMappingProperty || key == kColumnMappingModeProperty) continue;
    if (!CheckDeltaProperty(key, value).ok()) continue;
    if (key == "comment") {
      description.description = value;
    } else {
      description.configuration[key] = value;
    }
  }
  std::vector<std::string> omitted;
  description.schema_string = DumpJson(
      SchemaJson(schema.fields, description.physical_names, mapping, omitted, mapped_names));
  description.nested_names = mapped_names;
  if (!omitted.empty()) {
    std::string list;
    for (const std::string& path : omitted) list += (list.empty() ? "" : ", ") + path;
    description.configuration[kOmittedColumns] = list;
  }
  if (vectors == VectorUse::kYes) description.configuration[kEnableVectorsProperty] = "true";
  if (mapping != ColumnMapping::kOff) {
    description.configuration[kColumnMappingModeProperty] =
        mapping == ColumnMapping::kById ? "id" : "name";
    description.configuration["delta.columnMapping.maxColumnId"] =
        std::to_string(table.last_column_id);
  }
  return description;
}

Protocol MergeProtocols(const Protocol& a, const Protocol& b) {
  Protocol merged;
  merged.min_reader_version = std::max(a.min_reader_version, b.min_reader_version);
  merged.min_writer_version = std::max(a.min_writer_version, b.min_writer_version);
  std::set<std::string> reader(a.reader_features.begin(), a.reader_features.end());
  std::set<std::string> writer(a.writer_features.begin(), a.writer_features.end());
  reader.insert(b.reader_features.begin(), b.reader_features.end());
  writer.insert(b.writer_features.begin(), b.writer_features.end());
  const bool mapped_by_version = a.min_reader_version == 2 || b.min_reader_version == 2;
  if (mapped_by_version && merged.min_reader_version >= 3) reader.insert(kColumnMappingFeature);
  if (mapped_by_version && merged.min_writer_version >= 7) writer.insert(kColumnMappingFeature);
  merged.reader_features.assign(reader.begin(), reader.end());
  merged.writer_features.assign(writer.begin(), writer.end());
  return merged;
}

bool CanTellPartitionValue(const Type& type, const Scalar& value) {
  if (const std::string* text = std::get_if<std::string>(&value)) {
    return !text->empty() && IsValidUtf8(*text);
  }
  return IsNull(value) || PartitionValueText(type, value).has_value();
}

std::optional<std::string> PartitionValueText(const Type& type, const Scalar& value) {
  if (IsNull(value)) return std::nullopt;
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const std::string* text = std::get_if<std::string>(&value)) return *text;
  if (const Int128* decimal = std::get_if<Int128>(&value)) {
    return DecimalText(*decimal, type.scale());
  }
  const int64_t* number = std::get_if<int64_t>(&value);
  if (number == nullptr) return std::nullopt;
  if (type.kind() == Type::Kind::kDate) return DateText(*number);
  return std::to_string(*number);
}

}  // namespace tarn::delta

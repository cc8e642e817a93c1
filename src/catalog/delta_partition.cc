#include "catalog/delta_partition.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "table/dual/manifest_io.h"

namespace tarn {
namespace {

// All values of numbers and flags have a text.
bool MayHaveValuesWithoutText(const Type& type) {
  return type.kind() == Type::Kind::kString || type.kind() == Type::Kind::kDate;
}

// A bound of a manifest list (Iceberg "Binary single-value serialization") of a text or a date.
Scalar BoundOf(const Type& type, const std::string& bytes) {
  if (type.kind() == Type::Kind::kString) return bytes;
  int32_t days = INT32_MIN;  // what cannot be read has no text
  if (bytes.size() == sizeof(days)) std::memcpy(&days, bytes.data(), sizeof(days));
  return int64_t{days};
}

bool CanTell(const delta::PartitionColumn& column, const TableMetadata& table,
             const ManifestFile& manifest) {
  const PartitionSpec* spec = table.FindSpec(manifest.spec_id);
  const int index = spec == nullptr ? -1 : IdentityFieldIndex(*spec, column.id);
  if (index < 0 || manifest.partitions.size() <= static_cast<size_t>(index)) return false;
  const PartitionSummary& summary = manifest.partitions[static_cast<size_t>(index)];
  const auto tells = [&](const std::optional<std::string>& bound) {
    return !bound || delta::CanTellPartitionValue(column.type, BoundOf(column.type, *bound));
  };
  // An empty text is the least of all, and years grow with days: the bounds speak for all values.
  return tells(summary.lower) && tells(summary.upper);
}

}  // namespace

int IdentityFieldIndex(const PartitionSpec& spec, FieldId source) {
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    const PartitionField& field = spec.fields[i];
    if (field.source_id == source && field.transform.kind == Transform::Kind::kIdentity) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

Result<std::vector<delta::PartitionColumn>> DeltaPartitionColumns(
    ObjectStore& store, const TableMetadata& table,
    const std::vector<delta::PartitionColumn>& candidates) {
  const bool any_doubt = std::any_of(
      candidates.begin(), candidates.end(),
      [](const delta::PartitionColumn& column) { return MayHaveValuesWithoutText(column.type); });
  const Snapshot* snapshot = table.current();
  if (!any_doubt || snapshot == nullptr) return candidates;
  ManifestIo manifests(store, nullptr, table);
  TARN_ASSIGN_OR_RETURN(const std::vector<ManifestFile> list, manifests.List(*snapshot));
  std::vector<delta::PartitionColumn> columns;
  for (const delta::PartitionColumn& column : candidates) {
    const bool told = !MayHaveValuesWithoutText(column.type) ||
                      std::all_of(list.begin(), list.end(), [&](const ManifestFile& manifest) {
                        return !manifest.may_have_live_files() || CanTell(column, table, manifest);
                      });
    if (told) columns.push_back(column);
  }
  return columns;
}

}  // namespace tarn

#include "table/dual/delta_partition.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <string>

#include "base/text.h"
#include "table/dual/manifest_io.h"
#include "table/model/adopted_columns.h"
#include "table/model/delta_property.h"

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

constexpr char kCopyRepair[] = "make another table of it with CREATE TABLE … AS SELECT";

const PartitionSummary* SummaryOf(const TableMetadata& table, const ManifestFile& manifest,
                                  FieldId column) {
  const PartitionSpec* spec = table.FindSpec(manifest.spec_id);
  const int index = spec == nullptr ? -1 : IdentityFieldIndex(*spec, column);
  if (index < 0 || manifest.partitions.size() <= static_cast<size_t>(index)) return nullptr;
  return &manifest.partitions[static_cast<size_t>(index)];
}

// A value of the manifest's files that Delta's log cannot tell. An empty text is the least of all,
// and years grow with days: the bounds speak for all values.
std::optional<Scalar> ValueWithoutText(const delta::PartitionColumn& column,
                                       const PartitionSummary& summary) {
  for (const std::optional<std::string>& bound : {summary.lower, summary.upper}) {
    if (!bound) continue;
    const Scalar value = BoundOf(column.type, *bound);
    if (!delta::CanTellPartitionValue(column.type, value)) return value;
  }
  return std::nullopt;
}

bool CanTell(const delta::PartitionColumn& column, const TableMetadata& table,
             const ManifestFile& manifest) {
  const PartitionSummary* summary = SummaryOf(table, manifest, column.id);
  return summary != nullptr && !ValueWithoutText(column, *summary);
}

bool HasLiveData(const ManifestFile& manifest) {
  return manifest.content == ManifestFile::Content::kData && manifest.may_have_live_files();
}

// Whether the snapshot of these manifests has data files that are not the table's own: those that
// were adopted, and do not hold the column.
Result<bool> HasFilesOfOthers(ManifestIo& io, const TableMetadata& table,
                              const std::vector<ManifestFile>& manifests, FieldId column) {
  std::vector<ManifestFile> partitioned;
  for (const ManifestFile& manifest : manifests) {
    const PartitionSpec* spec = HasLiveData(manifest) ? table.FindSpec(manifest.spec_id) : nullptr;
    if (spec != nullptr && IdentityFieldIndex(*spec, column) >= 0) partitioned.push_back(manifest);
  }
  const std::string own = table.location + "/";
  bool any = false;
  const ManifestMetrics none{ManifestMetrics::Kind::kNone, {}};
  TARN_RETURN_IF_ERROR(io.Read(partitioned, none, [&](ManifestEntry&& entry) -> Status {
    any = any || (entry.status != EntryStatus::kDeleted && !entry.file.path.starts_with(own));
    return {};
  }));
  return any;
}

Status CheckAdoptedColumn(const TableMetadata& table, const std::vector<ManifestFile>& manifests,
                          const std::vector<delta::PartitionColumn>& candidates, int32_t id) {
  const auto column = std::find_if(candidates.begin(), candidates.end(),
                                   [id](const auto& one) { return one.id.value() == id; });
  if (column == candidates.end()) {
    const Field* field = table.schema().Find(FieldId(id));
    return InvalidArgument(
        "column " + QuoteIdentifier(field == nullptr ? std::to_string(id) : field->name) +
            " has to stay a partition column of Delta: the table was adopted, and its files do not "
            "hold the column; Delta needs a column beside it that is none, and every partitioning "
            "of the table to have it",
        kCopyRepair);
  }
  if (!MayHaveValuesWithoutText(column->type)) return {};
  for (const ManifestFile& manifest : manifests) {
    const PartitionSummary* summary =
        HasLiveData(manifest) ? SummaryOf(table, manifest, column->id) : nullptr;
    if (summary == nullptr) continue;
    const std::optional<Scalar> value = ValueWithoutText(*column, *summary);
    if (!value) continue;
    return InvalidArgument(
        "column " + QuoteIdentifier(column->name) + " cannot have the value '" +
            ValueToText(column->type, *value) +
            "': the table was adopted, its files do not hold the partition column, and Delta's log "
            "has no word for that value",
        std::string("write another value, or null; or ") + kCopyRepair);
  }
  return {};
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
  const std::set<int32_t> adopted = ReadAdoptedPartitions(table.properties);
  ManifestIo manifests(store, nullptr, table);
  TARN_ASSIGN_OR_RETURN(const std::vector<ManifestFile> list, manifests.List(*snapshot));
  std::vector<delta::PartitionColumn> columns;
  for (const delta::PartitionColumn& column : candidates) {
    bool told = !MayHaveValuesWithoutText(column.type) ||
                std::all_of(list.begin(), list.end(), [&](const ManifestFile& manifest) {
                  return !manifest.may_have_live_files() || CanTell(column, table, manifest);
                });
    if (!told && adopted.contains(column.id.value())) {
      TARN_ASSIGN_OR_RETURN(told, HasFilesOfOthers(manifests, table, list, column.id));
    }
    if (told) columns.push_back(column);
  }
  return columns;
}

Status CheckAdoptedPartitionsInDelta(const TableContext& context, const TableMetadata& table) {
  const std::set<int32_t> adopted = ReadAdoptedPartitions(table.properties);
  const Snapshot* snapshot = table.current();
  if (adopted.empty() || snapshot == nullptr) return {};
  ManifestIo io(*context.store, context.cache, table);
  TARN_ASSIGN_OR_RETURN(const std::vector<ManifestFile> manifests, io.List(*snapshot));
  TARN_ASSIGN_OR_RETURN(const delta::Description description,
                        delta::Describe(table, delta::VectorUse::kNo));
  for (const int32_t id : adopted) {
    Status status = CheckAdoptedPartitions(table, {id}, table.spec());
    if (status.ok() && !LeavesDeltaOut(table.properties)) {
      status = CheckAdoptedColumn(table, manifests, description.partition_candidates, id);
    }
    if (status.ok()) continue;
    // Only what stands in the way now is worth reading the manifests for.
    TARN_ASSIGN_OR_RETURN(const bool needed, HasFilesOfOthers(io, table, manifests, FieldId(id)));
    if (needed) return status;
  }
  return {};
}

}  // namespace tarn

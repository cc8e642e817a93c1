#include "table/model/metadata.h"

#include "base/check.h"

namespace tarn {

std::string Transform::ToString() const {
  switch (kind) {
    case Kind::kIdentity:
      return "identity";
    case Kind::kYear:
      return "year";
    case Kind::kMonth:
      return "month";
    case Kind::kDay:
      return "day";
    case Kind::kHour:
      return "hour";
    case Kind::kBucket:
      return "bucket[" + std::to_string(parameter) + "]";
    case Kind::kTruncate:
      return "truncate[" + std::to_string(parameter) + "]";
    case Kind::kVoid:
      return "void";
    case Kind::kUnknown:
      return text;
  }
  return text;
}

const Schema& TableMetadata::schema() const {
  const Schema* found = FindSchema(current_schema);
  TARN_CHECK_MSG(found != nullptr, "table metadata without its current schema");
  return *found;
}

const PartitionSpec& TableMetadata::spec() const {
  const PartitionSpec* found = FindSpec(default_spec);
  TARN_CHECK_MSG(found != nullptr, "table metadata without its default partition spec");
  return *found;
}

const Schema* TableMetadata::FindSchema(SchemaId id) const {
  for (const Schema& candidate : schemas) {
    if (candidate.id == id) return &candidate;
  }
  return nullptr;
}

const PartitionSpec* TableMetadata::FindSpec(SpecId id) const {
  for (const PartitionSpec& candidate : specs) {
    if (candidate.id == id) return &candidate;
  }
  return nullptr;
}

const Snapshot* TableMetadata::FindSnapshot(SnapshotId id) const {
  for (const Snapshot& candidate : snapshots) {
    if (candidate.id == id) return &candidate;
  }
  return nullptr;
}

const Snapshot* TableMetadata::current() const {
  return current_snapshot ? FindSnapshot(*current_snapshot) : nullptr;
}

}  // namespace tarn

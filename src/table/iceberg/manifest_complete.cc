#include <limits>
#include <string>

#include "columnar/avro_reader.h"
#include "table/iceberg/manifest.h"
#include "table/iceberg/manifest_schema.h"

namespace tarn {

namespace {

/// A text of the Avro file's own metadata; empty where it is absent.
std::string Property(const AvroReader& reader, const std::string& key) {
  auto found = reader.metadata().find(key);
  return found == reader.metadata().end() ? std::string() : found->second;
}

}  // namespace

Status CompleteManifest(const std::string& bytes, const TableMetadata& table,
                        const ManifestTypes& types, ManifestFile& manifest) {
  const PartitionSpec* spec = table.FindSpec(manifest.spec_id);
  if (spec == nullptr) {
    return Corruption("manifest " + manifest.path + " has partition spec " +
                      std::to_string(manifest.spec_id.value()) + ", which the table does not have");
  }
  int64_t added_files = 0, existing_files = 0, deleted_files = 0;
  int64_t added_rows = 0, existing_rows = 0, deleted_rows = 0;
  SnapshotId added_by = manifest.added_snapshot;
  const auto count = [&](ManifestEntry&& entry) -> Status {
    int64_t& files = entry.status == EntryStatus::kAdded      ? added_files
                     : entry.status == EntryStatus::kExisting ? existing_files
                                                              : deleted_files;
    int64_t& rows = entry.status == EntryStatus::kAdded      ? added_rows
                    : entry.status == EntryStatus::kExisting ? existing_rows
                                                             : deleted_rows;
    ++files;
    if (entry.file.record_count > std::numeric_limits<int64_t>::max() - rows) {
      return Corruption("manifest " + manifest.path + " counts more rows than there can be");
    }
    rows += entry.file.record_count;
    if (entry.status == EntryStatus::kAdded) added_by = entry.snapshot;
    return {};
  };
  TARN_RETURN_IF_ERROR(
      ReadManifest(bytes, manifest, *spec, types, {ManifestMetrics::Kind::kNone, {}}, count));
  manifest.length = static_cast<int64_t>(bytes.size());
  manifest.added_snapshot = added_by;
  manifest.added_files = added_files;
  manifest.existing_files = existing_files;
  manifest.deleted_files = deleted_files;
  manifest.added_rows = added_rows;
  manifest.existing_rows = existing_rows;
  manifest.deleted_rows = deleted_rows;
  return {};
}

Result<ManifestFile> ListedManifest(const std::string& bytes, const std::string& path,
                                    const Snapshot& snapshot, const TableMetadata& table,
                                    const ManifestTypes& types) {
  ManifestFile manifest;
  manifest.path = path;
  manifest.added_snapshot = snapshot.id;
  TARN_ASSIGN_OR_RETURN(AvroReader reader, AvroReader::Open(bytes, path));
  // Without it the file is of a time when tables had one spec, which has the id 0.
  const std::string spec = Property(reader, "partition-spec-id");
  for (const PartitionSpec& candidate : table.specs) {
    if (std::to_string(candidate.id.value()) == spec) manifest.spec_id = candidate.id;
  }
  if (!spec.empty() && std::to_string(manifest.spec_id.value()) != spec) {
    return Corruption("manifest " + path + " has partition spec " + spec +
                      ", which the table does not have");
  }
  TARN_RETURN_IF_ERROR(CompleteManifest(bytes, table, types, manifest));
  return manifest;
}

}  // namespace tarn

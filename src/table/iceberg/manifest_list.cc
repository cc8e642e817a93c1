#include <limits>
#include <utility>

#include "columnar/avro_reader.h"
#include "columnar/avro_writer.h"
#include "table/iceberg/manifest.h"
#include "table/iceberg/manifest_schema.h"

namespace tarn {

namespace {

namespace lf = manifest_list_field;

/// Places in the reader's row.
enum Column : size_t {
  kPath,
  kLength,
  kSpecId,
  kContent,
  kSequenceNumber,
  kMinSequenceNumber,
  kSnapshotId,
  kAddedFiles,
  kExistingFiles,
  kDeletedFiles,
  kAddedRows,
  kExistingRows,
  kDeletedRows,
  kPartitions,
  kKeyMetadata,
  kFirstRowId
};

std::vector<AvroColumn> Columns() {
  using E = AvroExpect;
  return {{lf::kPath, E::kBytes},
          {lf::kLength, E::kInt},
          {lf::kSpecId, E::kInt},
          {lf::kContent, E::kInt},
          {lf::kSequenceNumber, E::kInt},
          {lf::kMinSequenceNumber, E::kInt},
          {lf::kSnapshotId, E::kInt},
          {lf::kAddedFiles, E::kInt},
          {lf::kExistingFiles, E::kInt},
          {lf::kDeletedFiles, E::kInt},
          {lf::kAddedRows, E::kInt},
          {lf::kExistingRows, E::kInt},
          {lf::kDeletedRows, E::kInt},
          {lf::kPartitions,
           E::kList,
           {{lf::kContainsNull, E::kBoolean},
            {lf::kContainsNan, E::kBoolean},
            {lf::kLowerBound, E::kBytes},
            {lf::kUpperBound, E::kBytes}}},
          {lf::kKeyMetadata, E::kBytes},
          {lf::kFirstRowId, E::kInt}};
}

std::optional<int64_t> Optional(const AvroValue& value) {
  if (value.is_null()) return std::nullopt;
  return value.as_int();
}

std::optional<std::string> Bytes(const AvroValue& value) {
  if (value.is_null()) return std::nullopt;
  return std::string(value.as_bytes());
}

Result<ManifestFile> ReadRow(const AvroReader& reader, const std::string& location) {
  ManifestFile file;
  file.path = reader[kPath].bytes_or("");
  file.length = reader[kLength].int_or(0);
  const int64_t content = reader[kContent].int_or(0);
  const int64_t spec = reader[kSpecId].int_or(0);
  if (file.path.empty() || file.length < 0 || content < 0 || content > 1 ||
      spec < std::numeric_limits<int32_t>::min() || spec > std::numeric_limits<int32_t>::max()) {
    return Corruption("manifest list " + location + " has an entry that is no manifest: path \"" +
                      file.path + "\"");
  }
  file.spec_id = SpecId(static_cast<int32_t>(spec));
  file.content = static_cast<ManifestFile::Content>(content);
  file.sequence_number = reader[kSequenceNumber].int_or(0);
  file.min_sequence_number = reader[kMinSequenceNumber].int_or(0);
  file.added_snapshot = SnapshotId(reader[kSnapshotId].int_or(0));
  file.added_files = Optional(reader[kAddedFiles]);
  file.existing_files = Optional(reader[kExistingFiles]);
  file.deleted_files = Optional(reader[kDeletedFiles]);
  file.added_rows = Optional(reader[kAddedRows]);
  file.existing_rows = Optional(reader[kExistingRows]);
  file.deleted_rows = Optional(reader[kDeletedRows]);
  const AvroList partitions = reader.list(kPartitions);
  for (size_t i = 0; i < partitions.size(); ++i) {
    PartitionSummary summary;
    summary.contains_null = partitions(i, 0).is_null() || partitions(i, 0).as_bool();
    if (!partitions(i, 1).is_null()) summary.contains_nan = partitions(i, 1).as_bool();
    summary.lower = Bytes(partitions(i, 2));
    summary.upper = Bytes(partitions(i, 3));
    file.partitions.push_back(std::move(summary));
  }
  file.key_metadata = reader[kKeyMetadata].bytes_or("");
  if (file.content == ManifestFile::Content::kData) {
    file.first_row_id = Optional(reader[kFirstRowId]);
  }
  for (const std::optional<int64_t>& count :
       {file.added_files, file.existing_files, file.deleted_files, file.added_rows,
        file.existing_rows, file.deleted_rows, file.first_row_id}) {
    if (count.value_or(0) < 0) {
      return Corruption("manifest list " + location + " has a count or row id below 0 for " +
                        file.path);
    }
  }
  return file;
}

void OptionalBytes(AvroWriter& out, const std::optional<std::string>& bytes) {
  if (bytes) {
    out.Bytes(*bytes);
  } else {
    out.Null();
  }
}

void WritePartitions(AvroWriter& out, const std::vector<PartitionSummary>& partitions) {
  if (partitions.empty()) {
    out.Null();
    return;
  }
  out.BeginList(partitions.size());
  for (const PartitionSummary& summary : partitions) {
    out.BeginRecord();
    out.Boolean(summary.contains_null);
    if (summary.contains_nan) {
      out.Boolean(*summary.contains_nan);
    } else {
      out.Null();
    }
    OptionalBytes(out, summary.lower);
    OptionalBytes(out, summary.upper);
    out.EndRecord();
  }
  out.EndList();
}

}  // namespace

Result<std::vector<ManifestFile>> ReadManifestList(std::string bytes, const std::string& location) {
  TARN_ASSIGN_OR_RETURN(AvroReader reader, AvroReader::Open(std::move(bytes), location));
  TARN_RETURN_IF_ERROR(reader.Select(Columns()));
  std::vector<ManifestFile> manifests;
  while (true) {
    TARN_ASSIGN_OR_RETURN(bool more, reader.Next());
    if (!more) return manifests;
    TARN_ASSIGN_OR_RETURN(ManifestFile file, ReadRow(reader, location));
    manifests.push_back(std::move(file));
  }
}

bool LacksCounts(const ManifestFile& manifest) {
  return !manifest.added_files || !manifest.existing_files || !manifest.deleted_files ||
         !manifest.added_rows || !manifest.existing_rows || !manifest.deleted_rows;
}

Result<std::string> WriteManifestList(const std::vector<ManifestFile>& manifests,
                                      const Snapshot& snapshot, Random& random,
                                      int format_version) {
  const bool row_ids = format_version >= kVersionOfRowIds;
  std::map<std::string, std::string> metadata = {
      {"format-version", row_ids ? "3" : "2"},
      {"snapshot-id", std::to_string(snapshot.id.value())},
      {"parent-snapshot-id", snapshot.parent ? std::to_string(snapshot.parent->value()) : "null"},
      {"sequence-number", std::to_string(snapshot.sequence_number)}};
  if (row_ids && snapshot.first_row_id) {
    metadata["first-row-id"] = std::to_string(*snapshot.first_row_id);
  }
  TARN_ASSIGN_OR_RETURN(AvroWriter out,
                        AvroWriter::Open(ManifestListAvroSchema(format_version), metadata, random));
  for (const ManifestFile& file : manifests) {
    const bool data = file.content == ManifestFile::Content::kData;
    if (LacksCounts(file) || (row_ids && data && !file.first_row_id)) {
      // Written as 0 they would say that the manifest can be skipped.
      return InvalidArgument("manifest " + file.path + " lacks its counts or its first row id");
    }
    out.BeginRecord();
    out.Bytes(file.path);
    out.Int(file.length);
    out.Int(file.spec_id.value());
    out.Int(static_cast<int>(file.content));
    out.Int(file.sequence_number);
    out.Int(file.min_sequence_number);
    out.Int(file.added_snapshot.value());
    out.Int(*file.added_files);
    out.Int(*file.existing_files);
    out.Int(*file.deleted_files);
    out.Int(*file.added_rows);
    out.Int(*file.existing_rows);
    out.Int(*file.deleted_rows);
    WritePartitions(out, file.partitions);
    if (file.key_metadata.empty()) {
      out.Null();
    } else {
      out.Bytes(file.key_metadata);
    }
    if (row_ids) data ? out.Int(*file.first_row_id) : out.Null();
    out.EndRecord();
  }
  return std::move(out).Finish();
}

}  // namespace tarn

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.h"
#include "columnar/avro_reader.h"
#include "table/iceberg/manifest.h"
#include "table/iceberg/manifest_schema.h"
#include "table/iceberg/single_value.h"

namespace tarn {

namespace {

namespace mf = manifest_field;

/// Places of the fixed columns in the reader's row.
enum Column : size_t {
  kStatus,
  kSnapshotId,
  kSequenceNumber,
  kFileSequence,
  kContent,
  kFilePath,
  kFileFormat,
  kRecordCount,
  kFileSize,
  kEqualityIds,
  kSortOrderId,
  kReferencedDataFile,
  kKeyMetadata,
  kFirstRowId,
  kContentOffset,
  kContentSize,
  kFixedColumns
};

std::vector<AvroColumn> FixedColumns() {
  using E = AvroExpect;
  return {{mf::kStatus, E::kInt},         {mf::kSnapshotId, E::kInt},
          {mf::kSequenceNumber, E::kInt}, {mf::kFileSequence, E::kInt},
          {mf::kContent, E::kInt},        {mf::kFilePath, E::kBytes},
          {mf::kFileFormat, E::kBytes},   {mf::kRecordCount, E::kInt},
          {mf::kFileSize, E::kInt},       {mf::kEqualityIds, E::kList},
          {mf::kSortOrderId, E::kInt},    {mf::kReferencedDataFile, E::kBytes},
          {mf::kKeyMetadata, E::kBytes},  {mf::kFirstRowId, E::kInt},
          {mf::kContentOffset, E::kInt},  {mf::kContentSize, E::kInt}};
}

AvroColumn MapColumn(int32_t id, int32_t key, int32_t value, AvroExpect expect) {
  return {id, AvroExpect::kList, {{key, AvroExpect::kInt}, {value, expect}}};
}

AvroExpect ExpectOf(const Type& type) {
  switch (type.kind()) {
    case Type::Kind::kBoolean:
      return AvroExpect::kBoolean;
    case Type::Kind::kFloat:
    case Type::Kind::kDouble:
      return AvroExpect::kDouble;
    case Type::Kind::kDecimal:
    case Type::Kind::kString:
    case Type::Kind::kUuid:
    case Type::Kind::kFixed:
    case Type::Kind::kBinary:
      return AvroExpect::kBytes;
    default:
      return AvroExpect::kInt;
  }
}

class ManifestReader {
 public:
  ManifestReader(AvroReader reader, const ManifestFile& manifest, const PartitionSpec& spec,
                 const ManifestTypes& types, const ManifestMetrics& metrics)
      : reader_(std::move(reader)),
        manifest_(manifest),
        spec_(spec),
        types_(types),
        metrics_(metrics),
        partition_types_(types.PartitionTypes(spec)) {}

  Status Run(const std::function<Status(ManifestEntry&&)>& visit,
             const std::function<void(const ManifestBlock&)>& on_block) {
    TARN_RETURN_IF_ERROR(Select());
    size_t block = 0;
    for (int64_t number = 0;; ++number) {
      TARN_ASSIGN_OR_RETURN(bool more, reader_.Next());
      if (!more) return {};
      if (on_block && reader_.block_offset() != block) {
        block = reader_.block_offset();
        on_block({static_cast<int64_t>(block), number, rows_inherited_});
      }
      TARN_RETURN_IF_ERROR(VisitEntry(visit));
    }
  }

  Status RunSome(const std::vector<ManifestBlock>& blocks, const std::vector<int64_t>& numbers,
                 const std::function<Status(ManifestEntry&&)>& visit) {
    TARN_RETURN_IF_ERROR(Select());
    auto block = blocks.begin();
    int64_t next = std::numeric_limits<int64_t>::max();  // the number of the reader's next entry
    for (const int64_t number : numbers) {
      const auto behind = std::upper_bound(
          block, blocks.end(), number,
          [](int64_t wanted, const ManifestBlock& b) { return wanted < b.first_entry; });
      if (behind == blocks.begin()) return Bad("no block has the entry that is looked for");
      if (behind - 1 != block || next > number) {
        block = behind - 1;
        TARN_RETURN_IF_ERROR(reader_.SeekBlock(static_cast<size_t>(block->offset)));
        next = block->first_entry;
        rows_inherited_ = block->rows_inherited;
        const int64_t rows_max =
            std::numeric_limits<int64_t>::max() - manifest_.first_row_id.value_or(0);
        if (rows_inherited_ > rows_max) return Bad("its row ids exceed 64 bits");
      }
      for (; next <= number; ++next) {
        TARN_ASSIGN_OR_RETURN(bool more, reader_.Next());
        if (!more) return Bad("it ends before the entry that is looked for");
        if (next == number) {
          TARN_RETURN_IF_ERROR(VisitEntry(visit));
        } else {
          ManifestEntry passed;  // for the row ids that it takes
          TARN_RETURN_IF_ERROR(ReadHead(passed));
        }
      }
    }
    return {};
  }

 private:
  Status VisitEntry(const std::function<Status(ManifestEntry&&)>& visit) {
    ManifestEntry entry;
    TARN_RETURN_IF_ERROR(ReadHead(entry));
    TARN_RETURN_IF_ERROR(ReadPartition(entry.file));
    if (metrics_.kind != ManifestMetrics::Kind::kNone) ReadMetrics(entry.file);
    return visit(std::move(entry));
  }

  Error Bad(const std::string& message) const {
    return Corruption("manifest " + manifest_.path + ": " + message);
  }

  Status Select() {
    std::vector<AvroColumn> columns = FixedColumns();
    for (size_t i = 0; i < spec_.fields.size(); ++i) {
      // A source that no schema knows leaves the type open; its values are taken as they are.
      const bool known = types_.Column(spec_.fields[i].source_id.value()) != nullptr &&
                         spec_.fields[i].transform.kind != Transform::Kind::kUnknown &&
                         partition_types_[i].kind() != Type::Kind::kUnknown;
      columns.push_back({.id = spec_.fields[i].field_id,
                         .expect = known ? ExpectOf(partition_types_[i]) : AvroExpect::kAny,
                         .within = mf::kPartition});
    }
    metrics_begin_ = columns.size();
    if (metrics_.kind != ManifestMetrics::Kind::kNone) {
      columns.push_back(MapColumn(mf::kValueCounts, 119, 120, AvroExpect::kInt));
      columns.push_back(MapColumn(mf::kNullCounts, 121, 122, AvroExpect::kInt));
      columns.push_back(MapColumn(mf::kNanCounts, 138, 139, AvroExpect::kInt));
      columns.push_back(MapColumn(mf::kLowerBounds, 126, 127, AvroExpect::kBytes));
      columns.push_back(MapColumn(mf::kUpperBounds, 129, 130, AvroExpect::kBytes));
    }
    if (metrics_.kind == ManifestMetrics::Kind::kAll) {
      columns.push_back(MapColumn(mf::kColumnSizes, 117, 118, AvroExpect::kInt));
      columns.push_back({mf::kSplitOffsets, AvroExpect::kList, {}});
    }
    return reader_.Select(columns);
  }

  Status ReadHead(ManifestEntry& entry) {
    const int64_t status = reader_[kStatus].int_or(-1);
    if (status < 0 || status > 2) return Bad("an entry has the status " + std::to_string(status));
    entry.status = static_cast<EntryStatus>(status);
    entry.snapshot = SnapshotId(reader_[kSnapshotId].int_or(manifest_.added_snapshot.value()));
    // Version 1 has no sequence numbers: everything in it is older than any delete file.
    const int64_t inherited = reader_.has(kSequenceNumber) ? manifest_.sequence_number : 0;
    entry.data_sequence_number = reader_[kSequenceNumber].int_or(inherited);
    entry.file_sequence_number = reader_[kFileSequence].int_or(inherited);
    DataFile& file = entry.file;
    const int64_t content = reader_[kContent].int_or(0);
    if (content < 0 || content > 2) return Bad("a file has the content " + std::to_string(content));
    file.content = static_cast<FileContent>(content);
    if (reader_[kFilePath].is_null()) return Bad("an entry has no file path");
    file.path = reader_[kFilePath].as_bytes();
    file.format = reader_[kFileFormat].bytes_or("PARQUET");
    file.spec_id = spec_.id;
    file.record_count = reader_[kRecordCount].int_or(0);
    file.size_bytes = reader_[kFileSize].int_or(0);
    if (file.record_count < 0 || file.size_bytes < 0) {
      return Bad("the file " + file.path + " has a negative size");
    }
    const AvroList equality_ids = reader_.list(kEqualityIds);
    for (size_t i = 0; i < equality_ids.size(); ++i) {
      if (equality_ids(i).kind() != AvroValue::Kind::kInt)
        return Bad("equality ids are no integers");
      file.equality_ids.push_back(static_cast<int32_t>(equality_ids(i).as_int()));
    }
    if (!reader_[kSortOrderId].is_null()) {
      file.sort_order_id = static_cast<int32_t>(reader_[kSortOrderId].as_int());
    }
    file.referenced_data_file = reader_[kReferencedDataFile].bytes_or("");
    file.key_metadata = reader_[kKeyMetadata].bytes_or("");
    TARN_RETURN_IF_ERROR(ReadContentPlace(file));
    return InheritRowId(entry);
  }

  Status ReadContentPlace(DataFile& file) {
    const bool puffin = LowerAscii(file.format) == "puffin";
    if (reader_[kContentOffset].is_null()) {
      return puffin ? Status(Bad("the Puffin file " + file.path + " has no content offset"))
                    : Status();
    }
    file.content_offset = reader_[kContentOffset].as_int();
    file.content_size_bytes = reader_[kContentSize].int_or(-1);
    if (!puffin || file.content != FileContent::kPositionDeletes || *file.content_offset < 0 ||
        *file.content_size_bytes < 0 || *file.content_offset > file.size_bytes ||
        *file.content_size_bytes > file.size_bytes - *file.content_offset ||
        file.referenced_data_file.empty()) {
      return Bad("the deletion vector in " + file.path + " at " +
                 std::to_string(*file.content_offset) + " is not described rightly");
    }
    return {};
  }

  /// Live files without row ids follow each other from the manifest's own on; deleted ones have
  /// taken none, as in the reference implementation.
  Status InheritRowId(ManifestEntry& entry) {
    if (entry.file.content != FileContent::kData) return {};
    if (!reader_[kFirstRowId].is_null()) {
      entry.file.first_row_id = reader_[kFirstRowId].as_int();
      if (*entry.file.first_row_id < 0) return Bad("a file's first row id is below 0");
      return {};
    }
    if (entry.status == EntryStatus::kDeleted) return {};
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
    const int64_t next = manifest_.first_row_id.value_or(0) + rows_inherited_;
    const bool exceeded = entry.file.record_count > kMax - next;
    if (manifest_.first_row_id) {
      entry.file.first_row_id = next;
      if (exceeded) return Bad("its row ids exceed 64 bits");
    }
    rows_inherited_ = exceeded ? kMax : rows_inherited_ + entry.file.record_count;
    return {};
  }

  Status ReadPartition(DataFile& file) {
    file.partition.reserve(partition_types_.size());
    for (size_t i = 0; i < partition_types_.size(); ++i) {
      Scalar value = reader_[kFixedColumns + i].ToScalar();
      const auto* bytes = std::get_if<std::string>(&value);
      if (bytes != nullptr && partition_types_[i].kind() == Type::Kind::kDecimal) {
        TARN_ASSIGN_OR_RETURN(Int128 unscaled, Int128FromBigEndian(*bytes).Wrap(manifest_.path));
        value = unscaled;
      }
      file.partition.push_back(std::move(value));
    }
    return {};
  }

  bool Wanted(int32_t id) const {
    return metrics_.kind == ManifestMetrics::Kind::kAll ||
           std::find(metrics_.columns.begin(), metrics_.columns.end(), id) !=
               metrics_.columns.end();
  }

  void ReadCounts(size_t column, std::map<int32_t, int64_t>& counts) const {
    const AvroList list = reader_.list(column);
    for (size_t i = 0; i < list.size(); ++i) {
      const auto id = static_cast<int32_t>(list(i, 0).int_or(-1));
      if (Wanted(id)) counts.emplace_hint(counts.end(), id, list(i, 1).int_or(0));
    }
  }

  void ReadBounds(size_t column, std::map<int32_t, Scalar>& bounds) const {
    const AvroList list = reader_.list(column);
    for (size_t i = 0; i < list.size(); ++i) {
      const auto id = static_cast<int32_t>(list(i, 0).int_or(-1));
      if (!Wanted(id) || list(i, 1).is_null()) continue;
      const Type* type = types_.Column(id);
      if (type == nullptr) continue;
      if (auto value = DecodeSingleValue(*type, list(i, 1).as_bytes())) {
        bounds.emplace_hint(bounds.end(), id, *std::move(value));
      }
    }
  }

  void ReadMetrics(DataFile& file) const {
    ReadCounts(metrics_begin_, file.value_counts);
    ReadCounts(metrics_begin_ + 1, file.null_counts);
    ReadCounts(metrics_begin_ + 2, file.nan_counts);
    ReadBounds(metrics_begin_ + 3, file.lower_bounds);
    ReadBounds(metrics_begin_ + 4, file.upper_bounds);
    if (metrics_.kind != ManifestMetrics::Kind::kAll) return;
    ReadCounts(metrics_begin_ + 5, file.column_sizes);
    const AvroList offsets = reader_.list(metrics_begin_ + 6);
    for (size_t i = 0; i < offsets.size(); ++i) {
      if (offsets(i).kind() == AvroValue::Kind::kInt) {
        file.split_offsets.push_back(offsets(i).as_int());
      }
    }
  }

  AvroReader reader_;
  const ManifestFile& manifest_;
  const PartitionSpec& spec_;
  const ManifestTypes& types_;
  const ManifestMetrics& metrics_;
  const std::vector<Type> partition_types_;
  size_t metrics_begin_ = 0;
  int64_t rows_inherited_ = 0;  ///< row ids taken by the entries before the next one
};

}  // namespace

Status ReadManifest(std::string bytes, const ManifestFile& manifest, const PartitionSpec& spec,
                    const ManifestTypes& types, const ManifestMetrics& metrics,
                    const std::function<Status(ManifestEntry&&)>& visit) {
  return ReadManifest(std::make_shared<const std::string>(std::move(bytes)), manifest, spec, types,
                      metrics, visit);
}

Status ReadManifest(std::shared_ptr<const std::string> bytes, const ManifestFile& manifest,
                    const PartitionSpec& spec, const ManifestTypes& types,
                    const ManifestMetrics& metrics,
                    const std::function<Status(ManifestEntry&&)>& visit,
                    const std::function<void(const ManifestBlock&)>& on_block) {
  TARN_ASSIGN_OR_RETURN(AvroReader reader, AvroReader::Open(std::move(bytes), manifest.path));
  return ManifestReader(std::move(reader), manifest, spec, types, metrics).Run(visit, on_block);
}

Status ReadManifestEntries(std::shared_ptr<const std::string> bytes, const ManifestFile& manifest,
                           const PartitionSpec& spec, const ManifestTypes& types,
                           const ManifestMetrics& metrics, const std::vector<ManifestBlock>& blocks,
                           const std::vector<int64_t>& numbers,
                           const std::function<Status(ManifestEntry&&)>& visit) {
  TARN_ASSIGN_OR_RETURN(AvroReader reader, AvroReader::Open(std::move(bytes), manifest.path));
  return ManifestReader(std::move(reader), manifest, spec, types, metrics)
      .RunSome(blocks, numbers, visit);
}

}  // namespace tarn

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "columnar/scalar.h"
#include "table/model/schema.h"

namespace tarn {

using SnapshotId = StrongId<struct SnapshotIdTag, int64_t>;
using SpecId = StrongId<struct SpecIdTag, int32_t>;

/// Iceberg "Partition Transforms".
struct Transform {
  enum class Kind { kIdentity, kYear, kMonth, kDay, kHour, kBucket, kTruncate, kVoid, kUnknown };
  Kind kind = Kind::kIdentity;
  int parameter = 0;  ///< buckets or width
  std::string text;   ///< as written, for kUnknown
  bool operator==(const Transform&) const = default;
  std::string ToString() const;  ///< "bucket[16]", "day"
};

struct PartitionField {
  FieldId source_id;
  int32_t field_id = 0;  ///< 1000 and up
  std::string name;
  Transform transform;
  /// Every source of a transform with several arguments (version 3), whose kind is kUnknown and
  /// whose `source_id` is the first of them; else empty.
  std::vector<FieldId> source_ids = {};
  bool operator==(const PartitionField&) const = default;
};

struct PartitionSpec {
  SpecId id;
  std::vector<PartitionField> fields;
  bool operator==(const PartitionSpec&) const = default;
};

enum class FileContent { kData = 0, kPositionDeletes = 1, kEqualityDeletes = 2 };

/// A file as manifests describe it (Iceberg "Data File Fields"). Paths are absolute URIs.
struct DataFile {
  FileContent content = FileContent::kData;
  std::string path;
  std::string format = "PARQUET";
  SpecId spec_id;
  std::vector<Scalar> partition;  ///< one a field of the spec
  int64_t record_count = 0;
  int64_t size_bytes = 0;
  std::map<int32_t, int64_t> column_sizes, value_counts, null_counts, nan_counts;
  std::map<int32_t, Scalar> lower_bounds, upper_bounds;  ///< truncated text: see manifest codec
  std::vector<int64_t> split_offsets;
  std::vector<int32_t> equality_ids;
  std::optional<int32_t> sort_order_id;
  std::string referenced_data_file;  ///< of position deletes, where it is one file
  /// Where a deletion vector's blob stands in its Puffin file (version 3); absent for other files.
  std::optional<int64_t> content_offset, content_size_bytes;
  /// The row id of the file's first row (version 3, "Row Lineage"); absent until it is assigned.
  std::optional<int64_t> first_row_id;
  std::string key_metadata;  ///< of encrypted files, passed on untouched

  /// Version 3: a bitmap in a Puffin file instead of a Parquet file of positions.
  bool is_deletion_vector() const { return content_offset.has_value(); }
};

/// Iceberg "Sorting".
struct SortField {
  FieldId source_id;
  Transform transform;
  enum class Direction { kAscending, kDescending } direction = Direction::kAscending;
  enum class Nulls { kFirst, kLast } nulls = Nulls::kFirst;
  std::vector<FieldId> source_ids = {};  ///< as PartitionField's
  bool operator==(const SortField&) const = default;
};
struct SortOrder {
  int32_t id = 0;  ///< 0 is the unsorted order
  std::vector<SortField> fields;
  bool operator==(const SortOrder&) const = default;
};

/// A Puffin file with statistics of one snapshot (Iceberg "Table Statistics").
struct StatisticsBlob {
  std::string type;  ///< "apache-datasketches-theta-v1"
  SnapshotId snapshot;
  int64_t sequence_number = 0;
  std::vector<int32_t> fields;
  std::map<std::string, std::string> properties;  ///< "ndv"
  bool operator==(const StatisticsBlob&) const = default;
};
struct StatisticsFile {
  SnapshotId snapshot;
  std::string path;  ///< absolute URI
  int64_t size_bytes = 0;
  int64_t footer_bytes = 0;
  std::vector<StatisticsBlob> blobs;
  std::string key_metadata;  ///< of an encrypted file, in base64, passed on untouched
  bool operator==(const StatisticsFile&) const = default;
};

struct Snapshot {
  SnapshotId id;
  std::optional<SnapshotId> parent;
  int64_t sequence_number = 0;
  int64_t timestamp_ms = 0;
  std::string manifest_list;                   ///< absolute URI
  std::map<std::string, std::string> summary;  ///< has "operation"
  std::optional<SchemaId> schema_id;
  /// Version 1 may list manifests here instead of in a manifest list.
  std::vector<std::string> manifests;
  /// \name Version 3, "Row Lineage": the first row id of the snapshot, and how many it assigned.
  /// @{
  std::optional<int64_t> first_row_id, added_rows;
  /// @}
  /// Members that this version of Tarn does not know (JSON text by key), written back untouched.
  std::map<std::string, std::string> unknown_members;
  bool operator==(const Snapshot&) const = default;
};

struct SnapshotRef {
  SnapshotId snapshot;
  std::string type = "branch";  ///< or "tag"
  std::optional<int64_t> min_snapshots_to_keep, max_snapshot_age_ms, max_ref_age_ms;
  bool operator==(const SnapshotRef&) const = default;
};

/// The whole state of a table: Iceberg "Table Metadata Fields". Immutable once loaded.
struct TableMetadata {
  int format_version = 2;
  std::string table_uuid;
  std::string location;  ///< absolute URI, no trailing '/'
  int64_t last_sequence_number = 0;
  int64_t last_updated_ms = 0;
  int32_t last_column_id = 0;
  std::vector<Schema> schemas;
  SchemaId current_schema;
  std::vector<PartitionSpec> specs;
  SpecId default_spec;
  int32_t last_partition_id = 999;
  std::map<std::string, std::string> properties;
  std::optional<SnapshotId> current_snapshot;
  std::vector<Snapshot> snapshots;
  std::vector<std::pair<int64_t, SnapshotId>> snapshot_log;   ///< (ms, snapshot)
  std::vector<std::pair<int64_t, std::string>> metadata_log;  ///< (ms, metadata file URI)
  std::map<std::string, SnapshotRef> refs;
  std::vector<SortOrder> sort_orders;  ///< none stands for the unsorted one alone
  int32_t default_sort_order = 0;
  std::vector<StatisticsFile> statistics;
  int64_t next_row_id = 0;  ///< version 3: the next row id that nobody has
  /// Members that this version of Tarn does not interpret (JSON text by key: partition
  /// statistics, encryption keys and those of later specifications), written back untouched.
  std::map<std::string, std::string> unknown_members;

  const Schema& schema() const;       ///< the current one
  const PartitionSpec& spec() const;  ///< the default one
  const Schema* FindSchema(SchemaId id) const;
  const PartitionSpec* FindSpec(SpecId id) const;
  const Snapshot* FindSnapshot(SnapshotId id) const;
  const Snapshot* current() const;  ///< nullptr for a table without rows ever
  bool operator==(const TableMetadata&) const = default;
};

}  // namespace tarn

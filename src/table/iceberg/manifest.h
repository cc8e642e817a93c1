#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "table/model/metadata.h"

namespace tarn {

/// What a manifest list says of one partition field over a whole manifest. Bounds are single-value
/// bytes; absent where every value is null or NaN.
struct PartitionSummary {
  bool contains_null = false;
  std::optional<bool> contains_nan;
  std::optional<std::string> lower, upper;
  bool operator==(const PartitionSummary&) const = default;
};

/// One manifest as a manifest list describes it (Iceberg "Manifest Lists"). Counts that version 1
/// may leave out are absent.
struct ManifestFile {
  enum class Content { kData = 0, kDeletes = 1 };
  std::string path;
  int64_t length = 0;
  SpecId spec_id;
  Content content = Content::kData;
  int64_t sequence_number = 0;
  int64_t min_sequence_number = 0;
  SnapshotId added_snapshot;
  std::optional<int64_t> added_files, existing_files, deleted_files;
  std::optional<int64_t> added_rows, existing_rows, deleted_rows;
  std::vector<PartitionSummary> partitions;  ///< one a field of the spec, or none
  std::string key_metadata;
  /// Version 3: the row id of the first row of the manifest's ADDED files without one of their own.
  std::optional<int64_t> first_row_id;

  /// False only when certainly no entry is ADDED or EXISTING.
  bool may_have_live_files() const {
    return !added_files || !existing_files || *added_files + *existing_files > 0;
  }
  bool operator==(const ManifestFile&) const = default;
};

enum class EntryStatus { kExisting = 0, kAdded = 1, kDeleted = 2 };

/// One file of a manifest. Read: snapshot and sequence numbers are inherited already. To be
/// written: an added entry's numbers are left to inheritance.
struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  SnapshotId snapshot;
  int64_t data_sequence_number = 0;
  int64_t file_sequence_number = 0;
  DataFile file;
};

/// \name Iceberg "Reserved Field IDs"
/// @{
inline constexpr int32_t kReservedFieldIds = 2147483447;  ///< this one and above
inline constexpr int32_t kDeletePathFieldId = 2147483546;
inline constexpr int32_t kDeletePositionFieldId = 2147483545;
inline constexpr int32_t kRowIdFieldId = 2147483540;  ///< `_row_id`, long (version 3)
/// `_last_updated_sequence_number`, long (version 3)
inline constexpr int32_t kLastUpdatedSequenceFieldId = 2147483539;
/// @}

/// The types that partition values and bounds are read with.
/// Columns that were dropped are found in the table's older schemas.
class ManifestTypes {
 public:
  explicit ManifestTypes(const TableMetadata& table);
  /// Nullptr for a field that no schema of the table has.
  const Type* Column(int32_t field_id) const;
  /// The types of the partition values of a spec; string where the source is not known.
  std::vector<Type> PartitionTypes(const PartitionSpec& spec) const;

 private:
  std::unordered_map<int32_t, Type> columns_;
};

/// Which metrics of files a reader wants: decoding them is most of the work.
struct ManifestMetrics {
  enum class Kind {
    kNone,
    kPruning,  ///< value, null and NaN counts and bounds of `columns`
    kAll       ///< everything, also sizes and split offsets
  };
  Kind kind = Kind::kAll;
  std::vector<int32_t> columns;
};

/// Calls `visit` for every entry of a manifest (Avro, versions 1 and 2), deleted ones included.
/// `bytes` is the file, `manifest` its entry in the manifest list. Bounds that cannot be read are
/// left out. Errors: Corruption, naming the file; those of `visit`.
Status ReadManifest(std::string bytes, const ManifestFile& manifest, const PartitionSpec& spec,
                    const ManifestTypes& types, const ManifestMetrics& metrics,
                    const std::function<Status(ManifestEntry&&)>& visit);

/// Reads a manifest list (Avro, versions 1 and 2). Errors: Corruption, naming `location`.
Result<std::vector<ManifestFile>> ReadManifestList(std::string bytes, const std::string& location);

/// Writes a manifest list of version 2.
Result<std::string> WriteManifestList(const std::vector<ManifestFile>& manifests,
                                      const Snapshot& snapshot, Random& random);

/// A manifest's bytes, and its entry in the manifest list except for the path.
struct WrittenManifest {
  std::string bytes;
  ManifestFile file;
};

/// Writes one manifest of version 2. Memory: the compressed file. Threads: one at a time.
class ManifestWriter {
 public:
  struct Options {
    ManifestFile::Content content = ManifestFile::Content::kData;
    SnapshotId snapshot;          ///< that adds the manifest
    int64_t sequence_number = 0;  ///< of that snapshot
  };
  /// Errors: Unsupported for a spec with an unknown transform.
  static Result<std::unique_ptr<ManifestWriter>> Open(const PartitionSpec& spec,
                                                      const Schema& schema,
                                                      const ManifestTypes& types,
                                                      const Options& options, Random& random);
  virtual ~ManifestWriter() = default;
  /// Bounds of text and binary columns are shortened here. Errors appear in Finish().
  virtual void Add(const ManifestEntry& entry) = 0;
  virtual int64_t entries() const = 0;
  virtual int64_t estimated_bytes() const = 0;
  virtual Result<WrittenManifest> Finish() = 0;
};

}  // namespace tarn

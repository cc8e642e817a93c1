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

/// One file of a manifest. Read: snapshot, sequence numbers and row ids are inherited already. To
/// be written: an added entry's numbers are left to inheritance.
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
  explicit ManifestTypes(const TableMetadata& table) : ManifestTypes(table, table.schema()) {}
  /// Of a state whose columns were `schema`'s: what they are of another type in others counts less.
  ManifestTypes(const TableMetadata& table, const Schema& schema);
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

/// Calls `visit` for every entry of a manifest (Avro, versions 1 to 3), deleted ones included.
/// `bytes` is the file, `manifest` its entry in the manifest list: of it, entries inherit snapshot,
/// sequence numbers and, where it has one, the first row id ("First Row ID Inheritance"). Bounds
/// that cannot be read are left out. Errors: Corruption, naming the file; those of `visit`.
Status ReadManifest(std::string bytes, const ManifestFile& manifest, const PartitionSpec& spec,
                    const ManifestTypes& types, const ManifestMetrics& metrics,
                    const std::function<Status(ManifestEntry&&)>& visit);

/// Where a block of entries begins in a manifest.
struct ManifestBlock {
  int64_t offset = 0;       ///< in the file, in bytes
  int64_t first_entry = 0;  ///< the number of its first entry, counted from the manifest's first
  /// The row ids that entries before it inherit; how many, as the manifest's own first row id may
  /// be another in another list.
  int64_t rows_inherited = 0;
};

/// The same of bytes that others hold as well. `on_block`, where given, is called with every block
/// that has entries, before its first one is visited.
Status ReadManifest(std::shared_ptr<const std::string> bytes, const ManifestFile& manifest,
                    const PartitionSpec& spec, const ManifestTypes& types,
                    const ManifestMetrics& metrics,
                    const std::function<Status(ManifestEntry&&)>& visit,
                    const std::function<void(const ManifestBlock&)>& on_block = nullptr);

/// Calls `visit` for some entries of a manifest, as ReadManifest() would, by their numbers in
/// rising order. Only blocks that hold them are read; `blocks` are all that ReadManifest() told of
/// these bytes. Errors: Corruption, naming the file, also where the blocks are not the file's;
/// those of `visit`.
Status ReadManifestEntries(std::shared_ptr<const std::string> bytes, const ManifestFile& manifest,
                           const PartitionSpec& spec, const ManifestTypes& types,
                           const ManifestMetrics& metrics, const std::vector<ManifestBlock>& blocks,
                           const std::vector<int64_t>& numbers,
                           const std::function<Status(ManifestEntry&&)>& visit);

/// Reads a manifest list (Avro, versions 1 to 3). Errors: Corruption, naming `location`.
Result<std::vector<ManifestFile>> ReadManifestList(std::string bytes, const std::string& location);

/// Whether counts are missing that lists of version 2 and later must have.
bool LacksCounts(const ManifestFile& manifest);
/// Completes what is known of a manifest by reading the whole of it: for lists of version 1 that
/// leave counts out, and for snapshots of version 1 that name their manifests without a list (see
/// ListedManifest). Errors: Corruption, naming the file.
Status CompleteManifest(const std::string& bytes, const TableMetadata& table,
                        const ManifestTypes& types, ManifestFile& manifest);
/// A manifest that a snapshot of version 1 names without a list, from the file itself.
/// Errors: Corruption, naming `path`.
Result<ManifestFile> ListedManifest(const std::string& bytes, const std::string& path,
                                    const Snapshot& snapshot, const TableMetadata& table,
                                    const ManifestTypes& types);

/// Iceberg "First Row ID Assignment": in a table of version 3, gives every data manifest that has
/// none its first row id, from the table's next one on, and moves that. To be called on every
/// attempt of a commit, before the list is written: `snapshot` gets its first row id and how many
/// ids it took. Manifests of before the table's upgrade get theirs with its first snapshot then. In
/// tables of earlier versions it does nothing.
/// Errors: InvalidArgument for a manifest that lacks counts; ResourceExhausted when ids run out.
Status AssignRowIds(TableMetadata& table, Snapshot& snapshot, std::vector<ManifestFile>& manifests);

/// Writes a manifest list of version 2 or 3 (of version 2 for a table of version 1).
/// Errors: InvalidArgument for a manifest that lacks counts or, in version 3, row ids.
Result<std::string> WriteManifestList(const std::vector<ManifestFile>& manifests,
                                      const Snapshot& snapshot, Random& random,
                                      int format_version = 2);

/// A manifest's bytes, and its entry in the manifest list except for the path.
struct WrittenManifest {
  std::string bytes;
  ManifestFile file;
};

/// Writes one manifest of version 2 or 3. Memory: the compressed file. Threads: one at a time.
class ManifestWriter {
 public:
  struct Options {
    ManifestFile::Content content = ManifestFile::Content::kData;
    SnapshotId snapshot;          ///< that adds the manifest
    int64_t sequence_number = 0;  ///< of that snapshot
    int format_version = 2;       ///< of the table; 1 writes as 2
  };
  /// Errors: Unsupported for a spec with an unknown transform or a later version.
  static Result<std::unique_ptr<ManifestWriter>> Open(const PartitionSpec& spec,
                                                      const Schema& schema,
                                                      const ManifestTypes& types,
                                                      const Options& options, Random& random);
  virtual ~ManifestWriter() = default;
  /// Bounds of text and binary columns are shortened here. A row id of an added file is left to
  /// inheritance, like its sequence numbers. Errors appear in Finish(): InvalidArgument for a file
  /// of the other content, a deletion vector before version 3, an added file of positions from
  /// version 3 on (writers must add vectors), a vector without place or data file.
  virtual void Add(const ManifestEntry& entry) = 0;
  virtual int64_t entries() const = 0;
  virtual int64_t estimated_bytes() const = 0;
  virtual Result<WrittenManifest> Finish() = 0;
};

}  // namespace tarn

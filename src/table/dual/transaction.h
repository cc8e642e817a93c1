#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "columnar/deletion_vector.h"
#include "columnar/predicate.h"
#include "table/dual/table.h"
#include "table/model/metadata.h"

namespace tarn {

struct SchemaEditor;

/// A table state that is written to the store and that nothing refers to yet: what the catalog's
/// compare-and-swap installs.
struct StagedTable {
  std::string metadata_location;  ///< absolute URI
  std::shared_ptr<const TableMetadata> metadata;
  std::vector<std::string> files;  ///< keys of all metadata objects that staging wrote, for
                                   ///< clean-up after a *certain* rejection
};

/// Where a new table stands and what it is.
struct NewTable {
  std::string location;  ///< absolute URI
  Schema schema;         ///< ids are assigned anew
  /// Partition fields by text: "day(sold_at)", "bucket(16, id)", "truncate(4, name)", "region".
  std::vector<std::string> partition;
  std::map<std::string, std::string> properties;
};

/// \name Which version of Iceberg a table is written in: "auto" (3 once rows were deleted, else 2),
/// "2" or "3". A table never goes back.
/// @{
inline constexpr char kIcebergVersionProperty[] = "tarn.iceberg";
inline constexpr char kIcebergVersionAuto[] = "auto";
/// @}

/// Of a snapshot's summary: the identity of the commit that made it.
inline constexpr char kCommitIdKey[] = "tarn.commit-id";

/// Rows that leave one data file.
struct RowDeletes {
  DataFile file;  ///< as a scan of the base showed it, or one that this transaction adds
  DeletionVector positions;
};

/// A column by which rows are sorted.
struct SortKey {
  std::string column;
  SortField::Direction direction = SortField::Direction::kAscending;
  SortField::Nulls nulls = SortField::Nulls::kLast;
};

/// Which state of the table a statement that deletes rows may be committed on.
enum class Isolation {
  /// None of its rows was changed by somebody else meanwhile.
  kSnapshot,
  /// Nor did rows come that the statement would have read.
  kSerializable
};

/// What it means to a statement when rows that it read are gone by the commit.
enum class Gone {
  kNoMatter,  ///< what it did does not depend on them, or it changed them itself
  kConflict   ///< it left something undone because they were there
};

/// Changes to one table, collected, then staged against a base state; staged again against a newer
/// base when the catalog says Conflict. Nothing is visible before the catalog's commit.
/// Writes: data files are written before, by DataWriter; Stage() writes manifests, manifest list
/// and metadata.json under `<location>/metadata/`. Threads: one at a time.
class TableTransaction {
 public:
  /// Creates a table. Errors: InvalidArgument (a bad column, partition or property).
  static Result<std::unique_ptr<TableTransaction>> Create(const TableContext& context,
                                                          const NewTable& table);
  /// Changes a table whose current state is `base` at `base_location`.
  static Result<std::unique_ptr<TableTransaction>> Change(const TableContext& context,
                                                          std::shared_ptr<const TableMetadata> base,
                                                          std::string base_location);
  virtual ~TableTransaction() = default;

  /// \name Schema (Iceberg "Schema Evolution"). Names in paths are top-level columns.
  /// Errors: InvalidArgument, naming the column and the repair.
  /// @{
  virtual Status AddColumn(const std::string& name, const Type& type, const std::string& doc) = 0;
  virtual Status DropColumn(const std::string& name) = 0;
  virtual Status RenameColumn(const std::string& from, const std::string& to) = 0;
  virtual Status WidenColumn(const std::string& name, const Type& type) = 0;
  virtual Status MakeOptional(const std::string& name) = 0;
  /// Puts the columns into this order; every column named once.
  virtual Status ReorderColumns(const std::vector<std::string>& names) = 0;
  /// The current columns become those of `wanted`, matched by name: adds, drops, widens and
  /// reorders. A change that the format does not allow in place (string → int) replaces the column
  /// by a new one only when `allow_replace_columns` (the caller overwrites all rows anyway).
  enum class IncompatibleColumns { kRefuse, kReplace };
  virtual Status EvolveTo(const Schema& wanted, IncompatibleColumns incompatible) = 0;
  /// The columns, and the key, become those that the table had, under the ids of then; files are
  /// left alone. Goes with RollBackTo() or Overwrite().
  virtual Status RestoreColumns(const Schema& earlier) = 0;
  virtual Status SetKey(const std::vector<std::string>& columns) = 0;
  virtual Status SetPartition(const std::vector<std::string>& partition) = 0;
  /// Any other change of the columns: made on a copy, and taken over when it succeeds.
  virtual Status EditColumns(const std::function<Status(SchemaEditor&)>& edit) = 0;
  /// Iceberg "Sorting": the order of the rows within files that are written from here on. Nothing
  /// sorts rows that are there. Empty: none.
  virtual Status SetSortOrder(const std::vector<SortKey>& keys) = 0;
  /// @}
  virtual Status SetProperty(const std::string& key, const std::string& value) = 0;
  virtual Status RemoveProperty(const std::string& key) = 0;

  /// \name Rows. One kind in a transaction, but that rows may be deleted, files removed and others
  /// appended together. Files come from DataWriter opened with schema() and spec().
  /// @{
  virtual Status Append(std::vector<DataFile> files) = 0;
  /// Merge on read: the rows get a deletion vector (format version 3) or a file of position deletes
  /// (version 2), one a data file, put together with the one before; a file whose rows are all
  /// deleted is removed. Rows that somebody else deleted meanwhile: Stage() says Conflict.
  /// `iceberg: auto` raises the table to version 3.
  virtual Status DeleteRows(std::vector<RowDeletes> deletes) = 0;
  /// Copy on write: whole files leave; what stays of their rows is appended by the caller.
  virtual Status RemoveFiles(std::vector<DataFile> files) = 0;
  /// Compaction: `added` hold the rows of `removed` that were alive at the base, and no others.
  /// Rows of `removed` that somebody else deleted meanwhile: Conflict at Rebase().
  virtual Status RewriteFiles(std::vector<DataFile> removed, std::vector<DataFile> added) = 0;
  /// No row changes: small manifests are put together, in a snapshot of its own ("replace").
  virtual Status RewriteManifests() = 0;
  /// What the statements that delete rows read: with kSerializable, Rebase() says Conflict when
  /// files were added meanwhile that may hold rows matching `read`, and with Gone::kConflict when
  /// files lost rows that may. Several calls add up.
  virtual void ReadRows(const Predicate& read, Isolation isolation, Gone gone) = 0;
  /// All rows that the table has at the instant of commit are replaced.
  virtual Status Overwrite(std::vector<DataFile> files) = 0;
  /// Replaces the partitions that `files` touch.
  virtual Status ReplacePartitions(std::vector<DataFile> files) = 0;
  /// @}
  /// \name Names of snapshots (Iceberg "Snapshot References"), and going back to one. Errors:
  /// NotFound for a snapshot or name that the base does not have; InvalidArgument for a name that
  /// is taken, is "main", or is of another kind.
  /// @{
  virtual Status CreateRef(const std::string& name, const SnapshotRef& ref) = 0;
  enum class RefKind { kAny, kBranch, kTag };
  virtual Status RemoveRef(const std::string& name, RefKind kind) = 0;
  /// The table's rows become those of an earlier snapshot; later snapshots stay in its history. The
  /// columns stay what they are: see RestoreColumns().
  virtual Status RollBackTo(SnapshotId snapshot) = 0;
  /// @}
  /// Takes snapshots out of the table's history; their files stay. Goes with RemoveRef() alone,
  /// called before, and Rebase() always says Conflict: what may leave is to be found out anew.
  /// Errors: NotFound; InvalidArgument for the current snapshot, or one that a name leads to.
  virtual Status ExpireSnapshots(std::vector<SnapshotId> snapshots) = 0;
  /// A file with statistics of a snapshot of the base (Iceberg "Table Statistics"), in the place of
  /// the one that the snapshot has. Of a snapshot that is gone by then nothing is told.
  virtual void SetStatistics(StatisticsFile file) = 0;
  /// Goes into the snapshot's summary ("tarn.source-position", …).
  virtual void SetSummary(const std::string& key, const std::string& value) = 0;

  /// The columns and partitioning as changed so far: what new files must have.
  virtual const Schema& schema() const = 0;
  virtual const PartitionSpec& spec() const = 0;
  virtual const SortOrder& sort_order() const = 0;
  virtual const std::string& location() const = 0;
  /// Parquet names of top-level columns where they differ from the column's name (Delta column
  /// mapping), by field id.
  virtual const std::map<int32_t, std::string>& physical_names() const = 0;
  /// The base that the next Stage() stands on; empty for a new table.
  virtual const std::string& base_location() const = 0;
  virtual bool creates() const = 0;

  /// The states of one commit have one time, so that no time shows half of it: the committer gives
  /// it to every table. Later than the base's in any case; without SetTime() Stage() asks the
  /// clock.
  virtual int64_t earliest_ms() const = 0;
  virtual void SetTime(int64_t ms) = 0;

  /// Takes a newer base. Errors: Conflict when the changes cannot stand on it (the schema or the
  /// partitioning was changed by both).
  virtual Status Rebase(std::shared_ptr<const TableMetadata> base, std::string base_location) = 0;
  /// Writes the metadata files. `commit_id` (a UUID) is the commit's identity in the summary as
  /// "tarn.commit-id". May be called again after Rebase(), or after a crash by a repeated run.
  virtual Result<StagedTable> Stage(const std::string& commit_id) = 0;
};

}  // namespace tarn

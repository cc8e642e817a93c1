#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "columnar/deletion_vector.h"
#include "sql/duckdb/row_locator.h"
#include "sql/engine.h"
#include "table/dual/adopt.h"
#include "table/dual/transaction.h"

namespace tarn::duck {

struct EngineState;

/// Files that one transaction wrote: each of the states that its statements see names all of them.
using OwnFiles = std::vector<std::shared_ptr<const DataFile>>;

/// A table as one transaction sees it. Immutable: a change makes another one.
struct LakeTable {
  TableEntry entry;
  /// The committed state; nullptr for a table that this transaction made.
  std::shared_ptr<const TableMetadata> metadata;
  std::optional<SnapshotId> snapshot;  ///< pinned by AT; else the current one
  Schema schema;
  PartitionSpec spec;
  SortOrder sort;                 ///< of new files
  bool leaves_delta_out = false;  ///< see kDeltaProperty
  std::map<std::string, std::string> properties;
  /// Files that this transaction wrote and nobody else sees.
  OwnFiles added;
  /// Rows that this transaction deleted, by the path of their data file.
  std::map<std::string, std::shared_ptr<const DeletionVector>> deleted;
  /// What data files without field ids call the columns, by id: files that were adopted.
  std::map<int32_t, std::string> physical_names;
  /// For statements that change rows of this state.
  std::shared_ptr<RowLocator> locator = std::make_shared<RowLocator>();
  enum class Base { kVisible, kReplaced } base = Base::kVisible;
  enum class Origin { kCatalog, kOverlay } origin = Origin::kCatalog;
  enum class History { kPresent, kPast } history = History::kPresent;  ///< kPast: read by AT
};

/// A table or a view; neither when the name is unknown.
struct LakeRelation {
  std::shared_ptr<const LakeTable> table;
  std::shared_ptr<const ViewEntry> view;
  explicit operator bool() const { return table != nullptr || view != nullptr; }
};

/// A moment that `AT` names: of one table (a snapshot, a branch or tag), or of the whole lake (a
/// sequence number, a time in milliseconds).
struct LakePoint {
  std::optional<SnapshotId> snapshot;
  std::string ref;
  std::optional<Sequence> sequence;
  std::optional<int64_t> timestamp_ms;
};

/// What to do about a name that is taken.
enum class OnTaken { kFail, kKeep, kReplace };

/// What one SQL transaction sees of the lake, and what it is about to change: one sequence number
/// of the catalog, pinned at the first look, the session's overlays above it, and the transaction's
/// own changes above both. Commit() sends all changes as one commit; nothing is visible before.
/// Knows nothing of DuckDB. Threads: may be called concurrently (one statement asks from several
/// threads); everything is under one mutex.
/// Errors: those of Catalog; PermissionDenied for tables that a source or a model keeps.
class LakeState {
 public:
  /// `pinned`, if given, is told the sequence number.
  LakeState(EngineState& engine, const SessionOptions& session,
            std::atomic<int64_t>* pinned = nullptr);
  ~LakeState();

  /// \name Reading
  /// @{
  Result<Sequence> sequence();
  /// The stored spelling of a schema's name; nullopt when there is none. `main` always exists.
  Result<std::optional<std::string>> FindSchema(const std::string& name);
  Result<std::vector<std::string>> ListSchemas();
  Result<LakeRelation> Find(const TableName& name);
  /// The table, or at a sequence number also the view, as of an earlier point.
  Result<LakeRelation> FindAt(const TableName& name, const LakePoint& point);
  /// The snapshot that a table has or had at a point; nullopt when it had no rows yet. A sequence
  /// number finds it by its identity: it may have had another name then.
  Result<std::optional<SnapshotId>> SnapshotAt(const TableName& name, const LakePoint& point);
  Result<std::vector<LakeRelation>> List(const std::string& schema);
  /// @}

  /// \name Changing
  /// @{
  Status CreateSchema(const std::string& name, OnTaken on_taken);
  enum class Contents { kMustBeEmpty, kDropToo };
  Status DropSchema(const std::string& name, Contents contents);
  /// False when the table existed and was kept.
  Result<bool> CreateTable(const TableName& name, const Schema& schema,
                           const std::vector<std::string>& partition,
                           const std::map<std::string, std::string>& properties, OnTaken on_taken);
  /// Makes a table of somebody else's files, which stay where they are and are never removed. Fails
  /// when the name is taken.
  Status AdoptTable(const TableName& name, AdoptedTable adopted);
  /// False when the view existed and was kept.
  Result<bool> PutView(ViewEntry view, OnTaken on_taken);
  Status Drop(const TableName& name);
  Status Rename(const TableName& name, const std::string& to);
  /// Calls `change` on the table's transaction. Refused for tables that are not the user's own.
  Status Alter(const TableName& name, const std::function<Status(TableTransaction&)>& change);
  /// Adds a column that the rows of before have a value in, too. Iceberg could tell that of files
  /// that do not have the column; Delta cannot, so that the files are written anew, with the column
  /// in them, when the transaction is committed.
  Status AddColumnWithDefault(const TableName& name, const std::string& column, const Type& type,
                              const Scalar& value);
  /// Properties of the table; they count for the statements that follow in the transaction.
  Status SetProperties(const TableName& name, const std::map<std::string, std::string>& properties);
  /// Error NotFound for one that the table does not have.
  Status RemoveProperties(const TableName& name, const std::vector<std::string>& keys);
  /// \name Rules that every row has to keep: expressions in Delta's spelling, by name (see
  /// constraints.h). Rows that are there are looked at by whoever adds one.
  /// @{
  Status AddConstraint(const TableName& name, const std::string& constraint,
                       const std::string& expression);
  /// False when there is none of that name.
  Result<bool> DropConstraint(const TableName& name, const std::string& constraint);
  Result<std::map<std::string, std::string>> Constraints(const TableName& name);
  /// @}
  /// How new files of the table have to look.
  Result<DataWriterOptions> WriterOptions(const TableName& name);
  /// Takes finished files: they are part of the commit, and deleted if it does not happen.
  Status Append(const TableName& name, std::vector<DataFile> files);
  /// What a statement that changes rows did, and what it read to find them.
  struct RowChanges {
    enum class Command { kDelete, kUpdate, kMerge } command = Command::kDelete;
    struct Deleted {
      ScanFile file;
      DeletionVector positions;
    };
    std::vector<Deleted> deleted;
    std::vector<DataFile> added;  ///< updated rows
    /// Whether the files of `added` have row ids in them.
    enum class RowIds { kNone, kStored } row_ids = RowIds::kNone;
    Predicate read = Predicate::True();
    Gone gone = Gone::kNoMatter;
  };
  Status ChangeRows(const TableName& name, RowChanges changes);
  /// The rows and columns of the table become those of an earlier point. Error InvalidArgument
  /// where constraints came since, which rows of then may break.
  Status RollBack(const TableName& name, const LakePoint& point);
  /// NotFound for a commit that the lake does not have.
  Status CheckSequence(Sequence at) const;
  /// Whether a table was there at a commit of the lake, under whatever name.
  Result<bool> ExistedAt(const std::string& uuid, Sequence at);
  /// Notes that a statement reads the table: an explicit transaction is committed only if none of
  /// the tables that it read was changed meanwhile.
  void NoteRead(const LakeTable& table);
  /// @}

  bool changed() const;
  /// Copy on write: files that lose rows in tables that ask for it are written anew without them.
  /// Comes before Commit(); after an error nothing was committed. `cancel` may be nullptr.
  Status RewriteChangedFiles(const CancelFlag* cancel);
  /// Commits everything at one sequence. Afterwards the state is only good for destruction.
  /// `kExplicit`: several statements, whose reads must still hold.
  enum class Extent { kOneStatement, kExplicit };
  Status Commit(Extent extent);
  /// Whether a failed Commit() may have happened all the same: if not, its files are nobody's.
  bool may_be_committed() const { return may_be_committed_; }
  /// Deletes the files of a transaction that will not be committed.
  void Abort();
  /// Ends a transaction of which nobody knows whether it was committed: its files stay.
  void Forget();

 private:
  /// A table that this transaction created, changed or renamed.
  struct Local {
    TableEntry entry;
    Sequence free_at;  ///< of a new table: FreeFolder::free_at
    std::shared_ptr<const TableMetadata> base;
    std::unique_ptr<TableTransaction> transaction;  ///< nullptr: only renamed
    OwnFiles files;
    OwnFiles adopted;  ///< somebody else's, of a table that is made of them
    struct Deletes {
      ScanFile file;
      std::shared_ptr<const DeletionVector> positions;
      /// Copy on write, if one of the statements that deleted rows works so.
      bool rewrite = false;
    };
    std::map<std::string, std::string> properties;  ///< as the transaction leaves them
    /// Constraints that this transaction added; nullopt: took away.
    std::map<std::string, std::optional<std::string>> constraints;
    std::map<std::string, Deletes> deletes;    ///< by path
    std::set<std::string> files_with_row_ids;  ///< paths of those of `files` that have them
    std::vector<DataFile> rewritten;           ///< files of the base that are replaced
    /// \name Columns that were added with a default, and the files of this transaction without
    /// them: all others of the base and these are written anew.
    /// @{
    std::set<FieldId> defaulted_columns;
    std::set<std::string> files_without_defaults;
    /// @}
    LakeTable::Base base_rows = LakeTable::Base::kVisible;
    std::optional<SnapshotId> rolled_back;
    /// Whether there is anything to commit: a statement may have changed no row.
    bool touched = false;
    /// Whether a statement looked for rows to change: those that it did not find must not come.
    bool searched = false;
  };

  /// What a table was at a point.
  struct Moment {
    std::optional<SnapshotId> snapshot;  ///< nullopt: it had no rows yet
    Schema schema;
    std::shared_ptr<const TableMetadata> state;  ///< if the point is one of the whole lake
  };

  Result<Moment> MomentLocked(const TableName& name, const LakePoint& asked);
  /// The state that came with a snapshot; nullptr when it is not known any more.
  Result<std::shared_ptr<const TableMetadata>> StateOf(const TableEntry& entry,
                                                       const Snapshot& snapshot) const;
  Status CheckConstraintsThen(const TableName& name, const Local& local, Moment moment);
  Result<Sequence> PinLocked();
  Result<const std::vector<std::string>*> SchemasLocked();
  Result<std::optional<std::string>> FindSchemaLocked(const std::string& name);
  Result<LakeRelation> FindLocked(const TableName& name);
  Result<LakeRelation> FromCatalogLocked(const TableName& name);
  Result<std::shared_ptr<const LakeTable>> Committed(TableEntry entry);
  Result<LakeRelation> FromSequenceLocked(const TableName& name, Sequence at);
  static std::shared_ptr<const LakeTable> View(const Local& local);
  Status CheckWritable() const;
  Status CheckOwner(const TableEntry& entry) const;
  Status CheckNotLakes(const std::vector<DataFile>& files, const std::string& location) const;
  Status CheckDroppable(const std::string& kind_of_thing, const TableName& name,
                        const std::string& owner) const;
  Status DropLocked(const LakeRelation& relation);
  Result<Local*> ChangeLocked(const TableName& name);
  static Status SetPropertiesOf(Local& local, const std::map<std::string, std::string>& properties);
  Status EnsureSchemaLocked(const std::string& name);
  Status RewriteLocked(Local& local, const CancelFlag* cancel);
  Status RewriteForDefaultsLocked(Local& local);
  void DeleteFiles(const OwnFiles& files) const;
  /// Files that this transaction wrote and replaced again: a statement may still be reading them,
  /// so they go with the transaction's end.
  void Withdraw(OwnFiles* files);

  EngineState& engine_;
  const SessionOptions& session_;
  std::atomic<int64_t>* const told_;
  mutable std::recursive_mutex mutex_;
  std::optional<Sequence> pinned_;
  std::optional<std::vector<std::string>> schemas_;
  std::map<TableName, LakeRelation> found_;  ///< by the name as asked
  std::map<TableName, Local> tables_;
  bool may_be_committed_ = false;
  OwnFiles withdrawn_;
  std::map<TableName, std::shared_ptr<const ViewEntry>> views_;
  std::set<TableName> dropped_;
  std::vector<CommitOp> ops_;
  std::map<std::string, std::string> reads_;  ///< metadata location by uuid
};

}  // namespace tarn::duck

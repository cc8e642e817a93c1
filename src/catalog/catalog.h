#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/strong_id.h"

namespace tarn {

/// One number of the lake-wide order of commits; 0 is the empty lake.
using Sequence = StrongId<struct SequenceTag, int64_t>;

/// Two-part name below the catalog. Stored as given; looked up exactly first, then without regard
/// to case where that is unambiguous.
struct TableName {
  std::string schema;
  std::string name;
  friend auto operator<=>(const TableName&, const TableName&) = default;
  std::string ToString() const { return schema + "." + name; }
};

struct NamespaceEntry {
  std::string name;
  std::map<std::string, std::string> properties;
};

/// A table as the catalog knows it at one sequence.
struct TableEntry {
  std::string uuid;  ///< Iceberg's table-uuid; survives renames
  TableName name;
  std::string location;  ///< absolute URI
  /// Absolute URI of the current metadata file; empty where the catalog has forgotten the state
  /// (Catalog::ForgetStates): LoadTableMetadata() then says that it is gone.
  std::string metadata_location;
  int64_t version = 0;  ///< 1 at creation, then +1 a commit; Delta's version is one less
  std::string owner;    ///< who declared it: "source:<name>", "model:<schema.name>", "" by hand
  Sequence sequence;    ///< of the commit that made this state
};

struct ViewEntry {
  TableName name;
  std::string sql;                   ///< DuckDB dialect, without trailing ';'
  std::vector<std::string> columns;  ///< names, where the view renames them; may be empty
  std::string description;
  std::string owner;
  Sequence sequence;
};

/// \name What one commit may do. All operations of a commit happen at one sequence or not at all.
/// @{
struct CreateNamespaceOp {
  std::string name;
  std::map<std::string, std::string> properties;
  bool if_not_exists = true;
};
struct SetNamespacePropertiesOp {
  std::string name;
  std::map<std::string, std::string> set;
  std::vector<std::string> removed;
};
struct DropNamespaceOp {
  std::string name;
};  ///< refused unless empty
/// Conflict when another table left the folder after `free_at`: what is published of a table is
/// named by its versions, which begin again with each.
struct CreateTableOp {
  TableEntry table;       ///< uuid, name, location, metadata_location, owner are read
  Sequence free_at = {};  ///< at or before which the folder was found free of other tables' files
};
struct UpdateTableOp {  ///< compare-and-swap of the pointer
  std::string uuid;
  std::string expected_metadata_location;
  std::string metadata_location;
};
struct DropTableOp {
  std::string uuid;
};  ///< files stay: upkeep removes them
struct RenameTableOp {
  std::string uuid;
  TableName to;
};
struct PutViewOp {
  ViewEntry view;
  bool replace = true;
};
struct DropViewOp {
  TableName name;
};
struct SetPositionOp {
  std::string source;
  std::string table;
  std::string position;  ///< JSON text; "" removes
  /// What must stand there before, "" for nothing; else the commit fails with Conflict. Whoever
  /// read from a position and adds what came after it says so here: nobody else has done it
  /// meanwhile.
  std::optional<std::string> expected = std::nullopt;
};
/// What the project declared.
struct PutObjectOp {
  std::string kind;
  std::string name;
  std::string json;
  /// What must stand there before, "" for nothing; else the commit fails with Conflict. Whoever
  /// changes a part of what he read says so here.
  std::optional<std::string> expected = std::nullopt;
};
struct DropObjectOp {
  std::string kind;
  std::string name;
  /// Unless it is nullopt: an object that says anything else stays, for somebody put it there anew.
  std::optional<std::string> json = std::nullopt;
};
/// Fails the commit with Conflict when a table that the commit read has moved on.
struct ExpectTableOp {
  std::string uuid;
  std::string expected_metadata_location;
};
/// Fails the commit with Conflict, naming the present holder, unless the lock is held with this
/// token. A lease that ran out and that nobody took is still held: only another token fences.
struct ExpectLockOp {
  std::string name;
  std::string token;
};
using CommitOp =
    std::variant<CreateNamespaceOp, SetNamespacePropertiesOp, DropNamespaceOp, CreateTableOp,
                 UpdateTableOp, DropTableOp, RenameTableOp, PutViewOp, DropViewOp, SetPositionOp,
                 PutObjectOp, DropObjectOp, ExpectTableOp, ExpectLockOp>;
/// @}

struct CommitRequest {
  std::string commit_id;  ///< UUID chosen before the first attempt: the commit's identity
  std::string author;     ///< who: "apply", "run", "sql", "ingest:<source>"
  std::string message;
  std::vector<CommitOp> ops;
};

struct CommitInfo {
  Sequence sequence;
  std::string commit_id;
  int64_t committed_micros = 0;
  std::string author;
  std::string message;
};

/// A table state that the catalog committed and whose Delta entry and version hint are not out yet.
struct Publication {
  int64_t id = 0;  ///< outbox order, per table ascending by version
  std::string table_uuid;
  int64_t version = 0;
  std::string previous_metadata_location;  ///< empty for a table's first version
  std::string metadata_location;
  Sequence sequence;
  int64_t committed_micros = 0;
};

struct ObjectEntry {
  std::string kind;
  std::string name;
  std::string json;
};
struct PositionEntry {
  std::string source;
  std::string table;
  std::string position;
  Sequence sequence;
};

/// One run of a model, a load or a check, for `system.runs`.
struct RunRecord {
  std::string id;      ///< UUID
  std::string kind;    ///< "model", "load", "apply"
  std::string name;    ///< "gold.customer_counts", "postgres"
  std::string status;  ///< "running", "succeeded", "failed", "skipped", "interrupted"
  int64_t started_micros = 0;
  std::optional<int64_t> finished_micros;
  int64_t rows = 0;
  int64_t bytes = 0;
  std::optional<Sequence> sequence;
  std::string error;
  std::string detail_json;  ///< checks and their results, inputs with sequence
};

/// Which part of the outbox is wanted, oldest first.
struct OutboxRange {
  int64_t limit = 0;                                     ///< rows at most
  int64_t after_id = 0;                                  ///< those that came later
  std::optional<std::string> table_uuid = std::nullopt;  ///< of one table only
};

struct LockInfo {
  std::string name, owner;  ///< owner: "apply, pid 4711 on host"
  std::string token;        ///< fences an old owner out
  int64_t expires_micros = 0;
};

/// Names → table state, in one order. The only truth about what is visible.
/// Every read takes an optional sequence: the lake as it was right after that commit.
/// Threads: every method may be called concurrently, also from several processes on one state.
/// Errors: NotFound (with the nearest name in the hint); AlreadyExists; Conflict (a
/// compare-and-swap lost: reload and rebase); CommitUnknown (the answer was lost: ask FindCommit);
/// Unavailable (locked for too long); Unsupported (of a newer Tarn); ResourceExhausted (no room,
/// nothing done).
class Catalog {
 public:
  virtual ~Catalog() = default;

  virtual Result<Sequence> CurrentSequence() = 0;
  /// The last sequence committed at or before a time.
  virtual Result<Sequence> SequenceAt(int64_t micros) = 0;
  virtual Result<std::vector<NamespaceEntry>> ListNamespaces(std::optional<Sequence> at) = 0;
  virtual Result<std::vector<TableEntry>> ListTables(std::optional<std::string> schema,
                                                     std::optional<Sequence> at) = 0;
  virtual Result<TableEntry> LoadTable(const TableName& name, std::optional<Sequence> at) = 0;
  virtual Result<TableEntry> LoadTableByUuid(const std::string& uuid,
                                             std::optional<Sequence> at) = 0;
  /// All states of a table, oldest first.
  virtual Result<std::vector<TableEntry>> TableHistory(const std::string& uuid) = 0;
  /// For upkeep: states of a table before that version, which may be gone from its store, are one
  /// from now on (one for each name that the table had), which has no metadata. So the history of a
  /// table that changes all the time has an end. Ok when it is done already.
  virtual Status ForgetStates(const std::string& uuid, int64_t before_version) = 0;
  virtual Result<std::vector<ViewEntry>> ListViews(std::optional<std::string> schema,
                                                   std::optional<Sequence> at) = 0;
  virtual Result<ViewEntry> LoadView(const TableName& name, std::optional<Sequence> at) = 0;

  virtual Result<CommitInfo> Commit(const CommitRequest& request) = 0;
  /// NotFound when no commit of that identity ever happened (then it is certain that it never will,
  /// once its process is gone).
  virtual Result<CommitInfo> FindCommit(const std::string& commit_id) = 0;
  virtual Result<std::vector<CommitInfo>> ListCommits(int64_t limit) = 0;

  virtual Result<std::vector<PositionEntry>> ListPositions() = 0;
  virtual Result<std::vector<ObjectEntry>> ListObjects(std::optional<std::string> kind) = 0;

  /// The outbox, oldest first.
  virtual Result<std::vector<Publication>> PendingPublications(const OutboxRange& range) = 0;
  virtual Status MarkPublished(int64_t publication_id) = 0;

  /// Inserts or replaces by id. The oldest are forgotten beyond `runs_kept_max`.
  virtual Status RecordRun(const RunRecord& run) = 0;
  virtual Result<std::vector<RunRecord>> ListRuns(int64_t limit) = 0;

  /// Takes a lease under a token that the caller chose (a UUID of its own for every lease), so that
  /// it may ask again after a lost answer: who holds the lock with this token already, has it, with
  /// a new lease. Conflict, naming the holder, while somebody else's has not expired.
  virtual Result<LockInfo> AcquireLock(const std::string& name, const std::string& owner,
                                       const std::string& token, int64_t lease_ms) = 0;
  /// Who holds it by AcquireLock()'s measure: nobody, once the lease has run out. Changes nothing.
  virtual Result<std::optional<LockInfo>> FindLock(const std::string& name) = 0;
  /// Conflict when the lease was lost to somebody else. One that ran out and that nobody took is
  /// renewed.
  virtual Status RenewLock(const LockInfo& lock, int64_t lease_ms) = 0;
  /// Ok as well when it is not held with this token.
  virtual Status ReleaseLock(const LockInfo& lock) = 0;
};

}  // namespace tarn

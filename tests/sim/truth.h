#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "sim/file_rows.h"
#include "storage/object_store.h"
#include "table/delta/state.h"
#include "table/dual/table_cache.h"

namespace tarn::sim {

/// What a commit means to do to one table's rows. A commit of upkeep has none: no row changes.
struct Effect {
  Rows added;
  Rows removed;               ///< as they were read
  bool replaces_all = false;  ///< before `added`
};

/// What somebody is at, from its first read to its last answer.
struct Operation {
  std::string what;
  int64_t began_micros = 0;
  bool upkeep = false;
  std::map<std::string, Effect> effects;  ///< by table name
  int commits = 0;                        ///< that the catalog took
};

/// What must be in the lake: the rows of every version of every table, told by what the catalog
/// took, and never by what tables say. Looks into the lake from behind, past every fault, and
/// writes down what is not as it must be.
/// Threads: one at a time.
class Truth {
 public:
  /// `kept` holds every object that was ever written; `live` those that stand. `catalog` is the one
  /// behind all faults.
  Truth(const TableContext& kept, ObjectStore& live, Catalog& catalog)
      : kept_(kept), live_(&live), catalog_(catalog), files_(kept) {
    kept_.cache = &cache_;
  }

  /// A commit that the catalog took. `operation` may be null: then no row changes.
  void Committed(const CommitRequest& request, const CommitInfo& info, Operation* operation);
  /// An object that is about to be removed, by an operation or nobody.
  void Deleting(const std::string& key, const Operation* by);
  void Written(const std::string& key, const Operation* by);

  void Began(const Operation& operation) { in_flight_.insert(&operation); }
  void Ended(const Operation& operation);
  /// When the oldest operation began that is not over.
  std::optional<int64_t> OldestInFlight() const;

  /// Rows of a table at a moment of the lake; nullptr where it has none.
  const Rows* At(const std::string& uuid, Sequence sequence) const;
  /// Rows of its version, from 1 on.
  const Rows* Version(const std::string& uuid, int64_t version) const;

  /// Rows of a state of Delta's log.
  Result<Rows> RowsOfLog(const std::string& table_uri, const delta::State& state);

  void SetLive(ObjectStore& live) { live_ = &live; }

  /// At rest: both formats of every table have the rows that they must have, and all is published.
  void CheckAtRest();
  /// After upkeep came to rest: of dropped tables and of the past nothing stands.
  void CheckNothingIsLeftOver();

  void Wrong(const std::string& what);
  const std::vector<std::string>& wrongs() const { return wrongs_; }
  FileCache& files() { return files_; }
  const TableContext& kept() const { return kept_; }

 private:
  struct TableTruth {
    std::string name;
    std::vector<std::shared_ptr<const Rows>> versions;
    std::map<int64_t, size_t> version_at;  ///< by sequence
    std::shared_ptr<const TableMetadata> current;
    std::string metadata_location;
    bool dropped = false;
  };

  void Apply(TableTruth& table, const Effect* effect, const CommitInfo& info);
  void CheckCommitted(const std::string& uuid, TableTruth& table);
  const std::set<std::string>& FilesOf(const TableMetadata& table, SnapshotId snapshot);
  void CheckPublished(const TableEntry& entry);
  bool IsInFlight(const Operation* operation) const { return in_flight_.contains(operation); }

  TableContext kept_;
  ObjectStore* live_;
  Catalog& catalog_;
  TableCache cache_;
  FileCache files_;
  std::map<std::string, TableTruth> tables_;  ///< by uuid
  std::map<SnapshotId, std::set<std::string>> snapshot_files_;
  std::map<std::string, const Operation*> written_by_;
  std::set<const Operation*> in_flight_;
  std::vector<std::string> wrongs_;
};

}  // namespace tarn::sim

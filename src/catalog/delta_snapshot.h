#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/object_store.h"
#include "table/delta/actions.h"
#include "table/delta/file_values.h"
#include "table/delta/log_listing.h"
#include "table/delta/state.h"
#include "table/delta/table_schema.h"

namespace tarn {

/// Which state of a Delta table: of the version, the last one committed up to the time, or the
/// newest where neither is given.
struct DeltaVersion {
  std::optional<int64_t> version;
  std::optional<int64_t> timestamp_ms;
};

/// One state of a Delta table of any writer.
///
/// Reads the log's folder once, then the newest checkpoint that serves (classic, in parts, or of
/// the V2 specification) and the entries after it. Log compactions and `_last_checkpoint` are not
/// needed. Memory: what the entries after the checkpoint say, and a batch of the checkpoint.
/// Ownership: borrows the store. Threads: const methods may be called concurrently.
class DeltaSnapshot {
 public:
  /// `table_key` is the table's folder within the store, empty for its root. Errors: NotFound (no
  /// table, no such version, its log was cleaned up); Corruption, naming the file (an entry is
  /// missing between others too); Unsupported, naming every reader feature that is not known.
  static Result<std::shared_ptr<const DeltaSnapshot>> Open(ObjectStore& store,
                                                           const std::string& table_key,
                                                           const DeltaVersion& at);

  int64_t version() const { return state_.version; }
  /// When the version was committed, milliseconds since the epoch: its in-commit timestamp where
  /// the table has them, else when its entry was written. 0 where the entry was cleaned up.
  int64_t timestamp_ms() const { return timestamp_ms_; }
  const std::string& table_uri() const { return table_uri_; }
  const delta::Protocol& protocol() const { return *state_.protocol; }
  const delta::Metadata& metadata() const { return *state_.metadata; }
  const delta::TableSchema& schema() const { return schema_; }
  const std::map<std::string, delta::Transaction>& transactions() const {
    return state_.transactions;
  }
  const std::map<std::string, delta::DomainMetadata>& domains() const { return state_.domains; }

  /// Calls `visit` with every file, in no order. Errors: those of reading and of `visit`.
  Status VisitFiles(const std::function<Status(delta::TableFile&&)>& visit) const;

 private:
  friend class DeltaSnapshotReader;
  DeltaSnapshot(ObjectStore& store, std::string folder, std::string table_uri)
      : store_(store), folder_(std::move(folder)), table_uri_(std::move(table_uri)) {}

  ObjectStore& store_;
  const std::string folder_;
  const std::string table_uri_;
  std::optional<delta::CheckpointFiles> checkpoint_;
  delta::State state_;  ///< its files and tombstones are those of the entries after the checkpoint
  delta::TableSchema schema_;
  int64_t timestamp_ms_ = 0;
};

/// What one version of a Delta table changed: the actions of its entry, change data files among
/// them ("Add CDC File": where there are any, they alone say what changed). Errors: NotFound;
/// Corruption.
Result<std::vector<delta::Action>> ReadDeltaEntry(ObjectStore& store, const std::string& table_key,
                                                  int64_t version);

}  // namespace tarn

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/delta_checkpoint.h"
#include "catalog/delta_checkpoint_writer.h"
#include "storage/object_store.h"
#include "table/delta/log_json.h"
#include "table/delta/log_listing.h"
#include "table/delta/state.h"

namespace tarn {

/// Whether the bytes that stand at a URI say what was to be written there in other ones.
using IsSame = std::function<bool(const std::string& existing, const std::string& uri)>;

/// Creates an object that never changes. Ok when it stands there already with these bytes, or with
/// others that say the same. Error Corruption, naming it, when somebody else wrote it.
Status PutOnce(ObjectStore& store, const std::string& key, const std::string& bytes,
               const IsSame& is_same);
/// The same where no other bytes say the same.
Status PutOnce(ObjectStore& store, const std::string& key, const std::string& bytes);

/// Entries that a reader has to replay at most, where `limits.checkpoint_every_commits` is no more.
inline constexpr int64_t kCheckpointEntriesMax = 100;
/// Bytes of a checkpoint that are read in the time that asking for one more object takes.
inline constexpr int64_t kEntryRequestBytes = 128 << 10;

/// The Delta log of one table in a store: `<table>/_delta_log/`.
/// Threads: may be called concurrently, also by several processes.
class DeltaLog {
 public:
  /// `table_key` is the table's folder within the store. The store is borrowed.
  DeltaLog(ObjectStore& store, const std::string& table_key)
      : store_(store), folder_(table_key + "/_delta_log/") {}

  /// The state after entry `version`, or after the last one: the newest checkpoint that serves and
  /// the entries that follow. All of it is held: for small tables, and for tests. Errors: NotFound
  /// (no such entry, no log); Corruption; Unsupported.
  Result<delta::State> ReadState(std::optional<int64_t> version) const;

  /// The protocol and metaData action in force at an entry, as ReadState() would find them: looks
  /// back entry by entry to the newest checkpoint, and at nothing else in that one.
  struct Shape {
    delta::Protocol protocol;
    delta::Metadata metadata;
  };
  Result<Shape> ReadShape(int64_t version) const;
  /// The same as the last checkpoint has it, if there is one that is not newer: found without
  /// reading the entries after it.
  Result<std::optional<Shape>> ReadCheckpointShape(int64_t version) const;

  /// Writes an entry that nobody overwrites; see PutOnce.
  Status WriteEntry(int64_t version, const std::string& bytes, const IsSame& is_same) const;

  /// What `_last_checkpoint` says of a checkpoint in one file that carries its classic name; none
  /// where it says something else.
  Result<std::optional<delta::LastCheckpoint>> ReadLastCheckpoint() const;

  /// Whether a checkpoint of `version` pays: asked for every `every_entries` entries, it is due
  /// when reading the entries since the last one costs as much as reading that one, by their bytes
  /// and kEntryRequestBytes for each, and before more than kCheckpointEntriesMax have to be read.
  Result<bool> IsCheckpointDue(int64_t version, int64_t every_entries) const;

  /// Writes the checkpoint of `version` and points `_last_checkpoint` to it, unless they are there.
  /// Memory and errors: see WriteDeltaCheckpoint.
  Status WriteCheckpoint(int64_t version, const CheckpointTime& time, Random& random) const;

 private:
  Result<std::vector<delta::Action>> ReadEntry(int64_t version) const;
  static delta::CheckpointFiles ClassicCheckpoint(int64_t version);
  Result<delta::State> ReadCheckpoint(const delta::CheckpointFiles& files,
                                      CheckpointContent content) const;
  /// The state after an entry, or after the last one, with `content` of the checkpoint before it.
  Result<DeltaTail> Replay(std::optional<int64_t> version, CheckpointContent content) const;
  /// The newest checkpoint up to `version` that a listing shows.
  Result<std::optional<delta::CheckpointFiles>> FindCheckpoint(int64_t version) const;

  ObjectStore& store_;
  const std::string folder_;
};

}  // namespace tarn

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "catalog/delta_checkpoint.h"
#include "storage/object_store.h"
#include "table/delta/log_json.h"
#include "table/delta/log_listing.h"
#include "table/delta/state.h"

namespace tarn {

/// A version of a log, of which the files of an earlier checkpoint are not held.
struct DeltaTail {
  std::optional<delta::CheckpointFiles> base;  ///< the earlier checkpoint, where there is one
  /// Of `base` all but its files and tombstones, and all that the entries after it say.
  delta::State state;
};

/// The times that a checkpoint is made by.
struct CheckpointTime {
  int64_t now_ms = 0;
  /// Nobody reads what was removed before it: a tombstone goes then at the latest, unless the table
  /// itself says how long they are kept.
  int64_t unread_before_ms = 0;
};

/// Writes the checkpoint of a version under its classic name: "V1 Spec", or "V2 Spec" with sidecars
/// where the table's property `delta.checkpointPolicy` says so. Tombstones that expired, or that
/// keep no file (see CheckpointMerge), are left out. `folder` is the key of `_delta_log`, with '/'.
/// Memory: the tail, a batch of the earlier checkpoint and a row group. Sidecars are seen once the
/// checkpoint names them, which is written last; those of an attempt that failed are nobody's.
/// Errors: Corruption (a log without protocol or metaData, a file of the earlier checkpoint);
/// NotFound (such a file is gone); those of the store.
Result<delta::LastCheckpoint> WriteDeltaCheckpoint(ObjectStore& store, const std::string& folder,
                                                   const DeltaTail& tail,
                                                   const CheckpointTime& time, Random& random);

}  // namespace tarn

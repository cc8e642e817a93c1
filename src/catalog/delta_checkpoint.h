#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/object_store.h"
#include "table/delta/log_json.h"
#include "table/delta/log_listing.h"
#include "table/delta/state.h"

namespace tarn {

/// \name Checkpoints of a Delta log in a store. `folder` is the key of `_delta_log`, with '/'.
/// @{

/// Which actions of a checkpoint a reader wants: what it does not want is not decoded.
enum class CheckpointContent {
  kAll,
  kShape,    ///< protocol and metaData alone
  kNoFiles,  ///< all but files, removed ones too
  kFiles,    ///< files alone, without removed ones
  kSidecars  ///< which sidecars it names; they are not read
};

/// Calls `visit` with the actions of a checkpoint, those of its sidecars included, some thousands
/// at a time. Errors: NotFound (a file of it is gone); Corruption, naming the file; Unsupported;
/// those of `visit`.
Status ReadDeltaCheckpoint(ObjectStore& store, const std::string& folder,
                           const delta::CheckpointFiles& files, CheckpointContent content,
                           const std::function<Status(std::vector<delta::Action>&&)>& visit);

/// The times that a checkpoint is made by.
struct CheckpointTime {
  int64_t now_ms = 0;
  /// Nobody reads what was removed before it: a tombstone goes then at the latest, unless the table
  /// itself says how long they are kept.
  int64_t unread_before_ms = 0;
};

/// Writes the checkpoint of a state under its classic name: "V1 Spec", or "V2 Spec" with sidecars
/// where the table's property `delta.checkpointPolicy` says so. Tombstones that expired, or that
/// keep no file (see TombstonesToKeep), are left out. Who repeats it with the same state and time
/// writes the same bytes. Memory: a row group beside the state. Errors: Corruption (a log without
/// protocol or metaData); those of the store.
Result<delta::LastCheckpoint> WriteDeltaCheckpoint(ObjectStore& store, const std::string& folder,
                                                   const delta::State& state,
                                                   const CheckpointTime& time);

/// The key of a sidecar that a checkpoint names.
std::string SidecarKey(const std::string& folder, const delta::Sidecar& sidecar);
/// @}

}  // namespace tarn

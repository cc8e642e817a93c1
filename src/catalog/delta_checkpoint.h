#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/object_store.h"
#include "table/delta/log_json.h"
#include "table/delta/log_listing.h"

namespace tarn {

/// \name Checkpoints of a Delta log in a store. `folder` is the key of `_delta_log`, with '/'.
/// @{

/// Which actions of a checkpoint a reader wants: what it does not want is not decoded.
enum class CheckpointContent {
  kAll,
  kShape,    ///< protocol and metaData alone
  kNoFiles,  ///< all but files, removed ones too
  kFiles,    ///< files alone, without removed ones
  kFilesAndRemoved,
  kSidecars  ///< which sidecars it names; they are not read
};

/// Calls `visit` with the actions of a checkpoint, those of its sidecars included, some thousands
/// at a time. Errors: NotFound (a file of it is gone); Corruption, naming the file; Unsupported;
/// those of `visit`.
Status ReadDeltaCheckpoint(ObjectStore& store, const std::string& folder,
                           const delta::CheckpointFiles& files, CheckpointContent content,
                           const std::function<Status(std::vector<delta::Action>&&)>& visit);

/// The key of a sidecar that a checkpoint names.
std::string SidecarKey(const std::string& folder, const delta::Sidecar& sidecar);
/// @}

}  // namespace tarn

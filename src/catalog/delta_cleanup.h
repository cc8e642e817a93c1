#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/object_store.h"

namespace tarn {

/// How long entries of a log are kept where the table's property `delta.logRetentionDuration` does
/// not say (Delta's own default).
inline constexpr int64_t kLogRetentionMs = int64_t{30} * 24 * 3600 * 1000;

/// Of checkpoints older than a day the first of each day is kept, and the first of each so many
/// versions, counted from version 0.
inline constexpr int64_t kCheckpointsKeptVersions = 1000;

/// The objects of a table's Delta log that nobody needs at `now_ms` ("Metadata Cleanup"), in the
/// order in which they may be removed: what stands before the newest checkpoint of those which are
/// kept for long that is not newer than the last entry of before the retention; later checkpoints
/// that are not kept, as entries lead to their versions too; and sidecars that no remaining
/// checkpoint names. Every version since the retention can still be read.
///
/// Which checkpoints are kept follows from the log alone and never changes, so that of two who
/// clean up at once none builds on a checkpoint that the other removes. The newest checkpoint
/// stays, and the one that `_last_checkpoint` names with all after it. Ages are counted by whole
/// days (UTC), by when the store says that an object was written. Reads the log's folder, its shape
/// and the top of its checkpoints. Errors: those of reading.
Result<std::vector<std::string>> FindExpiredDeltaLog(ObjectStore& store,
                                                     const std::string& table_key, int64_t now_ms);

}  // namespace tarn

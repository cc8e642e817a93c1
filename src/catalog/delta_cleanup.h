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

/// The objects of a table's Delta log that nobody needs at `now_ms` ("Metadata Cleanup"), in the
/// order in which they may be removed: what stands before the newest checkpoint that is not newer
/// than the last entry of before the retention, and sidecars that no remaining checkpoint names.
/// Every version since then can still be read. Nothing where there is no such checkpoint. Ages are
/// counted by whole days (UTC), by when the store says that an object was written.
/// Reads the log's folder, its shape and the top of its checkpoints. Errors: those of reading.
Result<std::vector<std::string>> FindExpiredDeltaLog(ObjectStore& store,
                                                     const std::string& table_key, int64_t now_ms);

}  // namespace tarn

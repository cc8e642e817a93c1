#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "catalog/sqlite/connection.h"

namespace tarn::sqlite {

/// \name What the catalog keeps besides names: positions, declared objects, the outbox, runs and
/// locks. None of it has a history.
/// @{
Result<std::vector<PositionEntry>> ReadPositions(Connection& connection);
Result<std::vector<ObjectEntry>> ReadObjects(Connection& connection,
                                             const std::optional<std::string>& kind);
Result<std::vector<Publication>> ReadOutbox(Connection& connection, const OutboxRange& range);
/// Keeps the newest `kept_max` runs, this one among them.
Status WriteRun(Connection& connection, const RunRecord& run, int64_t kept_max);
Result<std::vector<RunRecord>> ReadRuns(Connection& connection, int64_t limit);
/// Who holds the lock, unless its lease ended by `now_micros` or its process certainly died.
Result<std::optional<LockInfo>> FindLock(Connection& connection, const std::string& name,
                                         int64_t now_micros);
/// Conflict, naming the holder, unless the lock is free, expired at `now_micros` or held with the
/// same token.
Status TakeLock(Connection& connection, const LockInfo& lock, int64_t now_micros);
/// Conflict, naming the holder, unless the lock is held with this token.
Status CheckLock(Connection& connection, const ExpectLockOp& lock);
/// The same, and its lease ends then.
Status ExtendLock(Connection& connection, const LockInfo& lock, int64_t expires_micros);
/// @}

}  // namespace tarn::sqlite

#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace tarn {

/// \name Small files that a process keeps for others: a record, a request.
/// @{
/// Nothing where there is none. Errors: PermissionDenied.
Result<std::optional<std::string>> ReadSmallFile(const std::string& path);
/// A reader, and whoever comes after a kill, finds what was there before or all of `text`; of
/// several writers the last one stands. Nothing is flushed: a machine that goes down may lose it.
/// Errors: PermissionDenied, ResourceExhausted (no room), Unavailable.
Status ReplaceSmallFile(const std::string& path, const std::string& text);
/// What killed writers left in the folder. Nobody may be writing there.
void RemoveUnfinishedFiles(const std::string& folder);
/// @}

}  // namespace tarn

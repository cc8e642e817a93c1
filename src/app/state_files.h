#pragma once

#include <string>

#include "base/result.h"

namespace tarn {

/// \name Folders below the state's folder; further ones: kKeyIndexFolder, kCaptureRecordFolder.
/// @{
inline constexpr char kSpillFolder[] = "tmp";
inline constexpr char kCacheFolder[] = "cache";
inline constexpr char kSpoolFolder[] = "spool";
/// @}

/// Removes the state's files (after a destroy that left nothing), with the project's lock held, and
/// folders that are empty then. The state may stand in a folder of the user's (`state: .`), who may
/// have folders of the same names there: in those only goes what has the name and form of a file
/// that Tarn writes there. What cannot be removed stays, but for the catalog: Unavailable.
Status RemoveStateFiles(const std::string& state);

}  // namespace tarn

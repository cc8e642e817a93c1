#pragma once

#include <filesystem>

#include "base/result.h"

namespace tarn::sqlite {

/// Makes the folder of the catalog's file, and those above it, where they are missing. What was
/// made is there after a power cut too: SQLite syncs the folder that its files stand in, and
/// nothing above it.
/// Errors: PermissionDenied, with the repair; Unavailable where the disk fails.
Status MakeStateFolder(const std::filesystem::path& folder);

}  // namespace tarn::sqlite

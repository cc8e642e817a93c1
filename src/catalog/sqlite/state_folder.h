#pragma once

#include <filesystem>

#include "base/result.h"

namespace tarn::sqlite {

/// Makes the folder of the catalog's file, and those above it, where they are missing. What was
/// made is there after a power cut too: SQLite syncs the folder that its files stand in, and
/// nothing above it. `sync`: nullptr for fsync(2); tests give another.
/// Errors: PermissionDenied, with the repair; Unavailable where the disk fails.
Status MakeStateFolder(const std::filesystem::path& folder, int (*sync)(int fd) = nullptr);

}  // namespace tarn::sqlite

#pragma once

#include <memory>

#include "app/command.h"
#include "app/wiring.h"
#include "project/lock.h"

namespace tarn {

/// Takes a lock of the project for a command, tells on standard error whom it waits for, and fences
/// the commits of the pipeline by it. Runs that processes of that lock left unfinished are marked.
/// Only for command callbacks: errors end the command.
std::unique_ptr<ProjectLock> TakeLock(const CommandContext& context, Wired& wired,
                                      ProjectLock::Scope scope, const char* command);

}  // namespace tarn

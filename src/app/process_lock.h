#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/command.h"
#include "app/wiring.h"
#include "project/lock.h"

namespace tarn {

/// Takes a lock of the project, tells `waiting` once whom it waits for, and fences the commits of
/// the pipeline by it. Runs that processes of that lock left unfinished are marked. Who loses the
/// lock is told by `cancel`. Errors: those of ProjectLock::Acquire and of the catalog; Conflict
/// when the state was destroyed.
Result<std::unique_ptr<ProjectLock>> AcquireLock(
    Wired& wired, ProjectLock::Scope scope, const char* command, CancelFlag& cancel,
    const std::function<void(const std::string&)>& waiting);

/// How long a command waits for a lock: up to `lock_wait_ms`, or, where work that was done would be
/// lost with it, until it is stopped. Then it tells again after every `lock_wait_ms` for whom.
enum class Patience { kLimited, kUntilStopped };

/// The same for a command, which tells on standard error whom it waits for.
/// Only for command callbacks: errors end the command.
std::unique_ptr<ProjectLock> TakeLock(const CommandContext& context, Wired& wired,
                                      ProjectLock::Scope scope, const char* command,
                                      Patience patience = Patience::kLimited);

/// The same beside another lock, by which commits stay fenced.
std::unique_ptr<ProjectLock> TakeLockBeside(const CommandContext& context, Wired& wired,
                                            ProjectLock::Scope scope, const char* command,
                                            Patience patience = Patience::kLimited);

/// The capture lock for a command that changes what `up` follows: an `up` that holds it is asked to
/// make way. Only for command callbacks: errors end the command.
std::unique_ptr<ProjectLock> TakeCaptureLock(const CommandContext& context, Wired& wired,
                                             const char* command,
                                             Patience patience = Patience::kLimited);

/// The same beside another lock, by which commits stay fenced.
std::unique_ptr<ProjectLock> TakeCaptureLockBeside(const CommandContext& context, Wired& wired,
                                                   const char* command,
                                                   Patience patience = Patience::kLimited);

}  // namespace tarn

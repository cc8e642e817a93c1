#include "app/process_lock.h"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "app/make_way.h"
#include "base/log.h"
#include "base/random.h"
#include "project/apply.h"

namespace tarn {
namespace {

constexpr int64_t kPollMicros = 200'000;

std::string LockOwner(const char* command) {
  char host[256] = "?";
  gethostname(host, sizeof(host) - 1);
  return std::string(command) + ", pid " + std::to_string(getpid()) + " on " + host;
}

/// A request to make way counts no longer than one wait: it is made anew for the next.
Result<std::unique_ptr<ProjectLock>> AcquirePatiently(
    const CommandContext& context, Wired& wired, ProjectLock::Scope scope, const char* command,
    Patience patience, const std::function<void(const std::string&)>& waiting) {
  while (true) {
    auto lock = AcquireLock(wired, scope, command, *context.cancel, waiting);
    const bool held =
        !lock.ok() && lock.error().kind == ErrorKind::kConflict && StateExists(wired.open.spec);
    if (!held || patience == Patience::kLimited) return lock;
    TARN_RETURN_IF_ERROR(context.cancel->Check());
    SystemClock().SleepMicros(kPollMicros);
  }
}

}  // namespace

Result<std::unique_ptr<ProjectLock>> AcquireLock(
    Wired& wired, ProjectLock::Scope scope, const char* command, CancelFlag& cancel,
    const std::function<void(const std::string&)>& waiting) {
  TARN_ASSIGN_OR_RETURN(
      auto lock, ProjectLock::Acquire(scope, *wired.catalog, SystemClock(), SystemRandom(),
                                      wired.open.spec.limits, LockOwner(command), cancel, waiting));
  if (!StateExists(wired.open.spec)) {
    return Conflict("the state " + wired.open.spec.state + " was destroyed meanwhile",
                    "run the command again");
  }
  wired.pipeline.lock = lock->expectation();
  TARN_RETURN_IF_ERROR(MarkInterruptedRuns(*wired.catalog, SystemClock(), scope));
  return lock;
}

std::unique_ptr<ProjectLock> TakeLock(const CommandContext& context, Wired& wired,
                                      ProjectLock::Scope scope, const char* command,
                                      Patience patience) {
  const auto tell = [](const std::string& holder) {
    std::fprintf(stderr, "waiting: %s\n", holder.c_str());
  };
  return OrFail(AcquirePatiently(context, wired, scope, command, patience, tell));
}

std::unique_ptr<ProjectLock> TakeLockBeside(const CommandContext& context, Wired& wired,
                                            ProjectLock::Scope scope, const char* command,
                                            Patience patience) {
  const auto fence = wired.pipeline.lock;
  auto lock = TakeLock(context, wired, scope, command, patience);
  wired.pipeline.lock = fence;
  return lock;
}

std::unique_ptr<ProjectLock> TakeCaptureLock(const CommandContext& context, Wired& wired,
                                             const char* command, Patience patience) {
  WayRequest request;
  const auto ask = [&](const std::string& holder) {
    std::fprintf(stderr, "waiting: %s\n", holder.c_str());
    if (Status made = request.Make(wired.open.spec.state, LockOwner(command)); !made.ok()) {
      Log(LogLevel::kWarning, "`up` is not asked to make way: " + made.error().message);
    }
  };
  return OrFail(
      AcquirePatiently(context, wired, ProjectLock::Scope::kCapture, command, patience, ask));
}

std::unique_ptr<ProjectLock> TakeCaptureLockBeside(const CommandContext& context, Wired& wired,
                                                   const char* command, Patience patience) {
  const auto fence = wired.pipeline.lock;
  auto lock = TakeCaptureLock(context, wired, command, patience);
  wired.pipeline.lock = fence;
  return lock;
}

}  // namespace tarn

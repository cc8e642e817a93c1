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

std::string LockOwner(const char* command) {
  char host[256] = "?";
  gethostname(host, sizeof(host) - 1);
  return std::string(command) + ", pid " + std::to_string(getpid()) + " on " + host;
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
                                      ProjectLock::Scope scope, const char* command) {
  return OrFail(AcquireLock(wired, scope, command, *context.cancel, [](const std::string& holder) {
    std::fprintf(stderr, "waiting: %s\n", holder.c_str());
  }));
}

std::unique_ptr<ProjectLock> TakeCaptureLock(const CommandContext& context, Wired& wired,
                                             const char* command) {
  WayRequest request;
  const auto ask = [&](const std::string& holder) {
    std::fprintf(stderr, "waiting: %s\n", holder.c_str());
    if (Status made = request.Make(wired.open.spec.state, LockOwner(command)); !made.ok()) {
      Log(LogLevel::kWarning, "`up` is not asked to make way: " + made.error().message);
    }
  };
  return OrFail(AcquireLock(wired, ProjectLock::Scope::kCapture, command, *context.cancel, ask));
}

}  // namespace tarn

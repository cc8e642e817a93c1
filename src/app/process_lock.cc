#include "app/process_lock.h"

#include <unistd.h>

#include <cstdio>
#include <string>

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

std::unique_ptr<ProjectLock> TakeLock(const CommandContext& context, Wired& wired,
                                      ProjectLock::Scope scope, const char* command) {
  auto lock = OrFail(ProjectLock::Acquire(
      scope, *wired.catalog, SystemClock(), SystemRandom(), wired.open.spec.limits,
      LockOwner(command), *context.cancel,
      [](const std::string& holder) { std::fprintf(stderr, "waiting: %s\n", holder.c_str()); }));
  if (!StateExists(wired.open.spec)) {
    OrFail(Conflict("the state " + wired.open.spec.state + " was destroyed meanwhile",
                    "run the command again"));
  }
  wired.pipeline.lock = lock->expectation();
  OrFail(MarkInterruptedRuns(*wired.catalog, SystemClock(), scope));
  return lock;
}

}  // namespace tarn

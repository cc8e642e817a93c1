#include "project/lock.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/thread.h"
#include "pipeline/reload_mark.h"

namespace tarn {
namespace {

constexpr char kProjectLock[] = "project";
constexpr char kCaptureLock[] = "capture";
constexpr int64_t kPollMicros = 200'000;

const char* NameOf(ProjectLock::Scope scope) {
  switch (scope) {
    case ProjectLock::Scope::kCapture:
      return kCaptureLock;
    case ProjectLock::Scope::kResync:
      return kResyncLock;
    default:
      return kProjectLock;
  }
}

void Release(Catalog& catalog, const LockInfo& lock) {
  if (Status released = catalog.ReleaseLock(lock); !released.ok()) {
    Log(LogLevel::kWarning,
        "the project's lock stays until its lease ends: " + released.error().message);
  }
}

/// Asks once more where the answer may have been lost: the token makes that safe.
Result<LockInfo> Ask(Catalog& catalog, const LockInfo& wanted, int64_t lease_ms) {
  auto lock = catalog.AcquireLock(wanted.name, wanted.owner, wanted.token, lease_ms);
  if (lock.ok() || lock.error().kind != ErrorKind::kUnavailable) return lock;
  lock = catalog.AcquireLock(wanted.name, wanted.owner, wanted.token, lease_ms);
  if (!lock.ok() && lock.error().kind == ErrorKind::kUnavailable) Release(catalog, wanted);
  return lock;
}

}  // namespace

Result<std::unique_ptr<ProjectLock>> ProjectLock::Acquire(
    Scope scope, Catalog& catalog, Clock& clock, Random& random, const Limits& limits,
    const std::string& owner, CancelFlag& cancel,
    const std::function<void(const std::string&)>& waiting) {
  const int64_t deadline = clock.MonotonicMicros() + limits.lock_wait_ms * 1000;
  const LockInfo wanted{NameOf(scope), owner, random.Uuid(), 0};
  bool told = false;
  while (true) {
    auto taken = Ask(catalog, wanted, limits.lock_lease_ms);
    if (taken.ok()) {
      std::unique_ptr<ProjectLock> lock(
          new ProjectLock(catalog, clock, *taken, limits.lock_lease_ms, cancel));
      TARN_ASSIGN_OR_RETURN(lock->renewer_,
                            StartThread([self = lock.get()] { return self->KeepAlive(); },
                                        [self = lock.get()](const Status& why) {
                                          static_cast<void>(self->Lost(why.error()).ok());
                                        }));
      return lock;
    }
    if (taken.error().kind != ErrorKind::kConflict) return taken.status();
    if (clock.MonotonicMicros() >= deadline) {
      return std::move(taken)
          .Hint("wait until it has ended; the lease of a process that died ends by itself")
          .status();
    }
    if (!told) waiting(taken.error().message);
    told = true;
    TARN_RETURN_IF_ERROR(cancel.Check());
    clock.SleepMicros(kPollMicros);
  }
}

ProjectLock::ProjectLock(Catalog& catalog, Clock& clock, LockInfo info, int64_t lease_ms,
                         CancelFlag& cancel)
    : catalog_(catalog),
      clock_(clock),
      info_(std::move(info)),
      lease_ms_(lease_ms),
      cancel_(cancel),
      expires_micros_(info_.expires_micros) {}

Status ProjectLock::Confirm() {
  TARN_RETURN_IF_ERROR(cancel_.Check());
  if (clock_.NowMicros() < expires_micros_.load()) return {};
  return Renew();
}

Status ProjectLock::Renew() {
  // Counted from before the request: the catalog's lease ends no earlier than this one.
  const int64_t asked_micros = clock_.NowMicros();
  const Status renewed = catalog_.RenewLock(info_, lease_ms_);
  if (renewed.ok()) {
    expires_micros_ = asked_micros + lease_ms_ * 1000;
    return {};
  }
  // Who cannot ask does not know whether somebody took it: the next answer tells.
  return renewed.error().kind == ErrorKind::kConflict ? Lost(renewed.error()) : renewed;
}

Status ProjectLock::Lost(const Error& why) {
  Error error = Cancelled("the project's lock was lost: " + why.message,
                          "nothing half done is visible; run it again");
  cancel_.Request(error);
  return error;
}

Status ProjectLock::KeepAlive() {
  std::unique_lock lock(mutex_);
  const auto pause = std::chrono::milliseconds(std::max<int64_t>(lease_ms_ / 3, 1));
  const auto pause_after_failure = std::chrono::milliseconds(std::max<int64_t>(lease_ms_ / 20, 1));
  bool failed = false;
  while (
      !stop_.wait_for(lock, failed ? pause_after_failure : pause, [this] { return stopping_; })) {
    lock.unlock();
    const Status renewed = Renew();
    lock.lock();
    failed = !renewed.ok();
    if (!failed) continue;
    Log(LogLevel::kError,
        renewed.error().kind == ErrorKind::kCancelled
            ? renewed.error().message
            : "the project's lock could not be renewed, trying again: " + renewed.error().message);
    if (renewed.error().kind == ErrorKind::kCancelled) break;
  }
  return {};
}

ProjectLock::~ProjectLock() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (renewer_.joinable()) renewer_.join();
  Release(catalog_, info_);
}

}  // namespace tarn

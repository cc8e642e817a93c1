#include "project/lock.h"

#include <chrono>

#include "base/log.h"

namespace tarn {
namespace {

constexpr char kLockName[] = "project";
constexpr int64_t kPollMicros = 200'000;

}  // namespace

Result<std::unique_ptr<ProjectLock>> ProjectLock::Acquire(
    Catalog& catalog, Clock& clock, const Limits& limits, const std::string& owner,
    CancelFlag& cancel, const std::function<void(const std::string&)>& waiting) {
  const int64_t deadline = clock.MonotonicMicros() + limits.lock_wait_ms * 1000;
  bool told = false;
  while (true) {
    auto lock = catalog.AcquireLock(kLockName, owner, limits.lock_lease_ms);
    if (lock.ok()) {
      return std::unique_ptr<ProjectLock>(
          new ProjectLock(catalog, *lock, limits.lock_lease_ms, cancel));
    }
    if (lock.error().kind != ErrorKind::kConflict) return lock.status();
    if (clock.MonotonicMicros() >= deadline) {
      return std::move(lock)
          .Hint("wait until it has ended; the lease of a process that died ends by itself")
          .status();
    }
    if (!told) waiting(lock.error().message);
    told = true;
    TARN_RETURN_IF_ERROR(cancel.Check());
    clock.SleepMicros(kPollMicros);
  }
}

ProjectLock::ProjectLock(Catalog& catalog, LockInfo info, int64_t lease_ms, CancelFlag& cancel)
    : catalog_(catalog), info_(std::move(info)), lease_ms_(lease_ms), cancel_(cancel) {
  renewer_ = std::thread([this] { KeepAlive(); });
}

void ProjectLock::KeepAlive() {
  std::unique_lock lock(mutex_);
  while (
      !stop_.wait_for(lock, std::chrono::milliseconds(lease_ms_ / 3), [&] { return stopping_; })) {
    const Status renewed = catalog_.RenewLock(info_, lease_ms_);
    if (renewed.ok()) continue;
    Log(LogLevel::kError, "the project's lock was lost: " + renewed.error().message);
    if (renewed.error().kind == ErrorKind::kConflict) {
      cancel_.Request();
      return;
    }
  }
}

ProjectLock::~ProjectLock() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  renewer_.join();
  if (Status released = catalog_.ReleaseLock(info_); !released.ok()) {
    Log(LogLevel::kWarning,
        "the project's lock stays until its lease ends: " + released.error().message);
  }
}

}  // namespace tarn

#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/catalog.h"

namespace tarn {

/// The right to change what the project made: one holder at a time, over all processes of a state.
/// Held by a lease that a thread of its own renews. When somebody else has taken it, `cancel` is
/// requested with that as its reason; a catalog that does not answer, or has no room, takes nothing
/// away. That alone stops nobody in time who stood still for a while (SIGSTOP, a closed lid) or was
/// cut off: every commit carries expectation(), and what no commit guards asks Confirm() first.
/// Threads: Confirm() and expectation() may be called concurrently.
class ProjectLock {
 public:
  /// What is locked: the right to change what the project declared; that to follow the logs of its
  /// sources, which `up` holds for as long as it runs; or that to load tables anew beside it. Who
  /// takes several takes them in an order in which nobody waits for one that he holds up: resync
  /// before project before capture.
  enum class Scope { kProject, kCapture, kResync };

  /// Waits up to `lock_wait_ms` for another holder; `waiting` is told once who that is. Everything
  /// is borrowed and outlives the lock.
  /// Errors: Conflict, naming the holder, after the wait; Cancelled; those of the catalog;
  /// ResourceExhausted when the thread cannot be started.
  static Result<std::unique_ptr<ProjectLock>> Acquire(
      Scope scope, Catalog& catalog, Clock& clock, Random& random, const Limits& limits,
      const std::string& owner, CancelFlag& cancel,
      const std::function<void(const std::string&)>& waiting);
  ~ProjectLock();
  ProjectLock(const ProjectLock&) = delete;
  ProjectLock& operator=(const ProjectLock&) = delete;

  /// Fails a commit when somebody else holds the lock by then.
  ExpectLockOp expectation() const { return {info_.name, info_.token}; }

  /// Ok while the lease stands by this process's clock; one that ran out is renewed at once.
  /// Errors: Cancelled, when the lock is lost or the work is to stop; ResourceExhausted and
  /// Unavailable while the catalog gives no new lease.
  Status Confirm();

 private:
  ProjectLock(Catalog& catalog, Clock& clock, LockInfo info, int64_t lease_ms, CancelFlag& cancel);
  Status KeepAlive();
  /// An error other than Cancelled says that nobody is known to have taken the lock: try again.
  Status Renew();
  Status Lost(const Error& why);

  Catalog& catalog_;
  Clock& clock_;
  const LockInfo info_;
  const int64_t lease_ms_;
  CancelFlag& cancel_;
  std::atomic<int64_t> expires_micros_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread renewer_;
};

}  // namespace tarn

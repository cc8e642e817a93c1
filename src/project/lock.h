#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"
#include "catalog/catalog.h"

namespace tarn {

/// The right to change what the project made: one holder at a time, over all processes of a state.
/// Held by a lease that a thread of its own renews; when the lease is lost, `cancel` is requested.
/// Threads: one.
class ProjectLock {
 public:
  /// Waits up to `lock_wait_ms` for another holder; `waiting` is told once who that is.
  /// Errors: Conflict, naming the holder, after the wait; Cancelled.
  static Result<std::unique_ptr<ProjectLock>> Acquire(
      Catalog& catalog, Clock& clock, const Limits& limits, const std::string& owner,
      CancelFlag& cancel, const std::function<void(const std::string&)>& waiting);
  ~ProjectLock();
  ProjectLock(const ProjectLock&) = delete;
  ProjectLock& operator=(const ProjectLock&) = delete;

 private:
  ProjectLock(Catalog& catalog, LockInfo info, int64_t lease_ms, CancelFlag& cancel);
  void KeepAlive();

  Catalog& catalog_;
  LockInfo info_;
  int64_t lease_ms_;
  CancelFlag& cancel_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread renewer_;
};

}  // namespace tarn

#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "base/result.h"

namespace tarn {

/// Set once by whoever wants long work to stop (a signal, a deadline, a lost lease), asked between
/// its steps.
/// Threads: every method may be called concurrently, but for Reset(); Request() from a signal
/// handler too.
class CancelFlag {
 public:
  void Request() { requested_.store(true, std::memory_order_release); }
  /// The same with the error that Check() returns; of several reasons the first. Not from a signal
  /// handler.
  void Request(Error reason) {
    {
      std::lock_guard lock(mutex_);
      if (!reason_) reason_ = std::move(reason);
    }
    Request();
  }
  /// Takes the request back, for a loop that goes on with something else: a shell. Only while
  /// nothing runs that asks.
  void Reset() {
    std::lock_guard lock(mutex_);
    reason_.reset();
    requested_.store(false, std::memory_order_release);
  }
  bool requested() const { return requested_.load(std::memory_order_acquire); }
  /// Cancelled once requested, or the reason that was given.
  Status Check() const {
    if (!requested()) return Status::Ok();
    std::lock_guard lock(mutex_);
    if (reason_) return *reason_;
    return Cancelled("stopped on request", "nothing half done is visible; run it again");
  }

 private:
  std::atomic<bool> requested_{false};
  mutable std::mutex mutex_;
  std::optional<Error> reason_;
};

}  // namespace tarn

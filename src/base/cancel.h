#pragma once

#include <atomic>

#include "base/result.h"

namespace tarn {

/// Set once by whoever wants long work to stop (a signal, a deadline), asked between its steps.
/// Threads: both methods may be called concurrently, Request() from a signal handler too.
class CancelFlag {
 public:
  void Request() { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const { return requested_.load(std::memory_order_relaxed); }
  /// Cancelled once requested.
  Status Check() const {
    if (!requested()) return Status::Ok();
    return Cancelled("stopped on request", "nothing half done is visible; run it again");
  }

 private:
  std::atomic<bool> requested_{false};
};

}  // namespace tarn

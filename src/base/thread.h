#pragma once

#include <cstddef>
#include <functional>
#include <thread>

#include "base/result.h"

namespace tarn {

/// \name Threads behind a wall: what goes wrong in one, or on the way to one, is a Status, never
/// the end of the process. No memory, and no further thread to be had, are ResourceExhausted; any
/// other exception is Internal.
/// @{

/// Calls `work` and turns what it throws into an error: the last wall of a thread.
Status RunWalled(const std::function<Status()>& work);

/// Runs work(0) … work(count - 1), each once, in at most `threads_max` threads, the caller's among
/// them, and waits for all. After an error nothing further begins; the first one is the answer.
/// Where a thread cannot be started, those that could do its share.
Status RunInThreads(size_t count, size_t threads_max, const std::function<Status(size_t)>& work);

/// While it lives, RunInThreads() of this thread works on this thread alone, in order: for
/// simulations, which want the same run again.
class WorkOnThisThread {
 public:
  WorkOnThisThread();
  ~WorkOnThisThread();
  WorkOnThisThread(const WorkOnThisThread&) = delete;
  WorkOnThisThread& operator=(const WorkOnThisThread&) = delete;

 private:
  const bool before_;
};

/// A thread of its own for what goes on beside; the caller joins it. The error that ends `work`, if
/// any, goes to `failed`, on that thread. Error: ResourceExhausted when it cannot be started.
Result<std::thread> StartThread(std::function<Status()> work,
                                std::function<void(const Status&)> failed);
/// @}

}  // namespace tarn

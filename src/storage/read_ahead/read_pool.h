#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tarn {

/// Threads for reads beside the caller's own. They start when there is work for them.
/// Threads: Add() may be called concurrently; not from a task that waits for the added one.
class ReadPool {
 public:
  explicit ReadPool(size_t threads_max) : threads_max_(threads_max) {}
  ReadPool(const ReadPool&) = delete;
  ReadPool& operator=(const ReadPool&) = delete;
  /// Waits for the tasks that run; those that wait are dropped.
  ~ReadPool();

  /// Runs `task` on one of the threads, some time. Nobody may depend on it: where no thread can be
  /// had it never runs.
  void Add(std::function<void()> task);
  size_t threads_max() const { return threads_max_; }

 private:
  void Work();

  const size_t threads_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool ending_ = false;
};

}  // namespace tarn

#include "storage/read_ahead/read_pool.h"

#include <utility>

#include "base/log.h"
#include "base/thread.h"

namespace tarn {

ReadPool::~ReadPool() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    tasks_.clear();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ReadPool::Add(std::function<void()> task) {
  std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  if (tasks_.size() > idle_ && threads_.size() < threads_max_) {
    auto thread = StartThread(
        [this]() -> Status {
          Work();
          return {};
        },
        [](const Status& failed) {
          Log(LogLevel::kWarning, "a thread for reads ended: " + failed.error().message);
        });
    if (thread.ok()) threads_.push_back(std::move(*thread));
  }
  if (threads_.empty()) {
    tasks_.clear();
  } else {
    wake_.notify_one();
  }
}

void ReadPool::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [&] { return ending_ || !tasks_.empty(); });
    --idle_;
    if (ending_) return;
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace tarn

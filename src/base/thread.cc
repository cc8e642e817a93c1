#include "base/thread.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace tarn {
namespace {

Error OutOfMemory() {
  return ResourceExhausted("out of memory",
                           "close other programs, or lower `limits:` in tarn.yaml");
}

thread_local bool t_alone = false;

/// What several threads do together: who asks next gets the next piece, until one fails.
class Pieces {
 public:
  explicit Pieces(size_t count) : count_(count) {}

  void Do(const std::function<Status(size_t)>& work) {
    size_t piece = 0;
    while (Take(&piece)) {
      Status status = RunWalled([&work, piece] { return work(piece); });
      if (!status.ok()) Fail(std::move(status));
    }
  }

  Status status() {
    std::lock_guard lock(mutex_);
    return std::move(status_);
  }

 private:
  bool Take(size_t* piece) {
    std::lock_guard lock(mutex_);
    if (!status_.ok() || next_ == count_) return false;
    *piece = next_++;
    return true;
  }

  void Fail(Status status) {
    std::lock_guard lock(mutex_);
    if (status_.ok()) status_ = std::move(status);
  }

  const size_t count_;
  std::mutex mutex_;
  size_t next_ = 0;
  Status status_;
};

}  // namespace

Status RunWalled(const std::function<Status()>& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  } catch (const std::exception& error) {
    return Internal(std::string("a thread failed: ") + error.what());
  } catch (...) {
    return Internal("a thread failed with an exception of no known type");
  }
}

Status RunInThreads(size_t count, size_t threads_max, const std::function<Status(size_t)>& work) {
  Pieces pieces(count);
  std::vector<std::thread> others;
  const size_t wanted = t_alone ? 1 : std::min(count, std::max<size_t>(threads_max, 1));
  try {
    if (wanted > 1) others.reserve(wanted - 1);
    while (others.size() + 1 < wanted) others.emplace_back([&] { pieces.Do(work); });
  } catch (const std::exception&) {
    // No memory or no thread to be had: the fewer that there are do it all.
  }
  pieces.Do(work);
  for (std::thread& thread : others) thread.join();
  return pieces.status();
}

WorkOnThisThread::WorkOnThisThread() : before_(std::exchange(t_alone, true)) {}
WorkOnThisThread::~WorkOnThisThread() { t_alone = before_; }

Result<std::thread> StartThread(std::function<Status()> work,
                                std::function<void(const Status&)> failed) {
  try {
    return std::thread([work = std::move(work), failed = std::move(failed)] {
      const Status status = RunWalled(work);
      if (status.ok()) return;
      // A failure to tell of a failure has nobody left to be told to.
      const Status told = RunWalled([&] {
        failed(status);
        return Status::Ok();
      });
      static_cast<void>(told.ok());
    });
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  } catch (const std::system_error& error) {
    return ResourceExhausted(std::string("cannot start a thread: ") + error.what(),
                             "raise the limit of processes (ulimit -u)");
  }
}

}  // namespace tarn

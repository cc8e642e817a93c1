#include "storage/read_ahead/parallel_read.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "base/thread.h"

namespace tarn {
namespace {

/// Parts of one read. Whoever runs it takes one part after the other; a helper that comes late
/// finds none left, so that the caller waits for parts that are being read only.
class Job {
 public:
  Job(ObjectStore& store, int64_t part_bytes, std::string_view key, int64_t offset,
      std::span<char> out)
      : store_(store),
        part_bytes_(static_cast<size_t>(part_bytes)),
        key_(key),
        offset_(offset),
        out_(out),
        count_((out.size() + part_bytes_ - 1) / part_bytes_),
        left_(count_) {}

  size_t count() const { return count_; }

  void Run() {
    for (size_t i = next_++; i < count_; i = next_++) {
      Status status;
      if (!failed_.load(std::memory_order_relaxed)) {
        status = RunWalled([&] { return ReadPart(i); });
      }
      std::lock_guard lock(mutex_);
      if (!status.ok() && !failed_.exchange(true)) first_error_ = std::move(status);
      if (--left_ == 0) done_.notify_all();
    }
  }

  Status Wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return left_ == 0; });
    return first_error_;
  }

 private:
  Status ReadPart(size_t i) {
    const size_t start = i * part_bytes_;
    return store_.ReadRange(key_, offset_ + static_cast<int64_t>(start),
                            out_.subspan(start, std::min(part_bytes_, out_.size() - start)));
  }

  ObjectStore& store_;
  const size_t part_bytes_;
  const std::string key_;
  const int64_t offset_;
  const std::span<char> out_;
  const size_t count_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::condition_variable done_;
  size_t left_;
  Status first_error_;
};

}  // namespace

Status ParallelRead(ObjectStore& store, ReadPool& pool, int64_t part_bytes, std::string_view key,
                    int64_t offset, std::span<char> out) {
  const size_t helpers_max = pool.threads_max();
  // A small rest is not worth a request of its own.
  if (helpers_max == 0 || static_cast<int64_t>(out.size()) < part_bytes + part_bytes / 2) {
    return store.ReadRange(key, offset, out);
  }
  auto job = std::make_shared<Job>(store, part_bytes, key, offset, out);
  const size_t helpers = std::min(helpers_max, job->count() - 1);
  for (size_t i = 0; i < helpers; ++i) pool.Add([job] { job->Run(); });
  job->Run();
  return job->Wait();
}

}  // namespace tarn

#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace tarn {

/// Batches that a thread of its own reads ahead of whoever asks for them, in the order in which it
/// gives them. So much is ahead that a writer which is busy with a page or a row group for a while
/// finds the small files read that come next.
/// Memory: at most `bytes_max` of batches that wait, each counted as kBatchBytesMin at least, and
/// one more. Threads: Next() one at a time. Errors: those of reading, after the batches that were
/// read before; ResourceExhausted when there is no thread to be had.
class BatchesAhead {
 public:
  static constexpr int64_t kBatchBytesMin = 64 << 10;

  /// Hands a batch on; false when nobody wants more.
  using Put = std::function<bool(std::shared_ptr<arrow::RecordBatch>)>;
  using Read = std::function<Status(const Put&)>;

  /// `read` runs until it returns: what it borrows must outlive this.
  static Result<std::unique_ptr<BatchesAhead>> Start(Read read, int64_t bytes_max);
  /// Waits for `read`, which is told that nobody wants more.
  ~BatchesAhead();
  BatchesAhead(const BatchesAhead&) = delete;
  BatchesAhead& operator=(const BatchesAhead&) = delete;

  /// nullptr at the end.
  Result<std::shared_ptr<arrow::RecordBatch>> Next();

 private:
  struct Waiting {
    std::shared_ptr<arrow::RecordBatch> batch;
    int64_t bytes = 0;
  };

  explicit BatchesAhead(int64_t bytes_max) : bytes_max_(bytes_max) {}
  bool Add(std::shared_ptr<arrow::RecordBatch> batch);
  void End(const Status& status);

  const int64_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable moved_;
  std::deque<Waiting> waiting_;
  int64_t bytes_ = 0;  ///< of waiting_
  std::optional<Status> ended_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tarn

#include "table/dual/batches_ahead.h"

#include <algorithm>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>

#include "base/thread.h"

namespace tarn {

Result<std::unique_ptr<BatchesAhead>> BatchesAhead::Start(Read read, int64_t bytes_max) {
  std::unique_ptr<BatchesAhead> ahead(new BatchesAhead(bytes_max));
  BatchesAhead* const self = ahead.get();
  const auto work = [self, read = std::move(read)]() -> Status {
    TARN_RETURN_IF_ERROR(read(
        [self](std::shared_ptr<arrow::RecordBatch> batch) { return self->Add(std::move(batch)); }));
    self->End({});
    return {};
  };
  TARN_ASSIGN_OR_RETURN(ahead->thread_,
                        StartThread(work, [self](const Status& why) { self->End(why); }));
  return ahead;
}

BatchesAhead::~BatchesAhead() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  moved_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<std::shared_ptr<arrow::RecordBatch>> BatchesAhead::Next() {
  std::unique_lock lock(mutex_);
  moved_.wait(lock, [this] { return !waiting_.empty() || ended_; });
  if (waiting_.empty()) {
    if (!ended_->ok()) return ended_->error();
    return std::shared_ptr<arrow::RecordBatch>();
  }
  Waiting next = std::move(waiting_.front());
  waiting_.pop_front();
  bytes_ -= next.bytes;
  moved_.notify_all();
  return std::move(next.batch);
}

bool BatchesAhead::Add(std::shared_ptr<arrow::RecordBatch> batch) {
  const int64_t bytes = std::max(kBatchBytesMin, arrow::util::ReferencedBufferSize(*batch).ValueOr(
                                                     arrow::util::TotalBufferSize(*batch)));
  std::unique_lock lock(mutex_);
  moved_.wait(lock, [&] { return bytes_ == 0 || bytes_ + bytes <= bytes_max_ || stopping_; });
  if (stopping_) return false;
  waiting_.push_back({std::move(batch), bytes});
  bytes_ += bytes;
  moved_.notify_all();
  return true;
}

void BatchesAhead::End(const Status& status) {
  std::lock_guard lock(mutex_);
  ended_ = status;
  moved_.notify_all();
}

}  // namespace tarn

#pragma once

#include <memory>

#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include "base/result.h"
#include "storage/object_store.h"

namespace tarn {

/// An ObjectWriter as Arrow wants to write to it. Arrow's Close() does not close the object: only
/// the owner knows that the file is complete. The first error of the store is kept, with its kind.
/// Ownership: borrows the writer. Threads: one at a time.
class ArrowOutput final : public arrow::io::OutputStream {
 public:
  explicit ArrowOutput(ObjectWriter& writer);
  ~ArrowOutput() override;
  arrow::Status Write(const void* data, int64_t size_bytes) override;
  using arrow::io::OutputStream::Write;
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Close() override;
  bool closed() const override { return closed_; }
  int64_t position() const { return position_; }
  /// Nothing more reaches the object: what Arrow writes when it is taken down is not wanted.
  void Abandon();
  /// The store's error, or what Arrow says.
  Status Explain(const arrow::Status& status, const std::string& what) const;

 private:
  ObjectWriter& writer_;
  int64_t position_ = 0;
  bool closed_ = false;
  Status failure_;
};

/// Arrow's error as ours: OutOfMemory → ResourceExhausted, NotImplemented → Unsupported,
/// Invalid, TypeError, IndexError, KeyError, CapacityError → InvalidArgument, Cancelled →
/// Cancelled, IOError → Unavailable, others Internal.
Status FromArrow(const arrow::Status& status, const std::string& what);

}  // namespace tarn

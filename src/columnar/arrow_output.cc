#include "columnar/arrow_output.h"

#include <string_view>

#include <arrow/result.h>
#include <arrow/status.h>

namespace tarn {

ArrowOutput::ArrowOutput(ObjectWriter& writer) : writer_(writer) {
  set_mode(arrow::io::FileMode::WRITE);
}
ArrowOutput::~ArrowOutput() = default;

arrow::Status ArrowOutput::Write(const void* data, int64_t size_bytes) {
  if (failure_.ok()) {
    failure_ = writer_.Append({static_cast<const char*>(data), static_cast<size_t>(size_bytes)});
  }
  if (!failure_.ok()) return arrow::Status::IOError(failure_.error().message);
  position_ += size_bytes;
  return arrow::Status::OK();
}

arrow::Status ArrowOutput::Close() {
  closed_ = true;
  return arrow::Status::OK();
}

void ArrowOutput::Abandon() {
  if (failure_.ok()) failure_ = Cancelled("the file was given up");
}

Status ArrowOutput::Explain(const arrow::Status& status, const std::string& what) const {
  if (!failure_.ok()) return Status(failure_).Wrap(what);
  return FromArrow(status, what);
}

Status FromArrow(const arrow::Status& status, const std::string& what) {
  if (status.ok()) return {};
  ErrorKind kind = ErrorKind::kInternal;
  if (status.IsOutOfMemory()) {
    kind = ErrorKind::kResourceExhausted;
  } else if (status.IsNotImplemented()) {
    kind = ErrorKind::kUnsupported;
  } else if (status.IsInvalid() || status.IsTypeError() || status.IsIndexError() ||
             status.IsKeyError() || status.IsCapacityError()) {
    kind = ErrorKind::kInvalidArgument;
  } else if (status.IsCancelled()) {
    kind = ErrorKind::kCancelled;
  } else if (status.IsIOError()) {
    kind = ErrorKind::kUnavailable;
  }
  return MakeError(kind, what + ": " + status.message());
}

}  // namespace tarn

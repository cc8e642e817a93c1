#include "base/result.h"

namespace tarn {

std::string_view ErrorKindName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument:
      return "invalid argument";
    case ErrorKind::kNotFound:
      return "not found";
    case ErrorKind::kAlreadyExists:
      return "already exists";
    case ErrorKind::kConflict:
      return "conflict";
    case ErrorKind::kCommitUnknown:
      return "commit unknown";
    case ErrorKind::kUnavailable:
      return "unavailable";
    case ErrorKind::kPermissionDenied:
      return "permission denied";
    case ErrorKind::kUnsupported:
      return "unsupported";
    case ErrorKind::kCorruption:
      return "corruption";
    case ErrorKind::kCancelled:
      return "cancelled";
    case ErrorKind::kResourceExhausted:
      return "resource exhausted";
    case ErrorKind::kInternal:
      return "internal error";
  }
  return "unknown";
}

std::string Error::ToString() const {
  std::string text = message;
  if (!detail.empty()) text.append("\nDETAIL:  ").append(detail);
  if (!hint.empty()) text.append("\nHINT:  ").append(hint);
  return text;
}

Status Status::Wrap(std::string_view context) && {
  if (error_) error_->message.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

Status Status::Hint(std::string_view hint) && {
  if (error_) {
    if (!error_->hint.empty()) error_->hint.append("; ");
    error_->hint.append(hint);
  }
  return std::move(*this);
}

}  // namespace tarn

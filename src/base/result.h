#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"

namespace tarn {

/// The kinds of failure that a caller would treat differently. Everything else is prose.
enum class ErrorKind {
  kInvalidArgument,    ///< The user's input is wrong; repeating it cannot help.
  kNotFound,           ///< The thing named does not exist.
  kAlreadyExists,      ///< The thing named exists, or a put-if-absent lost its race.
  kConflict,           ///< Somebody else committed first: reload, rebase, try again.
  kCommitUnknown,      ///< The answer of a commit was lost: look for its identity before doing
                       ///< anything.
  kUnavailable,        ///< A passing fault of a disk, server or network; safe to repeat.
  kPermissionDenied,   ///< Credentials or grants refuse.
  kUnsupported,        ///< Valid, and not something Tarn does.
  kCorruption,         ///< Stored bytes are not what their format says.
  kCancelled,          ///< The user or a deadline stopped it.
  kResourceExhausted,  ///< A named limit, the disk or the memory is used up.
  kInternal,           ///< A defect of Tarn.
};

/// The kind as users and logs see it, for example "not found".
std::string_view ErrorKindName(ErrorKind kind);

/// What went wrong, where, and what to do about it. Messages are lower case without a full stop.
/// `detail` and `hint` are shown on lines of their own, as PostgreSQL does.
struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;
  std::string detail;
  std::string hint;

  /// "message\nDETAIL:  …\nHINT:  …", without trailing newline.
  std::string ToString() const;
};

/// Success or an Error. Never dropped: the type is nodiscard.
/// Threads: a value type; no sharing between copies.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error)  // NOLINT: implicit, so that `return NotFound(…)` reads well
      : error_(std::make_unique<Error>(std::move(error))) {}
  Status(const Status& other)
      : error_(other.error_ ? std::make_unique<Error>(*other.error_) : nullptr) {}
  Status& operator=(const Status& other) {
    error_ = other.error_ ? std::make_unique<Error>(*other.error_) : nullptr;
    return *this;
  }
  Status(Status&&) = default;
  Status& operator=(Status&&) = default;

  static Status Ok() { return {}; }
  bool ok() const { return error_ == nullptr; }
  /// The error; only when !ok().
  const Error& error() const {
    TARN_CHECK(error_ != nullptr);
    return *error_;
  }
  /// Puts `context` before the message ("context: message"); an ok status stays ok.
  Status Wrap(std::string_view context) &&;
  /// Adds or extends the hint; an ok status stays ok.
  Status Hint(std::string_view hint) &&;
  std::string ToString() const { return error_ ? error_->ToString() : "ok"; }

 private:
  std::unique_ptr<Error> error_;
};

/// A T or an Error.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit
  Result(const Status& status) : state_(std::in_place_index<1>, status.error()) {}  // NOLINT
  template <typename U>
  requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error> &&
           !std::is_same_v<std::remove_cvref_t<U>, Status> &&
           !std::is_same_v<std::remove_cvref_t<U>, Result<T>>) Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  const Error& error() const {
    TARN_CHECK(!ok());
    return std::get<1>(state_);
  }
  Status status() const { return ok() ? Status() : Status(std::get<1>(state_)); }

  /// The value; only when ok().
  T& value() & {
    TARN_CHECK_MSG(ok(), std::get<1>(state_).message.c_str());
    return std::get<0>(state_);
  }
  const T& value() const& {
    TARN_CHECK_MSG(ok(), std::get<1>(state_).message.c_str());
    return std::get<0>(state_);
  }
  T&& value() && {
    TARN_CHECK_MSG(ok(), std::get<1>(state_).message.c_str());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// Puts `context` before an error's message.
  Result Wrap(std::string_view context) && {
    if (ok()) return std::move(*this);
    return Result(Status(std::get<1>(std::move(state_))).Wrap(context));
  }
  Result Hint(std::string_view hint) && {
    if (ok()) return std::move(*this);
    return Result(Status(std::get<1>(std::move(state_))).Hint(hint));
  }

 private:
  std::variant<T, Error> state_;
};

/// \name Makers, one a kind: `return NotFound("table bronze.x does not exist", "run `tarn ls`")`.
/// @{
inline Error MakeError(ErrorKind kind, std::string message, std::string hint = {},
                       std::string detail = {}) {
  return Error{kind, std::move(message), std::move(detail), std::move(hint)};
}
inline Error InvalidArgument(std::string message, std::string hint = {}) {
  return MakeError(ErrorKind::kInvalidArgument, std::move(message), std::move(hint));
}
inline Error NotFound(std::string message, std::string hint = {}) {
  return MakeError(ErrorKind::kNotFound, std::move(message), std::move(hint));
}
inline Error AlreadyExists(std::string message, std::string hint = {}) {
  return MakeError(ErrorKind::kAlreadyExists, std::move(message), std::move(hint));
}
inline Error Conflict(std::string message, std::string hint = {}) {
  return MakeError(ErrorKind::kConflict, std::move(message), std::move(hint));
}
inline Error CommitUnknown(std::string message, std::string hint = {}) {
  return MakeError(ErrorKind::kCommitUnknown, std::move(message), std::move(hint));
}
inline Error Unavailable(std::string message, std::string hint = {}) {
  return MakeError(ErrorKind::kUnavailable, std::move(message), std::move(hint));
}
inline Error PermissionDenied(std::string message, std::string hint = {}) {
  return MakeError(ErrorKind::kPermissionDenied, std::move(message), std::move(hint));
}
inline Error Unsupported(std::string message, std::string hint = {}) {
  return MakeError(ErrorKind::kUnsupported, std::move(message), std::move(hint));
}
inline Error Corruption(std::string message, std::string hint = {}) {
  return MakeError(ErrorKind::kCorruption, std::move(message), std::move(hint));
}
inline Error Cancelled(std::string message, std::string hint = {}) {
  return MakeError(ErrorKind::kCancelled, std::move(message), std::move(hint));
}
inline Error ResourceExhausted(std::string message, std::string hint = {}) {
  return MakeError(ErrorKind::kResourceExhausted, std::move(message), std::move(hint));
}
inline Error Internal(std::string message, std::string hint = {}) {
  return MakeError(ErrorKind::kInternal, std::move(message), std::move(hint));
}
/// @}

}  // namespace tarn

/// Leaves the function with the error of a Status (or of a Result whose value is not wanted).
#define TARN_RETURN_IF_ERROR(expr)                           \
  do {                                                       \
    if (auto tarn_status_ = (expr); !tarn_status_.ok()) {    \
      return ::tarn::Error(std::move(tarn_status_).error()); \
    }                                                        \
  } while (false)

/// `TARN_ASSIGN_OR_RETURN(auto x, F());` declares x, or leaves with F's error.
#define TARN_ASSIGN_OR_RETURN(lhs, expr) \
  TARN_ASSIGN_OR_RETURN_IMPL_(TARN_CONCAT_(tarn_result_, __COUNTER__), lhs, expr)
#define TARN_ASSIGN_OR_RETURN_IMPL_(result, lhs, expr)    \
  auto result = (expr);                                   \
  if (!result.ok()) return ::tarn::Error(result.error()); \
  lhs = std::move(result).value()
#define TARN_CONCAT_(a, b) TARN_CONCAT_IMPL_(a, b)
#define TARN_CONCAT_IMPL_(a, b) a##b

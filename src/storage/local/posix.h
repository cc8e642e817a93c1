#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace tarn {

/// A file descriptor that closes itself.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~UniqueFd() { Reset(); }

  void Reset();
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// The Error for an errno: "cannot `action` `path`: …", with the repair where there is one.
/// ENOENT → NotFound; EACCES, EPERM, EROFS → PermissionDenied; ENOSPC, EDQUOT, EMFILE … →
/// ResourceExhausted; ENOTDIR, EISDIR, ENAMETOOLONG, EXDEV … → InvalidArgument; the rest →
/// Unavailable.
Error PosixError(int error_number, std::string_view action, std::string_view path);

/// \name Whole reads and writes: short counts and EINTR are repeated. `path` is for the message.
/// @{
Status WriteAll(int fd, std::string_view bytes, std::string_view path);
/// Reads until `size` bytes are there or the file ends; the count read.
Result<int64_t> ReadAt(int fd, char* out, int64_t size, int64_t offset, std::string_view path);
/// Until the disk has it.
Status SyncFd(int fd, std::string_view path);
/// For tests: what SyncFd() calls in the place of fsync(2); nullptr for fsync(2) itself.
void SetFsyncForTest(int (*sync)(int fd));
/// @}

/// openat(2), with O_CLOEXEC, repeated on EINTR; -1 and errno on failure.
UniqueFd OpenAt(int folder_fd, const std::string& name, int flags, unsigned mode = 0);

}  // namespace tarn

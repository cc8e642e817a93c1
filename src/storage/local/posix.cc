#include "storage/local/posix.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>

namespace tarn {
namespace {

std::atomic<int (*)(int)> g_fsync{&::fsync};

}  // namespace

void SetFsyncForTest(int (*sync)(int fd)) { g_fsync = sync != nullptr ? sync : &::fsync; }

void UniqueFd::Reset() {
  if (fd_ < 0) return;
  // Not repeated on EINTR: Linux has closed it by then. Errors of written data come out of fsync.
  ::close(fd_);
  fd_ = -1;
}

Error PosixError(int error_number, std::string_view action, std::string_view path) {
  const std::string place(path);
  std::string message = "cannot " + std::string(action) + " " + place + ": ";
  switch (error_number) {
    case ENOENT:
      return NotFound(message + "no such file or folder");
    case EACCES:
    case EPERM:
      return PermissionDenied(message + "permission denied",
                              "give the user that runs tarn read and write access to " + place +
                                  " (chown, chmod), or change `warehouse`");
    case EROFS:
      return PermissionDenied(message + "the file system is read-only",
                              "remount it for writing, or change `warehouse`");
    case ENOSPC:
      return ResourceExhausted(message + "no space left on the disk",
                               "free some space, or move `warehouse` to a larger disk");
    case EDQUOT:
      return ResourceExhausted(message + "the disk quota is used up",
                               "free some space, or have the quota raised");
    case EFBIG:
      return ResourceExhausted(message + "the file would be too large",
                               "raise the limit of file sizes (ulimit -f), or use a file system "
                               "that takes larger files");
    case EMFILE:
    case ENFILE:
      return ResourceExhausted(message + "too many open files",
                               "raise the limit (ulimit -n), or lower `local_open_files_max`");
    case ENOMEM:
      return ResourceExhausted(message + "out of memory");
    case ENOTDIR:
    case ELOOP:
      return InvalidArgument(message + "a file or a symbolic link stands where a folder is needed",
                             "move it away; symbolic links below the root are not followed");
    case EISDIR:
      return InvalidArgument(message + "a folder stands there");
    case ENAMETOOLONG:
      return InvalidArgument(message + "the name is too long for the file system");
    case EXDEV:
      return InvalidArgument(message + "it lies on another file system than its root",
                             "keep the whole warehouse on one file system");
    default:
      return Unavailable(message + std::generic_category().message(error_number));
  }
}

Status WriteAll(int fd, std::string_view bytes, std::string_view path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), std::min<size_t>(bytes.size(), 1U << 30));
    if (count < 0) {
      if (errno == EINTR) continue;
      return PosixError(errno, "write", path);
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

Result<int64_t> ReadAt(int fd, char* out, int64_t size, int64_t offset, std::string_view path) {
  int64_t done = 0;
  while (done < size) {
    const auto wanted = static_cast<size_t>(std::min<int64_t>(size - done, 1LL << 30));
    const ssize_t count = ::pread(fd, out + done, wanted, offset + done);
    if (count < 0) {
      if (errno == EINTR) continue;
      return PosixError(errno, "read", path);
    }
    if (count == 0) break;
    done += count;
  }
  return done;
}

Status SyncFd(int fd, std::string_view path) {
  while (g_fsync.load(std::memory_order_relaxed)(fd) != 0) {
    if (errno == EINTR) continue;
    // Some file systems have no durable folders to offer (EINVAL): nothing more can be done there.
    if (errno == EINVAL) return {};
    return PosixError(errno, "write", path);
  }
  return {};
}

UniqueFd OpenAt(int folder_fd, const std::string& name, int flags, unsigned mode) {
  int fd = -1;
  do {
    fd = ::openat(folder_fd, name.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return UniqueFd(fd);
}

}  // namespace tarn

#include "change/key_index/index_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tarn {
namespace {

constexpr char kLockName[] = "lock";

Error DiskError(int error_number, std::string_view action, const std::string& path) {
  std::string message = "key index: cannot " + std::string(action) + " " + path + ": " +
                        std::generic_category().message(error_number);
  switch (error_number) {
    case ENOENT:
      return NotFound(std::move(message));
    case EACCES:
    case EPERM:
    case EROFS:
      return PermissionDenied(std::move(message),
                              "give the user that runs tarn read and write access to it");
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ResourceExhausted(std::move(message), "free some space on that disk");
    case EMFILE:
    case ENFILE:
      return ResourceExhausted(std::move(message), "raise the limit of open files (ulimit -n)");
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
      return InvalidArgument(std::move(message));
    default:
      return Unavailable(std::move(message));
  }
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  const int fd_;
};

class DiskFile final : public IndexFile {
 public:
  DiskFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  Status Read(int64_t offset, std::span<char> out) const override {
    while (!out.empty()) {
      const ssize_t count = ::pread(fd_.get(), out.data(), out.size(), offset);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return DiskError(errno, "read", path_);
      if (count == 0) return Corruption("key index: " + path_ + " ends early");
      out = out.subspan(static_cast<size_t>(count));
      offset += count;
    }
    return Status::Ok();
  }

  Result<int64_t> Size() const override {
    struct stat info {};
    if (::fstat(fd_.get(), &info) != 0) return DiskError(errno, "read", path_);
    return static_cast<int64_t>(info.st_size);
  }

  Status Append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return DiskError(errno, "write", path_);
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return Status::Ok();
  }

  Status Truncate(int64_t size) override {
    while (::ftruncate(fd_.get(), size) != 0) {
      if (errno != EINTR) return DiskError(errno, "cut", path_);
    }
    return Status::Ok();
  }

  Status Sync() override {
    while (::fdatasync(fd_.get()) != 0) {
      if (errno != EINTR) return DiskError(errno, "write", path_);
    }
    return Status::Ok();
  }

  const std::string& path() const override { return path_; }

 private:
  const Descriptor fd_;
  const std::string path_;
};

class DiskFolder final : public IndexFolder {
 public:
  DiskFolder(int fd, int lock_fd, std::string path)
      : fd_(fd), lock_(lock_fd), path_(std::move(path)) {}

  Result<std::unique_ptr<IndexFile>> Open(const std::string& name) override {
    return OpenFile(name, O_RDWR | O_APPEND, "open");
  }

  Result<std::unique_ptr<IndexFile>> Create(const std::string& name) override {
    TARN_RETURN_IF_ERROR(Remove(name));
    return OpenFile(name, O_RDWR | O_APPEND | O_CREAT | O_EXCL, "write");
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()) == 0) return Status::Ok();
    return DiskError(errno, "write", PathOf(to));
  }

  Status Remove(const std::string& name) override {
    if (::unlinkat(fd_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return Status::Ok();
    return DiskError(errno, "remove", PathOf(name));
  }

  Result<std::vector<std::string>> List() const override {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator it(path_, error), end; !error && it != end;
         it.increment(error)) {
      names.push_back(it->path().filename().string());
    }
    if (error) return DiskError(error.value(), "read", path_);
    std::sort(names.begin(), names.end());
    return names;
  }

  Status SyncNames() override {
    while (::fsync(fd_.get()) != 0) {
      // A file system without durable folders (EINVAL) has no more to offer.
      if (errno == EINVAL) return Status::Ok();
      if (errno != EINTR) return DiskError(errno, "write", path_);
    }
    return Status::Ok();
  }

  const std::string& path() const override { return path_; }

 private:
  std::string PathOf(const std::string& name) const { return path_ + "/" + name; }

  Result<std::unique_ptr<IndexFile>> OpenFile(const std::string& name, int flags,
                                              std::string_view action) {
    const int fd = ::openat(fd_.get(), name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return DiskError(errno, action, PathOf(name));
    return std::unique_ptr<IndexFile>(std::make_unique<DiskFile>(fd, PathOf(name)));
  }

  const Descriptor fd_;
  const Descriptor lock_;  // flock is the file's while this stands
  const std::string path_;
};

}  // namespace

Result<std::unique_ptr<IndexFolder>> OpenIndexFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return DiskError(error.value(), "make", path);
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return DiskError(errno, "open", path);
  const std::string lock_path = path + "/" + kLockName;
  const int lock_fd = ::openat(fd, kLockName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  const int lock_error = errno;
  auto folder = std::make_unique<DiskFolder>(fd, lock_fd, path);
  if (lock_fd < 0) return DiskError(lock_error, "write", lock_path);
  if (::flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return DiskError(errno, "lock", lock_path);
    char holder[32];
    const ssize_t count = ::pread(lock_fd, holder, sizeof(holder), 0);
    return Conflict("key index: " + lock_path + " is held by process " +
                        std::string(holder, static_cast<size_t>(std::max<ssize_t>(count, 0))),
                    "one process at a time captures into a table: stop the other one");
  }
  const std::string me = std::to_string(::getpid());
  // Only the message of the one who comes second needs it.
  if (::ftruncate(lock_fd, 0) != 0 || ::pwrite(lock_fd, me.data(), me.size(), 0) < 0) {
    return DiskError(errno, "write", lock_path);
  }
  return std::unique_ptr<IndexFolder>(std::move(folder));
}

}  // namespace tarn

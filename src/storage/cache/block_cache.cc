#include "storage/cache/block_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/log.h"
#include "storage/cache/block_file.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSecond = 1'000'000;
/// A block's time of use is written down no more often than this.
constexpr int64_t kTouchMicros = 60 * kSecond;
/// A file without its name for so long belongs to a process that is gone.
constexpr int64_t kUnfinishedMicros = 3600 * kSecond;
constexpr int64_t kDiskPageBytes = 4096;
constexpr std::string_view kBlockSuffix = ".block";
constexpr std::string_view kUnfinishedSuffix = ".tmp";

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  const int fd_;
};

int64_t ModifiedMicros(const struct stat& info) {
  return info.st_mtim.tv_sec * kSecond + info.st_mtim.tv_nsec / 1000;
}

void Touch(int fd, int64_t micros) {
  timespec time{};
  time.tv_sec = micros / kSecond;
  time.tv_nsec = micros % kSecond * 1000;
  const timespec times[2] = {time, time};
  (void)::futimens(fd, times);  // at worst the block is removed early
}

bool WriteFully(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

struct Found {
  std::string path;
  int64_t used_micros;
  int64_t bytes;
};

int64_t OnDisk(int64_t bytes) {
  return (bytes + kDiskPageBytes - 1) / kDiskPageBytes * kDiskPageBytes;
}

}  // namespace

std::string BlockCache::FolderOf(std::string_view object) const {
  return options_.folder + "/" + std::string(object.substr(0, 2));
}

std::string BlockCache::PathOf(std::string_view object, int64_t index) const {
  return FolderOf(object) + "/" + std::string(object) + "-" + std::to_string(index) +
         std::string(kBlockSuffix);
}

std::optional<ReadExtent> BlockCache::Read(std::string_view object, int64_t index, int64_t offset,
                                           std::span<char> out) {
  const std::string path = PathOf(object, index);
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return std::nullopt;
  const auto reader = BlockReader::Open(file.fd(), object, index);
  ReadExtent extent;
  bool whole = reader.has_value();
  if (whole) {
    extent.size_bytes = reader->header().object_size;
    extent.bytes_read =
        std::clamp<int64_t>(reader->header().bytes - offset, 0, static_cast<int64_t>(out.size()));
    whole = reader->Read(offset, out.first(static_cast<size_t>(extent.bytes_read)));
  }
  if (!whole) {
    ::unlink(path.c_str());
    return std::nullopt;
  }
  struct stat info {};
  const int64_t now = clock_.NowMicros();
  if (::fstat(file.fd(), &info) == 0 && now - ModifiedMicros(info) > kTouchMicros) {
    Touch(file.fd(), now);
  }
  return extent;
}

bool BlockCache::MayHave(std::string_view object, int64_t index) const {
  return ::access(PathOf(object, index).c_str(), F_OK) == 0;
}

bool BlockCache::Write(const std::string& path, std::string_view header, std::string_view bytes) {
  const std::string unfinished = path + "." + std::to_string(::getpid()) + "-" +
                                 std::to_string(names_++) + std::string(kUnfinishedSuffix);
  const File file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.is_open()) return false;
  const bool written = WriteFully(file.fd(), header) && WriteFully(file.fd(), bytes);
  if (written) Touch(file.fd(), clock_.NowMicros());
  if (written && ::rename(unfinished.c_str(), path.c_str()) == 0) return true;
  const int cause = errno;
  ::unlink(unfinished.c_str());
  errno = cause;
  return false;
}

void BlockCache::Insert(std::string_view object, int64_t index, int64_t object_size,
                        std::string_view bytes) {
  if (gave_up_.load(std::memory_order_relaxed)) return;
  const std::string header = EncodeBlockHeader(
      {std::string(object), index, object_size, static_cast<uint32_t>(bytes.size())}, bytes);
  const std::string path = PathOf(object, index);
  bool written = Write(path, header, bytes);
  if (!written && errno == ENOENT) {
    // Cached bytes are the lake's: nobody else's to read.
    std::error_code ignored;
    fs::create_directories(options_.folder, ignored);
    ::chmod(options_.folder.c_str(), 0700);
    fs::create_directory(FolderOf(object), ignored);
    written = Write(path, header, bytes);
  }
  if (!written) {
    const std::string why = std::strerror(errno);
    if (!gave_up_.exchange(true)) {
      Log(LogLevel::kWarning, "nothing more is cached in " + options_.folder + ": " + why);
    }
    return;
  }
  inserted_bytes_ += OnDisk(static_cast<int64_t>(header.size() + bytes.size()));
  const int64_t found = found_bytes_.load();
  const int64_t inserted = inserted_bytes_.load();
  if (found < 0 || found + inserted > options_.bytes_max || inserted > options_.bytes_max / 16) {
    Trim();
  }
}

void BlockCache::Forget(std::string_view object) {
  std::error_code error;
  for (fs::directory_iterator it(FolderOf(object), error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(object)) ::unlink(it->path().c_str());
  }
}

void BlockCache::Trim() {
  const std::unique_lock alone(trim_mutex_, std::try_to_lock);
  if (!alone.owns_lock()) return;
  // Another process that trims makes room for us as well.
  const File lock(::open((options_.folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.is_open() || ::flock(lock.fd(), LOCK_EX | LOCK_NB) != 0) return;
  const int64_t inserted = inserted_bytes_.load();
  const int64_t now = clock_.NowMicros();
  std::vector<Found> blocks;
  int64_t total = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(options_.folder, error), end; !error && it != end;
       it.increment(error)) {
    struct stat info {};
    const std::string path = it->path().string();
    if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    const int64_t used = ModifiedMicros(info);
    if (path.ends_with(kUnfinishedSuffix) && now - used > kUnfinishedMicros) {
      ::unlink(path.c_str());
      continue;
    }
    total += OnDisk(info.st_size);
    if (path.ends_with(kBlockSuffix)) blocks.push_back({path, used, OnDisk(info.st_size)});
  }
  if (total > options_.bytes_max) {
    // Room for an eighth, so that the next block does not ask for the same again.
    const int64_t goal = options_.bytes_max - options_.bytes_max / 8;
    std::sort(blocks.begin(), blocks.end(),
              [](const Found& a, const Found& b) { return a.used_micros < b.used_micros; });
    for (const Found& block : blocks) {
      if (total <= goal) break;
      if (::unlink(block.path.c_str()) == 0 || errno == ENOENT) total -= block.bytes;
    }
  }
  found_bytes_ = total;
  inserted_bytes_ -= inserted;
}

}  // namespace tarn

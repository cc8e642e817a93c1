#include "storage/local/temp_area.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <set>
#include <vector>

#include "storage/local/folder.h"
#include "storage/object_store.h"

namespace tarn {
namespace {

constexpr std::string_view kLockSuffix = ".lock";
constexpr int kAttemptsMax = 100;

std::vector<std::string> NamesIn(int folder_fd) {
  std::vector<std::string> names;
  const int own = ::openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return names;
  DIR* stream = ::fdopendir(own);
  if (stream == nullptr) {
    ::close(own);
    return names;
  }
  while (const dirent* entry = ::readdir(stream)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  ::closedir(stream);
  return names;
}

/// The owner of a lock or of a file; empty for what is not ours.
std::string OwnerOf(const std::string& name) {
  if (name.ends_with(kLockSuffix)) return name.substr(0, name.size() - kLockSuffix.size());
  const size_t dash = name.rfind('-');
  return dash == std::string::npos ? std::string() : name.substr(0, dash);
}

/// Removes the files of owners who are gone. An owner takes its lock before it makes a file and
/// never takes one that it has lost, so a file without lock is nobody's. Failures do not matter:
/// the next owner tries again.
void Sweep(int folder_fd, const std::string& me) {
  std::set<std::string> owners;
  const std::vector<std::string> names = NamesIn(folder_fd);
  for (const std::string& name : names) {
    std::string owner = OwnerOf(name);
    if (!owner.empty() && owner != me) owners.insert(std::move(owner));
  }
  for (const std::string& owner : owners) {
    const std::string lock_name = owner + std::string(kLockSuffix);
    const UniqueFd lock = OpenAt(folder_fd, lock_name, O_RDWR | O_NOFOLLOW);
    if (!lock.valid() && errno != ENOENT) continue;
    if (lock.valid() && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;  // it lives
    for (const std::string& name : names) {
      if (OwnerOf(name) == owner && name != lock_name) ::unlinkat(folder_fd, name.c_str(), 0);
    }
    if (lock.valid()) ::unlinkat(folder_fd, lock_name.c_str(), 0);
  }
}

bool IsLinked(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && info.st_nlink > 0;
}

}  // namespace

TempArea::TempArea(std::string root_path, Random& random)
    : root_path_(std::move(root_path)),
      folder_path_(root_path_ + "/" + std::string(kReservedFolder)),
      random_(random) {}

TempArea::~TempArea() { ReleaseLocked(); }

Result<UniqueFd> TempArea::Acquire() {
  // Repeated where somebody else removes the folder or the lock between two of our steps: both are
  // removed only by those who believe that nobody needs them.
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    auto folder = OpenFolder(root_path_, kReservedFolder, MissingFolders::kCreate);
    if (!folder.ok()) {
      if (folder.error().kind != ErrorKind::kNotFound) return folder;
      TARN_RETURN_IF_ERROR(OpenRoot(root_path_));
      continue;
    }
    if (lock_.valid() && IsLinked(lock_.get())) return folder;
    lock_.Reset();
    owner_ = random_.Uuid();
    const std::string name = owner_ + std::string(kLockSuffix);
    UniqueFd lock = OpenAt(folder->get(), name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
    if (!lock.valid()) {
      if (errno == ENOENT || errno == EEXIST) continue;
      return PosixError(errno, "write", folder_path_);
    }
    // Where the file system knows no locks nobody can take ours either, and nothing is ever swept.
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) continue;
    if (!IsLinked(lock.get())) continue;  // a sweeper was faster
    lock_ = std::move(lock);
    Sweep(folder->get(), owner_);
    return folder;
  }
  return Unavailable("cannot make temporary files in " + folder_path_ +
                     ": they are removed as fast as they are made");
}

Result<TempFile> TempArea::Create() {
  std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(const UniqueFd folder, Acquire());
  TempFile file;
  std::string name = owner_ + "-" + std::to_string(next_file_++);
  file.path_ = folder_path_ + "/" + name;
  file.fd_ = OpenAt(folder.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
  if (!file.fd_.valid()) return PosixError(errno, "write", file.path_);
  file.name_ = std::move(name);
  file.area_ = shared_from_this();
  ++open_files_;
  return file;
}

void TempArea::Release() {
  std::lock_guard lock(mutex_);
  if (open_files_ == 0) ReleaseLocked();
}

void TempArea::ReleaseLocked() {
  if (!lock_.valid()) return;
  if (IsLinked(lock_.get())) ::unlink((folder_path_ + "/" + owner_ + ".lock").c_str());
  lock_.Reset();
  ::rmdir(folder_path_.c_str());  // fails while somebody else has something in it
}

void TempArea::FileGone(const std::string& name) {
  std::lock_guard lock(mutex_);
  --open_files_;
  if (!name.empty()) ::unlink((folder_path_ + "/" + name).c_str());
}

TempFile::~TempFile() {
  if (area_) area_->FileGone(name_);
}

int TempFile::RenameTo(int folder_fd, const std::string& name) {
  if (::renameat(AT_FDCWD, path_.c_str(), folder_fd, name.c_str()) != 0) return errno;
  name_.clear();
  return 0;
}

int TempFile::LinkTo(int folder_fd, const std::string& name) {
  if (::linkat(AT_FDCWD, path_.c_str(), folder_fd, name.c_str(), 0) == 0) return 0;
  int error_number = errno;
  // Over a network file system the answer of a link that was made may be lost, and the repetition
  // then finds its own work: two names for our file say so.
  struct stat info {};
  if (::fstat(fd_.get(), &info) == 0 && info.st_nlink == 2) return 0;
  if (error_number == EPERM || error_number == EOPNOTSUPP || error_number == ENOSYS) {
    // No hard links there.
    if (::renameat2(AT_FDCWD, path_.c_str(), folder_fd, name.c_str(), RENAME_NOREPLACE) == 0) {
      name_.clear();
      return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) error_number = errno;
  }
  return error_number;
}

}  // namespace tarn

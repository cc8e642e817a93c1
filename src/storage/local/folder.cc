#include "storage/local/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <mutex>
#include <set>
#include <tuple>

namespace tarn {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
constexpr size_t kKeyBytesMax = 1024;

struct Entry {
  std::string name;  // a folder's ends with '/', which puts it where its keys belong
  bool folder() const { return name.back() == '/'; }
};

struct CloseStream {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

/// Files and folders of one folder in the order of their keys.
Result<std::vector<Entry>> ReadFolder(int fd, std::string_view path) {
  // An open of its own: a duplicate would share its position with `fd`.
  int own = -1;
  do {
    own = ::openat(fd, ".", kFolderFlags | O_CLOEXEC);
  } while (own < 0 && errno == EINTR);
  if (own < 0) return PosixError(errno, "list", path);
  std::unique_ptr<DIR, CloseStream> stream(::fdopendir(own));
  if (!stream) {
    const int error_number = errno;
    ::close(own);
    return PosixError(error_number, "list", path);
  }
  std::vector<Entry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    unsigned char type = entry->d_type;
    if (type == DT_UNKNOWN) {
      struct stat info {};
      if (::fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      type = S_ISREG(info.st_mode) ? DT_REG : S_ISDIR(info.st_mode) ? DT_DIR : DT_LNK;
    }
    if (type == DT_DIR) {
      entries.push_back({name + "/"});
    } else if (type == DT_REG) {
      entries.push_back({std::move(name)});
    }
  }
  if (errno != 0) return PosixError(errno, "list", path);
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

bool Vanished(int error_number) { return error_number == ENOENT || error_number == ENOTDIR; }

bool Denied(int error_number) { return error_number == EACCES || error_number == EPERM; }

Status Walk(int fd, const std::string& root_path, const std::string& folder,
            std::string_view name_prefix, const std::function<Status(const ObjectInfo&)>& visit) {
  TARN_ASSIGN_OR_RETURN(const auto entries, ReadFolder(fd, root_path + "/" + folder));
  for (const Entry& entry : entries) {
    if (!entry.name.starts_with(name_prefix)) continue;
    std::string key = folder + entry.name;
    if (entry.folder()) {
      // A deeper tree than any key can be is not ours.
      if (key.size() > kKeyBytesMax || !ValidatePrefix(key).ok()) continue;
      const UniqueFd child = OpenAt(fd, entry.name.substr(0, entry.name.size() - 1), kFolderFlags);
      if (!child.valid()) {
        if (Vanished(errno)) continue;
        return PosixError(errno, "list", root_path + "/" + key);
      }
      TARN_RETURN_IF_ERROR(Walk(child.get(), root_path, key, {}, visit));
      continue;
    }
    if (!ValidateKey(key).ok()) continue;
    struct stat info {};
    if (::fstatat(fd, entry.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (Vanished(errno)) continue;
      return PosixError(errno, "list", root_path + "/" + key);
    }
    if (!S_ISREG(info.st_mode)) continue;
    TARN_RETURN_IF_ERROR(visit(ObjectInfo{
        std::move(key), static_cast<int64_t>(info.st_size),
        static_cast<int64_t>(info.st_mtim.tv_sec) * 1000000 + info.st_mtim.tv_nsec / 1000}));
  }
  return {};
}

/// What this user may not look into or change is somebody else's, and stays.
Status RemoveBelow(int fd, const std::string& path) {
  TARN_ASSIGN_OR_RETURN(const auto entries, ReadFolder(fd, path));
  for (const Entry& entry : entries) {
    if (!entry.folder()) continue;
    const std::string name = entry.name.substr(0, entry.name.size() - 1);
    const UniqueFd child = OpenAt(fd, name, kFolderFlags);
    if (!child.valid()) {
      if (Vanished(errno) || Denied(errno)) continue;
      return PosixError(errno, "remove", path + "/" + name);
    }
    const Status below = RemoveBelow(child.get(), path + "/" + name);
    if (!below.ok() && below.error().kind == ErrorKind::kPermissionDenied) continue;
    TARN_RETURN_IF_ERROR(below);
    if (::unlinkat(fd, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOTEMPTY && errno != EEXIST &&
        errno != EBUSY && !Vanished(errno) && !Denied(errno)) {
      return PosixError(errno, "remove", path + "/" + name);
    }
  }
  return {};
}

/// Folders whose entries in their parents this process knows to be on the disk, so that it syncs
/// each once. They are told apart by their birth as well: numbers of removed folders come again.
/// Threads: may be called concurrently.
class DurableFolders {
 public:
  using Id = std::tuple<uint32_t, uint32_t, uint64_t, int64_t, uint32_t>;

  bool Contains(const Id& id) {
    std::lock_guard lock(mutex_);
    return known_.contains(id);
  }
  void Insert(const Id& id) {
    std::lock_guard lock(mutex_);
    // Who forgets only syncs again.
    if (known_.size() >= kFoldersMax) known_.clear();
    known_.insert(id);
  }

 private:
  static constexpr size_t kFoldersMax = 8192;
  std::mutex mutex_;
  std::set<Id> known_;
};

/// Until the disk has the entry of `folder` in `parent`.
Status MakeDurable(const UniqueFd& parent, const UniqueFd& folder, std::string_view path) {
  static DurableFolders durable;
  struct statx info {};
  if (::statx(folder.get(), "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &info) != 0 ||
      (info.stx_mask & STATX_BTIME) == 0) {
    return SyncFd(parent.get(), path);
  }
  const DurableFolders::Id id{info.stx_dev_major, info.stx_dev_minor, info.stx_ino,
                              info.stx_btime.tv_sec, info.stx_btime.tv_nsec};
  if (durable.Contains(id)) return {};
  TARN_RETURN_IF_ERROR(SyncFd(parent.get(), path));
  durable.Insert(id);
  return {};
}

}  // namespace

Result<UniqueFd> OpenRoot(const std::string& root_path) {
  UniqueFd root = OpenAt(AT_FDCWD, root_path, O_RDONLY | O_DIRECTORY);
  if (root.valid()) return root;
  if (errno == ENOENT) {
    return NotFound("folder " + root_path + " does not exist", "create it, or correct `warehouse`");
  }
  return PosixError(errno, "open folder", root_path);
}

Result<UniqueFd> OpenFolder(const std::string& root_path, std::string_view path,
                            MissingFolders missing) {
  TARN_ASSIGN_OR_RETURN(UniqueFd folder, OpenRoot(root_path));
  std::string at = root_path;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string name(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
    at.append("/").append(name);
    UniqueFd child = OpenAt(folder.get(), name, kFolderFlags);
    if (!child.valid() && errno == ENOENT && missing == MissingFolders::kCreate) {
      if (::mkdirat(folder.get(), name.c_str(), 0777) != 0 && errno != EEXIST) {
        return PosixError(errno, "create folder", at);
      }
      child = OpenAt(folder.get(), name, kFolderFlags);
    }
    if (!child.valid()) return PosixError(errno, "open folder", at);
    if (missing == MissingFolders::kCreate) TARN_RETURN_IF_ERROR(MakeDurable(folder, child, at));
    folder = std::move(child);
  }
  return folder;
}

Status CreateRoot(const std::string& root_path) {
  for (size_t slash = root_path.find('/', 1);; slash = root_path.find('/', slash + 1)) {
    const std::string path = root_path.substr(0, slash);
    const bool made = ::mkdir(path.c_str(), 0777) == 0;
    if (!made && errno != EEXIST) {
      // Above the root somebody else's read-only folders may stand; only a missing one matters.
      const int error_number = errno;
      struct stat info {};
      if (::stat(path.c_str(), &info) != 0) {
        return PosixError(error_number, "create folder", path);
      }
    }
    const size_t parent = path.rfind('/');
    const UniqueFd fd =
        OpenAt(AT_FDCWD, parent == 0 ? "/" : path.substr(0, parent), O_RDONLY | O_DIRECTORY);
    // Whoever is just making it syncs it too; what has stood for long may stand where nothing can
    // be synced.
    const Status synced = fd.valid() ? SyncFd(fd.get(), path) : Status();
    if (made) TARN_RETURN_IF_ERROR(synced);
    if (slash == std::string::npos) return {};
  }
}

Status ListFiles(const std::string& root_path, std::string_view prefix,
                 const std::function<Status(const ObjectInfo&)>& visit) {
  const KeyParts parts = SplitKey(prefix);
  auto folder = OpenFolder(root_path, parts.folder, MissingFolders::kRefuse);
  if (!folder.ok()) {
    // A missing root is an error; a folder that is missing, or a file, has no keys below it.
    TARN_RETURN_IF_ERROR(OpenRoot(root_path));
    const ErrorKind kind = folder.error().kind;
    if (kind == ErrorKind::kNotFound || kind == ErrorKind::kInvalidArgument) return {};
    return folder.status();
  }
  const std::string above = parts.folder.empty() ? "" : std::string(parts.folder) + "/";
  return Walk(folder->get(), root_path, above, parts.name, visit);
}

Status RemoveFolders(const std::string& root_path, std::string_view path) {
  if (path.empty()) return {};  // folders that nobody names are nobody's to remove
  auto folder = OpenFolder(root_path, path, MissingFolders::kRefuse);
  if (folder.ok()) {
    TARN_RETURN_IF_ERROR(RemoveBelow(folder->get(), root_path + "/" + std::string(path)));
  } else if (folder.error().kind != ErrorKind::kNotFound) {
    return folder.status();
  }
  // Those above were made for it.
  for (std::string_view left = path; !left.empty();) {
    const std::string full = root_path + "/" + std::string(left);
    const KeyParts parts = SplitKey(left);
    left = parts.folder;
    auto parent = OpenFolder(root_path, parts.folder, MissingFolders::kRefuse);
    if (!parent.ok()) {
      if (parent.error().kind == ErrorKind::kNotFound) continue;
      return parent.status();
    }
    if (::unlinkat(parent->get(), parts.name.c_str(), AT_REMOVEDIR) == 0 || Vanished(errno)) {
      continue;
    }
    if (errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY || Denied(errno)) return {};
    return PosixError(errno, "remove", full);
  }
  return {};
}

KeyParts SplitKey(std::string_view key) {
  const size_t slash = key.rfind('/');
  if (slash == std::string_view::npos) return {{}, std::string(key)};
  return {key.substr(0, slash), std::string(key.substr(slash + 1))};
}

}  // namespace tarn

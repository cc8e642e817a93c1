#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "storage/local/posix.h"

namespace tarn {

class TempArea;

/// A file without a place yet. Unless it is published it is removed with this object.
class TempFile {
 public:
  TempFile(TempFile&& other) noexcept = default;
  TempFile& operator=(TempFile&&) = delete;
  ~TempFile();

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

  /// What stands under the name meanwhile is replaced, atomically. The caller has synced fd(), and
  /// syncs `folder_fd`. Both return 0 or an errno.
  int RenameTo(int folder_fd, const std::string& name);
  /// EEXIST where the name is taken.
  int LinkTo(int folder_fd, const std::string& name);

 private:
  friend class TempArea;
  TempFile() = default;

  std::shared_ptr<TempArea> area_;
  UniqueFd fd_;
  std::string name_;  // empty once there is nothing to remove
  std::string path_;
};

/// The folder `kReservedFolder` of a root, where files are written before they get their names:
///
///   <owner>.lock    held with flock(2) as long as the owner, one TempArea, lives
///   <owner>-<n>     its files
///
/// The kernel drops the lock when the owner's process ends, however it ends; whoever can take it
/// sweeps the owner's files away. That is certain also between containers, whose process ids say
/// nothing to each other, and after a restart of the machine; no file's age has to be guessed.
/// Threads: every method may be called concurrently.
/// Ownership: files keep their area alive.
class TempArea : public std::enable_shared_from_this<TempArea> {
 public:
  /// Touches nothing before the first Create().
  TempArea(std::string root_path, Random& random);
  TempArea(const TempArea&) = delete;
  TempArea& operator=(const TempArea&) = delete;
  ~TempArea();

  /// A new file, open for writing. The first call takes the lock and sweeps what the dead left.
  /// Errors: NotFound (no root), PermissionDenied, ResourceExhausted, Unavailable.
  Result<TempFile> Create();
  /// Gives up lock and folder if no file is open; the next Create() makes them again.
  void Release();

 private:
  friend class TempFile;

  Result<UniqueFd> Acquire();
  void ReleaseLocked();
  void FileGone(const std::string& name);

  const std::string root_path_;
  const std::string folder_path_;
  Random& random_;
  std::mutex mutex_;
  UniqueFd lock_;  // of <owner>.lock
  std::string owner_;
  uint64_t next_file_ = 0;
  int64_t open_files_ = 0;
};

}  // namespace tarn

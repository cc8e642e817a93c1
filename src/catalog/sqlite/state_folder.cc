#include "catalog/sqlite/state_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

namespace tarn::sqlite {
namespace {

Status CannotMake(const std::filesystem::path& folder, const std::error_code& error) {
  return PermissionDenied(
      "state folder " + folder.string() + " cannot be made: " + error.message(),
      "create it, or point `state` in tarn.yaml to a folder that this user may write");
}

Status SyncFolder(const std::filesystem::path& folder, int (*sync)(int fd)) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && sync(fd) == 0;
  const std::error_code error(errno, std::generic_category());
  if (fd >= 0) ::close(fd);
  if (synced) return {};
  return Unavailable("cannot sync the folder " + folder.string() + ": " + error.message(),
                     "check the disk that holds it");
}

}  // namespace

Status MakeStateFolder(const std::filesystem::path& folder, int (*sync)(int fd)) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(folder, error);
  if (error) return CannotMake(folder, error);
  std::vector<std::filesystem::path> missing;  // the lowest first
  for (std::filesystem::path at = whole;
       !std::filesystem::exists(at, error) && at.has_relative_path(); at = at.parent_path()) {
    missing.push_back(at);
  }
  std::filesystem::create_directories(whole, error);
  if (error) return CannotMake(folder, error);
  // Also what another process has just made: it may not have come to that yet.
  for (const std::filesystem::path& one : missing) {
    if (!one.has_filename()) continue;  // "state/" is the folder "state"
    TARN_RETURN_IF_ERROR(SyncFolder(one.parent_path(), sync != nullptr ? sync : &::fsync));
  }
  return {};
}

}  // namespace tarn::sqlite

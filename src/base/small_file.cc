#include "base/small_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace tarn {
namespace {

namespace fs = std::filesystem;

constexpr char kUnfinished[] = ".unfinished-";

Error WriteError(const std::string& path, int error) {
  const std::string message = "cannot write " + path + ": " + std::strerror(error);
  if (error == EACCES || error == EPERM || error == EROFS) {
    return PermissionDenied(message, "let this user write there");
  }
  if (error == ENOSPC || error == EDQUOT) return ResourceExhausted(message, "make room");
  return Unavailable(message);
}

}  // namespace

Result<std::optional<std::string>> ReadSmallFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::error_code error;
    if (!fs::exists(path, error) && !error) return std::optional<std::string>();
    return PermissionDenied("cannot read " + path, "let this user read and write it");
  }
  std::ostringstream text;
  text << file.rdbuf();
  return std::optional<std::string>(text.str());
}

Status ReplaceSmallFile(const std::string& path, const std::string& text) {
  const std::string unfinished = path + kUnfinished + std::to_string(getpid());
  errno = 0;
  {
    std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file) {
      const int error = errno;
      std::remove(unfinished.c_str());
      return WriteError(unfinished, error);
    }
  }
  if (std::rename(unfinished.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  std::remove(unfinished.c_str());
  return WriteError(path, error);
}

void RemoveUnfinishedFiles(const std::string& folder) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string().find(kUnfinished) == std::string::npos) continue;
    std::error_code ignored;
    fs::remove(entry.path(), ignored);
  }
}

}  // namespace tarn

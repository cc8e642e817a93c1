#include "app/templates/templates.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/nearest.h"
#include "base/text.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

Error FileError(const std::string& what, const fs::path& path, int error) {
  const std::string message = what + " " + path.string() + ": " + std::strerror(error);
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return PermissionDenied(message, "choose another folder: tarn init TEMPLATE DIR");
    case ENOSPC:
    case EDQUOT:
      return ResourceExhausted(message, "make room, or choose a folder on another disk");
    case EEXIST:
    case ENOTDIR:
      return AlreadyExists(message, "choose another folder: tarn init TEMPLATE DIR");
    default:
      return Unavailable(message);
  }
}

/// What was made so far: removed when it goes out of scope before Keep().
class Made {
 public:
  Made() = default;
  Made(const Made&) = delete;
  Made& operator=(const Made&) = delete;
  ~Made() {
    std::error_code ignored;  // what cannot be removed stays: the first error is the one to tell
    for (auto path = paths_.rbegin(); path != paths_.rend(); ++path) fs::remove(*path, ignored);
  }
  void Add(fs::path path) { paths_.push_back(std::move(path)); }
  void Keep() { paths_.clear(); }

 private:
  std::vector<fs::path> paths_;
};

Status MakeFolders(const fs::path& folder, Made* made) {
  fs::path path;
  for (const fs::path& part : folder) {
    path /= part;
    if (mkdir(path.c_str(), 0777) == 0) {
      made->Add(path);
      continue;
    }
    const int error = errno;
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) return FileError("cannot make", path, error);
  }
  return Status::Ok();
}

Status WriteAll(int file, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("cannot write", path, errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return Status::Ok();
}

Status WriteFile(const TemplateFile& from, const fs::path& path, Made* made) {
  const mode_t mode = from.executable ? 0777 : 0666;  // less the umask
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) return FileError("cannot make", path, errno);
  made->Add(path);
  Status status = WriteAll(file, from.bytes, path);
  if (close(file) != 0 && status.ok()) status = FileError("cannot write", path, errno);
  return status;
}

/// The lines of the first ```sh block.
std::vector<std::string> FirstShellBlock(std::string_view text) {
  std::vector<std::string> lines;
  bool inside = false;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!inside) {
      inside = line == "```sh";
    } else if (line == "```") {
      break;
    } else {
      lines.emplace_back(line);
    }
  }
  return lines;
}

}  // namespace

std::vector<TemplateInfo> ListTemplates(std::span<const TemplateFile> files) {
  std::vector<TemplateInfo> infos;
  for (const TemplateFile& file : files) {
    if (infos.empty() || infos.back().name != file.name) {
      infos.push_back({std::string(file.name), {}, {}});
    }
    if (file.path != "README.md") continue;
    infos.back().steps = FirstShellBlock(file.bytes);
    if (file.bytes.substr(0, 2) == "# ") {
      infos.back().title = file.bytes.substr(2, file.bytes.find('\n') - 2);
    }
  }
  return infos;
}

Status WriteTemplate(std::span<const TemplateFile> files, std::string_view name,
                     const std::string& folder) {
  std::vector<TemplateFile> wanted;
  for (const TemplateFile& file : files) {
    if (file.name == name) wanted.push_back(file);
  }
  if (wanted.empty()) {
    std::vector<std::string> names;
    for (const TemplateInfo& info : ListTemplates(files)) names.push_back(info.name);
    const auto nearest = NearestName(name, names);
    return NotFound(
        "there is no template \"" + std::string(name) + "\"",
        nearest ? "did you mean \"" + *nearest + "\"?" : "templates: " + Join(names, ", "));
  }

  if (folder.empty()) return InvalidArgument("the folder to write to has an empty name");
  const fs::path root = fs::path(folder).lexically_normal();
  std::error_code error;
  if (fs::exists(fs::symlink_status(root, error)) && !fs::is_directory(root, error)) {
    return AlreadyExists(root.string() + " exists and is not a folder",
                         "choose another one: tarn init " + std::string(name) + " DIR");
  }
  if (fs::directory_iterator it(root, error); !error && it != fs::directory_iterator()) {
    return AlreadyExists("the folder " + root.string() + " is not empty",
                         "choose another one: tarn init " + std::string(name) + " DIR");
  }
  if (error && error.value() != ENOENT) return FileError("cannot look into", root, error.value());

  Made made;
  TARN_RETURN_IF_ERROR(MakeFolders(root, &made));
  for (const TemplateFile& file : wanted) {
    const fs::path path = root / file.path;
    TARN_RETURN_IF_ERROR(MakeFolders(path.parent_path(), &made));
    TARN_RETURN_IF_ERROR(WriteFile(file, path, &made));
  }
  made.Keep();
  return Status::Ok();
}

}  // namespace tarn

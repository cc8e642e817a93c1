#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "project/spec.h"
#include "target.h"

namespace tarn::fuzz {
namespace {

/// A folder for one tarn.yaml, gone with the process. In memory where there is such a place: file
/// systems write a file that is overwritten at once.
class Folder {
 public:
  Folder() {
    const std::filesystem::path memory = "/dev/shm";
    path_ =
        (std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path()) /
        "tarn-fuzz-XXXXXX";
    CheckThat(mkdtemp(path_.data()) != nullptr, "a temporary folder");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

/// A tarn.yaml, read without an environment and with one.
TARN_FUZZ_TARGET(tarn_yaml) {
  static const Folder folder;
  setenv("SHOP_PG", "postgres://shop@127.0.0.1/shop", 1);
  std::ofstream(folder.path() + "/tarn.yaml", std::ios::binary | std::ios::trunc) << input;
  for (const char* environment : {"", "dev"}) {
    const auto spec = LoadProject(folder.path(), environment);
    if (!spec.ok()) {
      // The environment that is asked for need not be there.
      const bool absent = *environment != '\0' && spec.error().kind == ErrorKind::kNotFound;
      if (!absent) CheckError(spec.error(), "tarn.yaml");
      continue;
    }
    CheckThat(!spec->name.empty() && !spec->catalog.empty(), "a project has a name");
    CheckThat(spec->state.starts_with('/'), "the state's folder is absolute");
  }
}

}  // namespace tarn::fuzz

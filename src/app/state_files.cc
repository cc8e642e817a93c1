#include "app/state_files.h"

#include <unistd.h>

#include <filesystem>
#include <regex>
#include <system_error>
#include <vector>

#include "app/make_way.h"
#include "base/fault_point.h"
#include "base/small_file.h"
#include "pipeline/ingest/capture_record.h"
#include "pipeline/maintain/clock_steps.h"
#include "project/captured.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

#define TARN_TABLE_UUID "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

/// What Tarn writes into one folder of the state: paths below it.
struct Written {
  const char* folder;
  const char* folders;  ///< pattern of folders; "": none
  const char* files;    ///< pattern of files
  /// Where a name alone does not tell: whether the file is one of Tarn's. May be null.
  bool (*is_ours)(const fs::path& file);
};

bool IsEmptyFile(const fs::path& file) {
  std::error_code error;
  return fs::file_size(file, error) == 0 && !error;
}

bool IsCaptureRecord(const fs::path& file) {
  if (file.extension() != ".json") return true;  // one that was not finished
  const auto text = ReadSmallFile(file.string());
  return text.ok() && text->has_value() && CaptureRecord::FromJson(**text).ok();
}

/// A block has a long name of its own; the lock of the cache never has contents.
bool IsOfCache(const fs::path& file) { return file.filename() != "lock" || IsEmptyFile(file); }

const Written kWritten[] = {
    // DuckDB's own test of what it may remove.
    {kSpillFolder, "", "duckdb_temp_.*", nullptr},
    // BlockCache.
    {kCacheFolder, "[0-9a-f]{2}",
     "lock|[0-9a-f]{2}/[0-9a-f]{32}-[0-9]+\\.block(\\.[0-9]+-[0-9]+\\.tmp)?", IsOfCache},
    // KeyIndex: of tables, of tables that are loaded anew, and of what a transaction touched.
    {kKeyIndexFolder, "reload|(reload/)?" TARN_TABLE_UUID "(\\.touched)?",
     "(reload/)?" TARN_TABLE_UUID
     "(\\.touched)?/(lock|manifest|manifest\\.new|log-[0-9]{12,}|run-[0-9]{12,})",
     nullptr},
    {kCaptureRecordFolder, "", "[^/]+\\.json(\\.unfinished-[0-9]+)?", IsCaptureRecord},
    // StreamedTransactions takes the name away before it writes.
    {kSpoolFolder, "", "[^/]+-[0-9]+-[A-Za-z0-9]{6}", IsEmptyFile},
};

/// Not fs::remove(), which takes away a link that the user made to a folder that is not empty.
void RemoveIfEmpty(const fs::path& folder) { static_cast<void>(::rmdir(folder.c_str())); }

class Remover {
 public:
  Remover(const fs::path& state, const Written& written)
      : root_(state / written.folder),
        folders_(written.folders),
        files_(written.files),
        is_ours_(written.is_ours) {}

  void Run() { RemoveIn(""); }

 private:
  void RemoveIn(const std::string& below) {
    const fs::path folder = below.empty() ? root_ : root_ / below;
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      entries.push_back(*it);
    }
    for (const fs::directory_entry& entry : entries) {
      const std::string name = entry.path().filename().string();
      const std::string path = below.empty() ? name : below + "/" + name;
      std::error_code ignored;
      const fs::file_status status = entry.symlink_status(ignored);
      if (fs::is_directory(status)) {
        if (std::regex_match(path, folders_)) RemoveIn(path);
      } else if (fs::is_regular_file(status) && std::regex_match(path, files_) &&
                 (is_ours_ == nullptr || is_ours_(entry.path()))) {
        fs::remove(entry.path(), ignored);
      }
    }
    RemoveIfEmpty(folder);
  }

  const fs::path root_;
  const std::regex folders_;
  const std::regex files_;
  bool (*const is_ours_)(const fs::path&);
};

}  // namespace

Status RemoveStateFiles(const std::string& state_folder) {
  const fs::path state(state_folder);
  for (const Written& written : kWritten) Remover(state, written).Run();
  std::error_code error;
  fs::remove(WayRequestPath(state_folder), error);
  fs::remove(ClockRecordPath(state_folder), error);
  RemoveUnfinishedFiles(state_folder);
  // The catalog goes last, for without it nobody knows that there is something to destroy.
  for (const char* name : {"queries.db", "queries.db-wal", "queries.db-shm", "catalog.db",
                           "catalog.db-wal", "catalog.db-shm"}) {
    fs::remove(state / name, error);
    if (error)
      return Unavailable("cannot remove " + (state / name).string() + ": " + error.message());
    TARN_FAULT_POINT(kDestroyState);
  }
  RemoveIfEmpty(state);
  return Status::Ok();
}

}  // namespace tarn

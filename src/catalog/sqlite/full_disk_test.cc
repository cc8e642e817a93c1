#include <sys/resource.h>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>

#include "catalog/sqlite/sqlite_catalog.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// As on a disk without room, while it lives: no file of the process grows beyond that.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(uint64_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~FileSizeLimit() { EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0); }

 private:
  rlimit before_;
};

Result<CommitInfo> CommitObject(Catalog& catalog, const std::string& name) {
  return catalog.Commit(
      {"commit-" + name, "test", "", {PutObjectOp{"kind", name, std::string(10'000, 'x')}}});
}

class FullDisk : public ::testing::Test {
 protected:
  FullDisk() {
    std::string pattern = (fs::temp_directory_path() / "tarn-XXXXXX").string();
    state_ = mkdtemp(pattern.data());
  }
  ~FullDisk() override { fs::remove_all(state_); }
  std::unique_ptr<Catalog> Open() { return *OpenSqliteCatalog(state_, SystemClock()); }
  uint64_t LogBytes() { return fs::file_size(state_ + "/catalog.db-wal"); }

  std::string state_;
};

TEST_F(FullDisk, ACommitWithoutRoomCertainlyDidNotHappen) {
  // Wherever in the commit's pages the room ends.
  for (const uint64_t room : {0, 10, 24, 2000, 4120, 6000, 9000}) {
    const std::string name = std::to_string(room);
    {
      const auto catalog = Open();
      ASSERT_TRUE(CommitObject(*catalog, "before" + name).ok());
      {
        const FileSizeLimit limit(LogBytes() + room);
        const auto info = CommitObject(*catalog, name);
        ASSERT_FALSE(info.ok());
        EXPECT_EQ(info.error().kind, ErrorKind::kResourceExhausted) << info.error().ToString();
        EXPECT_THAT(info.error().ToString(), HasSubstr("free space"));
        EXPECT_THAT(info.error().message, HasSubstr(state_));
      }
      EXPECT_EQ(catalog->FindCommit("commit-" + name).error().kind, ErrorKind::kNotFound);
    }
    // Nor is it found by who reads the log anew.
    EXPECT_EQ(Open()->FindCommit("commit-" + name).error().kind, ErrorKind::kNotFound);
  }
}

TEST_F(FullDisk, AStateThatCannotBeOpenedSaysSo) {
  { ASSERT_TRUE(CommitObject(*Open(), "before").ok()); }
  ASSERT_FALSE(fs::exists(state_ + "/catalog.db-shm"));
  {
    const FileSizeLimit limit(0);  // no room for what SQLite keeps beside it, not even for reads
    const auto catalog = OpenSqliteCatalog(state_, SystemClock());
    ASSERT_FALSE(catalog.ok());
    EXPECT_EQ(catalog.error().kind, ErrorKind::kResourceExhausted) << catalog.error().ToString();
    EXPECT_THAT(catalog.error().ToString(), HasSubstr("File too large"));
    EXPECT_THAT(catalog.error().ToString(), HasSubstr("free space"));
  }
  EXPECT_TRUE(CommitObject(*Open(), "after").ok());
}

TEST_F(FullDisk, ItIsDoneWhenThereIsRoom) {
  const auto catalog = Open();
  ASSERT_TRUE(CommitObject(*catalog, "before").ok());
  {
    const FileSizeLimit limit(LogBytes());
    EXPECT_FALSE(CommitObject(*catalog, "one").ok());
    EXPECT_EQ(catalog->RenewLock({"lock", "owner", "token", 0}, 1000).error().kind,
              ErrorKind::kConflict);
    EXPECT_EQ(catalog->AcquireLock("lock", "owner", "token", 1000).error().kind,
              ErrorKind::kResourceExhausted);
  }
  const auto info = CommitObject(*catalog, "one");
  ASSERT_TRUE(info.ok()) << info.error().ToString();
  EXPECT_EQ(info->sequence, Sequence(2));
}

}  // namespace
}  // namespace tarn

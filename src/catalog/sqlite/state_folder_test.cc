#include "catalog/sqlite/state_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace tarn::sqlite {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class StateFolder : public ::testing::Test {
 protected:
  StateFolder() {
    std::string pattern = (fs::temp_directory_path() / "tarn-XXXXXX").string();
    root_ = fs::canonical(mkdtemp(pattern.data()));
    synced_.clear();
  }
  ~StateFolder() override { fs::remove_all(root_); }

  /// Notes which folder it is, by what the descriptor leads to.
  static int Note(int fd) {
    synced_.push_back(fs::read_symlink("/proc/self/fd/" + std::to_string(fd)));
    return 0;
  }
  static int Fail(int) {
    errno = EIO;
    return -1;
  }

  fs::path root_;
  static inline std::vector<fs::path> synced_;
};

TEST_F(StateFolder, EveryFolderInWhichOneWasMadeIsSynced) {
  ASSERT_TRUE(MakeStateFolder(root_ / "a/b/state/", &Note).ok());
  EXPECT_THAT(synced_, UnorderedElementsAre(root_, root_ / "a", root_ / "a/b"));
}

TEST_F(StateFolder, OneThatStandsIsNotSynced) {
  ASSERT_TRUE(MakeStateFolder(root_ / "state", &Note).ok());
  synced_.clear();
  ASSERT_TRUE(MakeStateFolder(root_ / "state", &Note).ok());
  EXPECT_THAT(synced_, IsEmpty());
}

TEST_F(StateFolder, ADiskThatDoesNotKeepItIsAnErrorThatNamesTheFolder) {
  const Status made = MakeStateFolder(root_ / "state", &Fail);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(made.error().message, HasSubstr(root_.string()));
  EXPECT_THAT(made.error().message, HasSubstr("Input/output error"));
}

}  // namespace
}  // namespace tarn::sqlite

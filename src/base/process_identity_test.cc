#include "base/process_identity.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace tarn {
namespace {

namespace fs = std::filesystem;

/// What a mount with hidepid shows of processes of other users: nothing.
struct HiddenProc {
  HiddenProc() {
    path = (fs::temp_directory_path() / "tarn-proc-XXXXXX").string();
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    fs::create_directory_symlink("/proc/sys", path + "/sys");
    fs::create_directory_symlink("/proc/self", path + "/self");
  }
  ~HiddenProc() { fs::remove_all(path); }
  std::string path;
};

TEST(ProcessIdentityTest, AProcessLivesUntilItHasEnded) {
  EXPECT_EQ(LivenessOf(ProcessIdentity()), Liveness::kAlive);
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::string identity = ProcessIdentity();
    const ssize_t written = write(pipe_ends[1], identity.data(), identity.size());
    _exit(written > 0 ? 0 : 1);
  }
  char text[512];
  const ssize_t length = read(pipe_ends[0], text, sizeof(text));
  ASSERT_GT(length, 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  const std::string ended(text, static_cast<size_t>(length));
  EXPECT_EQ(LivenessOf(ended), Liveness::kDead);
  EXPECT_EQ(LivenessOf(ended, HiddenProc().path), Liveness::kDead);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST(ProcessIdentityTest, AProcessThatIsHiddenIsNotDead) {
  const HiddenProc hidden;
  EXPECT_EQ(LivenessOf(ProcessIdentity(), hidden.path), Liveness::kUnknown);
  // Its stat is there, and cannot be read.
  fs::create_directory(hidden.path + "/" + std::to_string(getpid()));
  fs::create_symlink("stat", hidden.path + "/" + std::to_string(getpid()) + "/stat");
  EXPECT_EQ(LivenessOf(ProcessIdentity(), hidden.path), Liveness::kUnknown);
}

TEST(ProcessIdentityTest, AnotherMachinesProcessIsUnknown) {
  EXPECT_EQ(LivenessOf("0123 pid:[1] 1 1"), Liveness::kUnknown);
  EXPECT_EQ(LivenessOf(""), Liveness::kUnknown);
}

}  // namespace
}  // namespace tarn

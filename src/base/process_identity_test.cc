#include "base/process_identity.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tarn {
namespace {

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
  EXPECT_EQ(LivenessOf(std::string(text, static_cast<size_t>(length))), Liveness::kDead);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST(ProcessIdentityTest, AnotherMachinesProcessIsUnknown) {
  EXPECT_EQ(LivenessOf("0123 pid:[1] 1 1"), Liveness::kUnknown);
  EXPECT_EQ(LivenessOf(""), Liveness::kUnknown);
}

}  // namespace
}  // namespace tarn

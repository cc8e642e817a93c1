#include "catalog/sqlite/settle.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "catalog/sqlite/sqlite_catalog.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

Status CommitObject(Catalog& catalog, const std::string& name) {
  return catalog.Commit({"commit-" + name, "test", "", {PutObjectOp{"kind", name, "{}"}}}).status();
}

// Copies over what stands there, in another process: closing a file takes away the locks that this
// process has on it, and truncating one that is mapped would end it.
bool CopyOver(const std::string& from, const std::string& to) {
  return std::system(("dd if=" + from + " of=" + to + " conv=notrunc status=none").c_str()) == 0;
}

// A process that was to commit "second" and got as far as the log: it stands there, synced, and
// nobody has been told. Another connection of it stands for others who are at work. Never returns.
[[noreturn]] void StopBeforeTheOthersAreTold(const std::string& state, int told) {
  const std::string shared = state + "/catalog.db-shm";
  auto catalog = OpenSqliteCatalog(state, SystemClock());
  bool ok = catalog.ok() && CommitObject(**catalog, "first").ok();
  ok = ok && std::system(("cp " + shared + " " + state + "/before").c_str()) == 0;
  ok = ok && CommitObject(**catalog, "second").ok() && CopyOver(state + "/before", shared);
  const char answer = ok ? 'y' : 'n';
  if (::write(told, &answer, 1) != 1) ::_exit(1);
  for (;;) ::pause();
}

int64_t SequenceNow(const std::string& state) {
  const auto catalog = OpenSqliteCatalog(state, SystemClock());
  EXPECT_TRUE(catalog.ok()) << catalog.status().ToString();
  return catalog.ok() ? (*catalog)->CurrentSequence()->value() : -1;
}

class SettleLog : public ::testing::Test {
 protected:
  SettleLog() {
    std::string pattern = (fs::temp_directory_path() / "tarn-XXXXXX").string();
    state_ = mkdtemp(pattern.data());
    int pipes[2];
    EXPECT_EQ(::pipe(pipes), 0);
    child_ = ::fork();
    if (child_ == 0) StopBeforeTheOthersAreTold(state_, pipes[1]);
    char answer = 'n';
    EXPECT_EQ(::read(pipes[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    ::close(pipes[0]);
    ::close(pipes[1]);
  }
  ~SettleLog() override {
    Kill();
    fs::remove_all(state_);
  }
  void Kill() {
    if (child_ == 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }

  std::string state_;
  pid_t child_ = 0;
};

TEST_F(SettleLog, ACommitThatSomebodyDidNotFindNeverAppears) {
  EXPECT_EQ(SequenceNow(state_), 1);
  Kill();
  EXPECT_EQ(SequenceNow(state_), 1);
}

// A process that moves the log's pages to the file, and does not come to an end.
pid_t Checkpointing(const std::string& state) {
  int pipes[2];
  EXPECT_EQ(::pipe(pipes), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    // SQLite's "WAL Index": the lock of checkpoints is byte 121 of the shared memory's file.
    const int shared = ::open((state + "/catalog.db-shm").c_str(), O_RDWR);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = 121;
    lock.l_len = 1;
    const char answer = ::fcntl(shared, F_SETLK, &lock) == 0 ? 'y' : 'n';
    if (::write(pipes[1], &answer, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char answer = 'n';
  EXPECT_EQ(::read(pipes[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  ::close(pipes[0]);
  ::close(pipes[1]);
  return child;
}

TEST_F(SettleLog, ACommitThatSomebodyDidNotFindDuringACheckpointNeverAppearsEither) {
  const pid_t other = Checkpointing(state_);
  EXPECT_EQ(SequenceNow(state_), 1);
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  Kill();
  EXPECT_EQ(SequenceNow(state_), 1);
}

TEST_F(SettleLog, WhoComesFirstFindsIt) {
  Kill();
  EXPECT_EQ(SequenceNow(state_), 2);
  EXPECT_EQ(SequenceNow(state_), 2);
}

TEST_F(SettleLog, TheNextCommitTakesItsPlace) {
  {
    const auto catalog = OpenSqliteCatalog(state_, SystemClock());
    ASSERT_TRUE(catalog.ok());
    ASSERT_TRUE(CommitObject(**catalog, "third").ok());
    EXPECT_EQ((*catalog)->CurrentSequence()->value(), 2);
    EXPECT_FALSE((*catalog)->FindCommit("commit-second").ok());
  }
  Kill();
  const auto catalog = OpenSqliteCatalog(state_, SystemClock());
  ASSERT_TRUE(catalog.ok());
  EXPECT_TRUE((*catalog)->FindCommit("commit-third").ok());
  EXPECT_FALSE((*catalog)->FindCommit("commit-second").ok());
}

}  // namespace
}  // namespace tarn

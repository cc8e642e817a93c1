#include "project/lock.h"

#include <chrono>
#include <thread>

#include <gmock/gmock.h>

#include "base/log.h"
#include "catalog/sqlite/sqlite_catalog.h"
#include "catalog/test_support.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;

/// Loses answers, or does not answer at all, as long as it is told to.
class UnreliableCatalog final : public ForwardingCatalog {
 public:
  using ForwardingCatalog::ForwardingCatalog;
  Result<LockInfo> AcquireLock(const std::string& name, const std::string& owner,
                               const std::string& token, int64_t lease_ms) override {
    auto lock = next_.AcquireLock(name, owner, token, lease_ms);
    if (lost_answers > 0) {
      --lost_answers;
      return Unavailable("the answer was lost");
    }
    return lock;
  }
  Status RenewLock(const LockInfo& lock, int64_t lease_ms) override {
    if (full) return ResourceExhausted("disk full");
    if (!renews) return Unavailable("no catalog");
    return next_.RenewLock(lock, lease_ms);
  }

  int lost_answers = 0;
  std::atomic<bool> renews{true};
  std::atomic<bool> full{false};
};

class ProjectLockTest : public ::testing::Test {
 protected:
  ProjectLockTest() {
    SetLogLevel(LogLevel::kError);
    limits_.lock_lease_ms = 3'600'000;  // no renewal of its own comes between
    limits_.lock_wait_ms = 0;
  }

  Result<std::unique_ptr<ProjectLock>> Acquire(const std::string& owner) {
    return ProjectLock::Acquire(ProjectLock::Scope::kProject, catalog_, clock_, *random_, limits_,
                                owner, cancel_, [](const std::string&) {});
  }
  void LetTheLeaseRunOut() { clock_.Advance(limits_.lock_lease_ms * 1000 + 1); }
  /// What another process does once the lease has run out.
  void TakeIt() {
    LetTheLeaseRunOut();
    ASSERT_TRUE(next_->AcquireLock("project", "the next one", "its token", 1000).ok());
  }
  Status CommitUnder(const ProjectLock& lock) {
    return catalog_.Commit({random_->Uuid(), "test", "", {lock.expectation()}}).status();
  }

  ManualClock clock_{1'700'000'000'000'000};
  std::unique_ptr<Random> random_ = SeededRandom(3);
  Limits limits_;
  CancelFlag cancel_;
  std::unique_ptr<Catalog> next_ = *OpenSqliteCatalogInMemory(clock_);
  UnreliableCatalog catalog_{*next_};
};

TEST_F(ProjectLockTest, OneHolderAtATimeWhoIsNamed) {
  {
    const auto lock = Acquire("apply");
    ASSERT_TRUE(lock.ok());
    EXPECT_TRUE(CommitUnder(**lock).ok());
    const auto second = Acquire("run");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
    EXPECT_THAT(second.error().message, HasSubstr("held by apply"));
  }
  EXPECT_TRUE(Acquire("run").ok());
}

TEST_F(ProjectLockTest, ALostAnswerDoesNotLockItsOwnCallerOut) {
  catalog_.lost_answers = 1;
  const auto lock = Acquire("apply");
  ASSERT_TRUE(lock.ok()) << lock.error().ToString();
  EXPECT_TRUE(CommitUnder(**lock).ok());
}

TEST_F(ProjectLockTest, WhoGivesUpAfterLostAnswersLeavesNoLeaseBehind) {
  catalog_.lost_answers = 2;
  EXPECT_EQ(Acquire("apply").error().kind, ErrorKind::kUnavailable);
  EXPECT_TRUE(Acquire("run").ok());
}

TEST_F(ProjectLockTest, AProcessThatStoodStillWhileTheLockWasTakenNoLongerCommitsAndStops) {
  const auto lock = Acquire("apply");
  ASSERT_TRUE(lock.ok());
  TakeIt();
  // Its own thread may not have run yet: nothing but the commit itself is sure to notice.
  EXPECT_FALSE(cancel_.requested());
  const Status fenced = CommitUnder(**lock);
  ASSERT_FALSE(fenced.ok());
  EXPECT_EQ(fenced.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(fenced.error().message, HasSubstr("the next one holds it"));

  const Status lost = (*lock)->Confirm();
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().kind, ErrorKind::kCancelled);
  EXPECT_THAT(lost.error().message, HasSubstr("the next one holds it"));
  EXPECT_EQ(cancel_.Check().error().message, lost.error().message);
}

TEST_F(ProjectLockTest, AProcessThatStoodStillWhileNobodyTookTheLockGoesOn) {
  const auto lock = Acquire("apply");
  ASSERT_TRUE(lock.ok());
  LetTheLeaseRunOut();
  EXPECT_TRUE(CommitUnder(**lock).ok());
  EXPECT_TRUE((*lock)->Confirm().ok());
  EXPECT_FALSE(Acquire("run").ok());
}

TEST_F(ProjectLockTest, ACatalogThatDoesNotAnswerForLongerThanTheLeaseTakesNothingAway) {
  const auto lock = Acquire("apply");
  ASSERT_TRUE(lock.ok());
  catalog_.renews = false;
  clock_.Advance(limits_.lock_lease_ms * 1000 - 1);
  EXPECT_TRUE((*lock)->Confirm().ok());
  clock_.Advance(1);
  EXPECT_EQ((*lock)->Confirm().error().kind, ErrorKind::kUnavailable);
  EXPECT_FALSE(cancel_.requested());
  catalog_.renews = true;
  EXPECT_TRUE((*lock)->Confirm().ok());
  EXPECT_TRUE(CommitUnder(**lock).ok());
}

TEST_F(ProjectLockTest, WhoIsCutOffWhileTheLockIsTakenLearnsItWithTheNextAnswer) {
  const auto lock = Acquire("apply");
  ASSERT_TRUE(lock.ok());
  catalog_.renews = false;
  TakeIt();
  EXPECT_EQ((*lock)->Confirm().error().kind, ErrorKind::kUnavailable);
  catalog_.renews = true;
  EXPECT_EQ((*lock)->Confirm().error().kind, ErrorKind::kCancelled);
}

TEST_F(ProjectLockTest, ADiskThatIsFullForLongerThanTheLeaseTakesNothingAway) {
  const auto lock = Acquire("apply");
  ASSERT_TRUE(lock.ok());
  catalog_.full = true;
  LetTheLeaseRunOut();
  EXPECT_EQ((*lock)->Confirm().error().kind, ErrorKind::kResourceExhausted);
  EXPECT_FALSE(cancel_.requested());
  catalog_.full = false;
  EXPECT_TRUE((*lock)->Confirm().ok());
  EXPECT_TRUE(CommitUnder(**lock).ok());
}

TEST_F(ProjectLockTest, ItsOwnThreadNoticesTheLoss) {
  limits_.lock_lease_ms = 30;
  const auto lock = Acquire("apply");
  ASSERT_TRUE(lock.ok());
  catalog_.renews = false;
  TakeIt();
  catalog_.renews = true;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!cancel_.requested() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(cancel_.requested());
  EXPECT_THAT(cancel_.Check().error().message, HasSubstr("lock was lost"));
}

}  // namespace
}  // namespace tarn

#include "app/make_way.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace tarn {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kWaitMs = 60'000;

class MakeWayTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tarn-way-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    state_ = pattern;
  }
  void TearDown() override { fs::remove_all(state_); }
  std::string state_;
};

TEST_F(MakeWayTest, ARequestStandsUntilItIsWithdrawn) {
  EXPECT_EQ(WhoWantsTheWay(state_, kWaitMs), std::nullopt);
  {
    WayRequest request;
    ASSERT_TRUE(request.Make(state_, "apply, pid 1 on here").ok());
    EXPECT_EQ(WhoWantsTheWay(state_, kWaitMs), "apply, pid 1 on here");
  }
  EXPECT_EQ(WhoWantsTheWay(state_, kWaitMs), std::nullopt);
  EXPECT_TRUE(fs::is_empty(state_));
}

TEST_F(MakeWayTest, TheDeadWantNothing) {
  const pid_t child = fork();
  if (child == 0) {
    WayRequest request;
    _exit(request.Make(state_, "resync, which dies").ok() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(fs::exists(WayRequestPath(state_)));
  EXPECT_EQ(WhoWantsTheWay(state_, kWaitMs), std::nullopt);
}

TEST_F(MakeWayTest, ARequestOfAnotherMachineGrowsOld) {
  std::ofstream(WayRequestPath(state_)) << "boot pid:[1] 7 9\napply, pid 7 on there\n";
  EXPECT_EQ(WhoWantsTheWay(state_, kWaitMs), "apply, pid 7 on there");
  fs::last_write_time(WayRequestPath(state_),
                      fs::file_time_type::clock::now() - std::chrono::minutes(2));
  EXPECT_EQ(WhoWantsTheWay(state_, kWaitMs), std::nullopt);
}

TEST_F(MakeWayTest, SomebodyElsesRequestIsNotTakenAway) {
  WayRequest request;
  ASSERT_TRUE(request.Make(state_, "apply").ok());
  std::ofstream(WayRequestPath(state_)) << "boot pid:[1] 7 9\nresync\n";
  request.Withdraw();
  EXPECT_EQ(WhoWantsTheWay(state_, kWaitMs), "resync");
}

TEST_F(MakeWayTest, WithoutAFolderItIsAnError) {
  WayRequest request;
  EXPECT_FALSE(request.Make(state_ + "/missing", "apply").ok());
}

}  // namespace
}  // namespace tarn

#include "pipeline/maintain/clock_steps.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <gmock/gmock.h>

#include "base/random.h"
#include "pipeline/maintain/clocks.h"
#include "pipeline/maintain/maintain.h"
#include "pipeline/maintain/testing.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;
using testing::kDayMicros;
using testing::kHourMicros;

constexpr int64_t kMinute = 60'000'000;

class ClockStepsTest : public ::testing::Test {
 protected:
  ClockStepsTest() : folder_(::testing::TempDir() + "clock-" + SystemRandom().Uuid()) {
    std::filesystem::create_directories(folder_);
  }
  ~ClockStepsTest() override { std::filesystem::remove_all(folder_); }

  void Pass(int64_t micros) {
    now_.wall_micros += micros;
    now_.up_micros += micros;
  }
  std::optional<int64_t> SinceSet() {
    const auto steps = LookAtClock(ClockRecordPath(folder_), now_);
    EXPECT_TRUE(steps.ok()) << steps.status().ToString();
    EXPECT_EQ(steps->up_micros, now_.up_micros);
    return steps->since_set_micros;
  }

  const std::string folder_;
  MachineTime now_{"boot-1", 1'700'000'000'000'000, kHourMicros};
};

TEST_F(ClockStepsTest, AClockThatGoesOnWasNotSet) {
  EXPECT_EQ(SinceSet(), std::nullopt);
  Pass(30 * kDayMicros);
  EXPECT_EQ(SinceSet(), std::nullopt);
  now_.wall_micros += 9 * kMinute;
  EXPECT_EQ(SinceSet(), std::nullopt) << "less than is tolerated";
}

TEST_F(ClockStepsTest, AStepForwardIsRememberedUntilTheNextBoot) {
  EXPECT_EQ(SinceSet(), std::nullopt);
  now_.wall_micros += 300 * kDayMicros;
  EXPECT_EQ(SinceSet(), 0);
  Pass(kHourMicros);
  EXPECT_EQ(SinceSet(), kHourMicros);
  now_.wall_micros += 10 * kMinute;
  EXPECT_EQ(SinceSet(), 0) << "the last one counts";
  now_.boot = "boot-2";
  now_.up_micros = kMinute;
  EXPECT_EQ(SinceSet(), std::nullopt) << "whoever wrote before is gone";
}

TEST_F(ClockStepsTest, AClockThatWasAheadAndIsSetBackMakesNothingOld) {
  EXPECT_EQ(SinceSet(), std::nullopt);
  now_.wall_micros -= kDayMicros;
  EXPECT_EQ(SinceSet(), std::nullopt);
  now_.wall_micros += kDayMicros;
  EXPECT_EQ(SinceSet(), 0) << "what was written a moment ago seems a day old";
}

TEST_F(ClockStepsTest, ManySmallStepsAreALargeOne) {
  EXPECT_EQ(SinceSet(), std::nullopt);
  now_.wall_micros += 6 * kMinute;
  EXPECT_EQ(SinceSet(), std::nullopt);
  now_.wall_micros += 6 * kMinute;
  EXPECT_EQ(SinceSet(), 0);
}

TEST_F(ClockStepsTest, ARecordThatCannotBeReadCountsAsAStep) {
  std::ofstream(ClockRecordPath(folder_)) << "{";
  EXPECT_EQ(SinceSet(), 0);
  Pass(kMinute);
  EXPECT_EQ(SinceSet(), kMinute);
}

TEST_F(ClockStepsTest, ThisMachineTellsItsTime) {
  const MachineTime now = ReadMachineTime();
  EXPECT_FALSE(now.boot.empty());
  EXPECT_GT(now.up_micros, 0);
  EXPECT_LT(now.up_micros, now.wall_micros);
}

/// Upkeep of a table with an orphan of a load that is about to commit it.
class SteppedUpkeepTest : public testing::MaintainTest {
 protected:
  SteppedUpkeepTest() {
    lake_.Create(kTable);
    Append(0, 10);
    Append(10, 20);
    lake_.Change(kTable, [&](TableTransaction& t) {
      pending_ = Write(t, {{100, "north"}}).front().path;
      return t.Append(Write(t, {{101, "south"}}));
    });
    rows_[101] = "south";
  }

  bool PendingStands() { return lake_.store().Head(*lake_.store().KeyOf(pending_)).ok(); }

  /// What the parts that go by age say.
  std::vector<std::string> Run(const ClockSteps& steps) {
    MaintainOptions options;
    options.clock_steps = [&]() -> Result<ClockSteps> { return steps; };
    const auto report = Maintain(context_, options);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    std::vector<std::string> held;
    for (const TableUpkeep& table : report->tables) {
      EXPECT_TRUE(table.error.ok()) << table.error.ToString();
      for (const MaintainStep& step : table.steps) {
        if (step.outcome == MaintainStep::Outcome::kHeld)
          held.push_back(step.part + ": " + step.why);
      }
    }
    return held;
  }

  std::string pending_;
};

TEST_F(SteppedUpkeepTest, NothingIsOldRightAfterTheClockWasSet) {
  lake_.clock().Advance(300 * kDayMicros);
  const size_t snapshots = State().metadata->snapshots.size();
  const auto held = Run({.up_micros = kDayMicros, .since_set_micros = 5 * kMinute});
  ASSERT_EQ(held.size(), 4U) << "snapshots, orphans, the Delta log, dropped tables";
  EXPECT_THAT(held[0], HasSubstr("this machine's clock was set forward 5 minutes ago"));
  EXPECT_TRUE(PendingStands());
  EXPECT_GE(State().metadata->snapshots.size(), snapshots);
}

TEST_F(SteppedUpkeepTest, WhatWasWrittenBeforeIsOldOnceTheGraceHasPassedByTheClockThatIsNotSet) {
  lake_.clock().Advance(300 * kDayMicros);
  EXPECT_TRUE(Run({.up_micros = 5 * kDayMicros, .since_set_micros = 4 * kDayMicros}).empty());
  EXPECT_FALSE(PendingStands());
}

TEST_F(SteppedUpkeepTest, AClockThatIsFarAheadOfTheNewestCommitIsDoubtedAfterABoot) {
  lake_.clock().Advance(300 * kDayMicros);
  const auto held = Run({.up_micros = 5 * kMinute});
  ASSERT_FALSE(held.empty());
  EXPECT_THAT(held[0], HasSubstr("nothing was committed for 43"));
  EXPECT_TRUE(PendingStands()) << "also after upkeep itself has committed";
}

TEST_F(SteppedUpkeepTest, ItIsBelievedWhereTheMachineRanAsLong) {
  lake_.clock().Advance(300 * kDayMicros);
  EXPECT_TRUE(Run({.up_micros = 4 * kDayMicros}).empty());
  EXPECT_FALSE(PendingStands());
}

}  // namespace
}  // namespace tarn

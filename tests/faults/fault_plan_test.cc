#include "faults/fault_plan.h"

#include <csignal>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tarn {
namespace {

constexpr FaultMoment kBefore = FaultMoment::kBefore;
constexpr FaultMoment kAfter = FaultMoment::kAfter;

std::unique_ptr<FaultPlan> Plan(const std::string& text) {
  auto plan = FaultPlan::Parse(text);
  EXPECT_TRUE(plan.ok()) << plan.status().ToString();
  return std::move(plan).value();
}

std::string Errors(FaultPlan& plan, FaultPoint point, FaultMoment moment, int times) {
  std::string errors;
  for (int i = 0; i < times; ++i) errors += plan.Reached(point, moment).ok() ? '.' : 'E';
  return errors;
}

TEST(FaultPlan, AFaultHappensTheTimeItIsMeantTo) {
  EXPECT_EQ(Errors(*Plan("store.put:fail"), FaultPoint::kStorePut, kBefore, 3), "E..");
  EXPECT_EQ(Errors(*Plan("store.put:fail@3"), FaultPoint::kStorePut, kBefore, 4), "..E.");
  EXPECT_EQ(Errors(*Plan("store.put:fail@2+"), FaultPoint::kStorePut, kBefore, 4), ".EEE");
  EXPECT_EQ(Errors(*Plan("*:fail@2"), FaultPoint::kStoreGet, kBefore, 3), ".E.");
  EXPECT_EQ(Errors(*Plan("store.get:fail"), FaultPoint::kStorePut, kBefore, 3), "...");
}

TEST(FaultPlan, AnswersAreLostAfterTheCall) {
  const auto plan = Plan("store.put:lose");
  EXPECT_EQ(Errors(*plan, FaultPoint::kStorePut, kBefore, 2), "..");
  EXPECT_EQ(Errors(*plan, FaultPoint::kStorePut, kAfter, 2), "E.");
}

TEST(FaultPlan, RandomFaultsReplayByTheirSeed) {
  const auto run = [](const std::string& text) {
    return Errors(*Plan(text), FaultPoint::kStorePut, kBefore, 200);
  };
  EXPECT_EQ(run("random:7:10:fail"), run("random:7:10:fail"));
  EXPECT_NE(run("random:7:10:fail"), run("random:8:10:fail"));
  EXPECT_NE(run("random:7:10:fail").find('E'), std::string::npos);
}

TEST(FaultPlan, AKillEndsTheProcessThere) {
  const auto plan = Plan("store.put:kill@2");
  EXPECT_TRUE(plan->Reached(FaultPoint::kStorePut, kBefore).ok());
  EXPECT_EXIT(static_cast<void>(plan->Reached(FaultPoint::kStorePut, kBefore).ok()),
              ::testing::KilledBySignal(SIGKILL), "");
}

TEST(FaultPlan, WhatIsNotUnderstoodIsRefused) {
  for (const char* text : {"store.put", "store.pot:fail", "store.put:explode", "store.put:fail@0",
                           "store.put:stall=x", "random:1:0:fail", "random:1:10:stall=5"}) {
    EXPECT_FALSE(FaultPlan::Parse(text).ok()) << text;
  }
}

TEST(FaultPoints, EveryNameIsThereOnce) {
  const auto names = FaultPointNames();
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
}

TEST(FaultPoints, NothingHappensWithoutAHandler) {
  EXPECT_FALSE(FaultHandlerInstalled());
  int calls = 0;
  const auto call = [&]() -> Status {
    ++calls;
    return {};
  };
  EXPECT_TRUE(CallWithFaults(FaultPoint::kStorePut, call).ok());
  EXPECT_EQ(calls, 1);
}

TEST(FaultPoints, AFailedCallDidNothingAndALostOneDidAll) {
  int calls = 0;
  const auto call = [&]() -> Result<int> { return ++calls; };
  const auto failing = Plan("store.put:fail");
  InstallFaultHandler(failing.get());
  EXPECT_FALSE(CallWithFaults(FaultPoint::kStorePut, call).ok());
  EXPECT_EQ(calls, 0);
  const auto losing = Plan("store.put:lose");
  InstallFaultHandler(losing.get());
  EXPECT_FALSE(CallWithFaults(FaultPoint::kStorePut, call).ok());
  EXPECT_EQ(calls, 1);
  InstallFaultHandler(nullptr);
}

}  // namespace
}  // namespace tarn

#include "pipeline/maintain/clocks.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>

#include "base/random.h"
#include "storage/forwarding_store.h"
#include "storage/memory/memory_store.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMinute = 60 * kSecond;

/// A machine's clock that can be set.
class SetClock final : public Clock {
 public:
  int64_t NowMicros() override { return wall; }
  int64_t MonotonicMicros() override { return monotonic; }
  void SleepMicros(int64_t micros) override { Pass(micros); }
  void Pass(int64_t micros) {
    wall += micros;
    monotonic += micros;
  }
  int64_t wall = 1'700'000'000'000'000;
  int64_t monotonic = 5'000;
};

/// Counts how often it is asked what time it is.
class AskedStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Status PutIfAbsent(std::string_view key, std::string_view bytes) override {
    ++asked;
    if (fails) return Unavailable("no network");
    return ForwardingStore::PutIfAbsent(key, bytes);
  }
  int asked = 0;
  bool fails = false;
};

class ClockWatchTest : public ::testing::Test {
 protected:
  ClockWatchTest() {
    context_.tables.store = &store_;
    context_.tables.clock = &here_;
    context_.tables.random = random_.get();
  }
  void Pass(int64_t micros) {
    here_.Pass(micros);
    there_.Advance(micros);
  }
  std::string Why() {
    const auto why = watch_.WhyAgesAreUncertain("bronze/t");
    EXPECT_TRUE(why.ok()) << why.status().ToString();
    return why.ok() ? *why : "";
  }

  SetClock here_;
  ManualClock there_{here_.wall};
  AskedStore store_{std::make_unique<MemoryStore>("lake", there_)};
  std::unique_ptr<Random> random_ = SeededRandom(7);
  PipelineContext context_;
  ClockWatch watch_{context_};
};

TEST_F(ClockWatchTest, TheStoreIsAskedOnceAMinute) {
  EXPECT_EQ(Why(), "");
  EXPECT_EQ(store_.asked, 1);
  Pass(kMinute);
  EXPECT_EQ(Why(), "");
  EXPECT_EQ(store_.asked, 1) << "a minute has not passed yet";
  Pass(1);
  EXPECT_EQ(Why(), "");
  EXPECT_EQ(store_.asked, 2);
  Pass(59 * kSecond);
  EXPECT_EQ(Why(), "");
  EXPECT_EQ(store_.asked, 2) << "counted from the second question";
}

TEST_F(ClockWatchTest, WhatItSaidHoldsForThatMinute) {
  here_.wall += 20 * kMinute;
  EXPECT_THAT(Why(), HasSubstr("it is 20 minutes later than by that of the store"));
  Pass(30 * kSecond);
  EXPECT_THAT(Why(), HasSubstr("20 minutes later"));
  EXPECT_EQ(store_.asked, 1);
  there_.Advance(20 * kMinute);
  Pass(31 * kSecond);
  EXPECT_EQ(Why(), "") << "the store's clock was set right";
}

TEST_F(ClockWatchTest, AClockThatWasSetMeanwhileIsAReasonToAskAgain) {
  EXPECT_EQ(Why(), "");
  Pass(kSecond);
  here_.wall += 15 * kMinute;
  EXPECT_THAT(Why(), HasSubstr("15 minutes later"));
  EXPECT_EQ(store_.asked, 2);
  Pass(kSecond);
  here_.wall -= 30 * kMinute;
  EXPECT_THAT(Why(), HasSubstr("15 minutes earlier"));
  EXPECT_EQ(store_.asked, 3);
}

TEST_F(ClockWatchTest, AnAnswerThatDidNotComeIsAskedForAgain) {
  store_.fails = true;
  EXPECT_FALSE(watch_.WhyAgesAreUncertain("bronze/t").ok());
  store_.fails = false;
  EXPECT_EQ(Why(), "");
  EXPECT_EQ(store_.asked, 2);
}

}  // namespace
}  // namespace tarn

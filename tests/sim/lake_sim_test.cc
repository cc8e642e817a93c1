#include <cstdlib>
#include <iostream>
#include <string>

#include <gtest/gtest.h>

#include "sim/world.h"

// TARN_SIM_SEED=n replays one run and tells its history; TARN_SIM_RUNS=n makes that many of each
// shard.
namespace tarn::sim {
namespace {

int64_t Setting(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

/// What a seed decides: who works, how much, and what goes wrong how often.
Plan PlanOf(uint64_t seed) {
  const auto random = SeededRandom(seed * 7919 + 17);
  Plan plan;
  plan.seed = seed;
  plan.writers = 1 + static_cast<int>(random->Below(3));
  plan.upkeepers = static_cast<int>(random->Below(3));
  plan.operations = 2 + static_cast<int>(random->Below(4));
  if (random->Below(16) == 0) plan.operations = 25;
  switch (random->Below(4)) {
    case 0:
      break;  // nothing but who is faster
    case 1:
      plan.rates = {.fail_one_in = 0, .lose_one_in = 0, .crash_one_in = 60};
      break;
    case 2:
      plan.rates = {.fail_one_in = 100, .lose_one_in = 100, .crash_one_in = 200};
      break;
    default:
      plan.rates = {.fail_one_in = 30, .lose_one_in = 30, .crash_one_in = 300};
  }
  return plan;
}

/// The first thing that went wrong in a run, with what led to it.
std::string Wrongs(const World& world) {
  std::string text;
  for (const std::string& wrong : world.wrongs()) text += "  " + wrong + "\n";
  return text;
}

constexpr uint64_t kShards = 8;

class LakeSim : public ::testing::TestWithParam<uint64_t> {};

TEST_P(LakeSim, NothingIsLostAndNothingDoubledWhateverHappens) {
  const auto replayed = static_cast<uint64_t>(Setting("TARN_SIM_SEED", 0));
  if (replayed != 0 && replayed % kShards != GetParam()) return;
  const auto runs = static_cast<uint64_t>(Setting("TARN_SIM_RUNS", 60));
  int64_t commits = 0;
  for (uint64_t run = 0; run < (replayed != 0 ? 1 : runs); ++run) {
    const uint64_t seed = replayed != 0 ? replayed : (run + 1) * kShards + GetParam();
    World world(PlanOf(seed));
    world.Run();
    commits += world.commits();
    if (replayed != 0) std::cout << world.history();
    ASSERT_TRUE(world.wrongs().empty()) << Wrongs(world) << "replay it with TARN_SIM_SEED=" << seed;
  }
  if (replayed == 0) {
    EXPECT_GT(commits, static_cast<int64_t>(runs));
  }
}

INSTANTIATE_TEST_SUITE_P(Shards, LakeSim, ::testing::Range<uint64_t>(0, kShards));

TEST(Simulation, ASeedGivesTheSameRunAgain) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    World first(PlanOf(seed)), second(PlanOf(seed));
    first.Run();
    second.Run();
    ASSERT_EQ(first.history(), second.history()) << "seed " << seed;
  }
}

struct Mutant {
  Sabotage sabotage;
  const char* what;   ///< name of the test
  const char* found;  ///< part of what must be said of it
};

class Saboteur : public ::testing::TestWithParam<Mutant> {};

TEST_P(Saboteur, IsFound) {
  std::string said;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Plan plan = PlanOf(seed);
    plan.writers = 2;
    plan.upkeepers = 2;
    plan.operations = 8;
    plan.sabotage = GetParam().sabotage;
    World world(plan);
    world.Run();
    if (world.wrongs().empty()) continue;
    said += Wrongs(world);
    if (said.find(GetParam().found) != std::string::npos) return;
  }
  ADD_FAILURE() << "never said \"" << GetParam().found << "\", but:\n" << said;
}

INSTANTIATE_TEST_SUITE_P(
    Mutants, Saboteur,
    ::testing::Values(
        Mutant{Sabotage::kRemoveLiveFile, "RemovesALiveFile", "which a snapshot of"},
        Mutant{Sabotage::kForgetCommit, "ForgetsACommit", "was committed 0 times"},
        Mutant{Sabotage::kCommitTwice, "CommitsTwice", "was committed twice"},
        Mutant{Sabotage::kLoseUpdate, "LosesAnUpdate", "is there twice"},
        Mutant{Sabotage::kTornRead, "TearsAReadApart", "a reader of moment"},
        Mutant{Sabotage::kSwallowEntry, "SwallowsAnEntry", "is not there, and later ones are"},
        Mutant{Sabotage::kCutEntry, "ForgetsRemovedFiles", "Delta's log of"},
        Mutant{Sabotage::kPublishTooEarly, "PublishesTooEarly", "was never committed"},
        Mutant{Sabotage::kNoGrace, "HasNoGrace", "is about to commit"}),
    [](const auto& mutant) { return mutant.param.what; });

}  // namespace
}  // namespace tarn::sim

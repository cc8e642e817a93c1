// The kept corpus of every fuzz target, and mutations of it: each input leads to a value or an
// error that names it, in time and within memory. Mutation i of a target is the same in every run.
//   TARN_FUZZ_MUTATIONS=100000 bin/fuzz_replay_test --gtest_filter='*/puffin'   more of them
//   TARN_FUZZ_INPUT=FILE bin/fuzz_replay_test --gtest_filter='*/puffin'         one input alone
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "guard.h"
#include "mutate.h"
#include "target.h"

namespace tarn::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr char kCorpus[] = "fuzz/corpus";
constexpr uint64_t kSeed = 20261121;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kMutations = 400;
#else
constexpr int kMutations = 4000;
#endif

std::map<std::string, Target>& Targets() {
  static std::map<std::string, Target> targets;
  return targets;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return std::move(bytes).str();
}

/// Bytes by file name, in the order of the names.
std::map<std::string, std::string> Corpus(const std::string& target) {
  std::map<std::string, std::string> corpus;
  if (!fs::is_directory(fs::path(kCorpus) / target)) return corpus;
  for (const auto& entry : fs::directory_iterator(fs::path(kCorpus) / target)) {
    corpus[entry.path().filename().string()] = ReadFile(entry.path());
  }
  return corpus;
}

int MutationsWanted() {
  const char* wanted = std::getenv("TARN_FUZZ_MUTATIONS");
  return wanted == nullptr ? kMutations : std::atoi(wanted);
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& [name, target] : Targets()) names.push_back(name);
  return names;
}

class FuzzReplay : public ::testing::TestWithParam<std::string> {};

TEST_P(FuzzReplay, EveryInputIsAValueOrAnErrorThatNamesIt) {
  Guard guard(GetParam(), Targets().at(GetParam()));
  const auto run = [&](std::string_view input, const std::string& what) {
    const double seconds = guard.Run(input, GetParam() + ", " + what);
    EXPECT_LE(seconds, Guard::cpu_seconds_max()) << what;
  };
  if (const char* input = std::getenv("TARN_FUZZ_INPUT"); input != nullptr) {
    run(ReadFile(input), input);
    return;
  }

  const std::map<std::string, std::string> corpus = Corpus(GetParam());
  ASSERT_FALSE(corpus.empty()) << "no corpus in " << kCorpus << "/" << GetParam();
  run("", "nothing");
  std::vector<std::string> inputs;
  for (const auto& [name, bytes] : corpus) {
    run(bytes, name);
    inputs.push_back(bytes);
  }
  for (int i = 0; i < MutationsWanted(); ++i) {
    const auto random = SeededRandom(kSeed + static_cast<uint64_t>(i));
    const std::string& input = inputs[random->Below(inputs.size())];
    const std::string& other = inputs[random->Below(inputs.size())];
    run(Mutate(input, other, *random), "mutation " + std::to_string(i));
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzReplay, ::testing::ValuesIn(Names()),
                         [](const auto& target) { return target.param; });

TEST(FuzzCorpus, BelongsToTargets) {
  uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kCorpus)) {
    if (entry.is_directory()) {
      EXPECT_TRUE(Targets().contains(entry.path().filename().string())) << entry.path();
    } else {
      bytes += entry.file_size();
    }
  }
  EXPECT_LT(bytes, 200U << 10) << "keep what finds something: tools/fuzz.sh --keep";
}

TEST(Mutate, IsTheSameForTheSameSeed) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    EXPECT_EQ(Mutate("some text 17", "another 99", *SeededRandom(seed)),
              Mutate("some text 17", "another 99", *SeededRandom(seed)));
    Mutate("", "", *SeededRandom(seed));
  }
}

}  // namespace

Registration::Registration(const char* name, Target target) { Targets().emplace(name, target); }

}  // namespace tarn::fuzz

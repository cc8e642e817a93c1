#include "base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <regex>
#include <set>
#include <string>

namespace tarn {
namespace {

TEST(RandomTest, TheSameSeedGivesTheSameSequence) {
  auto a = SeededRandom(42);
  auto b = SeededRandom(42);
  auto c = SeededRandom(43);
  const uint64_t first = a->Next();
  EXPECT_EQ(first, b->Next());
  EXPECT_NE(first, c->Next());
  EXPECT_EQ(SeededRandom(0)->Next(), 0xe220a8397b1dcdafULL);  // splitmix64's published first value
}

TEST(RandomTest, UuidsAreOfVersionFourAndDiffer) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = SystemRandom().Uuid();
    EXPECT_TRUE(std::regex_match(uuid, form)) << uuid;
    seen.insert(uuid);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

/// Always the same number.
class Stuck final : public Random {
 public:
  explicit Stuck(uint64_t value) : value_(value) {}
  uint64_t Next() override { return value_; }

 private:
  uint64_t value_;
};

TEST(RandomTest, SnapshotIdsAreNeverZeroOrNegative) {
  EXPECT_EQ(Stuck(0).PositiveInt64(), 1);
  EXPECT_EQ(Stuck(1).PositiveInt64(), 1);
  EXPECT_EQ(Stuck(UINT64_MAX).PositiveInt64(), INT64_MAX);
}

TEST(RandomTest, BelowStaysBelowAndIsFair) {
  auto random = SeededRandom(1);
  EXPECT_EQ(random->Below(0), 0u);
  EXPECT_EQ(random->Below(1), 0u);
  std::array<int, 3> counts{};
  for (int i = 0; i < 30000; ++i) ++counts.at(random->Below(3));
  for (const int count : counts) EXPECT_NEAR(count, 10000, 400);
  // Two thirds of all numbers lie in the first half of [0, bound) when the rest is just folded.
  const uint64_t bound = 3ULL << 62;
  int low = 0;
  for (int i = 0; i < 30000; ++i) low += random->Below(bound) < bound / 2 ? 1 : 0;
  EXPECT_NEAR(low, 15000, 500);
}

}  // namespace
}  // namespace tarn

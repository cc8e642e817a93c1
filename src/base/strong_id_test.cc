#include "base/strong_id.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <unordered_set>

namespace tarn {
namespace {

using Apples = StrongId<struct ApplesTag, int64_t>;
using Pears = StrongId<struct PearsTag, int64_t>;

static_assert(!std::is_convertible_v<Apples, Pears>);
static_assert(!std::is_convertible_v<int64_t, Apples>);
static_assert(!std::is_convertible_v<Apples, int64_t>);

TEST(StrongIdTest, ComparesAndHashesByValue) {
  EXPECT_EQ(Apples(3), Apples(3));
  EXPECT_LT(Apples(-1), Apples());
  const std::unordered_set<Apples> set{Apples(1), Apples(2), Apples(1)};
  EXPECT_EQ(set.size(), 2u);
}

}  // namespace
}  // namespace tarn

#include "base/nearest.h"

#include <gtest/gtest.h>

#include <vector>

namespace tarn {
namespace {

const std::vector<std::string> kNames = {"warehouse", "sources", "schedules", "state", "id"};

void Check(std::string_view name, std::optional<std::string> expected) {
  EXPECT_EQ(NearestName(name, kNames), expected) << name;
}

TEST(NearestName, FindsTheNameWithTheFewestEdits) {
  Check("warehose", "warehouse");
  Check("warehuose", "warehouse");
  Check("source", "sources");
  Check("scedule", "schedules");
  Check("stat", "state");
}

TEST(NearestName, CaseIsFree) {
  Check("WAREHOUSE", "warehouse");
  Check("ID", "id");
}

TEST(NearestName, NothingIsOfferedWhenNothingIsNear) {
  Check("dashboards", std::nullopt);
  Check("xy", std::nullopt);
  Check("", std::nullopt);
  Check(std::string(1000, 's'), std::nullopt);
  EXPECT_EQ(NearestName("a", std::vector<std::string>{"b"}), std::nullopt);
  EXPECT_EQ(NearestName("a", {}), std::nullopt);
}

TEST(NearestName, OfEquallyNearNamesTheFirstIsOffered) {
  EXPECT_EQ(NearestName("table_", std::vector<std::string>{"table1", "table2"}), "table1");
}

TEST(NearestName, SwappedNeighboursAreOneEdit) {
  EXPECT_EQ(NearestName("ab", std::vector<std::string>{"cd", "ba"}), "ba");
}

}  // namespace
}  // namespace tarn

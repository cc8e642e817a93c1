#include "catalog/location.h"

#include <gmock/gmock.h>

#include "catalog/garbage.h"
#include "catalog/test_support.h"

namespace tarn {
namespace {

using testing::TestLake;

const TableName kT{"bronze", "t"};

TEST(NewTableFolder, ASuffixIsAddedOnlyWhereAnotherTableStood) {
  TestLake lake;
  EXPECT_EQ(NewTableFolder(lake.catalog(), lake.store(), lake.random(), kT, "")->uri,
            "memory://lake/bronze/t");
  ASSERT_TRUE(lake.store().Put("bronze/t/data/orphan.parquet", "x").ok());
  EXPECT_EQ(NewTableFolder(lake.catalog(), lake.store(), lake.random(), kT, "")->uri,
            "memory://lake/bronze/t");
  lake.Create(kT);
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  ASSERT_TRUE(lake.catalog().Commit({"d", "", "", {DropTableOp{entry.uuid}}}).ok());
  const std::string next = NewTableFolder(lake.catalog(), lake.store(), lake.random(), kT, "")->uri;
  EXPECT_THAT(next, ::testing::StartsWith("memory://lake/bronze/t-"));
  lake.Create(kT);
  EXPECT_NE(lake.catalog().LoadTable(kT, {})->location, entry.location);
}

TEST(NewTableFolder, AFolderThatIsBeingEmptiedIsNotFreeBeforeThatIsOver) {
  TestLake lake;
  const auto next = [&] {
    return NewTableFolder(lake.catalog(), lake.store(), lake.random(), kT, "")->uri;
  };
  lake.Create(kT);
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  ASSERT_TRUE(lake.catalog().Commit({"d", "", "", DropTableOps(lake.store(), entry)}).ok());
  for (const auto& [key, bytes] : lake.Objects()) ASSERT_TRUE(lake.store().Delete(key).ok());
  EXPECT_THAT(next(), ::testing::StartsWith("memory://lake/bronze/t-"));
  ASSERT_TRUE(
      lake.catalog().Commit({"f", "", "", {DropObjectOp{kGarbageObject, "bronze/t"}}}).ok());
  EXPECT_EQ(next(), "memory://lake/bronze/t");
}

TEST(NewTableFolder, WhereSomebodyElseIsAboutToMakeATableIsNotFree) {
  TestLake lake;
  const auto next = [&](const std::string& owner) {
    return NewTableFolder(lake.catalog(), lake.store(), lake.random(), kT, owner)->uri;
  };
  ASSERT_TRUE(
      lake.catalog().Commit({"i", "", "", {IntentionOp("bronze/t", "model:bronze.t")}}).ok());
  EXPECT_THAT(next(""), ::testing::StartsWith("memory://lake/bronze/t-"));
  EXPECT_THAT(next("source:t"), ::testing::StartsWith("memory://lake/bronze/t-"));
  EXPECT_EQ(next("model:bronze.t"), "memory://lake/bronze/t");
  // One that does not say whose it is.
  ASSERT_TRUE(
      lake.catalog().Commit({"o", "", "", {PutObjectOp{kIntentionObject, "bronze/t", "{}"}}}).ok());
  EXPECT_EQ(next(""), "memory://lake/bronze/t");
}

TEST(DropTableOps, RememberTheFolderWhoeverMadeTheTable) {
  TestLake lake;
  TableEntry table;
  table.uuid = "u";
  for (const char* owner : {"", "model:bronze.t"}) {
    table.owner = owner;
    table.location = lake.store().UriOf("bronze/t");
    const auto ops = DropTableOps(lake.store(), table);
    ASSERT_EQ(ops.size(), 2U);
    EXPECT_EQ(std::get<PutObjectOp>(ops[1]).kind, kGarbageObject);
    EXPECT_EQ(std::get<PutObjectOp>(ops[1]).name, "bronze/t");
    table.location = "memory://another/bronze/t";
    EXPECT_EQ(DropTableOps(lake.store(), table).size(), 1U) << "not the lake's to remove";
  }
}

}  // namespace
}  // namespace tarn

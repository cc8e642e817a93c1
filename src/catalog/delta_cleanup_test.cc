#include "catalog/delta_cleanup.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "catalog/delta_log.h"
#include "catalog/test_support.h"
#include "table/delta/log_json.h"

namespace tarn {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using testing::TestLake;

const TableName kT{"bronze", "t"};
constexpr char kFolder[] = "bronze/t/_delta_log/";
constexpr int64_t kDayMs = 24 * 3600 * 1000;

std::string Entry(int64_t version) { return kFolder + delta::LogEntryName(version); }
std::string Checkpoint(int64_t version) { return kFolder + delta::CheckpointName(version); }

/// A commit a day, a checkpoint every three.
void Fill(TestLake& lake, int64_t days, std::map<std::string, std::string> properties) {
  lake.limits().checkpoint_every_commits = 3;
  auto transaction = lake.NewTransaction(kT, {}, std::move(properties));
  ASSERT_TRUE(lake.Commit(lake.catalog(), kT, "", *transaction).ok());
  for (int64_t day = 1; day <= days; ++day) {
    lake.clock().Advance(kDayMs * 1000);
    lake.Append(kT, std::to_string(day));
  }
}
std::vector<std::string> Expired(TestLake& lake) {
  const auto expired =
      FindExpiredDeltaLog(lake.store(), "bronze/t", lake.clock().NowMicros() / 1000);
  EXPECT_TRUE(expired.ok()) << expired.status().ToString();
  return expired.ok() ? *expired : std::vector<std::string>();
}

TEST(DeltaCleanup, WhatACheckpointStandsForGoesAfterTheRetention) {
  TestLake lake;
  Fill(lake, 12, {{"delta.logRetentionDuration", "interval 4 days"}});
  // Entry 7 is the last from before; checkpoint 6 serves all versions from 6 on.
  EXPECT_THAT(Expired(lake), ElementsAre(Entry(0), Entry(1), Entry(2), Entry(3), Entry(4), Entry(5),
                                         Checkpoint(3)));
  const auto before = DeltaLog(lake.store(), "bronze/t").ReadState({});
  for (const std::string& key : Expired(lake)) ASSERT_TRUE(lake.store().Delete(key).ok());
  EXPECT_THAT(Expired(lake), IsEmpty());
  const DeltaLog log(lake.store(), "bronze/t");
  EXPECT_EQ(log.ReadState({})->files, before->files);
  ASSERT_TRUE(lake.store().Delete(std::string(kFolder) + "_last_checkpoint").ok());
  EXPECT_EQ(log.ReadState(6)->files.size(), 6u);
  EXPECT_EQ(log.ReadState(8)->files.size(), 8u);
  EXPECT_EQ(log.ReadShape(8)->metadata, before->metadata);
  EXPECT_EQ(log.ReadState(5).error().kind, ErrorKind::kNotFound);
}

TEST(DeltaCleanup, NothingGoesBeforeTheRetentionOrWithoutACheckpoint) {
  TestLake young;
  Fill(young, 12, {});  // 30 days
  EXPECT_THAT(Expired(young), IsEmpty());
  TestLake without;
  Fill(without, 12, {{"delta.logRetentionDuration", "interval 4 days"}});
  for (const int64_t version : {3, 6}) {
    ASSERT_TRUE(without.store().Delete(Checkpoint(version)).ok());
  }
  EXPECT_THAT(Expired(without), IsEmpty());
  EXPECT_TRUE(FindExpiredDeltaLog(without.store(), "no/table", 0)->empty());
}

TEST(DeltaCleanup, SidecarsGoWithTheCheckpointsThatNameThem) {
  TestLake lake;
  Fill(lake, 12,
       {{"delta.logRetentionDuration", "interval 4 days"}, {"delta.checkpointPolicy", "v2"}});
  std::vector<std::string> sidecars;
  for (const auto& [key, bytes] : lake.Objects()) {
    if (key.find("/_sidecars/") != std::string::npos) sidecars.push_back(key);
  }
  ASSERT_EQ(sidecars.size(), 4u);  // of versions 3, 6, 9 and 12
  const std::string fresh = std::string(kFolder) + "_sidecars/fresh.parquet";
  ASSERT_TRUE(lake.store().Put(fresh, "being written").ok());
  const std::vector<std::string> expired = Expired(lake);
  EXPECT_THAT(expired, Not(Contains(fresh)));
  EXPECT_EQ(std::count_if(expired.begin(), expired.end(),
                          [](const std::string& key) {
                            return key.find("/_sidecars/") != std::string::npos;
                          }),
            1);
  for (const std::string& key : expired) ASSERT_TRUE(lake.store().Delete(key).ok());
  const DeltaLog log(lake.store(), "bronze/t");
  for (const int64_t version : {6, 9, 12}) {
    EXPECT_EQ(static_cast<int64_t>(log.ReadState(version)->files.size()), version);
  }
}

TEST(DeltaCleanup, ChecksumsAndCompactionsOfOthersGoToo) {
  TestLake lake;
  Fill(lake, 12, {{"delta.logRetentionDuration", "interval 4 days"}});
  const std::string folder = kFolder;
  const std::string old_sum = folder + "00000000000000000005.crc";
  const std::string new_sum = folder + "00000000000000000006.crc";
  const std::string compacted = folder + "00000000000000000006.00000000000000000009.compacted.json";
  for (const std::string& key : {old_sum, new_sum, compacted}) {
    ASSERT_TRUE(lake.store().Put(key, "{}").ok());
  }
  EXPECT_THAT(Expired(lake), IsSupersetOf({old_sum, compacted}));
  EXPECT_THAT(Expired(lake), Not(Contains(new_sum)));
}

}  // namespace
}  // namespace tarn

#include "catalog/delta_cleanup.h"

#include <algorithm>
#include <set>

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

/// Commits, so many a day, a checkpoint with each of them.
void FillDays(TestLake& lake, int64_t days, int64_t commits,
              std::map<std::string, std::string> properties) {
  lake.limits().checkpoint_every_commits = 1;
  auto transaction = lake.NewTransaction(kT, {}, std::move(properties));
  ASSERT_TRUE(lake.Commit(lake.catalog(), kT, "", *transaction).ok());
  for (int64_t day = 0; day < days; ++day) {
    lake.clock().Advance(kDayMs * 1000 - commits * 1'000'000);
    for (int64_t i = 0; i < commits; ++i) {
      lake.clock().Advance(1'000'000);
      lake.Append(kT, std::to_string(day) + "-" + std::to_string(i));
    }
  }
}
std::vector<int64_t> Checkpoints(TestLake& lake) {
  std::vector<int64_t> versions;
  for (const auto& [key, bytes] : lake.Objects()) {
    const std::string name = key.substr(std::min(key.size(), sizeof(kFolder) - 1));
    if (name.ends_with(".checkpoint.parquet")) versions.push_back(std::stoll(name));
  }
  return versions;
}

TEST(DeltaCleanup, OfOlderCheckpointsTheFirstOfEachDayStays) {
  for (const char* policy : {"classic", "v2"}) {
    TestLake lake;
    FillDays(lake, 5, 4, {{"delta.checkpointPolicy", policy}});  // versions 1 to 20
    ASSERT_EQ(Checkpoints(lake).size(), 20u);
    for (const std::string& key : Expired(lake)) ASSERT_TRUE(lake.store().Delete(key).ok());
    // The last two days are young; nothing else goes within the retention.
    EXPECT_THAT(Checkpoints(lake), ElementsAre(1, 5, 9, 13, 14, 15, 16, 17, 18, 19, 20));
    EXPECT_THAT(Expired(lake), IsEmpty());
    const DeltaLog log(lake.store(), "bronze/t");
    ASSERT_TRUE(lake.store().Delete(std::string(kFolder) + "_last_checkpoint").ok());
    for (int64_t version = 0; version <= 20; ++version) {
      EXPECT_EQ(static_cast<int64_t>(log.ReadState(version)->files.size()), version);
    }
    int64_t sidecars = 0;
    for (const auto& [key, bytes] : lake.Objects()) sidecars += key.find("/_sidecars/") != key.npos;
    EXPECT_EQ(sidecars, std::string(policy) == "v2" ? 11 : 0);
  }
}

TEST(DeltaCleanup, OneOfEveryThousandVersionsStaysHoweverManyComeADay) {
  TestLake lake;
  lake.limits().checkpoint_every_commits = 0;
  lake.Create(kT);
  const std::string entry = *lake.store().Get(Entry(0));
  for (int64_t version = 1; version <= 2500; ++version) {
    ASSERT_TRUE(lake.store().Put(Entry(version), entry).ok());
    if (version % 100 != 50) continue;
    ASSERT_TRUE(lake.store().Put(Checkpoint(version), "c").ok());
  }
  lake.clock().Advance(3 * kDayMs * 1000);
  for (const std::string& key : Expired(lake)) ASSERT_TRUE(lake.store().Delete(key).ok());
  EXPECT_THAT(Checkpoints(lake), ElementsAre(50, 1050, 2050, 2450));
}

TEST(DeltaCleanup, CheckpointsThatReadersMayNeedAreNotThinnedOut) {
  TestLake lake;
  FillDays(lake, 3, 4, {});
  const std::string hint = std::string(kFolder) + "_last_checkpoint";
  // Entries are missing: whoever wants a later version has to begin after them.
  ASSERT_TRUE(lake.store().Delete(Entry(3)).ok());
  lake.clock().Advance(3 * kDayMs * 1000);
  EXPECT_THAT(Expired(lake), Not(Contains(Checkpoint(3))));
  EXPECT_THAT(Expired(lake), IsSupersetOf({Checkpoint(2), Checkpoint(4), Checkpoint(11)}));
  EXPECT_THAT(Expired(lake), Not(Contains(Checkpoint(12))));  // the newest
  ASSERT_TRUE(lake.store().Put(hint, delta::WriteLastCheckpoint({7, 1, 1, 1, 1, {}})).ok());
  EXPECT_THAT(Expired(lake), ElementsAre(Checkpoint(2), Checkpoint(4), Checkpoint(6)));
}

TEST(DeltaCleanup, NobodyBuildsOnACheckpointThatAnotherOneThinsOut) {
  // Some look at the same log, by clocks that are days apart, and each removes what it found.
  TestLake lake;
  const int64_t versions = 36;
  FillDays(lake, versions / 3, 3, {{"delta.logRetentionDuration", "interval 4 days"}});
  const int64_t now_ms = lake.clock().NowMicros() / 1000;
  std::set<std::string> gone;
  for (int64_t day = 0; day < 4; ++day) {
    const auto expired = FindExpiredDeltaLog(lake.store(), "bronze/t", now_ms + day * kDayMs);
    ASSERT_TRUE(expired.ok());
    gone.insert(expired->begin(), expired->end());
  }
  for (const std::string& key : gone) ASSERT_TRUE(lake.store().Delete(key).ok());
  ASSERT_TRUE(lake.store().Delete(std::string(kFolder) + "_last_checkpoint").ok());
  // The last one keeps what is not older than the day before yesterday: the log begins there.
  const DeltaLog log(lake.store(), "bronze/t");
  for (int64_t version = 0; version <= versions; ++version) {
    const auto state = log.ReadState(version);
    ASSERT_EQ(state.ok(), version >= versions - 8) << version;
    if (!state.ok()) continue;
    EXPECT_EQ(static_cast<int64_t>(state->files.size()), version);
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

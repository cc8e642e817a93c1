#include "pipeline/maintain/expiry_plan.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

constexpr int64_t kDay = 24LL * 3600 * 1000;

/// Snapshots 1, 2, … of the main branch, one a day; now is the day after the last.
class ExpiryPlanTest : public ::testing::Test {
 protected:
  ExpiryPlanTest() {
    policy_.snapshot_age_ms_max = 5 * kDay;
    policy_.snapshots_kept_min = 1;
  }

  void Days(int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      ++day_;
      Add(day_, day_ - 1);
    }
  }
  void Add(int64_t id, int64_t parent) {
    Snapshot snapshot;
    snapshot.id = SnapshotId(id);
    if (parent > 0) snapshot.parent = SnapshotId(parent);
    snapshot.timestamp_ms = day_ * kDay;
    table_.snapshots.push_back(snapshot);
    table_.snapshot_log.emplace_back(snapshot.timestamp_ms, snapshot.id);
    table_.current_snapshot = snapshot.id;
    table_.refs["main"].snapshot = snapshot.id;
  }

  std::vector<int64_t> Expired() {
    std::vector<int64_t> ids;
    plan_ = PlanExpiry(table_, policy_, (day_ + 1) * kDay);
    for (const SnapshotId id : plan_.snapshots) ids.push_back(id.value());
    return ids;
  }

  using Ids = std::vector<int64_t>;
  TableMetadata table_;
  MaintainPolicy policy_;
  ExpiryPlan plan_;
  int64_t day_ = 0;
};

TEST_F(ExpiryPlanTest, AgesCountFromWhenASnapshotWasFollowed) {
  Days(8);
  // On day 9: snapshot 3 was current until day 4, five days ago.
  EXPECT_EQ(Expired(), (Ids{1, 2}));
}

TEST_F(ExpiryPlanTest, TheCurrentSnapshotStaysHoweverOldItIs) {
  Days(2);
  day_ += 1000;
  EXPECT_EQ(Expired(), (Ids{1}));
}

TEST_F(ExpiryPlanTest, TheNewestAreKeptByTheirNumber) {
  Days(4);
  day_ += 1000;
  policy_.snapshots_kept_min = 3;
  EXPECT_EQ(Expired(), (Ids{1}));
}

TEST_F(ExpiryPlanTest, TimesOfAClockThatWasFarAheadAreNotYoungForEver) {
  Days(10);
  day_ -= 8;  // and here the clock is set right: most snapshots are of the future
  policy_.snapshots_kept_max = 4;
  policy_.snapshot_age_ms_max = 100 * kDay;
  EXPECT_EQ(Expired(), (Ids{1, 2, 3, 4, 5, 6}));
}

TEST_F(ExpiryPlanTest, BeyondTheirNumberTheOldestLeaveAlthoughTheyAreYoung) {
  Days(10);
  policy_.snapshot_age_ms_max = 100 * kDay;
  EXPECT_EQ(Expired(), (Ids{}));
  policy_.snapshots_kept_max = 4;
  table_.refs["release"] = {SnapshotId(2), "tag", {}, {}, {}};
  EXPECT_EQ(Expired(), (Ids{1, 3, 4, 5, 6}));
  // Now is day 11: 5 was followed on day 6, and whoever reads it goes on.
  policy_.reader_grace_ms = 5 * kDay;
  EXPECT_EQ(Expired(), (Ids{1, 3, 4}));
  policy_.snapshots_kept_min = 8;
  EXPECT_EQ(Expired(), (Ids{1}));
}

TEST_F(ExpiryPlanTest, WhatATagNamesStaysAndItsParentsDoNot) {
  Days(10);
  table_.refs["release"] = {SnapshotId(3), "tag", {}, {}, {}};
  EXPECT_EQ(Expired(), (Ids{1, 2, 4}));
}

TEST_F(ExpiryPlanTest, ABranchKeepsWhatItSays) {
  Days(10);
  table_.refs["audit"] = {SnapshotId(4), "branch", 2, 0, {}};
  EXPECT_EQ(Expired(), (Ids{1, 2}));
}

TEST_F(ExpiryPlanTest, WhatWasRolledBackStaysUntilItsAge) {
  Days(3);
  // Back to 2, and on from there.
  table_.snapshot_log.emplace_back((day_ + 1) * kDay, SnapshotId(2));
  day_ += 2;
  Add(5, 2);
  EXPECT_TRUE(Expired().empty());
  day_ = 8;  // now is day 9: 3 was left on day 4
  EXPECT_TRUE(Expired().empty() || Expired() == (Ids{1})) << "3 is five days gone";
  day_ = 9;
  EXPECT_EQ(Expired(), (Ids{1, 3}));
}

TEST_F(ExpiryPlanTest, ReferencesLeaveByTheirOwnAge) {
  Days(10);
  table_.refs["old"] = {SnapshotId(2), "tag", {}, {}, 3 * kDay};
  table_.refs["kept"] = {SnapshotId(1), "tag", {}, {}, {}};
  EXPECT_EQ(Expired(), (Ids{2, 3, 4}));
  EXPECT_EQ(plan_.refs, (std::vector<std::string>{"old"}));
}

TEST_F(ExpiryPlanTest, NothingLeavesWithinTheReadersGrace) {
  Days(3);
  table_.properties[kSnapshotAgeProperty] = "0";
  Limits limits;
  limits.reader_grace_ms = 10 * kDay;
  policy_ = MaintainPolicy::Of(table_, limits).value();
  EXPECT_TRUE(Expired().empty());
}

TEST_F(ExpiryPlanTest, APropertyThatIsNoNumberIsAnErrorThatNamesIt) {
  table_.properties[kSnapshotsKeptProperty] = "0";
  const auto policy = MaintainPolicy::Of(table_, Limits());
  ASSERT_FALSE(policy.ok());
  EXPECT_NE(policy.error().message.find(kSnapshotsKeptProperty), std::string::npos);
}

}  // namespace
}  // namespace tarn

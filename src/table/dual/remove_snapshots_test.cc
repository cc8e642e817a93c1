#include "table/dual/remove_snapshots.h"

#include "table/dual/testing.h"

namespace tarn {
namespace {

class RemoveSnapshotsTest : public TableTest {
 protected:
  /// A table of four snapshots, each with one file more.
  void MakeFour() {
    Create();
    for (int64_t i = 0; i < 4; ++i) {
      clock_.Advance(1'000'000);
      Append(i, i + 1);
      ids_.push_back(*table_->current_snapshot);
    }
  }

  Status Expire(std::vector<SnapshotId> snapshots, const std::vector<std::string>& refs = {}) {
    auto transaction = Begin();
    for (const std::string& ref : refs) {
      TARN_RETURN_IF_ERROR(transaction->RemoveRef(ref, TableTransaction::RefKind::kAny));
    }
    TARN_RETURN_IF_ERROR(transaction->ExpireSnapshots(std::move(snapshots)));
    Commit(*transaction);
    return {};
  }

  void ChangeMetadata(const std::function<void(TableMetadata&)>& change) {
    TableMetadata changed = *table_;
    change(changed);
    table_ = std::make_shared<const TableMetadata>(std::move(changed));
  }

  std::vector<SnapshotId> ids_;
};

TEST_F(RemoveSnapshotsTest, OldSnapshotsLeaveAndTheTableStaysAsItIs) {
  MakeFour();
  ASSERT_TRUE(Expire({ids_[0], ids_[1]}).ok());
  EXPECT_EQ(table_->snapshots.size(), 2U);
  EXPECT_EQ(table_->current_snapshot, ids_[3]);
  ASSERT_EQ(table_->snapshot_log.size(), 2U);
  EXPECT_EQ(table_->snapshot_log[0].second, ids_[2]);
  EXPECT_EQ(LiveRows(), 4);
  Append(10, 11);
  EXPECT_EQ(LiveRows(), 5);
}

TEST_F(RemoveSnapshotsTest, AHistoryWithGapsIsCutBehindTheLastOne) {
  MakeFour();
  ASSERT_TRUE(Expire({ids_[2]}).ok());
  EXPECT_EQ(table_->snapshots.size(), 3U);
  ASSERT_EQ(table_->snapshot_log.size(), 1U);
  EXPECT_EQ(table_->snapshot_log[0].second, ids_[3]);
}

TEST_F(RemoveSnapshotsTest, WhatTheStateSaysOfThemLeavesToo) {
  MakeFour();
  ChangeMetadata([&](TableMetadata& table) {
    for (size_t i = 0; i < 2; ++i) {
      StatisticsFile file;
      file.snapshot = ids_[i];
      file.path = table.location + "/metadata/" + std::to_string(i) + ".stats";
      table.statistics.push_back(file);
    }
    table.unknown_members["partition-statistics"] =
        "[{\"snapshot-id\":" + std::to_string(ids_[0].value()) +
        "},{\"snapshot-id\":" + std::to_string(ids_[3].value()) + ",\"statistics-path\":\"p\"}]";
    table.refs["old"] = {ids_[0], "tag", {}, {}, {}};
  });
  ASSERT_TRUE(Expire({ids_[0]}, {"old"}).ok());
  ASSERT_EQ(table_->statistics.size(), 1U);
  EXPECT_EQ(table_->statistics[0].snapshot, ids_[1]);
  EXPECT_EQ(
      table_->unknown_members.at("partition-statistics"),
      "[{\"snapshot-id\":" + std::to_string(ids_[3].value()) + ",\"statistics-path\":\"p\"}]");
  EXPECT_FALSE(table_->refs.contains("old"));
}

TEST_F(RemoveSnapshotsTest, StatisticsGoOverToTheFirstSnapshotThatStays) {
  MakeFour();
  const auto give = [&](size_t i, const std::string& path) {
    ChangeMetadata([&](TableMetadata& table) {
      StatisticsFile file;
      file.snapshot = ids_[i];
      file.path = path;
      table.statistics.push_back(file);
    });
  };
  give(0, "old");
  give(1, "newer");
  ASSERT_TRUE(Expire({ids_[0], ids_[1]}).ok());
  ASSERT_EQ(table_->statistics.size(), 1U);
  EXPECT_EQ(table_->statistics[0].snapshot, ids_[2]);
  EXPECT_EQ(table_->statistics[0].path, "newer");
  give(3, "newest");
  ASSERT_TRUE(Expire({ids_[2]}).ok());
  ASSERT_EQ(table_->statistics.size(), 1U) << "it has its own";
  EXPECT_EQ(table_->statistics[0].path, "newest");
}

TEST_F(RemoveSnapshotsTest, WhatIsNamedStays) {
  MakeFour();
  ChangeMetadata([&](TableMetadata& table) {
    table.refs["release"] = {ids_[1], "tag", {}, {}, {}};
  });
  const auto kind = [&](Status status) { return status.error().kind; };
  EXPECT_EQ(kind(Expire({ids_[3]})), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(Expire({ids_[1]})), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(Expire({SnapshotId(1)})), ErrorKind::kNotFound);
  EXPECT_TRUE(Expire({ids_[1]}, {"release"}).ok());
}

TEST_F(RemoveSnapshotsTest, ATableThatMovedIsAConflict) {
  MakeFour();
  auto transaction = Begin();
  ASSERT_TRUE(transaction->ExpireSnapshots({ids_[0]}).ok());
  Append(5, 6);
  EXPECT_EQ(transaction->Rebase(table_, location_).error().kind, ErrorKind::kConflict);
}

TEST_F(RemoveSnapshotsTest, ManifestsArePutTogetherWithoutAChangeOfRows) {
  MakeFour();
  const int64_t manifests = Plan().manifests_total;
  EXPECT_EQ(manifests, 4);
  auto transaction = Begin();
  ASSERT_TRUE(transaction->RewriteManifests().ok());
  Commit(*transaction);
  EXPECT_EQ(Plan().manifests_total, 1);
  EXPECT_EQ(Plan().files.size(), 4U);
  EXPECT_EQ(Summary("operation"), "replace");
  EXPECT_EQ(Summary("total-data-files"), "4");
  EXPECT_TRUE(Changes().added.empty());
  EXPECT_TRUE(Changes().removed.empty());
}

TEST_F(RemoveSnapshotsTest, RowsThatGotIdsWhileTheyWereCopiedAreAConflict) {
  MakeFour();
  auto rewrite = Begin();
  ASSERT_TRUE(rewrite->RewriteFiles({Plan().files[0].file}, {}).ok());
  auto raise = Begin();
  ASSERT_TRUE(raise->SetProperty(kIcebergVersionProperty, "3").ok());
  Commit(*raise);
  EXPECT_EQ(rewrite->Rebase(table_, location_).error().kind, ErrorKind::kConflict);
}

}  // namespace
}  // namespace tarn

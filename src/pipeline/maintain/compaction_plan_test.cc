#include "pipeline/maintain/compaction_plan.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

constexpr int64_t kMb = 1 << 20;

class CompactionPlanTest : public ::testing::Test {
 protected:
  CompactionPlanTest() {
    table_.default_spec = SpecId(1);
    policy_.target_file_bytes = 256 * kMb;
    policy_.small_file_bytes = 128 * kMb;
    policy_.deleted_percent = 20;
    policy_.group_bytes_max = 1024 * kMb;
  }

  /// The next file of a partition, with 100 rows.
  ScanFile File(int64_t megabytes, const std::string& partition = "p") {
    ScanFile file;
    file.file.path = "f" + std::to_string(++files_);
    file.file.spec_id = SpecId(1);
    file.file.partition = {Scalar(partition)};
    file.file.record_count = 100;
    file.file.size_bytes = megabytes * kMb;
    file.data_sequence_number = files_;
    return file;
  }

  static ScanFile Deleted(ScanFile file, int64_t rows) {
    DataFile deletes;
    deletes.content = FileContent::kPositionDeletes;
    deletes.record_count = rows;
    file.deletes.push_back(deletes);
    return file;
  }

  CompactionPlan Plan(std::vector<ScanFile> files) {
    CompactionPlanner planner(table_, policy_);
    for (ScanFile& file : files) planner.Add(std::move(file));
    return std::move(planner).Finish();
  }

  /// "f1 f2 | f3": the groups.
  static std::string Text(const CompactionPlan& plan) {
    std::string text;
    for (const CompactionGroup& group : plan.groups) {
      if (!text.empty()) text += " | ";
      std::string files;
      for (const ScanFile& file : group.files) files += (files.empty() ? "" : " ") + file.file.path;
      text += files;
    }
    return text;
  }

  TableMetadata table_;
  MaintainPolicy policy_;
  int64_t files_ = 0;
};

TEST_F(CompactionPlanTest, SmallFilesArePutTogetherInTheOrderOfTheirRows) {
  EXPECT_EQ(Text(Plan({File(10), File(12), File(9), File(300)})), "f1 f2 f3");
}

TEST_F(CompactionPlanTest, GroupsEndAtTheTargetSize) {
  EXPECT_EQ(Text(Plan({File(100), File(100), File(100), File(100), File(100)})),
            "f1 f2 f3 | f4 f5");
}

TEST_F(CompactionPlanTest, PartitionsAreNotMixed) {
  EXPECT_EQ(Text(Plan({File(10, "a"), File(10, "b"), File(10, "a"), File(10, "b")})),
            "f1 f3 | f2 f4");
}

TEST_F(CompactionPlanTest, OneSmallFileIsNothingToPutTogether) {
  const CompactionPlan plan = Plan({File(10)});
  EXPECT_EQ(Text(plan), "");
  EXPECT_EQ(plan.waiting_files, 1);
  EXPECT_EQ(plan.Explain(), "1 small file waits for more: writing anew does not pay yet");
}

TEST_F(CompactionPlanTest, AFileThatIsMostOfItsGroupWaits) {
  const CompactionPlan plan = Plan({File(100), File(20), File(20)});
  EXPECT_EQ(Text(plan), "f2 f3");
  EXPECT_EQ(plan.waiting_files, 1);
  EXPECT_EQ(plan.Explain(),
            "2 small files; 1 small file waits for more: writing anew does not pay yet");
}

TEST_F(CompactionPlanTest, WhatIsCheapIsPutTogetherInAnyCase) {
  EXPECT_EQ(Text(Plan({File(6), File(1)})), "f1 f2");
}

TEST_F(CompactionPlanTest, AppendingForeverWritesARowAnewOnlyALogarithmOfTimes) {
  // One file of 1 MB at a time, upkeep after each.
  std::vector<ScanFile> files;
  int64_t written = 0;
  constexpr int64_t kAppends = 512;
  for (int64_t i = 0; i < kAppends; ++i) {
    files.push_back(File(1));
    const CompactionPlan plan = Plan(files);
    for (const CompactionGroup& group : plan.groups) {
      ScanFile merged = group.files[0];
      merged.file.size_bytes = group.bytes;
      written += group.bytes / kMb;
      for (const ScanFile& file : group.files) {
        std::erase_if(files, [&](const ScanFile& one) { return one.file.path == file.file.path; });
      }
      merged.file.path = "f" + std::to_string(++files_);
      files.push_back(merged);
    }
  }
  EXPECT_LE(written, kAppends * 12);
  EXPECT_LE(files.size(), 16U);
}

TEST_F(CompactionPlanTest, DeletedRowsMakeALargeFileWorthIt) {
  const CompactionPlan plan = Plan({Deleted(File(300), 19), Deleted(File(300), 20)});
  EXPECT_EQ(Text(plan), "f2");
  EXPECT_EQ(plan.Explain(), "1 file with deleted rows");
}

TEST_F(CompactionPlanTest, EqualityDeletesAreAlwaysApplied) {
  ScanFile file = Deleted(File(300), 1);
  file.deletes[0].content = FileContent::kEqualityDeletes;
  EXPECT_EQ(Text(Plan({file})), "f1");
}

TEST_F(CompactionPlanTest, FilesOfAnEarlierPartitioningAreTakenByLargeGroups) {
  std::vector<ScanFile> files;
  for (int i = 0; i < 5; ++i) {
    files.push_back(File(400));
    files.back().file.spec_id = SpecId(0);
  }
  const CompactionPlan plan = Plan(files);
  EXPECT_EQ(Text(plan), "f1 f2 f3 | f4 f5");
  EXPECT_EQ(plan.Explain(), "5 files of an earlier partitioning");
}

TEST_F(CompactionPlanTest, ATableOfLargeFilesHasNothingToDo) {
  const CompactionPlan plan = Plan({File(200), File(300)});
  EXPECT_TRUE(plan.groups.empty());
  EXPECT_EQ(plan.files_total, 2);
  EXPECT_EQ(plan.Explain(), "no small files and few deleted rows");
}

}  // namespace
}  // namespace tarn

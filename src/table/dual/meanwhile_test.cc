#include "table/dual/meanwhile.h"

#include <functional>
#include <map>

#include "table/dual/scan_bounds.h"
#include "table/dual/testing.h"

namespace tarn {
namespace {

class MeanwhileTest : public TableTest {
 protected:
  static DeletionVector Positions(std::initializer_list<int64_t> positions) {
    DeletionVector vector;
    for (const int64_t position : positions) vector.Add(position);
    return vector;
  }
};

TEST_F(MeanwhileTest, RowsThatTheStatementHadSeenAndThatWentAreAConflict) {
  const auto run = [&](int64_t wanted, const std::function<void()>& meanwhile) {
    auto clear = Begin();
    EXPECT_TRUE(clear->Overwrite(Write(*clear, {Rows(0, 10)})).ok());
    Commit(*clear);
    Append(100, 110);
    auto slow = Begin();
    EXPECT_TRUE(slow->Append(Write(*slow, {Rows(500, 501)})).ok());
    slow->ReadRows(Predicate::Compare(Predicate::Op::kEq, "id", Scalar(wanted)),
                   Isolation::kSerializable, Gone::kConflict);
    meanwhile();
    return slow->Rebase(table_, location_).ok();
  };
  const auto files = [&] {
    std::map<int64_t, DataFile> by_first;
    const auto plan = PlanScanWithMetrics(context_, *table_, std::nullopt, Predicate::True());
    for (const ScanFile& one : plan->files) {
      by_first[std::get<int64_t>(one.file.lower_bounds.at(1))] = one.file;
    }
    return by_first;
  };
  const auto lose = [&](DataFile file) {
    auto change = Begin();
    EXPECT_TRUE(change->DeleteRows({{std::move(file), Positions({3})}}).ok());
    Commit(*change);
  };
  const auto of_the_first = [&] { lose(files().at(0)); };
  Create();
  Append(0, 10);
  EXPECT_FALSE(run(3, of_the_first));
  EXPECT_TRUE(run(103, of_the_first)) << "those of another file";
  const auto moved_before = [&] {
    auto compact = Begin();
    const DataFile old = files().at(0);
    EXPECT_TRUE(compact->RewriteFiles({old}, Write(*compact, {Rows(0, 10)})).ok());
    Commit(*compact);
    lose(files().at(0));
  };
  EXPECT_FALSE(run(3, moved_before)) << "in the file where others had put them";
  EXPECT_TRUE(run(103, moved_before));
}

TEST_F(MeanwhileTest, WhatWasReadByNamesThatMeanOtherColumnsNowMayBeAnyRow) {
  Create();
  Append(0, 10);
  auto slow = Begin();
  ASSERT_TRUE(slow->RenameColumn("name", "before").ok());
  ASSERT_TRUE(slow->DeleteRows({{Plan().files.at(0).file, Positions({1})}}).ok());
  slow->ReadRows(Predicate::Compare(Predicate::Op::kEq, "id", Scalar(int64_t{1})),
                 Isolation::kSerializable, Gone::kNoMatter);
  Append(200, 210);
  EXPECT_FALSE(slow->Rebase(table_, location_).ok());
}

}  // namespace
}  // namespace tarn

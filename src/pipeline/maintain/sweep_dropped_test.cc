#include <functional>
#include <utility>

#include "catalog/garbage.h"
#include "pipeline/maintain/sweep.h"
#include "pipeline/maintain/testing.h"

namespace tarn {
namespace {

using testing::kDayMicros;

/// Lets something happen between the first look at what was dropped and the removal of a batch of
/// files, by default the first.
class MeanwhileCatalog final : public ForwardingCatalog {
 public:
  using ForwardingCatalog::ForwardingCatalog;
  Status RenewLock(const LockInfo& lock, int64_t lease_ms) override {
    if (meanwhile && --batches == 0) std::exchange(meanwhile, nullptr)();
    return ForwardingCatalog::RenewLock(lock, lease_ms);
  }
  std::function<void()> meanwhile;
  int batches = 1;
};

class SweepDropped : public testing::MaintainTest {
 protected:
  SweepDropped() : catalog_(lake_.catalog()) {
    context_.catalog = &catalog_;
    lake_.Create(kDropped);
    lake_.Append(kDropped, "1");
    table_ = *catalog_.LoadTable(kDropped, {});
    table_.owner = "model:bronze.t";
    Commit(DropTableOps(lake_.store(), table_));
    lake_.clock().Advance(20 * kDayMicros);
    before_ = lake_.Objects();
  }

  void Commit(std::vector<CommitOp> ops) {
    const auto info = lake_.catalog().Commit({lake_.random().Uuid(), "test", "", std::move(ops)});
    ASSERT_TRUE(info.ok()) << info.status().ToString();
  }
  MaintainStep Sweep() {
    auto step = SweepDroppedTables(context_, MaintainMode::kDo);
    EXPECT_TRUE(step.ok()) << step.status().ToString();
    EXPECT_FALSE(catalog_.meanwhile);
    return step.ok() ? *std::move(step) : MaintainStep();
  }

  static inline const TableName kDropped{"bronze", "t"};
  MeanwhileCatalog catalog_;
  TableEntry table_;
  std::map<std::string, std::string> before_;
};

TEST_F(SweepDropped, WhatIsStillDroppedGoes) {
  catalog_.meanwhile = [] {};
  EXPECT_EQ(Sweep().outcome, MaintainStep::Outcome::kDone);
  EXPECT_TRUE(lake_.Objects().empty());
}

TEST_F(SweepDropped, AFolderInWhichATableCameToStandMeanwhileIsLeftAlone) {
  catalog_.meanwhile = [&] {
    // By hand, over the metadata that stood there: none of its files is young.
    TableEntry again = table_;
    again.uuid = lake_.random().Uuid();
    again.owner = "";
    Commit({CreateTableOp{again, *lake_.catalog().CurrentSequence()}});
  };
  Sweep();
  EXPECT_EQ(lake_.Objects(), before_);
}

TEST_F(SweepDropped, ATableThatCameToStandAmongTheRemovalsKeepsWhatIsLeft) {
  for (int i = 0; i < 400; ++i) {
    const std::string key = "bronze/t/data/" + std::to_string(i) + ".parquet";
    ASSERT_TRUE(lake_.store().Put(key, "x").ok());
  }
  lake_.clock().Advance(20 * kDayMicros);
  before_ = lake_.Objects();
  catalog_.batches = 2;
  size_t left = 0;
  catalog_.meanwhile = [&] {
    left = lake_.Objects().size();
    TableEntry again = table_;
    again.uuid = lake_.random().Uuid();
    Commit({CreateTableOp{again, *lake_.catalog().CurrentSequence()}});
  };
  EXPECT_NE(Sweep().outcome, MaintainStep::Outcome::kDone);
  EXPECT_LT(left, before_.size());
  EXPECT_EQ(lake_.Objects().size(), left);
  EXPECT_EQ(lake_.catalog().ListObjects(kGarbageObject)->size(), 1U);
}

TEST_F(SweepDropped, AFirstLoadThatComesToItsEndMeanwhileKeepsItsFiles) {
  Sweep();
  auto transaction = lake_.NewTransaction({"bronze", "slow"});
  const std::string folder = lake_.store().KeyOf(transaction->location()).value();
  Commit({PutObjectOp{kIntentionObject, folder, "{}"}});
  ASSERT_TRUE(lake_.store().Put(folder + "/data/1.parquet", "x").ok());
  lake_.clock().Advance(20 * kDayMicros);
  before_ = lake_.Objects();
  catalog_.meanwhile = [&] {
    TableEntry made = table_;
    made.uuid = lake_.random().Uuid();
    made.name.name = "slow";
    made.location = transaction->location();
    Commit({CreateTableOp{made}, DropObjectOp{kIntentionObject, folder}});
  };
  Sweep();
  EXPECT_EQ(lake_.Objects(), before_);
}

TEST_F(SweepDropped, AFolderThatSomebodyElseFinishedMeanwhileIsLeftAlone) {
  const std::string folder = lake_.store().KeyOf(table_.location).value();
  catalog_.meanwhile = [&] { Commit({DropObjectOp{kGarbageObject, folder}}); };
  Sweep();
  EXPECT_EQ(lake_.Objects(), before_);
}

TEST_F(SweepDropped, AnotherDropOfTheFolderIsTheNextSweepsBusiness) {
  catalog_.meanwhile = [&] {
    TableEntry another = table_;
    another.uuid = lake_.random().Uuid();
    Commit({DropTableOps(lake_.store(), another).back()});
  };
  Sweep();
  EXPECT_EQ(lake_.Objects(), before_);
  EXPECT_EQ(lake_.catalog().ListObjects(kGarbageObject)->size(), 1U);
  EXPECT_EQ(Sweep().outcome, MaintainStep::Outcome::kDone);
  EXPECT_TRUE(lake_.Objects().empty());
}

}  // namespace
}  // namespace tarn

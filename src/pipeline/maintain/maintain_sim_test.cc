#include <set>

#include "pipeline/maintain/compact.h"
#include "pipeline/maintain/expire.h"
#include "pipeline/maintain/maintain.h"
#include "pipeline/maintain/sweep.h"
#include "pipeline/maintain/testing.h"

namespace tarn {
namespace {

using testing::kDayMicros;
using testing::kHourMicros;

/// Lets others at the lake before commits of upkeep, and loses answers.
class BusyCatalog final : public ForwardingCatalog {
 public:
  BusyCatalog(Catalog& next, Random& random, std::function<void()> others)
      : ForwardingCatalog(next), random_(random), others_(std::move(others)) {}

  Result<CommitInfo> Commit(const CommitRequest& request) override {
    if (request.author == "maintain" && random_.Below(2) == 0) others_();
    auto info = next_.Commit(request);
    if (request.author == "maintain" && random_.Below(8) == 0) {
      return CommitUnknown("the answer was lost");
    }
    return info;
  }

 private:
  Random& random_;
  const std::function<void()> others_;
};

/// Writers, deleters, upkeep, faults of the store and the passing of days in an order that a seed
/// gives; after every step all that upkeep promises is checked.
class MaintainSim : public testing::MaintainTest, public ::testing::WithParamInterface<uint64_t> {
 protected:
  MaintainSim() : MaintainTest(GetParam()), random_(SeededRandom(GetParam() * 7919 + 1)) {}

  bool Chance(uint64_t one_in) { return random_->Below(one_in) == 0; }

  void WriteSomething() {
    if (rows_.empty() || !Chance(3)) {
      const auto count = static_cast<int64_t>(1 + random_->Below(20));
      Append(next_id_, next_id_ + count);
      next_id_ += count;
      return;
    }
    const uint64_t one_in = 2 + random_->Below(6);
    std::set<int64_t> leave;
    for (const auto& [id, region] : rows_) {
      if (Chance(one_in)) leave.insert(id);
    }
    Delete([&](int64_t id) { return leave.contains(id); });
  }

  /// Faults strike upkeep, not the writers beside it: those have tests of their own.
  void Faults(uint64_t one_in) {
    lake_.store().SetFaultInjector([this, one_in](const StorageCall&) -> std::optional<Error> {
      if (quiet_ || !Chance(one_in)) return std::nullopt;
      return Unavailable("a fault of the simulation");
    });
  }

  void MaintainSomething() {
    BusyCatalog catalog(lake_.catalog(), *random_, [this] {
      quiet_ = true;
      WriteSomething();
      quiet_ = false;
    });
    context_.catalog = &catalog;
    const bool faulty = Chance(3);
    if (faulty) Faults(20 + random_->Below(100));
    const std::string table = uuid();
    Status status;
    switch (random_->Below(5)) {
      case 0:
        status = CompactTable(context_, table, MaintainMode::kDo).status();
        break;
      case 1:
        status = CompactManifests(context_, table, MaintainMode::kDo).status();
        break;
      case 2:
        status = ExpireTable(context_, table, MaintainMode::kDo).status();
        break;
      case 3:
        status = SweepTable(context_, table, MaintainMode::kDo).status();
        break;
      default:
        const auto report = Maintain(context_, {});
        status = report.status();
        if (report.ok() && report->failed()) status = report->tables.at(0).error;
    }
    lake_.store().SetFaultInjector(nullptr);
    context_.catalog = &lake_.catalog();
    if (!faulty) {
      EXPECT_TRUE(status.ok()) << status.ToString();
    }
  }

  std::unique_ptr<Random> random_;
  int64_t next_id_ = 0;
  bool quiet_ = false;
};

TEST_P(MaintainSim, NothingIsLostBesideWritersAndFaults) {
  lake_.limits().checkpoint_every_commits = 3;
  std::vector<std::string> partition;
  if (Chance(2)) partition = {"region"};
  auto creating = lake_.NewTransaction(
      kTable, partition,
      {{"tarn.iceberg", std::vector<std::string>{"auto", "2", "3"}[GetParam() % 3]}});
  ASSERT_TRUE(lake_.Commit(lake_.catalog(), kTable, "", *creating).ok());
  constexpr int kSteps = 40;
  for (int step = 0; step < kSteps && !HasFailure(); ++step) {
    SCOPED_TRACE("seed " + std::to_string(GetParam()) + ", step " + std::to_string(step));
    if (Chance(3)) {
      MaintainSomething();
    } else {
      WriteSomething();
    }
    lake_.clock().Advance(
        static_cast<int64_t>(random_->Below(10) == 0 ? 3 * kDayMicros : 2 * kHourMicros));
    Check();
  }
  // In the end upkeep comes to rest, and what is left is what is needed.
  lake_.clock().Advance(20 * kDayMicros);
  for (int round = 0; round < 3; ++round) {
    const auto report = Maintain(context_, {});
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_FALSE(report->failed());
    lake_.clock().Advance(20 * kDayMicros);
  }
  Check();
  EXPECT_EQ(State().metadata->snapshots.size(), 1U);
  std::set<std::string> wanted, found;
  for (const ScanFile& file : Files(*State().metadata)) {
    wanted.insert(file.file.path.substr(file.file.path.rfind('/') + 1));
  }
  for (const std::string& key : Keys("data")) found.insert(key);
  EXPECT_EQ(found, wanted);
}

INSTANTIATE_TEST_SUITE_P(Seeds, MaintainSim, ::testing::Range<uint64_t>(1, 13));

}  // namespace
}  // namespace tarn

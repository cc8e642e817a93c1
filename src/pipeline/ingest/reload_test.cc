#include "pipeline/ingest/reload.h"

#include <filesystem>
#include <set>

#include "pipeline/ingest/capture_testing.h"
#include "pipeline/maintain/maintain.h"
#include "pipeline/reload_mark.h"

namespace tarn {
namespace {

using testing::CaptureTest;
using testing::Delete;
using testing::Insert;
using testing::ScriptedRows;
using testing::ScriptedTables;
using testing::Update;

class ReloadTest : public CaptureTest {
 protected:
  explicit ReloadTest(uint64_t seed = 5) : CaptureTest(seed) {}

  ReloadOptions OptionsOf(const std::vector<std::string>& tables) {
    ReloadOptions options;
    options.source = "crm";
    options.index_folder = folder_;
    options.author = "test";
    for (const CaptureItem& item : items_) {
      if (std::find(tables.begin(), tables.end(), item.table.name.name) == tables.end()) continue;
      LoadItem load;
      load.table = item.table;
      load.target = item.target;
      load.target.partition = partitions_[item.table.name.name];
      load.history = item.history;
      options.items.push_back(std::move(load));
    }
    return options;
  }

  /// From here on the table is not followed.
  void Stop(const std::string& table) {
    LakeCommit commit;
    commit.author = "test";
    LoadPosition position;
    position.snapshot = "0";
    position.stopped = "for the test";
    commit.ops.push_back(SetPositionOp{"crm", "public." + table, position.ToJson()});
    ASSERT_TRUE(CommitToLake(lake_.context(), catalog_, commit).ok());
    stopped_.insert(table);
  }

  /// The lake goes on up to so many transactions.
  Status Follow(size_t upto) {
    CaptureOptions options = Options(3);
    options.until = std::to_string(upto);
    options.stopped = [&](const SourceTableName& table, const Status& why) {
      EXPECT_TRUE(stopped_.contains(table.name)) << why.ToString();
    };
    return Capture(context_, log_, options);
  }

  std::set<std::string> Objects() {
    std::set<std::string> keys;
    const Status listed = lake_.store().List("", [&](const ObjectInfo& object) -> Status {
      keys.insert(object.key);
      return {};
    });
    EXPECT_TRUE(listed.ok()) << listed.ToString();
    return keys;
  }

  std::string FolderOf(const std::string& table) {
    return *lake_.store().KeyOf(catalog_.LoadTable({"bronze", table}, {})->location);
  }

  /// Of the first table, by some other process.
  void PutMark(const std::string& process) {
    LakeCommit commit;
    commit.author = "test";
    commit.ops.push_back(
        PutObjectOp{kReloadObject, items_[0].uuid, "{\"process\":\"" + process + "\"}"});
    ASSERT_TRUE(CommitToLake(lake_.context(), catalog_, commit).ok());
  }

  std::set<std::string> stopped_;
  std::map<std::string, std::vector<std::string>> partitions_;
};

TEST_F(ReloadTest, ATableThatStoppedIsWhatTheSourceIsAtThePlaceOfTheLake) {
  MakeTable("a");
  MakeTable("b");
  Begin();
  log_.transactions = {
      {Insert("a", 1, "one", 1), Insert("a", 2, "two", 2), Insert("b", 1, "b", 1)}};
  ASSERT_TRUE(Follow(1).ok());
  Stop("a");
  log_.transactions.push_back({Delete("a", 1), Insert("a", 3, "three", 3)});
  Reload reload(context_, log_, OptionsOf({"a"}));
  ASSERT_TRUE(reload.Begin().ok());
  ASSERT_TRUE(reload.Load().ok());
  EXPECT_EQ(reload.position(), "2");
  log_.transactions.push_back({Update("a", 2, std::nullopt, 20), Insert("b", 2, "b", 2)});
  log_.transactions.push_back({Insert("a", 4, "not in the lake yet", 4)});
  ASSERT_TRUE(Follow(3).ok());
  EXPECT_EQ(Read("a").size(), 2U) << "nothing of it is seen before";
  ASSERT_TRUE(reload.CatchUp("3").ok());
  const auto report = reload.Commit("3", {});
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->tables.at(0).rows, 2);
  EXPECT_EQ(Read("a"), (ScriptedRows{{2, {"two", 20}}, {3, {"three", 3}}}));
  // It is followed from there, by the index that it left.
  stopped_.clear();
  ASSERT_TRUE(Follow(4).ok());
  EXPECT_EQ(Read("a").size(), 3U);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/reload/" + items_[0].uuid));
}

TEST_F(ReloadTest, OneThatIsGivenUpLeavesNothing) {
  MakeTable("a");
  Begin();
  log_.transactions = {{Insert("a", 1, "one", 1)}};
  ASSERT_TRUE(Follow(1).ok());
  const std::set<std::string> before = Objects();
  {
    Reload reload(context_, log_, OptionsOf({"a"}));
    ASSERT_TRUE(reload.Begin().ok());
    ASSERT_TRUE(reload.Load().ok());
    log_.transactions.push_back({Update("a", 1, "uno", 2)});
    ASSERT_TRUE(Follow(2).ok());
    ASSERT_TRUE(reload.CatchUp("2").ok());
    EXPECT_EQ(*IsBeingReloaded(context_, items_[0].uuid, LookAtLock::kTake), Reloading::kYes);
  }
  EXPECT_EQ(*IsBeingReloaded(context_, items_[0].uuid, LookAtLock::kTake), Reloading::kNo);
  size_t data_files = 0;
  for (const std::string& key : Objects()) data_files += key.ends_with(".parquet") ? 1 : 0;
  size_t data_files_before = 0;
  for (const std::string& key : before) data_files_before += key.ends_with(".parquet") ? 1 : 0;
  EXPECT_EQ(data_files, data_files_before + 1) << "the one of the second transaction";
}

TEST_F(ReloadTest, OneThatIsGivenUpLateLeavesTheMarkOfTheNextOne) {
  MakeTable("a");
  Begin();
  {
    Reload reload(context_, log_, OptionsOf({"a"}));
    ASSERT_TRUE(reload.Begin().ok());
    ASSERT_TRUE(reload.Load().ok());
    PutMark("of the next one");
  }
  const auto marks = catalog_.ListObjects(kReloadObject);
  ASSERT_TRUE(marks.ok());
  ASSERT_EQ(marks->size(), 1U);
  EXPECT_NE(marks->at(0).json.find("of the next one"), std::string::npos);
}

TEST_F(ReloadTest, ATableThatStopsMeanwhileTellsItsRepairFirst) {
  MakeTable("a");
  Begin();
  log_.transactions = {{Insert("a", 1, "one", 1)}};
  ASSERT_TRUE(Follow(1).ok());
  Reload reload(context_, log_, OptionsOf({"a"}));
  ASSERT_TRUE(reload.Begin().ok());
  ASSERT_TRUE(reload.Load().ok());
  log_.transactions.push_back({Insert("a", 2, "two", 2)});
  log_.stops = InvalidArgument("table public.a has nothing that names a row",
                               "ALTER TABLE public.a ADD PRIMARY KEY (…)");
  const Status status = reload.CatchUp("2");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(status.error().message.find("has nothing that names a row"), std::string::npos)
      << status.ToString();
  EXPECT_TRUE(status.error().hint.starts_with("ALTER TABLE public.a ADD PRIMARY KEY (…)"))
      << status.ToString();
}

TEST_F(ReloadTest, UpkeepLeavesItsFilesAloneHoweverOldTheyAre) {
  MakeTable("a");
  Begin();
  log_.transactions = {{Insert("a", 1, "one", 1)}};
  ASSERT_TRUE(Follow(1).ok());
  Reload reload(context_, log_, OptionsOf({"a"}));
  ASSERT_TRUE(reload.Begin().ok());
  ASSERT_TRUE(reload.Load().ok());
  lake_.clock().Advance(lake_.limits().orphan_grace_ms * 2000);
  ASSERT_TRUE(Maintain(context_, {}).ok());
  ASSERT_TRUE(reload.CatchUp("1").ok());
  ASSERT_TRUE(reload.Commit("1", {}).ok());
  EXPECT_EQ(Read("a"), (ScriptedRows{{1, {"one", 1}}}));
}

TEST_F(ReloadTest, ADryRunOfUpkeepTakesTheLeaseFromNobody) {
  MakeTable("a");
  const std::string lost = FolderOf("a") + "/data/lost.parquet";
  ASSERT_TRUE(lake_.store().Put(lost, "x").ok());
  PutMark("another-boot pid:[1] 1 1");
  const auto lock = catalog_.AcquireLock("resync", "resync, pid 1 on host", "its token", 60'000);
  ASSERT_TRUE(lock.ok());
  lake_.clock().Advance(lake_.limits().orphan_grace_ms * 2000);
  MaintainOptions options;
  options.mode = MaintainMode::kDryRun;
  const auto told = Maintain(context_, options);
  ASSERT_TRUE(told.ok()) << told.status().ToString();
  const auto& steps = told->tables.at(0).steps;
  EXPECT_TRUE(std::any_of(steps.begin(), steps.end(), [&](const MaintainStep& step) {
    return step.outcome == MaintainStep::Outcome::kWould && step.names.size() == 1;
  }));
  EXPECT_TRUE(Objects().contains(lost));
  // Its holder, who stood still, goes on.
  LakeCommit late;
  late.author = "test";
  late.ops.push_back(ExpectLockOp{"resync", "its token"});
  EXPECT_TRUE(CommitToLake(lake_.context(), catalog_, late).ok());
  EXPECT_TRUE(catalog_.RenewLock(*lock, 60'000).ok());
}

TEST_F(ReloadTest, AMarkFromBeforeARebootHoldsUpkeepNoLongerThanTheLeaseOfItsProcess) {
  MakeTable("a");
  const std::string lost = FolderOf("a") + "/data/lost.parquet";
  ASSERT_TRUE(lake_.store().Put(lost, "x").ok());
  PutMark("another-boot pid:[1] 1 1");
  lake_.clock().Advance(lake_.limits().orphan_grace_ms * 2000);
  const auto lock = catalog_.AcquireLock("resync", "resync, pid 1 on host", "its token", 60'000);
  ASSERT_TRUE(lock.ok());
  const auto held = Maintain(context_, {});
  ASSERT_TRUE(held.ok()) << held.status().ToString();
  EXPECT_TRUE(Objects().contains(lost)) << "its process may live elsewhere";
  const auto& steps = held->tables.at(0).steps;
  EXPECT_TRUE(std::any_of(steps.begin(), steps.end(), [](const MaintainStep& step) {
    return step.outcome == MaintainStep::Outcome::kHeld &&
           step.why.find("`tarn maintain` removes what is left") != std::string::npos;
  }));
  lake_.clock().Advance(60'001'000);
  ASSERT_TRUE(Maintain(context_, {}).ok());
  EXPECT_FALSE(Objects().contains(lost));
  // Should it live after all, it commits nothing any more.
  LakeCommit late;
  late.author = "test";
  late.ops.push_back(ExpectLockOp{"resync", "its token"});
  const auto refused = CommitToLake(lake_.context(), catalog_, late);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
}

TEST_F(ReloadTest, ALogThatWasFollowedFurtherMeanwhileIsAConflict) {
  MakeTable("a");
  Begin();
  log_.transactions = {{Insert("a", 1, "one", 1)}};
  ASSERT_TRUE(Follow(1).ok());
  Reload reload(context_, log_, OptionsOf({"a"}));
  ASSERT_TRUE(reload.Begin().ok());
  ASSERT_TRUE(reload.Load().ok());
  ASSERT_TRUE(reload.CatchUp("1").ok());
  log_.transactions.push_back({Delete("a", 1)});
  ASSERT_TRUE(Follow(2).ok());
  const auto report = reload.Commit("1", {});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(Read("a").empty());
}

/// Random logs that go on while tables are loaded anew: what takes their place is a prefix of the
/// log, the one that the lake is at, and what follows is followed.
class ReloadSim : public ReloadTest, public ::testing::WithParamInterface<uint64_t> {
 protected:
  ReloadSim() : ReloadTest(GetParam()) {}
};

TEST_P(ReloadSim, TheNewRowsAreThoseOfThePlaceAtWhichTheLakeStands) {
  Random& random = lake_.random();
  const bool history = random.Below(2) == 0;
  partitions_["a"] = {"bucket(3, id)"};
  MakeTable("a", "0", partitions_["a"]);
  if (history) KeepHistory();
  MakeTable("b");
  Begin();
  ScriptedTables tables;
  const auto grow = [&](int count) {
    for (int i = 0; i < count; ++i) log_.transactions.push_back(RandomTransaction(tables));
    log_.batch_changes_max = 1 + static_cast<int64_t>(random.Below(30));
  };
  const auto as_expected = [&](const char* when) {
    ScriptedTables expected = Expected(static_cast<size_t>(std::stoll(Position())));
    for (const char* table : {"a", "b"}) {
      if (stopped_.contains(table)) continue;
      EXPECT_EQ(Read(table), expected[table]) << when;
    }
    if (history) {
      EXPECT_EQ(Fold(ReadHistory("a")), expected["a"]) << when;
    }
  };
  grow(10);
  ASSERT_TRUE(Follow(10).ok());
  for (int round = 0; round < 3; ++round) {
    if (!history && random.Below(2) == 0) Stop("a");
    grow(10);
    std::vector<std::string> names = {"a"};
    if (random.Below(2) == 0) names.emplace_back("b");
    Reload reload(context_, log_, OptionsOf(names));
    ASSERT_TRUE(reload.Begin().ok());
    grow(6);
    if (history) {
      ASSERT_TRUE(Follow(log_.transactions.size() - random.Below(7)).ok());
    }
    const Status loaded = reload.Load();
    ASSERT_TRUE(loaded.ok()) << loaded.ToString();
    for (int step = 0; step < 3; ++step) {
      const size_t already = log_.transactions.size();
      grow(8);
      ASSERT_TRUE(Follow(already + random.Below(9)).ok());
      if (random.Below(3) == 0) {
        ASSERT_TRUE(Maintain(context_, {}).ok());
      }
      const Status caught_up = reload.CatchUp(Position());
      ASSERT_TRUE(caught_up.ok()) << caught_up.ToString();
      as_expected("before");
    }
    const auto report = reload.Commit(Position(), {});
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    stopped_.clear();
    as_expected("right after");
    EXPECT_EQ(report->tables[0].rows, static_cast<int64_t>(Read("a").size()));
    ASSERT_TRUE(Follow(log_.transactions.size()).ok());
    as_expected("followed");
    if (!history) continue;
    const auto rows = ReadHistory("a");
    EXPECT_EQ(std::count_if(rows.begin(), rows.end(),
                            [](const auto& row) { return row.op == kHistoryReload; }),
              round + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ReloadSim, ::testing::Range<uint64_t>(1, 7));

}  // namespace
}  // namespace tarn

#include "pipeline/maintain/maintain.h"

#include "catalog/garbage.h"
#include "pipeline/intention.h"
#include "pipeline/maintain/compact.h"
#include "pipeline/maintain/expire.h"
#include "pipeline/maintain/sweep.h"
#include "pipeline/maintain/testing.h"

namespace tarn {
namespace {

using Outcome = MaintainStep::Outcome;
using testing::InterruptedCatalog;
using testing::kDayMicros;
using testing::kHourMicros;

class Upkeep : public testing::MaintainTest {
 protected:
  MaintainStep Step(Result<MaintainStep> step) {
    EXPECT_TRUE(step.ok()) << step.status().ToString();
    return step.ok() ? *step : MaintainStep();
  }
  MaintainStep Compact(MaintainMode mode = MaintainMode::kDo) {
    return Step(CompactTable(context_, uuid(), mode));
  }
  MaintainStep Expire(MaintainMode mode = MaintainMode::kDo) {
    return Step(ExpireTable(context_, uuid(), mode));
  }
  MaintainStep Sweep(MaintainMode mode = MaintainMode::kDo) {
    return Step(SweepTable(context_, uuid(), mode));
  }
  void Wait(int64_t micros) { lake_.clock().Advance(micros); }
};

TEST_F(Upkeep, ManySmallFilesBecomeOne) {
  lake_.Create(kTable);
  for (int64_t i = 0; i < 12; ++i) Append(i * 5, i * 5 + 5);
  Delete([](int64_t id) { return id == 7; });
  const MaintainStep step = Compact();
  EXPECT_EQ(step.outcome, Outcome::kDone);
  EXPECT_EQ(step.taken, 12);
  EXPECT_EQ(step.made, 1);
  EXPECT_EQ(Files(*State().metadata).size(), 1U);
  Check();
  EXPECT_EQ(Compact().outcome, Outcome::kNothing) << "a second time there is nothing to do";
}

TEST_F(Upkeep, ADryRunTellsAndChangesNothing) {
  lake_.Create(kTable);
  for (int64_t i = 0; i < 12; ++i) Append(i, i + 1);
  Wait(10 * kDayMicros);
  Append(100, 101);
  ASSERT_TRUE(lake_.store().Put("bronze/t/data/lost.parquet", "x").ok());
  Wait(10 * kDayMicros);
  const auto before = lake_.Objects();
  const auto report = Maintain(context_, {.mode = MaintainMode::kDryRun});
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  ASSERT_EQ(report->tables.size(), 1U);
  for (const MaintainStep& step : report->tables[0].steps) {
    // The one is kept longer than anything else, the others are for larger tables.
    if (step.part == "delta log" || step.part == "statistics") continue;
    EXPECT_EQ(step.outcome, Outcome::kWould) << step.part << ": " << step.why;
  }
  EXPECT_EQ(report->tables[0].steps.at(4).names.at(0), "bronze/t/data/lost.parquet");
  EXPECT_EQ(lake_.Objects(), before);
}

TEST_F(Upkeep, WhereThereIsNoRoomToCommitWhatWasRewrittenIsTakenBack) {
  lake_.Create(kTable);
  for (int64_t i = 0; i < 4; ++i) Append(i, i + 1);
  const auto before = lake_.Objects();
  lake_.store().SetFaultInjector([](const StorageCall& call) -> std::optional<Error> {
    const bool writes = call.operation == StorageOperation::kPutIfAbsent ||
                        call.operation == StorageOperation::kOpenWriter;
    if (!writes || !call.key.ends_with(".avro")) return std::nullopt;
    return ResourceExhausted("no space left");
  });
  const auto step = CompactTable(context_, uuid(), MaintainMode::kDo);
  lake_.store().SetFaultInjector(nullptr);
  EXPECT_EQ(step.ok() ? ErrorKind::kInternal : step.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_EQ(lake_.Objects(), before);
}

TEST_F(Upkeep, RowsThatComeWhileFilesAreRewrittenStay) {
  lake_.Create(kTable);
  for (int64_t i = 0; i < 4; ++i) Append(i, i + 1);
  InterruptedCatalog catalog(lake_.catalog(), [&] { Append(50, 60); });
  context_.catalog = &catalog;
  EXPECT_EQ(Compact().outcome, Outcome::kDone);
  context_.catalog = &lake_.catalog();
  EXPECT_EQ(Files(*State().metadata).size(), 2U);
  Check();
}

TEST_F(Upkeep, RowsThatAreDeletedWhileTheirFilesAreRewrittenAreDeleted) {
  lake_.Create(kTable, {"region"});
  for (int64_t i = 0; i < 4; ++i) Append(i * 6, i * 6 + 6);
  InterruptedCatalog catalog(lake_.catalog(), [&] { Delete([](int64_t id) { return id == 3; }); });
  context_.catalog = &catalog;
  const MaintainStep step = Compact();
  EXPECT_EQ(step.outcome, Outcome::kDone) << "two of three partitions at once, then the third";
  EXPECT_EQ(step.taken, 12);
  context_.catalog = &lake_.catalog();
  EXPECT_EQ(Files(*State().metadata).size(), 3U);
  Check();
}

TEST_F(Upkeep, DeltaIsToldThatNoDataChanged) {
  lake_.Create(kTable);
  for (int64_t i = 0; i < 3; ++i) Append(i, i + 1);
  Compact();
  char name[48];
  std::snprintf(name, sizeof(name), "/_delta_log/%020lld.json",
                static_cast<long long>(State().entry.version - 1));
  const std::string entry = lake_.store().Get("bronze/t" + std::string(name)).value();
  EXPECT_NE(entry.find("OPTIMIZE"), std::string::npos);
  EXPECT_EQ(entry.find("\"dataChange\":true"), std::string::npos) << entry;
  EXPECT_NE(entry.find("\"dataChange\":false"), std::string::npos);
}

TEST_F(Upkeep, ManySmallManifestsBecomeOne) {
  lake_.Create(kTable);
  for (int64_t i = 0; i < 9; ++i) Append(i, i + 1);
  EXPECT_EQ(Step(CompactManifests(context_, uuid(), MaintainMode::kDo)).outcome, Outcome::kNothing);
  Append(9, 10);
  EXPECT_EQ(Step(CompactManifests(context_, uuid(), MaintainMode::kDo)).outcome, Outcome::kDone);
  const auto plan = PlanScan(context_.tables, *State().metadata, {}, Predicate::True());
  EXPECT_EQ(plan->manifests_total, 1);
  Check();
}

TEST_F(Upkeep, OldSnapshotsLeaveWithTheirFiles) {
  lake_.Create(kTable);
  for (int64_t i = 0; i < 6; ++i) Append(i * 100, i * 100 + 100);
  Delete([](int64_t id) { return id % 2 == 0; });
  Compact();
  EXPECT_EQ(Keys("data").size(), 7U);
  EXPECT_EQ(Expire().outcome, Outcome::kNothing) << "all are young";
  Wait(6 * kDayMicros);
  const MaintainStep step = Expire();
  EXPECT_EQ(step.outcome, Outcome::kDone) << step.why;
  EXPECT_EQ(step.taken, 7);
  EXPECT_EQ(State().metadata->snapshots.size(), 1U);
  EXPECT_EQ(Keys("data").size(), 1U);
  EXPECT_TRUE(Keys("deletes").empty());
  Check();
  EXPECT_EQ(Expire().outcome, Outcome::kNothing);
  Append(1000, 1001);
  Check();
}

TEST_F(Upkeep, WhatATagNamesStaysReadable) {
  lake_.Create(kTable);
  Append(0, 10);
  const SnapshotId tagged = *State().metadata->current_snapshot;
  lake_.Change(kTable, [&](TableTransaction& t) {
    return t.CreateRef("release", {tagged, "tag", {}, {}, {}});
  });
  const Rows then = rows_;
  Append(10, 20);
  Compact();
  Wait(6 * kDayMicros);
  EXPECT_EQ(Expire().outcome, Outcome::kDone);
  Wait(6 * kDayMicros);
  Sweep();
  EXPECT_EQ(Read(*State().metadata, tagged), then);
  Check();
}

TEST_F(Upkeep, SnapshotsStayWhileTheirDeltaEntriesWait) {
  lake_.Create(kTable);
  Append(0, 10);
  Append(10, 20);
  lake_.store().SetFaultInjector([](const StorageCall& call) -> std::optional<Error> {
    if (call.key.find("_delta_log") == std::string_view::npos) return std::nullopt;
    return Unavailable("the log cannot be written");
  });
  Append(20, 30);
  Wait(6 * kDayMicros);
  const MaintainStep step = Expire();
  EXPECT_EQ(step.outcome, Outcome::kHeld) << step.why;
  EXPECT_EQ(State().metadata->snapshots.size(), 3U);
  lake_.store().SetFaultInjector(nullptr);
  Check();
  EXPECT_EQ(Expire().outcome, Outcome::kDone);
  Check();
}

TEST_F(Upkeep, AnExpiryThatDiedBeforeItRemovedFilesIsFinishedByTheSweep) {
  lake_.Create(kTable);
  for (int64_t i = 0; i < 4; ++i) Append(i, i + 1);
  Compact();
  Wait(6 * kDayMicros);
  lake_.store().SetFaultInjector([](const StorageCall& call) -> std::optional<Error> {
    if (call.operation != StorageOperation::kDelete) return std::nullopt;
    return Unavailable("the process is gone");
  });
  EXPECT_FALSE(ExpireTable(context_, uuid(), MaintainMode::kDo).ok());
  lake_.store().SetFaultInjector(nullptr);
  EXPECT_EQ(State().metadata->snapshots.size(), 1U);
  EXPECT_EQ(Keys("data").size(), 5U);
  Wait(4 * kDayMicros);
  EXPECT_EQ(Sweep().outcome, Outcome::kDone);
  EXPECT_EQ(Keys("data").size(), 1U);
  Check();
}

TEST_F(Upkeep, FilesThatNobodyRefersToLeaveOnceTheyAreOld) {
  lake_.Create(kTable);
  Append(0, 10);
  ObjectStore& store = lake_.store();
  ASSERT_TRUE(store.Put("bronze/t/data/dead.parquet", "x").ok());
  ASSERT_TRUE(store.Put("bronze/t/metadata/00009-dead.json", "{}").ok());
  ASSERT_TRUE(store.Put("bronze/t/deletes/dead.puffin", "x").ok());
  ASSERT_TRUE(store.Put("bronze/t/README.md", "mine").ok());
  ASSERT_TRUE(store.Put("bronze/t/data/notes.txt", "mine").ok());
  Wait(kDayMicros);
  EXPECT_EQ(Sweep().outcome, Outcome::kNothing) << "a process may still commit them";
  Wait(3 * kDayMicros);
  ASSERT_TRUE(store.Put("bronze/t/data/young.parquet", "x").ok());
  const MaintainStep step = Sweep();
  EXPECT_EQ(step.taken, 3) << step.why;
  EXPECT_TRUE(store.Head("bronze/t/README.md").ok());
  EXPECT_TRUE(store.Head("bronze/t/data/notes.txt").ok());
  EXPECT_TRUE(store.Head("bronze/t/data/young.parquet").ok());
  Check();
}

TEST_F(Upkeep, FilesThatAreCommittedWhileOrphansAreSoughtStay) {
  lake_.Create(kTable);
  Append(0, 1);
  auto late = lake_.ChangeTransaction(State().entry);
  const auto files = Write(*late, {{77, "late"}});
  ASSERT_TRUE(late->Append(files).ok());
  Wait(30 * kDayMicros);
  // The writer awakes at the last moment.
  bool committed = false;
  lake_.store().SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
    if (call.operation != StorageOperation::kList || committed) return std::nullopt;
    committed = true;
    EXPECT_TRUE(lake_.Commit(lake_.catalog(), kTable, uuid(), *late).ok());
    return std::nullopt;
  });
  Sweep();
  lake_.store().SetFaultInjector(nullptr);
  rows_[77] = "late";
  ASSERT_TRUE(committed);
  Check();
}

TEST_F(Upkeep, AHintThatFellBackNamesNoMetadataThatIsRemoved) {
  lake_.Create(kTable);
  for (int64_t i = 0; i < 4; ++i) Append(i, i + 1);
  const std::string hint = "bronze/t/metadata/version-hint.text";
  ASSERT_TRUE(lake_.store().Put(hint, "2").ok());
  Wait(10 * kDayMicros);
  Sweep(MaintainMode::kDryRun);
  EXPECT_EQ(*lake_.store().Get(hint), "2");
  Sweep();
  EXPECT_EQ(*lake_.store().Get(hint), "5");
}

TEST_F(Upkeep, StatesOfTheHistoryThatAreGoneSaySo) {
  lake_.Create(kTable);
  Append(0, 1);
  const TableEntry old = State().entry;
  lake_.limits().metadata_log_max = 1;
  for (int64_t i = 1; i < 4; ++i) Append(i, i + 1);
  Wait(10 * kDayMicros);
  Append(4, 5);
  Expire();
  Sweep();
  const auto gone = LoadTableMetadata(context_.tables, old.metadata_location);
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(gone.error().hint.find("tarn maintain"), std::string::npos) << gone.error().hint;
  EXPECT_FALSE(lake_.store().Head("bronze/t/metadata/v2.metadata.json").ok());
  Check();
}

TEST_F(Upkeep, StatesWithinTheAgeStayReadable) {
  lake_.Create(kTable);
  Append(0, 1);
  Append(1, 2);
  const TableEntry then = State().entry;
  const Rows rows = rows_;
  Wait(20 * kDayMicros);  // what stands for long and is followed just now can be asked for
  lake_.limits().metadata_log_max = 1;
  for (int64_t i = 2; i < 8; ++i) Append(i, i + 1);
  Compact();
  Expire();
  Sweep();
  const auto state = LoadTableMetadata(context_.tables, then.metadata_location);
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  EXPECT_EQ(Read(**state), rows);
}

TEST_F(Upkeep, ATableThatChangesAllTheTimeKeepsABoundedHistory) {
  lake_.Create(kTable);
  lake_.limits().snapshots_kept_max = 5;
  lake_.limits().metadata_log_max = 2;
  int64_t middle = 0;
  for (int64_t i = 0; i < 100; ++i) {
    Append(i, i + 1);
    if (i == 50) middle = lake_.clock().NowMicros();
    Wait(kHourMicros / 10);
    if (i % 10 != 9) continue;
    Expire();
    Sweep();
  }
  // Those of the last hour, which somebody may still read; of the metadata as many, twice: under
  // its own name and under the one that readers without a catalog find.
  EXPECT_LE(State().metadata->snapshots.size(), 12U);
  std::vector<std::string> kept = Keys("metadata");
  std::erase_if(kept, [](const std::string& name) { return !name.ends_with(".metadata.json"); });
  EXPECT_LE(kept.size(), 2 * 13U);
  EXPECT_LE(lake_.catalog().TableHistory(uuid()).value().size(), 14U);
  const TableEntry forgotten =
      *lake_.catalog().LoadTableByUuid(uuid(), *lake_.catalog().SequenceAt(middle));
  const auto gone = LoadTableMetadata(context_.tables, forgotten.metadata_location);
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().kind, ErrorKind::kNotFound);
  // An hour ago can be asked for.
  const Sequence then = *lake_.catalog().SequenceAt(lake_.clock().NowMicros() - kHourMicros + 1);
  const TableEntry entry = *lake_.catalog().LoadTableByUuid(uuid(), then);
  const auto state = LoadTableMetadata(context_.tables, entry.metadata_location);
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  EXPECT_GE(Read(**state).size(), 88U);
  Check();
}

TEST_F(Upkeep, FoldersOfDroppedTablesLeaveOnceNobodyCanAskForThem) {
  lake_.Create(kTable);
  Append(0, 10);
  TableEntry entry = State().entry;
  entry.owner = "model:bronze.t";
  CommitRequest drop{lake_.random().Uuid(), "test", "", DropTableOps(lake_.store(), entry)};
  Wait(20 * kDayMicros);
  ASSERT_TRUE(lake_.catalog().Commit(drop).ok());
  Wait(kDayMicros);
  EXPECT_EQ(Step(SweepDroppedTables(context_, MaintainMode::kDo)).outcome, Outcome::kNothing);
  EXPECT_FALSE(lake_.Objects().empty());
  Wait(6 * kDayMicros);
  EXPECT_EQ(Step(SweepDroppedTables(context_, MaintainMode::kDryRun)).outcome, Outcome::kWould);
  EXPECT_FALSE(lake_.Objects().empty());
  EXPECT_EQ(Step(SweepDroppedTables(context_, MaintainMode::kDo)).outcome, Outcome::kDone);
  EXPECT_TRUE(lake_.Objects().empty());
  EXPECT_TRUE(lake_.catalog().ListObjects(kGarbageObject)->empty());
}

TEST_F(Upkeep, OneSweepOfDroppedFoldersAtATime) {
  lake_.Create(kTable);
  TableEntry entry = State().entry;
  entry.owner = "model:bronze.t";
  CommitRequest drop{lake_.random().Uuid(), "test", "", DropTableOps(lake_.store(), entry)};
  ASSERT_TRUE(lake_.catalog().Commit(drop).ok());
  Wait(20 * kDayMicros);
  const auto held = lake_.catalog().AcquireLock("dropped tables", "another", "token", 60'000);
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(Step(SweepDroppedTables(context_, MaintainMode::kDo)).outcome, Outcome::kHeld);
  EXPECT_FALSE(lake_.Objects().empty());
  ASSERT_TRUE(lake_.catalog().ReleaseLock(*held).ok());
  EXPECT_EQ(Step(SweepDroppedTables(context_, MaintainMode::kDo)).outcome, Outcome::kDone);
  EXPECT_TRUE(lake_.Objects().empty());
}

TEST_F(Upkeep, WhoeverForgetsADropForgetsTheOneThatHeSaw) {
  TableEntry table;
  table.owner = "model:bronze.t";
  table.location = lake_.store().UriOf("bronze/t");
  const auto drop = [&](const char* uuid) {
    table.uuid = uuid;
    return DropTableOps(lake_.store(), table).back();
  };
  const auto commit = [&](CommitOp op) {
    ASSERT_TRUE(lake_.catalog().Commit({lake_.random().Uuid(), "test", "", {std::move(op)}}).ok());
  };
  commit(drop("first"));
  const ObjectEntry seen = lake_.catalog().ListObjects(kGarbageObject)->front();
  commit(drop("second"));
  commit(DropObjectOp{seen.kind, seen.name, seen.json});
  const auto left = *lake_.catalog().ListObjects(kGarbageObject);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_NE(left.front().json, seen.json);
  commit(DropObjectOp{seen.kind, seen.name, left.front().json});
  EXPECT_TRUE(lake_.catalog().ListObjects(kGarbageObject)->empty());
}

TEST_F(Upkeep, FilesOfATableThatWasNeverMadeLeaveWhenTheyAreOld) {
  lake_.Create(kTable);
  const TableName name{"bronze", "never"};
  auto transaction = lake_.NewTransaction(name);
  CommitRequest intention{lake_.random().Uuid(), "test", "", {}};
  intention.ops.push_back(
      PutObjectOp{kIntentionObject, lake_.store().KeyOf(transaction->location()).value(), "{}"});
  ASSERT_TRUE(lake_.catalog().Commit(intention).ok());
  ASSERT_TRUE(transaction->Append(Write(*transaction, {{1, "r"}})).ok());
  ASSERT_TRUE(transaction->Stage(lake_.random().Uuid()).ok());  // and here its maker died
  const size_t before = lake_.Objects().size();
  Wait(kDayMicros);
  EXPECT_EQ(Step(SweepDroppedTables(context_, MaintainMode::kDo)).outcome, Outcome::kNothing);
  EXPECT_EQ(lake_.Objects().size(), before);
  Wait(9 * kDayMicros);
  EXPECT_EQ(Step(SweepDroppedTables(context_, MaintainMode::kDo)).outcome, Outcome::kDone);
  for (const auto& [key, bytes] : lake_.Objects()) {
    EXPECT_FALSE(key.starts_with("bronze/never")) << key;
  }
  EXPECT_LT(lake_.Objects().size(), before);
  EXPECT_EQ(Step(SweepDroppedTables(context_, MaintainMode::kDo)).outcome, Outcome::kNothing);
}

TEST_F(Upkeep, ATableOfOthersWhereAFirstLoadDiedIsTheirs) {
  lake_.Create(kTable);
  lake_.Append(kTable, "1");
  CommitRequest intention{lake_.random().Uuid(), "test", "", {}};
  intention.ops.push_back(PutObjectOp{kIntentionObject, "bronze/orders", "{}"});
  ASSERT_TRUE(lake_.catalog().Commit(intention).ok());
  // As a writer of Iceberg with a catalog of its own leaves it: no hint, no log.
  ASSERT_TRUE(lake_.store().Put("bronze/orders/data/00000-0-x.parquet", "x").ok());
  ASSERT_TRUE(lake_.store().Put("bronze/orders/metadata/00000-y.metadata.json", "{}").ok());
  Wait(20 * kDayMicros);
  const auto before = lake_.Objects();
  EXPECT_EQ(Step(SweepDroppedTables(context_, MaintainMode::kDo)).outcome, Outcome::kNothing);
  EXPECT_EQ(lake_.Objects(), before);
}

TEST_F(Upkeep, TheDeltaLogIsCleanedUpAfterItsRetention) {
  lake_.limits().checkpoint_every_commits = 4;
  lake_.Create(kTable);
  for (int64_t i = 0; i < 10; ++i) Append(i, i + 1);
  Wait(40 * kDayMicros);
  for (int64_t i = 10; i < 16; ++i) Append(i, i + 1);
  const size_t before = Keys("_delta_log").size();
  const MaintainStep step = Step(CleanDeltaLog(context_, uuid(), MaintainMode::kDo));
  EXPECT_EQ(step.outcome, Outcome::kDone) << step.why;
  EXPECT_EQ(Keys("_delta_log").size() + static_cast<size_t>(step.taken), before);
  Check();
  Append(16, 17);
  Check();
}

TEST_F(Upkeep, WhatGoesByAgeWaitsWhileTheClocksDiffer) {
  lake_.Create(kTable);
  for (int64_t i = 0; i < 3; ++i) Append(i, i + 1);
  ASSERT_TRUE(lake_.store().Put("bronze/t/data/young.parquet", "x").ok());
  const TableName dropped{"bronze", "dropped"};
  lake_.Create(dropped);
  TableEntry entry = *lake_.catalog().LoadTable(dropped, {});
  entry.owner = "model:bronze.dropped";
  const CommitRequest drop{lake_.random().Uuid(), "test", "", DropTableOps(lake_.store(), entry)};
  ASSERT_TRUE(lake_.catalog().Commit(drop).ok());
  ManualClock ahead(lake_.clock().NowMicros() + 60 * kDayMicros);
  context_.tables.clock = &ahead;
  const auto before = lake_.Objects();
  const auto report = Maintain(context_, {});
  context_.tables.clock = &lake_.clock();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  ASSERT_EQ(report->tables.size(), 2U);
  const auto& steps = report->tables[0].steps;
  ASSERT_EQ(steps.size(), 6U);
  for (size_t i = 3; i < 6; ++i) EXPECT_EQ(steps[i].outcome, Outcome::kHeld) << steps[i].why;
  EXPECT_NE(steps[3].why.find("86400 minutes later"), std::string::npos) << steps[3].why;
  EXPECT_EQ(report->tables[1].steps.at(0).outcome, Outcome::kHeld);
  const auto after = lake_.Objects();
  for (const auto& [key, bytes] : before) EXPECT_TRUE(after.contains(key)) << key;
}

TEST_F(Upkeep, OneTableThatCannotBeReadDoesNotKeepTheOthersFromTheirUpkeep) {
  lake_.Create(kTable);
  for (int64_t i = 0; i < 3; ++i) Append(i, i + 1);
  const TableName broken{"bronze", "a_broken"};
  lake_.Create(broken);
  lake_.Append(broken, "never_written_1");
  lake_.Append(broken, "never_written_2");
  const auto report = Maintain(context_, {});
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  ASSERT_EQ(report->tables.size(), 2U);
  EXPECT_TRUE(report->failed());
  EXPECT_FALSE(report->tables[0].error.ok());
  EXPECT_TRUE(report->tables[1].error.ok());
  EXPECT_EQ(Files(*State().metadata).size(), 1U);
}

TEST_F(Upkeep, ASelectorThatMatchesNothingIsAnError) {
  lake_.Create(kTable);
  EXPECT_EQ(Maintain(context_, {.patterns = {"gold.*"}}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(Maintain(context_, {.patterns = {"bronze.*"}})->tables.size(), 1U);
}

}  // namespace
}  // namespace tarn

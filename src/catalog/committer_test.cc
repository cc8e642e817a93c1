#include "catalog/committer.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include <gmock/gmock.h>

#include "catalog/test_support.h"
#include "table/dual/changes.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::TestLake;

const TableName kT{"bronze", "t"};
const TableName kU{"bronze", "u"};

std::vector<std::string> LivePaths(TestLake& lake, const TableName& name) {
  const TableEntry entry = *lake.catalog().LoadTable(name, {});
  const auto table = *LoadTableMetadata(lake.store(), entry.metadata_location);
  std::vector<std::string> paths;
  if (table->current_snapshot) {
    const auto live = *ListLiveFiles(lake.store(), *table, *table->current_snapshot);
    for (const LiveFile& one : live) {
      paths.push_back(one.file.path.substr(one.file.path.rfind('/') + 1));
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(Committer, ANewTableGetsItsSchemaAndTakesTheFirstVersion) {
  TestLake lake;
  lake.Create(kT);
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  EXPECT_EQ(entry.version, 1);
  EXPECT_EQ(entry.sequence, Sequence(1));
  EXPECT_EQ(entry.location, "memory://lake/bronze/t");
  EXPECT_THAT(*lake.catalog().PendingPublications({.limit = 10}), IsEmpty());
}

TEST(Committer, ASchemaThatDiffersInCaseIsUsed) {
  TestLake lake;
  lake.Create(kT);
  lake.Create({"Bronze", "u"});
  EXPECT_THAT(*lake.catalog().ListNamespaces({}), SizeIs(1));
  EXPECT_TRUE(lake.catalog().LoadTable(kU, {}).ok());
}

TEST(Committer, SeveralTablesAndAPositionAppearAtOneSequence) {
  TestLake lake;
  auto t = lake.NewTransaction(kT);
  auto u = lake.NewTransaction(kU);
  ASSERT_TRUE(t->Append({TestLake::File(*t, "1")}).ok());
  LakeCommit commit;
  commit.author = "ingest:shop";
  commit.message = "load";
  commit.tables = {{kT, "source:shop", "", t.get()}, {kU, "source:shop", "", u.get()}};
  commit.ops = {SetPositionOp{"shop", "", "7"},
                PutViewOp{{{"silver", "v"}, "SELECT 1", {}, "", "", {}}}};
  const CommitInfo info = *CommitToLake(lake.context(), lake.catalog(), commit);
  EXPECT_EQ(info.sequence, Sequence(1));
  EXPECT_EQ(info.author, "ingest:shop");
  EXPECT_EQ(lake.catalog().LoadTable(kT, {})->sequence, info.sequence);
  EXPECT_EQ(lake.catalog().LoadTable(kU, {})->owner, "source:shop");
  EXPECT_EQ(lake.catalog().LoadView({"silver", "v"}, {})->sequence, info.sequence);
  EXPECT_THAT(*lake.catalog().ListPositions(), SizeIs(1));
}

TEST(Committer, TheIdentityOfTheCommitStandsInTheSnapshot) {
  TestLake lake;
  lake.Create(kT);
  lake.Append(kT, "1");
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  const auto table = *LoadTableMetadata(lake.store(), entry.metadata_location);
  const std::string id = table->current()->summary.at("tarn.commit-id");
  EXPECT_EQ(lake.catalog().FindCommit(id)->sequence, entry.sequence);
}

TEST(Committer, OneCommitHasOneTimeInAllItsTables) {
  TestLake lake;
  lake.Create(kT);
  lake.Create(kU);
  // Ahead of the clock: each state is later than the one before.
  for (const char* name : {"1", "2", "3"}) lake.Append(kT, name);
  LakeCommit commit;
  std::vector<std::unique_ptr<TableTransaction>> transactions;
  for (const TableName& name : {kU, kT}) {
    const TableEntry entry = *lake.catalog().LoadTable(name, {});
    transactions.push_back(lake.ChangeTransaction(entry));
    ASSERT_TRUE(transactions.back()->Append({TestLake::File(*transactions.back(), "both")}).ok());
    commit.tables.push_back({name, "", entry.uuid, transactions.back().get()});
  }
  ASSERT_TRUE(CommitToLake(lake.context(), lake.catalog(), commit).ok());
  const auto time_of = [&](const TableName& name) {
    const TableEntry entry = *lake.catalog().LoadTable(name, {});
    return (*LoadTableMetadata(lake.store(), entry.metadata_location))->current()->timestamp_ms;
  };
  EXPECT_EQ(time_of(kT), time_of(kU));
}

TEST(Committer, ALostRaceIsRebasedAndNothingIsLost) {
  TestLake lake;
  lake.Create(kT);
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  auto slow = lake.ChangeTransaction(entry);
  ASSERT_TRUE(slow->Append({TestLake::File(*slow, "slow")}).ok());
  lake.Append(kT, "quick");
  const auto before = lake.Objects();
  const auto info = lake.Commit(lake.catalog(), kT, entry.uuid, *slow);
  ASSERT_TRUE(info.ok()) << info.error().ToString();
  EXPECT_EQ(info->sequence, Sequence(3));
  EXPECT_THAT(LivePaths(lake, kT), ::testing::ElementsAre("quick.parquet", "slow.parquet"));
  // The metadata of the attempt that was rejected is gone: one state file more, not two.
  const auto states = [](const std::map<std::string, std::string>& objects) {
    return std::count_if(objects.begin(), objects.end(), [](const auto& object) {
      return object.first.ends_with(".json") &&
             object.first.find("/metadata/0") != std::string::npos;
    });
  };
  EXPECT_EQ(states(lake.Objects()), states(before) + 1);
}

std::string KeyOf(const std::string& uri) {
  return uri.substr(std::string("memory://lake/").size());
}

// The manifest list of a state, which upkeep without grace removes once the state is replaced.
std::string ManifestListKey(TestLake& lake, const TableEntry& entry) {
  return KeyOf(
      (*LoadTableMetadata(lake.store(), entry.metadata_location))->current()->manifest_list);
}

TEST(Committer, AStateThatExpiredSinceItWasLoadedIsRebased) {
  TestLake lake;
  lake.Create(kT);
  lake.Append(kT, "1");
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  auto slow = lake.ChangeTransaction(entry);
  ASSERT_TRUE(slow->Append({TestLake::File(*slow, "slow")}).ok());
  lake.Append(kT, "quick");
  ASSERT_TRUE(lake.store().Delete(ManifestListKey(lake, entry)).ok());
  const auto info = lake.Commit(lake.catalog(), kT, entry.uuid, *slow);
  ASSERT_TRUE(info.ok()) << info.error().ToString();
  EXPECT_THAT(LivePaths(lake, kT),
              ::testing::ElementsAre("1.parquet", "quick.parquet", "slow.parquet"));
}

TEST(Committer, AStateThatExpiresWhileItIsRebasedOntoIsPassedOver) {
  // Once somebody has asked for the table's state, it moves on, and that state expires.
  class RestlessCatalog final : public ForwardingCatalog {
   public:
    explicit RestlessCatalog(TestLake& lake) : ForwardingCatalog(lake.catalog()), lake_(lake) {}
    Result<TableEntry> LoadTableByUuid(const std::string& uuid,
                                       std::optional<Sequence> at) override {
      auto entry = next_.LoadTableByUuid(uuid, at);
      if (!std::exchange(moved_, true)) {
        lake_.Append(kT, "meanwhile");
        EXPECT_TRUE(lake_.store().Delete(KeyOf(entry->metadata_location)).ok());
      }
      return entry;
    }

   private:
    TestLake& lake_;
    bool moved_ = false;
  };
  TestLake lake;
  lake.Create(kT);
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  auto slow = lake.ChangeTransaction(entry);
  ASSERT_TRUE(slow->Append({TestLake::File(*slow, "slow")}).ok());
  lake.Append(kT, "quick");
  RestlessCatalog restless(lake);
  const auto info = lake.Commit(restless, kT, entry.uuid, *slow);
  ASSERT_TRUE(info.ok()) << info.error().ToString();
  EXPECT_THAT(LivePaths(lake, kT),
              ::testing::ElementsAre("meanwhile.parquet", "quick.parquet", "slow.parquet"));
}

TEST(Committer, FilesOfTheCurrentStateThatAreGoneAreAnError) {
  TestLake lake;
  lake.Create(kT);
  lake.Append(kT, "1");
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  auto t = lake.ChangeTransaction(entry);
  ASSERT_TRUE(t->Append({TestLake::File(*t, "2")}).ok());
  ASSERT_TRUE(lake.store().Delete(ManifestListKey(lake, entry)).ok());
  const auto info = lake.Commit(lake.catalog(), kT, entry.uuid, *t);
  ASSERT_FALSE(info.ok());
  EXPECT_EQ(info.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(info.error().message, HasSubstr("is gone"));
}

TEST(Committer, RacingThreadsAllGetThrough) {
  TestLake lake;
  lake.limits().commit_retries_max = 100;
  lake.Create(kT);
  const TableEntry first = *lake.catalog().LoadTable(kT, {});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 5; ++k) {
        const auto random = SeededRandom(static_cast<uint64_t>(1000 + i * 10 + k));
        TableContext context{&lake.store(), &SystemClock(), random.get(), &lake.limits()};
        const TableEntry entry = *lake.catalog().LoadTableByUuid(first.uuid, {});
        auto base = *LoadTableMetadata(lake.store(), entry.metadata_location);
        auto t = *TableTransaction::Change(context, base, entry.metadata_location);
        const std::string name = std::to_string(i) + "-" + std::to_string(k);
        ASSERT_TRUE(t->Append({TestLake::File(*t, name)}).ok());
        LakeCommit commit;
        commit.tables = {{kT, "", entry.uuid, t.get()}};
        const auto info = CommitToLake(context, lake.catalog(), commit);
        ASSERT_TRUE(info.ok()) << info.error().ToString();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(LivePaths(lake, kT), SizeIs(20));
  EXPECT_EQ(lake.catalog().LoadTable(kT, {})->version, 21);
  EXPECT_THAT(*lake.catalog().PendingPublications({.limit = 100}), IsEmpty());
}

TEST(Committer, ChangesThatCannotStandOnTheNewStateAreAConflict) {
  TestLake lake;
  lake.Create(kT);
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  auto slow = lake.ChangeTransaction(entry);
  ASSERT_TRUE(slow->AddColumn("x", Type(Type::Kind::kInt), "").ok());
  lake.Change(kT, [](TableTransaction& t) { return t.AddColumn("y", Type(Type::Kind::kInt), ""); });
  const auto info = lake.Commit(lake.catalog(), kT, entry.uuid, *slow);
  ASSERT_FALSE(info.ok());
  EXPECT_EQ(info.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(info.error().message, HasSubstr("bronze.t"));
}

TEST(Committer, AnInputThatMovedIsAConflictAtOnce) {
  TestLake lake;
  lake.Create(kT);
  const TableEntry read = *lake.catalog().LoadTable(kT, {});
  lake.Append(kT, "1");
  auto u = lake.NewTransaction(kU);
  LakeCommit commit;
  commit.tables = {{kU, "", "", u.get()}};
  commit.expectations = {{read.uuid, read.metadata_location}};
  const auto before = lake.Objects();
  EXPECT_EQ(CommitToLake(lake.context(), lake.catalog(), commit).error().kind,
            ErrorKind::kConflict);
  EXPECT_EQ(lake.Objects(), before);
}

TEST(Committer, ACertainRejectionLeavesNoMetadataBehind) {
  TestLake lake;
  lake.Create(kT);
  auto again = lake.NewTransaction(kT);
  const auto before = lake.Objects();
  EXPECT_EQ(lake.Commit(lake.catalog(), kT, "", *again).error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(lake.Objects(), before);
}

// Loses the answers of commits: `calls` tells what happens to each in turn, then all goes well.
class LossyCatalog final : public ForwardingCatalog {
 public:
  enum class Call { kLostAfter, kLostBefore, kRefused, kGood };
  LossyCatalog(Catalog& next, std::vector<Call> commits, int finds_unavailable)
      : ForwardingCatalog(next), commits_(std::move(commits)), unavailable_(finds_unavailable) {}

  Result<CommitInfo> Commit(const CommitRequest& request) override {
    identities_.insert(request.commit_id);
    const Call call = attempts_ < commits_.size() ? commits_[attempts_] : Call::kGood;
    ++attempts_;
    if (call == Call::kLostBefore) return CommitUnknown("connection lost");
    if (call == Call::kRefused) return Unavailable("busy");
    Result<CommitInfo> info = next_.Commit(request);
    if (call == Call::kLostAfter) return CommitUnknown("connection lost");
    return info;
  }
  Result<CommitInfo> FindCommit(const std::string& id) override {
    if (unavailable_ > 0) {
      --unavailable_;
      return Unavailable("not yet back");
    }
    return next_.FindCommit(id);
  }
  size_t attempts() const { return attempts_; }
  size_t identities() const { return identities_.size(); }

 private:
  std::vector<Call> commits_;
  int unavailable_;
  size_t attempts_ = 0;
  std::set<std::string> identities_;
};

TEST(Committer, ALostAnswerIsFoundOut) {
  using Call = LossyCatalog::Call;
  const std::vector<std::vector<Call>> stories = {
      {Call::kLostAfter},
      {Call::kLostBefore},
      {Call::kLostBefore, Call::kLostBefore, Call::kLostAfter},
      {Call::kRefused, Call::kLostBefore, Call::kRefused, Call::kLostAfter},
  };
  for (const auto& story : stories) {
    for (const int unavailable : {0, 3}) {
      TestLake lake;
      lake.Create(kT);
      const TableEntry entry = *lake.catalog().LoadTable(kT, {});
      LossyCatalog lossy(lake.catalog(), story, unavailable);
      auto t = lake.ChangeTransaction(entry);
      ASSERT_TRUE(t->Append({TestLake::File(*t, "1")}).ok());
      const auto info = lake.Commit(lossy, kT, entry.uuid, *t);
      ASSERT_TRUE(info.ok()) << info.error().ToString();
      EXPECT_EQ(info->sequence, Sequence(2));
      EXPECT_EQ(lossy.identities(), 1u);
      EXPECT_THAT(LivePaths(lake, kT), SizeIs(1));
      EXPECT_EQ(*lake.catalog().CurrentSequence(), Sequence(2));
    }
  }
}

TEST(Committer, ACommitThatCannotBeFoundOutKeepsItsFiles) {
  TestLake lake;
  lake.limits().commit_retries_max = 4;
  lake.Create(kT);
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  LossyCatalog lossy(lake.catalog(), {LossyCatalog::Call::kLostAfter}, 1000);
  auto t = lake.ChangeTransaction(entry);
  ASSERT_TRUE(t->Append({TestLake::File(*t, "1")}).ok());
  const auto info = lake.Commit(lossy, kT, entry.uuid, *t);
  ASSERT_FALSE(info.ok());
  EXPECT_EQ(info.error().kind, ErrorKind::kCommitUnknown);
  EXPECT_THAT(LivePaths(lake, kT), SizeIs(1));  // it did happen, and it can be read
  ASSERT_TRUE(PublishOutbox(lake.context(), lake.catalog()).ok());
}

TEST(Committer, ALostAnswerIsUnknownWhereAStopEndsTheAsking) {
  class StoppedCatalog final : public ForwardingCatalog {
   public:
    using ForwardingCatalog::ForwardingCatalog;
    Result<CommitInfo> Commit(const CommitRequest& request) override {
      const auto done = next_.Commit(request);
      if (!done.ok()) return done;
      return CommitUnknown("connection lost");
    }
    Result<CommitInfo> FindCommit(const std::string&) override {
      return Cancelled("locked by another process");
    }
  };
  TestLake lake;
  lake.Create(kT);
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  StoppedCatalog stopped(lake.catalog());
  auto t = lake.ChangeTransaction(entry);
  ASSERT_TRUE(t->Append({TestLake::File(*t, "1")}).ok());
  EXPECT_EQ(lake.Commit(stopped, kT, entry.uuid, *t).error().kind, ErrorKind::kCommitUnknown);
  EXPECT_THAT(LivePaths(lake, kT), SizeIs(1));
}

TEST(Committer, ARejectionAfterALostAnswerKeepsTheFilesToo) {
  TestLake lake;
  lake.Create(kT);
  auto again = lake.NewTransaction(kT);
  const size_t before = lake.Objects().size();
  LossyCatalog lossy(lake.catalog(), {LossyCatalog::Call::kLostBefore}, 0);
  EXPECT_EQ(lake.Commit(lossy, kT, "", *again).error().kind, ErrorKind::kAlreadyExists);
  EXPECT_GT(lake.Objects().size(), before);
}

TEST(Committer, ACatalogWithoutRoomLeavesNoMetadataBehind) {
  class FullCatalog final : public ForwardingCatalog {
   public:
    using ForwardingCatalog::ForwardingCatalog;
    Result<CommitInfo> Commit(const CommitRequest&) override {
      return ResourceExhausted("disk full");
    }
  };
  TestLake lake;
  lake.Create(kT);
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  const auto before = lake.Objects();
  FullCatalog full(lake.catalog());
  auto t = lake.ChangeTransaction(entry);
  ASSERT_TRUE(t->Append({TestLake::File(*t, "1")}).ok());
  EXPECT_EQ(lake.Commit(full, kT, entry.uuid, *t).error().kind, ErrorKind::kResourceExhausted);
  EXPECT_EQ(lake.Objects(), before);
}

TEST(Committer, ABusyCatalogIsGivenUpAfterSoManyAttempts) {
  TestLake lake;
  lake.limits().commit_retries_max = 3;
  LossyCatalog lossy(lake.catalog(),
                     std::vector<LossyCatalog::Call>(100, LossyCatalog::Call::kRefused), 0);
  auto t = lake.NewTransaction(kT);
  EXPECT_EQ(lake.Commit(lossy, kT, "", *t).error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(lossy.attempts(), 3u);
}

TEST(Committer, FailingToPublishIsNotFailingToCommit) {
  TestLake lake;
  lake.Create(kT);
  lake.store().SetFaultInjector([](const StorageCall& call) -> std::optional<Error> {
    if (call.key.find("_delta_log") == std::string_view::npos) return std::nullopt;
    return Unavailable("store is away");
  });
  lake.Append(kT, "1");
  lake.Append(kT, "2");
  EXPECT_THAT(LivePaths(lake, kT), SizeIs(2));
  EXPECT_THAT(*lake.catalog().PendingPublications({.limit = 10}), SizeIs(2));
  lake.store().SetFaultInjector(nullptr);
  EXPECT_TRUE(PublishOutbox(lake.context(), lake.catalog()).ok());
  EXPECT_THAT(*lake.catalog().PendingPublications({.limit = 10}), IsEmpty());
}

TEST(Committer, AFailedStagingLeavesNothingBehind) {
  TestLake lake;
  lake.Create(kT);
  auto t = lake.NewTransaction(kU);
  auto bad = lake.ChangeTransaction(*lake.catalog().LoadTable(kT, {}));
  ASSERT_TRUE(bad->Append({TestLake::File(*bad, "1")}).ok());
  const auto before = lake.Objects();
  lake.store().SetFaultInjector([](const StorageCall& call) -> std::optional<Error> {
    const bool writes = call.operation == StorageOperation::kPut ||
                        call.operation == StorageOperation::kPutIfAbsent;
    if (writes && call.key.starts_with("bronze/t/")) return ResourceExhausted("disk full");
    return std::nullopt;
  });
  LakeCommit commit;
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  commit.tables = {{kU, "", "", t.get()}, {kT, "", entry.uuid, bad.get()}};
  EXPECT_EQ(CommitToLake(lake.context(), lake.catalog(), commit).error().kind,
            ErrorKind::kResourceExhausted);
  lake.store().SetFaultInjector(nullptr);
  EXPECT_EQ(lake.Objects(), before);
}

}  // namespace
}  // namespace tarn

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>

#include "base/json.h"
#include "catalog/committer.h"
#include "catalog/delta_log.h"
#include "catalog/publisher_test_support.h"
#include "table/delta/log_json.h"

namespace tarn {
namespace {

using ::testing::ElementsAre;
using testing::Entry;
using testing::ExpectLogsAgree;
using testing::FillOutbox;
using testing::Get;
using ::testing::HasSubstr;
using testing::Hint;
using ::testing::IsEmpty;
using testing::kFolder;
using testing::kT;
using testing::kU;
using testing::Of;
using testing::Read;
using ::testing::SizeIs;
using testing::TestLake;

TEST(Publisher, TheFirstVersionHasProtocolMetadataAndNothingElse) {
  TestLake lake;
  lake.Create(kT);
  const auto actions = Entry(lake, 0);
  ASSERT_THAT(actions, SizeIs(3));
  EXPECT_EQ(std::get<delta::CommitInfo>(actions[0]).operation, "CREATE TABLE");
  EXPECT_EQ(std::get<delta::Protocol>(actions[1]), (delta::Protocol{1, 2, {}, {}}));
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  EXPECT_EQ(std::get<delta::Metadata>(actions[2]).id, entry.uuid);
  EXPECT_EQ(Hint(lake), "1");
  EXPECT_EQ(Get(lake, "bronze/t/metadata/v1.metadata.json"),
            Get(lake, *lake.store().KeyOf(entry.metadata_location)));
}

TEST(Publisher, RowsBecomeAddsAndRemoves) {
  TestLake lake;
  lake.Create(kT);
  lake.Append(kT, "1");
  lake.Append(kT, "2");
  const auto append = Entry(lake, 2);
  ASSERT_THAT(append, SizeIs(2));
  const auto info = std::get<delta::CommitInfo>(append[0]);
  EXPECT_EQ(info.operation, "WRITE");
  EXPECT_EQ(info.tags.at("tarn.sequence"), "3");
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  EXPECT_EQ(lake.catalog().FindCommit(info.tags.at("tarn.commit-id"))->sequence, entry.sequence);
  const auto add = std::get<delta::AddFile>(append[1]);
  EXPECT_EQ(add.path, "data/2.parquet");
  EXPECT_EQ(add.size_bytes, 101);
  EXPECT_EQ(add.modified_ms, info.timestamp_ms);
  EXPECT_THAT(add.stats, HasSubstr("\"numRecords\":3"));

  lake.Change(kT, [](TableTransaction& t) { return t.Overwrite({TestLake::File(t, "3")}); });
  const auto overwrite = Entry(lake, 3);
  EXPECT_THAT(Of<delta::AddFile>(overwrite), SizeIs(1));
  ASSERT_THAT(Of<delta::RemoveFile>(overwrite), SizeIs(2));
  EXPECT_EQ(Of<delta::RemoveFile>(overwrite)[0].size_bytes, 101);
  ExpectLogsAgree(lake, kT);
}

TEST(Publisher, AChangeOfColumnsIsTold) {
  TestLake lake;
  lake.Create(kT);
  lake.Append(kT, "1");
  lake.Change(kT, [](TableTransaction& t) { return t.AddColumn("x", Type(Type::Kind::kInt), ""); });
  auto actions = Entry(lake, 2);
  EXPECT_EQ(Of<delta::CommitInfo>(actions)[0].operation, "UPDATE SCHEMA");
  EXPECT_THAT(Of<delta::Protocol>(actions), IsEmpty());
  ASSERT_THAT(Of<delta::Metadata>(actions), SizeIs(1));
  EXPECT_EQ(Of<delta::Metadata>(actions)[0].created_ms, Read(lake, 0).metadata->created_ms);

  lake.Change(kT, [](TableTransaction& t) { return t.RenameColumn("region", "area"); });
  actions = Entry(lake, 3);
  EXPECT_EQ(Of<delta::Protocol>(actions).at(0), (delta::Protocol{2, 5, {}, {}}));
  const auto metadata = Of<delta::Metadata>(actions).at(0);
  EXPECT_EQ(metadata.configuration.at("delta.columnMapping.mode"), "name");
  EXPECT_THAT(metadata.schema_string, HasSubstr("\"delta.columnMapping.physicalName\":\"region\""));

  lake.Change(
      kT, [](TableTransaction& t) { return t.AddColumn("at", Type(Type::Kind::kTimestamp), ""); });
  const std::vector<std::string> both = {"columnMapping", "timestampNtz"};
  EXPECT_EQ(Of<delta::Protocol>(Entry(lake, 4)).at(0), (delta::Protocol{3, 7, both, both}));

  lake.Change(kT, [](TableTransaction& t) {
    const auto file = TestLake::File(t, "2");
    return t.Append({file});
  });
  actions = Entry(lake, 5);
  ASSERT_THAT(actions, SizeIs(2));
  // Statistics keep to the names in the files.
  EXPECT_THAT(std::get<delta::AddFile>(actions[1]).stats, HasSubstr("\"region\":1"));
  ExpectLogsAgree(lake, kT);
}

TEST(Publisher, APropertyIsTold) {
  TestLake lake;
  lake.Create(kT);
  lake.Change(kT, [](TableTransaction& t) { return t.SetProperty("owner", "growth"); });
  const auto actions = Entry(lake, 1);
  EXPECT_EQ(Of<delta::CommitInfo>(actions)[0].operation, "SET TBLPROPERTIES");
  EXPECT_EQ(Of<delta::Metadata>(actions).at(0).configuration.at("owner"), "growth");
}

// Every file of Delta's state has values for just the partition columns.
void ExpectPartitionValuesOf(TestLake& lake, const std::vector<std::string>& columns) {
  const delta::State state = Read(lake);
  EXPECT_EQ(state.metadata->partition_columns, columns);
  for (const auto& [path, add] : state.files) {
    std::vector<std::string> told;
    for (const auto& [name, value] : add.partition_values) told.push_back(name);
    EXPECT_EQ(told, columns) << path;
  }
  ExpectLogsAgree(lake, kT);
}

TEST(Publisher, IdentityPartitionsShowUntilColumnsAreMapped) {
  TestLake lake;
  lake.Create(kT, {"region"});
  lake.Append(kT, "1", {std::string("eu/ü")});
  lake.Append(kT, "2", {Scalar()});
  ExpectPartitionValuesOf(lake, {"region"});
  const auto files = Read(lake).files;
  EXPECT_EQ(files.at("data/1.parquet").partition_values.at("region"), "eu/ü");
  EXPECT_EQ(files.at("data/2.parquet").partition_values.at("region"), std::nullopt);
  lake.Change(kT, [](TableTransaction& t) { return t.RenameColumn("id", "key"); });
  ExpectPartitionValuesOf(lake, {});
  const auto again = Of<delta::AddFile>(Entry(lake, 3));
  ASSERT_THAT(again, SizeIs(2));
  EXPECT_EQ(again[0].data_change, delta::DataChange::kNo);
  lake.Append(kT, "3", {std::string("us")});
  ExpectPartitionValuesOf(lake, {});
}

TEST(Publisher, AnEmptyStringSuspendsDeltasPartitioning) {
  TestLake lake;
  lake.Create(kT, {"region"});
  lake.Append(kT, "1", {std::string("eu")});
  lake.Append(kT, "2", {std::string()});
  EXPECT_THAT(Of<delta::AddFile>(Entry(lake, 2)), SizeIs(2));
  ExpectPartitionValuesOf(lake, {});
  lake.Append(kT, "3", {std::string("us")});
  EXPECT_THAT(Entry(lake, 3), SizeIs(2));
  ExpectPartitionValuesOf(lake, {});
  lake.Change(kT, [](TableTransaction& t) {
    return t.Overwrite({TestLake::File(t, "4", {std::string("us")})});
  });
  ExpectPartitionValuesOf(lake, {"region"});
}

TEST(Publisher, AnotherPartitioningEndsDeltas) {
  TestLake lake;
  lake.Create(kT, {"region"});
  lake.Append(kT, "1", {std::string("eu")});
  lake.Change(kT, [](TableTransaction& t) { return t.SetPartition({"bucket(4, id)"}); });
  ExpectPartitionValuesOf(lake, {});
  lake.Append(kT, "2", {int64_t{1}});
  ExpectPartitionValuesOf(lake, {});
}

TEST(Publisher, HiddenPartitionsDoNotShow) {
  TestLake lake;
  lake.Create(kT, {"bucket(4, id)"});
  lake.Append(kT, "1", {int64_t{2}});
  EXPECT_THAT(Read(lake).metadata->partition_columns, IsEmpty());
  EXPECT_THAT(Read(lake).files.at("data/1.parquet").partition_values, IsEmpty());
}

TEST(Publisher, ARollbackReadsNoManifestThatBothStatesHave) {
  TestLake lake;
  lake.Create(kT);
  const auto manifests = [&] {
    std::set<std::string> keys;
    for (const auto& [key, bytes] : lake.Objects()) {
      if (key.ends_with(".avro") && key.find("/snap-") == key.npos) keys.insert(key);
    }
    return keys;
  };
  lake.Append(kT, "1");
  const std::set<std::string> of_first = manifests();
  ASSERT_THAT(of_first, SizeIs(1));
  const auto table =
      *LoadTableMetadata(lake.store(), lake.catalog().LoadTable(kT, {})->metadata_location);
  const SnapshotId first = *table->current_snapshot;
  lake.Append(kT, "2");
  lake.Append(kT, "3");
  lake.store().SetFaultInjector([](const StorageCall& call) -> std::optional<Error> {
    if (call.key.find("/metadata/v") == std::string_view::npos) return std::nullopt;
    return Unavailable("held back");
  });
  lake.Change(kT, [&](TableTransaction& t) { return t.RollBackTo(first); });
  std::set<std::string> read;
  lake.store().SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
    read.emplace(call.key);
    return std::nullopt;
  });
  ASSERT_TRUE(PublishOutbox(lake.context(), lake.catalog()).ok());
  lake.store().SetFaultInjector(nullptr);
  EXPECT_THAT(Of<delta::RemoveFile>(Entry(lake, 4)), SizeIs(2));
  ExpectLogsAgree(lake, kT);
  EXPECT_FALSE(read.contains(*of_first.begin()));
  for (const std::string& key : manifests()) {
    EXPECT_EQ(read.contains(key), !of_first.contains(key)) << key;
  }
}

TEST(Publisher, ACheckpointStandsForTheEntriesBeforeIt) {
  TestLake lake;
  lake.Create(kT, {"region"});
  for (int i = 1; i <= 24; ++i) lake.Append(kT, std::to_string(i), {std::string("eu")});
  lake.Change(kT, [](TableTransaction& t) {
    return t.ReplacePartitions({TestLake::File(t, "all", {std::string("eu")})});
  });
  const delta::State whole = Read(lake);
  EXPECT_EQ(delta::ParseLastCheckpoint(Get(lake, "bronze/t/_delta_log/_last_checkpoint"))->version,
            20);
  for (int i = 0; i <= 20; ++i) {
    ASSERT_TRUE(lake.store().Delete("bronze/t/_delta_log/" + delta::LogEntryName(i)).ok());
  }
  EXPECT_EQ(Read(lake).files, whole.files);
  EXPECT_EQ(Read(lake).metadata, whole.metadata);
  EXPECT_EQ(Read(lake, 20).files.size(), 20u);
  // Without the short cut the listing finds it.
  ASSERT_TRUE(lake.store().Delete("bronze/t/_delta_log/_last_checkpoint").ok());
  EXPECT_EQ(Read(lake).files, whole.files);
  EXPECT_EQ(DeltaLog(lake.store(), kFolder).ReadState(5).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(DeltaLog(lake.store(), kFolder).ReadState(26).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(DeltaLog(lake.store(), "no/table").ReadState({}).error().kind, ErrorKind::kNotFound);
}

TEST(Publisher, FailingToWriteACheckpointOnlyWarns) {
  TestLake lake;
  lake.limits().checkpoint_every_commits = 1;
  lake.Create(kT);
  lake.store().SetFaultInjector([](const StorageCall& call) -> std::optional<Error> {
    if (call.key.find("checkpoint") == std::string_view::npos) return std::nullopt;
    return ResourceExhausted("disk full");
  });
  lake.Append(kT, "1");
  EXPECT_THAT(*lake.catalog().PendingPublications({.limit = 10}), IsEmpty());
  EXPECT_EQ(Hint(lake), "2");
}

// A process that was killed reaches its catalog no more.
class MortalCatalog final : public ForwardingCatalog {
 public:
  MortalCatalog(Catalog& next, const std::atomic<bool>& killed)
      : ForwardingCatalog(next), killed_(killed) {}
  Status MarkPublished(int64_t id) override {
    if (killed_) return Unavailable("killed");
    return next_.MarkPublished(id);
  }

 private:
  const std::atomic<bool>& killed_;
};

// A checkpoint that failed is left out for good; the next one comes.
std::map<std::string, std::string> WithoutCheckpoints(TestLake& lake) {
  auto objects = lake.Objects();
  std::erase_if(objects, [](const auto& object) {
    return object.first.find("checkpoint") != std::string::npos;
  });
  return objects;
}

TEST(Publisher, InterruptedAtAnyStoreCallItEndsTheSame) {
  TestLake golden;
  FillOutbox(golden);
  ASSERT_THAT(*golden.catalog().PendingPublications({.limit = 100}), SizeIs(8));
  ASSERT_TRUE(PublishOutbox(golden.context(), golden.catalog()).ok());
  ExpectLogsAgree(golden, kT);
  ExpectLogsAgree(golden, kU);
  const auto expected = WithoutCheckpoints(golden);

  std::atomic<int64_t> calls_at_most = 0;
  for (int64_t n = 1; n == 1 || n <= calls_at_most; ++n) {
    TestLake lake;
    FillOutbox(lake);
    std::atomic<int64_t> calls = 0;
    std::atomic<bool> killed = false;
    // From the n-th moment on nothing works, as after a kill; both a call that did not happen and
    // one whose answer was lost are among the moments.
    lake.store().SetFaultInjector([&](const StorageCall&) -> std::optional<Error> {
      if (++calls >= n) killed = true;
      return killed ? std::optional<Error>(Unavailable("killed")) : std::nullopt;
    });
    MortalCatalog mortal(lake.catalog(), killed);
    EXPECT_FALSE(PublishOutbox(lake.context(), mortal).ok());
    lake.store().SetFaultInjector(nullptr);
    ASSERT_TRUE(PublishOutbox(lake.context(), lake.catalog()).ok()) << n;
    ASSERT_EQ(WithoutCheckpoints(lake), expected) << "interrupted at moment " << n;
    ASSERT_THAT(*lake.catalog().PendingPublications({.limit = 100}), IsEmpty());
    if (n == 1) {
      TestLake counted;
      FillOutbox(counted);
      counted.store().SetFaultInjector([&](const StorageCall&) -> std::optional<Error> {
        ++calls_at_most;
        return std::nullopt;
      });
      ASSERT_TRUE(PublishOutbox(counted.context(), counted.catalog()).ok());
      ASSERT_GT(calls_at_most, 100);
    }
  }
}

TEST(Publisher, ASingleFaultAtAnyStoreCallIsMadeGoodByTheNextRun) {
  TestLake golden;
  FillOutbox(golden);
  ASSERT_TRUE(PublishOutbox(golden.context(), golden.catalog()).ok());
  const auto expected = WithoutCheckpoints(golden);
  for (int64_t n = 1;; ++n) {
    TestLake lake;
    FillOutbox(lake);
    std::atomic<int64_t> calls = 0;
    lake.store().SetFaultInjector([&](const StorageCall&) -> std::optional<Error> {
      return ++calls == n ? std::optional<Error>(Unavailable("fault")) : std::nullopt;
    });
    const Status status = PublishOutbox(lake.context(), lake.catalog());
    lake.store().SetFaultInjector(nullptr);
    if (calls < n) break;
    ASSERT_TRUE(PublishOutbox(lake.context(), lake.catalog()).ok());
    ASSERT_EQ(WithoutCheckpoints(lake), expected)
        << "fault at moment " << n << ": " << status.ToString();
  }
}

TEST(Publisher, SeveralProcessesPublishTheSameBytes) {
  TestLake golden;
  FillOutbox(golden);
  ASSERT_TRUE(PublishOutbox(golden.context(), golden.catalog()).ok());
  const auto expected = golden.Objects();
  for (int round = 0; round < 10; ++round) {
    TestLake lake;
    FillOutbox(lake);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const Status status = PublishOutbox(lake.context(), lake.catalog());
        EXPECT_TRUE(status.ok()) << status.ToString();
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(lake.Objects(), expected);
  }
}

TEST(Publisher, AForeignEntryIsNamedAndOtherTablesGoOn) {
  TestLake lake;
  lake.Create(kT);
  lake.Create(kU);
  ASSERT_TRUE(lake.store().Put("bronze/t/_delta_log/" + delta::LogEntryName(1), "{}\n").ok());
  lake.Append(kT, "1");
  lake.Append(kU, "1");
  ASSERT_THAT(*lake.catalog().PendingPublications({.limit = 10}), SizeIs(1));
  const Status status = PublishOutbox(lake.context(), lake.catalog());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(status.error().message,
              HasSubstr("memory://lake/bronze/t/_delta_log/00000000000000000001.json"));
  ExpectLogsAgree(lake, kU);
  EXPECT_EQ(Hint(lake), "1");
}

TEST(Publisher, ManyStuckTablesDoNotHoldUpTheOthers) {
  TestLake lake;
  lake.Create(kT);
  ASSERT_TRUE(lake.store().Put("bronze/t/_delta_log/" + delta::LogEntryName(1), "{}\n").ok());
  for (int i = 0; i < 300; ++i) {
    lake.Change(kT, [i](TableTransaction& t) { return t.SetProperty("n", std::to_string(i)); });
  }
  ASSERT_THAT(*lake.catalog().PendingPublications({.limit = 1000}), SizeIs(300));
  lake.Create(kU);
  ExpectLogsAgree(lake, kU);
}

TEST(Publisher, TheHintNeverMovesBack) {
  TestLake lake;
  lake.Create(kT);
  ASSERT_TRUE(lake.store().Put("bronze/t/metadata/version-hint.text", "7").ok());
  lake.Append(kT, "1");
  EXPECT_EQ(Hint(lake), "7");
  ASSERT_TRUE(lake.store().Put("bronze/t/metadata/version-hint.text", "").ok());
  lake.Append(kT, "2");
  EXPECT_EQ(Hint(lake), "3");
}

TEST(Publisher, WhoDiesOfACheckpointLeavesNothingToPublish) {
  TestLake lake;
  lake.limits().checkpoint_every_commits = 1;
  lake.Create(kT);
  int checkpoints = 0;
  lake.store().SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
    if (call.key.find(".checkpoint") == std::string_view::npos) return std::nullopt;
    ++checkpoints;
    EXPECT_THAT(*lake.catalog().PendingPublications({.limit = 10}), IsEmpty());
    return std::nullopt;
  });
  lake.Append(kT, "1");
  lake.store().SetFaultInjector(nullptr);
  EXPECT_GT(checkpoints, 0);
}

TEST(Publisher, ACheckpointForgetsWhatNoStateNeeds) {
  TestLake lake;
  lake.limits().checkpoint_every_commits = 1;
  lake.Create(kT);
  std::vector<DataFile> files;
  lake.Change(kT, [&](TableTransaction& t) {
    files = {TestLake::File(t, "1"), TestLake::File(t, "2")};
    return t.Append(files);
  });
  const auto drop = [&](const DataFile& file) {
    lake.clock().Advance(2 * lake.limits().reader_grace_ms * 1000);
    lake.Change(kT, [&](TableTransaction& t) { return t.RemoveFiles({file}); });
  };
  drop(files[0]);
  EXPECT_THAT(Read(lake, 2).tombstones, SizeIs(1));
  // What readers of the first two states need may go with them.
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  const auto table = *LoadTableMetadata(lake.store(), entry.metadata_location);
  drop(files[1]);
  EXPECT_THAT(Read(lake, 3).tombstones, SizeIs(2));
  lake.Change(kT, [&](TableTransaction& t) {
    std::vector<SnapshotId> expired;
    for (const Snapshot& one : table->snapshots) expired.push_back(one.id);
    return t.ExpireSnapshots(expired);
  });
  const auto left = Read(lake, 4).tombstones;
  ASSERT_THAT(left, SizeIs(1));
  EXPECT_THAT(left.begin()->first.first, HasSubstr("data/2.parquet"));
}

TEST(Publisher, AHintThatFellBackIsRaisedToWhatIsPublished) {
  TestLake lake;
  lake.Create(kT);
  lake.Append(kT, "1");
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  const std::string hint = "bronze/t/metadata/version-hint.text";
  ASSERT_TRUE(lake.store().Put(hint, "1").ok());
  ASSERT_TRUE(RaiseVersionHint(lake.context(), lake.catalog(), entry.uuid).ok());
  EXPECT_EQ(Hint(lake), "2");
  // Version 3 waits: it stands in nobody's way, and nobody is sent to it.
  ASSERT_TRUE(lake.store().Put("bronze/t/_delta_log/" + delta::LogEntryName(2), "{}\n").ok());
  lake.Append(kT, "2");
  ASSERT_THAT(*lake.catalog().PendingPublications({.limit = 10}), SizeIs(1));
  ASSERT_TRUE(lake.store().Put(hint, "1").ok());
  ASSERT_TRUE(RaiseVersionHint(lake.context(), lake.catalog(), entry.uuid).ok());
  EXPECT_EQ(Hint(lake), "2");
}

TEST(Publisher, LostMetadataOfALiveTableIsAnError) {
  TestLake lake;
  FillOutbox(lake);
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  ASSERT_TRUE(lake.store().Delete(*lake.store().KeyOf(entry.metadata_location)).ok());
  EXPECT_EQ(PublishOutbox(lake.context(), lake.catalog()).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(Hint(lake), "5");
}

}  // namespace
}  // namespace tarn

#include "catalog/delta_log.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <arrow/record_batch.h>
#include <gmock/gmock.h>

#include "base/clock.h"
#include "base/random.h"
#include "catalog/delta_snapshot.h"
#include "columnar/parquet_rows_writer.h"
#include "storage/memory/memory_store.h"
#include "table/delta/checkpoint.h"
#include "table/delta/log_json.h"

namespace tarn {
namespace {

using delta::Action;
using delta::AddFile;
using delta::DataChange;
using delta::RemoveFile;
using ::testing::IsEmpty;

constexpr char kFolder[] = "t/_delta_log/";
constexpr char kHint[] = "t/_delta_log/_last_checkpoint";

/// The log of one table, and what all its entries come to.
class DeltaLogTest : public ::testing::TestWithParam<const char*> {
 protected:
  static AddFile Add(int64_t number, const std::string& vector = "") {
    AddFile add{"data/" + std::to_string(number),
                {},
                1,
                1,
                DataChange::kNo,
                R"({"numRecords":)" + std::to_string(number) + "}"};
    if (!vector.empty())
      add.deletion_vector = delta::VectorInFile(delta::UuidOfName(vector), 1, 9, 1);
    return add;
  }
  static RemoveFile Remove(int64_t number, int64_t deleted_ms, const std::string& vector = "") {
    RemoveFile remove{"data/" + std::to_string(number), deleted_ms, DataChange::kNo, {}, 1};
    if (!vector.empty()) {
      remove.deletion_vector = delta::VectorInFile(delta::UuidOfName(vector), 1, 9, 1);
    }
    return remove;
  }
  delta::Metadata Shape() const {
    delta::Metadata metadata;
    metadata.id = "id";
    metadata.schema_string =
        R"({"type":"struct","fields":[{"name":"c","type":"long","nullable":true,"metadata":{}}]})";
    metadata.configuration["delta.checkpointPolicy"] = policy_;
    return metadata;
  }

  void Entry(const std::vector<Action>& actions, int64_t padding_bytes = 0) {
    std::string text = delta::WriteLogEntry(actions);
    text.insert(0, static_cast<size_t>(padding_bytes), '\n');
    ++version_;
    ASSERT_TRUE(store_.Put(kFolder + delta::LogEntryName(version_), text).ok());
    all_.Apply(version_, actions);
  }
  /// Each commit brings two files, takes one and gives another one a vector.
  void Commit() {
    if (version_ < 0) return Entry({protocol_, Shape(), Add(0), Add(1), Add(2), Add(3)});
    const int64_t n = version_ + 1;
    const std::string vector = n > 1 ? std::to_string(n - 1) : "";
    Entry({Add(2 * n + 2), Add(2 * n + 3), Remove(2 * n - 2, n), Remove(2 * n + 1, n),
           Add(2 * n + 1, "v" + std::to_string(n)), delta::Transaction{"app", n, {}},
           delta::DomainMetadata{"d" + std::to_string(n % 3), vector, n % 2 == 0}});
  }
  Status Checkpoint(int64_t now_ms = 0) {
    return log_.WriteCheckpoint(version_, {now_ms, 0}, *random_);
  }
  void DropEntriesUpTo(int64_t version) {
    for (int64_t i = 0; i <= version; ++i) {
      ASSERT_TRUE(store_.Delete(kFolder + delta::LogEntryName(i)).ok());
    }
  }

  /// What stands there is what all entries come to, for our own reader and for that of all tables.
  void ExpectAllIsThere() {
    const auto state = log_.ReadState({});
    ASSERT_TRUE(state.ok()) << state.status().ToString();
    EXPECT_EQ(state->version, version_);
    EXPECT_EQ(state->protocol, all_.protocol);
    EXPECT_EQ(state->metadata, all_.metadata);
    EXPECT_EQ(state->files, all_.files);
    EXPECT_EQ(state->transactions, all_.transactions);
    EXPECT_EQ(state->domains, all_.domains);
    const auto snapshot = DeltaSnapshot::Open(store_, "t", {});
    ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
    std::multiset<std::string> found, wanted;
    const Status visited = (*snapshot)->VisitFiles([&](delta::TableFile&& file) -> Status {
      found.insert(file.file.path.substr(file.file.path.find("data/")) +
                   (file.deletion_vector ? file.deletion_vector->UniqueId() : ""));
      return {};
    });
    ASSERT_TRUE(visited.ok()) << visited.ToString();
    for (const auto& [path, add] : all_.files) wanted.insert(path + add.VectorId());
    EXPECT_EQ(found, wanted);
  }
  std::map<std::string, std::string> Objects() {
    std::map<std::string, std::string> objects;
    const Status listed = store_.List("", [&](const ObjectInfo& object) -> Status {
      objects[object.key] = *store_.Get(object.key);
      return {};
    });
    EXPECT_TRUE(listed.ok());
    return objects;
  }
  int64_t SidecarsWritten() {
    int64_t sidecars = 0;
    for (const auto& [key, bytes] : Objects()) sidecars += key.find("/_sidecars/") != key.npos;
    return sidecars;
  }

  ManualClock clock_{1'000'000'000'000};
  MemoryStore store_{"lake", clock_};
  const std::unique_ptr<Random> random_ = SeededRandom(3);
  const DeltaLog log_{store_, "t"};
  const std::string policy_ = GetParam();
  const delta::Protocol protocol_{
      3, 7, {"deletionVectors", "v2Checkpoint"}, {"deletionVectors", "v2Checkpoint"}};
  int64_t version_ = -1;
  delta::State all_;
};

INSTANTIATE_TEST_SUITE_P(Policies, DeltaLogTest, ::testing::Values("classic", "v2"),
                         [](const auto& policy) { return std::string(policy.param); });

TEST_P(DeltaLogTest, ACheckpointIsMadeOfTheLastOneAndTheEntriesAfterIt) {
  for (int checkpoint = 0; checkpoint < 8; ++checkpoint) {
    for (int i = 0; i < 3; ++i) Commit();
    ASSERT_TRUE(Checkpoint().ok());
    DropEntriesUpTo(version_);
    ExpectAllIsThere();
    const auto last = *log_.ReadLastCheckpoint();
    EXPECT_EQ(last->version, version_);
    EXPECT_EQ(last->add_files, static_cast<int64_t>(all_.files.size()));
  }
}

TEST_P(DeltaLogTest, TombstonesExpireInTheCheckpointsThatFollow) {
  constexpr int64_t kWeekMs = delta::kTombstoneRetentionMs;
  Entry({protocol_, Shape(), Add(1), Add(2), Add(3), Add(4)});
  Entry({Remove(1, 1000), Remove(2, 2000), Add(2, "x")});
  ASSERT_TRUE(Checkpoint(2000).ok());
  const auto removed = [&] {
    std::vector<std::string> paths;
    const auto state = log_.ReadState({});
    for (const auto& [key, remove] : state->tombstones) paths.push_back(key.first);
    return paths;
  };
  EXPECT_THAT(removed(), ::testing::ElementsAre("data/1"));
  Entry({Remove(3, 3000)});
  ASSERT_TRUE(Checkpoint(1000 + kWeekMs - 1).ok());
  EXPECT_THAT(removed(), ::testing::ElementsAre("data/1", "data/3"));
  Entry({Add(5)});
  ASSERT_TRUE(Checkpoint(1000 + kWeekMs).ok());
  EXPECT_THAT(removed(), ::testing::ElementsAre("data/3"));
  // A vector that goes with its data file leaves the tombstone that names both.
  Entry({Remove(2, 4000 + kWeekMs, "x")});
  ASSERT_TRUE(Checkpoint(4000 + kWeekMs).ok());
  EXPECT_THAT(removed(), ::testing::ElementsAre("data/2"));
  ExpectAllIsThere();
}

TEST_P(DeltaLogTest, InterruptedAtAnyStoreCallTheLogStaysWhole) {
  for (int i = 0; i < 3; ++i) Commit();
  ASSERT_TRUE(Checkpoint().ok());
  for (int i = 0; i < 3; ++i) Commit();
  int seen = 0;
  for (int64_t n = 1;; ++n) {
    const auto before = Objects();
    int64_t calls = 0;
    bool appended = false;  // the many pieces of one file are one moment
    store_.SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
      const bool appends = call.operation == StorageOperation::kAppend;
      if (!std::exchange(appended, appends) || !appends) ++calls;
      return calls >= n ? std::optional<Error>(Unavailable("killed")) : std::nullopt;
    });
    const Status status = Checkpoint();
    store_.SetFaultInjector(nullptr);
    if (status.ok()) break;
    if (Objects() == before) continue;
    ++seen;
    ExpectAllIsThere();
  }
  EXPECT_GE(seen, policy_ == "v2" ? 3 : 2);
  Commit();
  ASSERT_TRUE(Checkpoint().ok());
  DropEntriesUpTo(version_);
  ExpectAllIsThere();
}

TEST_P(DeltaLogTest, NothingPointsToTheLastCheckpoint) {
  Commit();
  ASSERT_TRUE(Checkpoint().ok());
  const std::string first = *store_.Get(kHint);
  for (int i = 0; i < 3; ++i) Commit();
  ASSERT_TRUE(Checkpoint().ok());
  Commit();
  // Two processes put it in the wrong order, and the entries between were cleaned up.
  ASSERT_TRUE(store_.Put(kHint, first).ok());
  DropEntriesUpTo(3);
  ExpectAllIsThere();
  ASSERT_TRUE(Checkpoint().ok());
  DropEntriesUpTo(version_);
  ExpectAllIsThere();
  // Nor does anything where it is gone: the listing shows the last checkpoint.
  ASSERT_TRUE(store_.Delete(kHint).ok());
  Commit();
  ASSERT_TRUE(Checkpoint().ok());
  ExpectAllIsThere();
}

TEST_P(DeltaLogTest, TwoProcessesDoNotShareSidecars) {
  for (int i = 0; i < 3; ++i) Commit();
  ASSERT_TRUE(Checkpoint().ok());
  const int64_t before = SidecarsWritten();
  Commit();
  const std::string hint = *store_.Get(kHint);
  ASSERT_TRUE(Checkpoint().ok());
  ASSERT_TRUE(store_.Put(kHint, hint).ok());
  ASSERT_TRUE(Checkpoint().ok());
  EXPECT_EQ(SidecarsWritten() - before, policy_ == "v2" ? 2 : 0);
  ExpectAllIsThere();
}

TEST_P(DeltaLogTest, AnEarlierCheckpointPassesByWhileTheNextIsWritten) {
  constexpr int64_t kFiles = 300'000;
  Entry({protocol_, Shape()});
  {
    const auto file =
        OpenParquetRowsWriter(store_, kFolder + delta::CheckpointName(version_),
                              delta::CheckpointSchema(protocol_, delta::CheckpointPart::kWhole));
    ASSERT_TRUE(file.ok());
    delta::CheckpointRows rows(
        protocol_, delta::CheckpointPart::kWhole,
        [&](const arrow::RecordBatch& batch) { return (*file)->Write(batch); });
    ASSERT_TRUE(rows.Add(Action(protocol_)).ok());
    ASSERT_TRUE(rows.Add(Action(Shape())).ok());
    for (int64_t i = 0; i < kFiles; ++i) ASSERT_TRUE(rows.Add(Add(i)).ok());
    ASSERT_TRUE(rows.Finish().ok());
    ASSERT_TRUE((*file)->Finish().ok());
    ASSERT_TRUE(store_.Put(kHint, R"({"version":0,"size":3})").ok());
  }
  Entry({Add(kFiles), Remove(7, 1)});
  // Row groups go out while later ones are still to come in.
  const std::string earlier = kFolder + delta::CheckpointName(0);
  int64_t appends = 0, reads = 0, reads_between_max = 0, reads_between = 0;
  store_.SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
    if (call.moment != StorageCall::Moment::kBefore) return std::nullopt;
    if (call.operation == StorageOperation::kAppend) {
      ++appends;
      reads_between = 0;
    } else if (call.key == earlier && appends > 1) {
      ++reads;
      reads_between_max = std::max(reads_between_max, ++reads_between);
    }
    return std::nullopt;
  });
  ASSERT_TRUE(Checkpoint().ok());
  store_.SetFaultInjector(nullptr);
  EXPECT_GT(reads, 0);
  EXPECT_LE(2 * reads_between_max, reads);
  const auto last = *log_.ReadLastCheckpoint();
  EXPECT_EQ(last->version, 1);
  EXPECT_EQ(last->add_files, kFiles);
}

class DeltaLogCadence : public DeltaLogTest {
 protected:
  /// The versions up to `entries` at which a checkpoint is written, which weighs so much.
  std::vector<int64_t> Due(int64_t entries, int64_t every, int64_t checkpoint_bytes,
                           int64_t entry_bytes) {
    std::vector<int64_t> due;
    Entry({protocol_, Shape()});
    while (version_ < entries) {
      Entry({Add(version_)}, entry_bytes);
      const auto answer = log_.IsCheckpointDue(version_, every);
      EXPECT_TRUE(answer.ok()) << answer.status().ToString();
      if (!answer.ok() || !*answer) continue;
      due.push_back(version_);
      EXPECT_TRUE(
          store_.Put(kHint, delta::WriteLastCheckpoint({version_, 1, checkpoint_bytes, 1, 1, {}}))
              .ok());
    }
    return due;
  }
};
INSTANTIATE_TEST_SUITE_P(One, DeltaLogCadence, ::testing::Values("classic"));

TEST_P(DeltaLogCadence, LightCheckpointsComeEveryTenEntries) {
  EXPECT_THAT(Due(35, 10, 1 << 20, 0), ::testing::ElementsAre(10, 20, 30));
}
TEST_P(DeltaLogCadence, HeavyOnesWaitForAHundredEntries) {
  EXPECT_THAT(Due(330, 10, 1 << 30, 0), ::testing::ElementsAre(10, 110, 210, 310));
}
TEST_P(DeltaLogCadence, OrForEntriesThatWeighAsMuch) {
  // With a request for each they come to 144 KiB, and a checkpoint to 4 MiB.
  EXPECT_THAT(Due(75, 10, 4 << 20, 16 << 10), ::testing::ElementsAre(10, 40, 70));
}
TEST_P(DeltaLogCadence, WhoAsksForMoreEntriesGetsThem) {
  EXPECT_THAT(Due(700, 300, 1, 0), ::testing::ElementsAre(300, 600));
}
TEST_P(DeltaLogCadence, NoneIsDueTwiceOrWhereNoneAreWanted) {
  EXPECT_THAT(Due(12, 0, 1, 0), IsEmpty());
  for (const int64_t version : {int64_t{10}, int64_t{11}}) {
    ASSERT_TRUE(store_.Put(kHint, delta::WriteLastCheckpoint({version, 1, 1, 1, 1, {}})).ok());
    EXPECT_FALSE(*log_.IsCheckpointDue(10, 10));
  }
  EXPECT_FALSE(*log_.IsCheckpointDue(0, 10));
}

}  // namespace
}  // namespace tarn

#include "catalog/delta_snapshot.h"

#include <algorithm>
#include <set>

#include <arrow/record_batch.h>
#include <gmock/gmock.h>

#include "base/clock.h"
#include "base/random.h"
#include "catalog/delta_checkpoint_writer.h"
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
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kFolder[] = "t/_delta_log/";
constexpr char kUuid[] = "80a083e8-7026-4e79-81be-64bd76c43a11";

/// A table of another writer in a store in memory. Entries are a second apart.
class DeltaSnapshotTest : public ::testing::Test {
 protected:
  static delta::Metadata Shape() {
    delta::Metadata metadata;
    metadata.id = "id";
    metadata.schema_string =
        R"({"type":"struct","fields":[{"name":"c","type":"long","nullable":true,"metadata":{}}]})";
    return metadata;
  }
  static AddFile Add(const std::string& path, const std::string& vector = "") {
    AddFile add{path, {}, 1, 1, DataChange::kYes, R"({"numRecords":5})"};
    if (!vector.empty()) add.deletion_vector = delta::InlineVector(vector, 1);
    return add;
  }
  static RemoveFile Remove(const std::string& path, const std::string& vector = "") {
    RemoveFile remove{path, 5, DataChange::kYes, {}, {}};
    if (!vector.empty()) remove.deletion_vector = delta::InlineVector(vector, 1);
    return remove;
  }

  void Put(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(store_.Put(kFolder + name, bytes).ok());
  }
  void Entry(int64_t version, std::vector<Action> actions) {
    clock_.Advance(1'000'000);
    Put(delta::LogEntryName(version), delta::WriteLogEntry(actions));
  }
  void Drop(int64_t version) {
    ASSERT_TRUE(store_.Delete(kFolder + delta::LogEntryName(version)).ok());
  }
  void Parquet(const std::string& name, delta::CheckpointPart part,
               const std::vector<Action>& actions) {
    const auto writer =
        OpenParquetRowsWriter(store_, kFolder + name, delta::CheckpointSchema(protocol_, part));
    ASSERT_TRUE(writer.ok());
    delta::CheckpointRows rows(
        protocol_, part, [&](const arrow::RecordBatch& batch) { return (*writer)->Write(batch); });
    for (const Action& action : actions) ASSERT_TRUE(rows.Add(action).ok());
    ASSERT_TRUE(rows.Finish().ok());
    ASSERT_TRUE((*writer)->Finish().ok());
  }

  std::shared_ptr<const DeltaSnapshot> Open(const DeltaVersion& at = {}) {
    const auto snapshot = DeltaSnapshot::Open(store_, "t", at);
    EXPECT_TRUE(snapshot.ok()) << snapshot.status().ToString();
    return snapshot.ok() ? *snapshot : nullptr;
  }
  Error OpenError(const DeltaVersion& at = {}) {
    const auto snapshot = DeltaSnapshot::Open(store_, "t", at);
    EXPECT_FALSE(snapshot.ok());
    return snapshot.ok() ? Error() : snapshot.error();
  }
  /// Names of files, with "/<letter>" for those that have a vector.
  static std::vector<std::string> Files(const DeltaSnapshot& snapshot) {
    std::vector<std::string> files;
    const Status visited = snapshot.VisitFiles([&](delta::TableFile&& file) -> Status {
      std::string name = file.file.path.substr(file.file.path.rfind('/') + 1);
      if (file.deletion_vector) {
        name += "/" + delta::InlineVectorBytes(*file.deletion_vector).value().substr(0, 1);
      }
      files.push_back(std::move(name));
      return {};
    });
    EXPECT_TRUE(visited.ok()) << visited.ToString();
    return files;
  }

  /// Versions 0 to 4: "a" loses rows twice, "b" goes, "c" and "d" come.
  void SomeEntries() {
    Entry(0, {protocol_, Shape(), Add("a"), Add("b"), delta::Transaction{"app", 1, {}}});
    Entry(1, {Remove("a"), Add("a", "1...")});
    Entry(2, {Add("c"), delta::DomainMetadata{"x", "1", false}});
    Entry(3, {Remove("a", "1..."), Add("a", "2..."), Remove("b")});
    Entry(4, {Add("d"), delta::Transaction{"app", 2, {}}, delta::DomainMetadata{"x", "1", true}});
  }
  void ExpectVersion4(const DeltaSnapshot& snapshot) {
    EXPECT_EQ(snapshot.version(), 4);
    EXPECT_THAT(Files(snapshot), UnorderedElementsAre("a/2", "c", "d"));
    EXPECT_EQ(snapshot.transactions().at("app").version, 2);
    EXPECT_THAT(snapshot.domains(), IsEmpty());
    EXPECT_EQ(snapshot.schema().schema.fields.size(), 1u);
  }
  /// What a checkpoint of version 2 holds: its files, removed ones too, and the rest.
  static std::vector<Action> FilesOf2() {
    return {Add("a", "1..."), Add("b"), Add("c"), Remove("a")};
  }
  std::vector<Action> OthersOf2() const {
    return {protocol_, Shape(), delta::Transaction{"app", 1, {}},
            delta::DomainMetadata{"x", "1", false}};
  }
  void DropUpTo2() {
    for (int64_t version = 0; version <= 2; ++version) Drop(version);
  }

  ManualClock clock_{1'000'000'000'000};
  MemoryStore store_{"lake", clock_};
  delta::Protocol protocol_{
      3, 7, {"deletionVectors", "v2Checkpoint"}, {"deletionVectors", "v2Checkpoint"}};
};

TEST_F(DeltaSnapshotTest, EntriesAloneAreReplayed) {
  SomeEntries();
  ExpectVersion4(*Open());
  EXPECT_THAT(Files(*Open({0, {}})), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(Files(*Open({1, {}})), UnorderedElementsAre("a/1", "b"));
  EXPECT_THAT(Files(*Open({3, {}})), UnorderedElementsAre("a/2", "c"));
  EXPECT_EQ(Open({2, {}})->domains().at("x").configuration, "1");
  EXPECT_EQ(OpenError({5, {}}).kind, ErrorKind::kNotFound);
  EXPECT_EQ(OpenError({-1, {}}).kind, ErrorKind::kNotFound);
  EXPECT_EQ(DeltaSnapshot::Open(store_, "u", {}).error().kind, ErrorKind::kNotFound);
}

TEST_F(DeltaSnapshotTest, AClassicCheckpointStandsForTheEntriesBeforeIt) {
  SomeEntries();
  std::vector<Action> all = OthersOf2();
  for (const Action& file : FilesOf2()) all.push_back(file);
  Parquet(delta::CheckpointName(2), delta::CheckpointPart::kWhole, all);
  DropUpTo2();
  ExpectVersion4(*Open());
  EXPECT_THAT(Files(*Open({2, {}})), UnorderedElementsAre("a/1", "b", "c"));
  EXPECT_EQ(Open({2, {}})->domains().at("x").configuration, "1");
  EXPECT_EQ(OpenError({1, {}}).kind, ErrorKind::kNotFound);
  EXPECT_THAT(OpenError({1, {}}).message, HasSubstr("cleaned up"));
}

TEST_F(DeltaSnapshotTest, ACheckpointInPartsIsReadWhenAllAreThere) {
  SomeEntries();
  const auto part = [](int number) {
    return "00000000000000000002.checkpoint.000000000" + std::to_string(number) +
           ".0000000002.parquet";
  };
  Parquet(part(1), delta::CheckpointPart::kWhole, OthersOf2());
  ExpectVersion4(*Open());  // the entries serve
  Parquet(part(2), delta::CheckpointPart::kWhole, FilesOf2());
  DropUpTo2();
  ExpectVersion4(*Open());
}

TEST_F(DeltaSnapshotTest, V2CheckpointsAreReadInBothForms) {
  const std::string sidecar = "3a0d65cd-4056-49b8-937b-95f9e3ee90e5.parquet";
  const std::string stem = "00000000000000000002.checkpoint." + std::string(kUuid);
  for (const bool json : {true, false}) {
    for (const bool in_sidecar : {true, false}) {
      if (!json && !in_sidecar) continue;
      for (const auto& object : {stem + ".json", stem + ".parquet"}) {
        ASSERT_TRUE(store_.Delete(kFolder + object).ok());
      }
      SomeEntries();
      std::vector<Action> top = {delta::CheckpointMetadata{2}};
      for (const Action& other : OthersOf2()) top.push_back(other);
      if (in_sidecar) {
        Parquet("_sidecars/" + sidecar, delta::CheckpointPart::kSidecar, FilesOf2());
        top.emplace_back(delta::Sidecar{sidecar, 1, 1});
      } else {
        for (const Action& file : FilesOf2()) top.push_back(file);
      }
      if (json) {
        Put(stem + ".json", delta::WriteLogEntry(top));
      } else {
        Parquet(stem + ".parquet", delta::CheckpointPart::kTop, top);
      }
      DropUpTo2();
      ExpectVersion4(*Open());
    }
  }
}

TEST_F(DeltaSnapshotTest, OwnCheckpointsOfBothPoliciesAreRead) {
  for (const char* policy : {"classic", "v2"}) {
    SomeEntries();
    DeltaTail tail;
    std::vector<Action> all = OthersOf2();
    for (const Action& file : FilesOf2()) all.push_back(file);
    tail.state.Apply(2, std::move(all));
    tail.state.metadata->configuration["delta.checkpointPolicy"] = policy;
    const auto written = WriteDeltaCheckpoint(store_, kFolder, tail, {}, SystemRandom());
    ASSERT_TRUE(written.ok()) << written.status().ToString();
    EXPECT_EQ(written->add_files, 3);
    DropUpTo2();
    ExpectVersion4(*Open());
    EXPECT_EQ(Open()->metadata().configuration.at("delta.checkpointPolicy"), policy);
  }
}

TEST_F(DeltaSnapshotTest, AMissingEntryIsNotTakenForTheEnd) {
  SomeEntries();
  Drop(3);
  EXPECT_EQ(OpenError().kind, ErrorKind::kCorruption);
  EXPECT_THAT(OpenError().message, HasSubstr("00000000000000000003.json is missing"));
  EXPECT_EQ(Open({2, {}})->version(), 2);
}

TEST_F(DeltaSnapshotTest, ATimeMeansTheLastVersionUpToIt) {
  SomeEntries();
  const int64_t first_ms = Open({0, {}})->timestamp_ms();
  EXPECT_EQ(Open({4, {}})->timestamp_ms(), first_ms + 4000);
  EXPECT_EQ(Open({{}, first_ms})->version(), 0);
  EXPECT_EQ(Open({{}, first_ms + 1999})->version(), 1);
  EXPECT_EQ(Open({{}, first_ms + 99'999})->version(), 4);
  EXPECT_EQ(OpenError({{}, first_ms - 1}).kind, ErrorKind::kNotFound);
}

TEST_F(DeltaSnapshotTest, InCommitTimestampsComeBeforeTheClockOfTheStore) {
  const auto info = [](int64_t ms) {
    delta::CommitInfo commit;
    commit.in_commit_timestamp_ms = ms;
    return commit;
  };
  Entry(0, {protocol_, Shape()});
  Entry(1, {Add("a")});
  delta::Metadata enabled = Shape();
  constexpr int64_t kEnabledMs = 5'000'000'000;
  enabled.configuration = {
      {"delta.enableInCommitTimestamps", "true"},
      {"delta.inCommitTimestampEnablementVersion", "2"},
      {"delta.inCommitTimestampEnablementTimestamp", std::to_string(kEnabledMs)}};
  Entry(2, {info(kEnabledMs), enabled});
  Entry(3, {info(kEnabledMs + 10), Add("b")});
  Entry(4, {info(kEnabledMs + 20), Add("c")});
  EXPECT_EQ(Open()->timestamp_ms(), kEnabledMs + 20);
  EXPECT_EQ(Open({{}, kEnabledMs})->version(), 2);
  EXPECT_EQ(Open({{}, kEnabledMs + 19})->version(), 3);
  EXPECT_EQ(Open({{}, kEnabledMs + 20})->version(), 4);
  EXPECT_EQ(Open({{}, kEnabledMs - 1})->version(), 1);
  EXPECT_EQ(Open({{}, Open({0, {}})->timestamp_ms()})->version(), 0);
  Entry(5, {Add("d")});
  EXPECT_EQ(OpenError().kind, ErrorKind::kCorruption);
}

TEST_F(DeltaSnapshotTest, UnknownReaderFeaturesAreNamed) {
  protocol_.reader_features = {"catalogManaged", "novelty"};
  SomeEntries();
  EXPECT_EQ(OpenError().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(OpenError().message, HasSubstr("catalogManaged, novelty"));
}

TEST_F(DeltaSnapshotTest, DamagedFilesAreNamed) {
  SomeEntries();
  Put(delta::CheckpointName(2), "PAR1 no file PAR1");
  EXPECT_EQ(OpenError().kind, ErrorKind::kCorruption);
  EXPECT_THAT(OpenError().message, HasSubstr("00000000000000000002.checkpoint.parquet"));
  ASSERT_TRUE(store_.Delete(kFolder + delta::CheckpointName(2)).ok());
  Put(delta::LogEntryName(4), "{\"add\":");
  EXPECT_THAT(OpenError().message, HasSubstr("00000000000000000004.json line 1"));
}

TEST_F(DeltaSnapshotTest, ChangeDataFilesAreTold) {
  SomeEntries();
  Entry(5, {delta::AddCdcFile{"_change_data/x.parquet", {}, 7}});
  const auto actions = ReadDeltaEntry(store_, "t", 5);
  ASSERT_TRUE(actions.ok());
  EXPECT_EQ(std::get<delta::AddCdcFile>(actions->at(0)).path, "_change_data/x.parquet");
  EXPECT_EQ(ReadDeltaEntry(store_, "t", 6).error().kind, ErrorKind::kNotFound);
}

TEST_F(DeltaSnapshotTest, ClusteringIsNoted) {
  Entry(0, {protocol_, Shape(),
            delta::DomainMetadata{"delta.clustering", R"({"clusteringColumns":["c"]})", false}});
  EXPECT_THAT(Open()->schema().clustering_columns, ::testing::ElementsAre("c"));
}

}  // namespace
}  // namespace tarn

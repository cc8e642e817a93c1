#include "catalog/delta_vectors.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "catalog/delta_log.h"
#include "catalog/test_support.h"
#include "columnar/puffin.h"
#include "table/delta/log_json.h"
#include "table/delta/text.h"
#include "table/dual/deletes.h"

namespace tarn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::TestLake;

const TableName kT{"bronze", "t"};
constexpr char kFolder[] = "bronze/t";
constexpr int64_t kFileRows = 100'000;

template <typename T>
std::vector<T> Of(const std::vector<delta::Action>& actions) {
  std::vector<T> found;
  for (const delta::Action& action : actions) {
    if (const T* one = std::get_if<T>(&action)) found.push_back(*one);
  }
  return found;
}

DeletionVector Rows(int64_t begin, int64_t step, int64_t count) {
  DeletionVector rows;
  for (int64_t i = 0; i < count; ++i) rows.Add(begin + i * step);
  return rows;
}
/// So few that they stand in the log.
DeletionVector FewRows(int64_t begin) { return Rows(begin, 2, 3); }
/// So many that they stand in a file.
DeletionVector ManyRows(int64_t begin) { return Rows(begin, 7, 2000); }

/// A table with deletes: the parameter is Iceberg's format version.
class DeltaVectorsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void Create(std::vector<std::string> partition = {}) {
    auto transaction =
        lake_.NewTransaction(kT, std::move(partition), {{kIcebergVersionProperty, GetParam()}});
    ASSERT_TRUE(lake_.Commit(lake_.catalog(), kT, "", *transaction).ok());
  }

  void Append(const std::string& name) {
    lake_.Change(kT, [&](TableTransaction& t) { return t.Append({File(t, name)}); });
  }
  static DataFile File(const TableTransaction& transaction, const std::string& name) {
    DataFile file = TestLake::File(transaction, name);
    file.record_count = kFileRows;
    return file;
  }

  ScanPlan Plan() {
    table_ =
        *LoadTableMetadata(lake_.store(), lake_.catalog().LoadTable(kT, {})->metadata_location);
    return *PlanScan(lake_.context(), *table_, {}, Predicate::True());
  }
  DataFile Find(const std::string& name) {
    for (const ScanFile& one : Plan().files) {
      if (one.file.path.ends_with("/" + name + ".parquet")) return one.file;
    }
    ADD_FAILURE() << name;
    return {};
  }
  void Delete(std::vector<std::pair<std::string, DeletionVector>> deletes) {
    std::vector<RowDeletes> rows;
    for (auto& [name, positions] : deletes) rows.push_back({Find(name), std::move(positions)});
    lake_.Change(kT, [&](TableTransaction& t) { return t.DeleteRows(std::move(rows)); });
  }

  std::vector<delta::Action> Entry(int64_t version) {
    const std::string name = delta::LogEntryName(version);
    return *delta::ParseLogEntry(*lake_.store().Get(std::string(kFolder) + "/_delta_log/" + name),
                                 name);
  }
  delta::State State() {
    const auto state = DeltaLog(lake_.store(), kFolder).ReadState({});
    EXPECT_TRUE(state.ok()) << state.status().ToString();
    return state.ok() ? *state : delta::State();
  }

  /// Both logs name the same files, and the same rows of each as deleted.
  void ExpectLogsAgree() {
    const ScanPlan plan = Plan();
    const delta::State state = State();
    ASSERT_EQ(state.files.size(), plan.files.size());
    for (const ScanFile& one : plan.files) {
      const auto found = state.files.find(delta::LogPath(table_->location, one.file.path));
      ASSERT_NE(found, state.files.end()) << one.file.path;
      const auto iceberg = LoadDeletes(lake_.context(), *table_, one);
      ASSERT_TRUE(iceberg.ok()) << iceberg.status().ToString();
      const auto& descriptor = found->second.deletion_vector;
      ASSERT_EQ(descriptor.has_value(), *iceberg != nullptr) << one.file.path;
      if (!descriptor) continue;
      const auto vector = LoadDeltaVector(lake_.store(), table_->location, *descriptor);
      ASSERT_TRUE(vector.ok()) << vector.status().ToString();
      EXPECT_EQ(*vector, **iceberg) << one.file.path;
      EXPECT_EQ(descriptor->cardinality, (*iceberg)->cardinality());
      EXPECT_THAT(found->second.stats, HasSubstr("\"tightBounds\":false"));
    }
  }
  std::vector<std::string> VectorFiles() {
    std::vector<std::string> files;
    for (const auto& [key, bytes] : lake_.Objects()) {
      if (key.ends_with(".bin")) files.push_back(key);
    }
    return files;
  }

  TestLake lake_;
  std::shared_ptr<const TableMetadata> table_;
};

INSTANTIATE_TEST_SUITE_P(Iceberg, DeltaVectorsTest, ::testing::Values("2", "3"),
                         [](const auto& version) { return std::string("v") + version.param; });

TEST_P(DeltaVectorsTest, TheFirstDeleteRaisesTheFeatureAndLaterOnesDoNot) {
  Create();
  Append("a");
  Append("b");
  const auto before = *DeltaLog(lake_.store(), kFolder).ReadShape(2);
  Delete({{"a", FewRows(0)}});
  const auto first = Entry(3);
  const std::vector<std::string> vectors = {"deletionVectors"};
  EXPECT_THAT(Of<delta::Protocol>(first), ElementsAre(delta::Protocol{3, 7, vectors, vectors}));
  ASSERT_THAT(Of<delta::Metadata>(first), SizeIs(1));
  EXPECT_EQ(Of<delta::Metadata>(first)[0].configuration.at("delta.enableDeletionVectors"), "true");
  EXPECT_EQ(Of<delta::Metadata>(first)[0].created_ms, before.metadata.created_ms);
  ASSERT_THAT(Of<delta::RemoveFile>(first), SizeIs(1));
  EXPECT_FALSE(Of<delta::RemoveFile>(first)[0].deletion_vector);
  ASSERT_THAT(Of<delta::AddFile>(first), SizeIs(1));
  EXPECT_EQ(Of<delta::AddFile>(first)[0].path, Of<delta::RemoveFile>(first)[0].path);
  EXPECT_EQ(Of<delta::AddFile>(first)[0].deletion_vector->Letter(), 'u');
  ExpectLogsAgree();

  // Of another file; then of the same one.
  Delete({{"b", FewRows(5)}});
  EXPECT_THAT(Of<delta::Protocol>(Entry(4)), IsEmpty());
  EXPECT_THAT(Of<delta::Metadata>(Entry(4)), IsEmpty());
  ExpectLogsAgree();
  Delete({{"a", FewRows(100)}});
  const auto again = Entry(5);
  EXPECT_THAT(Of<delta::Protocol>(again), IsEmpty());
  ASSERT_THAT(Of<delta::RemoveFile>(again), SizeIs(1));
  EXPECT_EQ(Of<delta::RemoveFile>(again)[0].deletion_vector,
            Of<delta::AddFile>(first)[0].deletion_vector);
  EXPECT_EQ(Of<delta::AddFile>(again)[0].deletion_vector->cardinality, 6);
  ExpectLogsAgree();
  EXPECT_THAT(VectorFiles(), SizeIs(3));
}

TEST_P(DeltaVectorsTest, VectorsStandInFiles) {
  Create();
  for (const char* name : {"a", "b", "c", "d"}) Append(name);
  Delete({{"a", ManyRows(0)}, {"b", FewRows(0)}, {"c", ManyRows(1)}});
  ExpectLogsAgree();
  EXPECT_THAT(VectorFiles(), SizeIs(3));
  for (const auto& [path, add] : State().files) {
    if (path == "data/d.parquet") continue;
    EXPECT_EQ(add.deletion_vector->Letter(), 'u');
    EXPECT_THAT(add.deletion_vector->path_or_inline, ::testing::StartsWith("deletes"));
  }
  const auto files = VectorFiles();
  for (const std::string& key : files) EXPECT_EQ((*lake_.store().Get(key))[0], 1);
  // Files that stand there already serve again.
  Delete({{"a", ManyRows(3)}});
  ExpectLogsAgree();
  EXPECT_THAT(VectorFiles(), ::testing::IsSupersetOf(files));
}

TEST_P(DeltaVectorsTest, AFileLeavesWithItsVector) {
  Create();
  Append("a");
  Append("b");
  Delete({{"a", ManyRows(0)}, {"b", FewRows(0)}});
  const auto vectors = State().files;
  lake_.Change(kT, [&](TableTransaction& t) {
    return t.RewriteFiles({Find("a"), Find("b")}, {File(t, "c")});
  });
  const auto entry = Entry(4);
  ASSERT_THAT(Of<delta::RemoveFile>(entry), SizeIs(2));
  for (const auto& remove : Of<delta::RemoveFile>(entry)) {
    EXPECT_EQ(remove.deletion_vector, vectors.at(remove.path).deletion_vector);
    EXPECT_EQ(remove.data_change, delta::DataChange::kNo);
  }
  ExpectLogsAgree();
  EXPECT_THAT(State().files, SizeIs(1));
  // The feature stays; the next delete is none of its first.
  Delete({{"c", FewRows(1)}});
  EXPECT_THAT(Of<delta::Protocol>(Entry(5)), IsEmpty());
  EXPECT_THAT(Of<delta::Metadata>(Entry(5)), IsEmpty());
  ExpectLogsAgree();
}

TEST_P(DeltaVectorsTest, ChangesOfShapeKeepTheFeature) {
  Create();
  Append("a");
  Delete({{"a", FewRows(0)}});
  lake_.Change(kT, [](TableTransaction& t) { return t.RenameColumn("region", "area"); });
  const auto entry = Entry(3);
  const std::vector<std::string> both = {"columnMapping", "deletionVectors"};
  EXPECT_THAT(Of<delta::Protocol>(entry), ElementsAre(delta::Protocol{3, 7, both, both}));
  const auto configuration = Of<delta::Metadata>(entry).at(0).configuration;
  EXPECT_EQ(configuration.at("delta.enableDeletionVectors"), "true");
  EXPECT_EQ(configuration.at("delta.columnMapping.mode"), "name");
  Delete({{"a", FewRows(20)}});
  ExpectLogsAgree();
}

TEST_P(DeltaVectorsTest, FilesThatAreToldAnewKeepTheirVectors) {
  Create({"region"});
  const auto append = [&](const std::string& name, const std::string& region) {
    lake_.Change(kT, [&](TableTransaction& t) {
      DataFile file = File(t, name);
      file.partition = {region};
      return t.Append({file});
    });
  };
  append("a", "eu");
  append("b", "us");
  Delete({{"a", FewRows(0)}, {"b", ManyRows(0)}});
  append("c", "");  // Delta's log cannot tell an empty text: the table has no partitions there
  EXPECT_THAT(Of<delta::AddFile>(Entry(4)), SizeIs(3));
  ExpectLogsAgree();
}

TEST_P(DeltaVectorsTest, CheckpointsHoldVectors) {
  Create();
  lake_.limits().checkpoint_every_commits = 3;
  Append("a");
  Append("b");
  Delete({{"a", ManyRows(0)}, {"b", FewRows(0)}});
  for (int i = 0; i <= 3; ++i) {
    ASSERT_TRUE(
        lake_.store().Delete(std::string(kFolder) + "/_delta_log/" + delta::LogEntryName(i)).ok());
  }
  ExpectLogsAgree();
  // Both data files are alive, and nothing else stood for the rows that they had.
  EXPECT_THAT(State().tombstones, IsEmpty());
  Delete({{"a", FewRows(1)}});
  EXPECT_THAT(Of<delta::Protocol>(Entry(4)), IsEmpty());
  ExpectLogsAgree();
}

TEST_P(DeltaVectorsTest, WhatACheckpointTellsOfTheFeatureIsNotLookedForInEntries) {
  Create();
  lake_.limits().checkpoint_every_commits = 3;
  Append("a");
  Append("b");
  Delete({{"a", FewRows(0)}});
  Append("c");
  int entries_read = 0;
  lake_.store().SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
    const bool reads = call.operation == StorageOperation::kGet;
    entries_read += reads && call.key.find("_delta_log/0") != call.key.npos;
    return std::nullopt;
  });
  Delete({{"b", FewRows(0)}});
  lake_.store().SetFaultInjector(nullptr);
  EXPECT_EQ(entries_read, 0);
  EXPECT_THAT(Of<delta::Protocol>(Entry(5)), IsEmpty());
  ExpectLogsAgree();
}

TEST_P(DeltaVectorsTest, InterruptedAtAnyStoreCallItEndsTheSame) {
  const auto fill = [](TestLake& lake) {
    lake.store().SetFaultInjector([](const StorageCall& call) -> std::optional<Error> {
      if (call.key.find("/metadata/v") == std::string_view::npos) return std::nullopt;
      return Unavailable("held back");
    });
    auto transaction = lake.NewTransaction(kT, {}, {{kIcebergVersionProperty, GetParam()}});
    ASSERT_TRUE(lake.Commit(lake.catalog(), kT, "", *transaction).ok());
    std::vector<DataFile> files;
    lake.Change(kT, [&](TableTransaction& t) {
      files = {File(t, "a"), File(t, "b")};
      return t.Append(files);
    });
    lake.Change(kT, [&](TableTransaction& t) {
      return t.DeleteRows({{files[0], ManyRows(0)}, {files[1], FewRows(0)}});
    });
    lake.Change(kT, [&](TableTransaction& t) {
      return t.DeleteRows({{files[0], ManyRows(1)}, {files[1], FewRows(1)}});
    });
    lake.store().SetFaultInjector(nullptr);
  };
  TestLake golden;
  fill(golden);
  ASSERT_TRUE(PublishOutbox(golden.context(), golden.catalog()).ok());
  const auto expected = golden.Objects();
  for (int64_t n = 1;; ++n) {
    TestLake lake;
    fill(lake);
    int64_t calls = 0;
    lake.store().SetFaultInjector([&](const StorageCall&) -> std::optional<Error> {
      return ++calls >= n ? std::optional<Error>(Unavailable("killed")) : std::nullopt;
    });
    const Status status = PublishOutbox(lake.context(), lake.catalog());
    lake.store().SetFaultInjector(nullptr);
    if (calls < n) break;
    EXPECT_FALSE(status.ok());
    ASSERT_TRUE(PublishOutbox(lake.context(), lake.catalog()).ok());
    ASSERT_EQ(lake.Objects(), expected) << "interrupted at moment " << n;
  }
}

TEST(DeltaVectors, TheFileIsThePuffinFilesBlobsAfterOneByte) {
  TestLake lake;
  TableMetadata table;
  table.location = lake.store().UriOf(kFolder);
  PuffinWriter puffin;
  const std::string first = ManyRows(0).Serialize();
  const std::string second = ManyRows(1).Serialize();
  const PuffinBlob one = puffin.Add({.type = kDeletionVectorBlob}, first);
  const PuffinBlob other = puffin.Add({.type = kDeletionVectorBlob}, second);
  ASSERT_TRUE(lake.store().Put("bronze/t/deletes/x.puffin", puffin.Finish({})).ok());
  const std::string uri = table.location + "/deletes/x.puffin";
  const std::string uuid = delta::UuidOfName("deletes/x.puffin");
  const auto size = [](const std::string& blob) { return static_cast<int64_t>(blob.size()) - 8; };
  const DeltaVector vectors[] = {
      {delta::VectorInFile(uuid, one.offset - 3, size(first), 2000), uri, ""},
      {delta::VectorInFile(uuid, other.offset - 3, size(second), 2000), uri, ""}};
  for (int i = 0; i < 2; ++i) {  // repeated, it finds its own bytes
    ASSERT_TRUE(WriteVectorFiles(lake.store(), table, {&vectors[0], &vectors[1]}).ok());
  }
  EXPECT_EQ(*lake.store().Get("bronze/t/" + delta::VectorFilePath(uuid)), "\x01" + first + second);
  EXPECT_EQ(*LoadDeltaVector(lake.store(), table.location, vectors[1].descriptor), ManyRows(1));

  auto beyond = vectors[1].descriptor;
  beyond.offset = 1 << 20;
  EXPECT_EQ(LoadDeltaVector(lake.store(), table.location, beyond).error().kind,
            ErrorKind::kCorruption);
  beyond.offset = -1;
  EXPECT_EQ(LoadDeltaVector(lake.store(), table.location, beyond).error().kind,
            ErrorKind::kCorruption);
}

}  // namespace
}  // namespace tarn

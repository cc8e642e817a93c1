#include <string>

#include <gtest/gtest.h>

#include "base/json.h"
#include "columnar/avro_reader.h"
#include "table/iceberg/manifest.h"
#include "table/iceberg/metadata_json.h"
#include "table/iceberg/testing.h"

namespace tarn {
namespace {

using Kind = Type::Kind;
using Content = ManifestFile::Content;
using testing::Entries;
using testing::ReadTestData;
using testing::UpdateTestData;

constexpr char kFolder[] = "s3://bucket/t/";

/// A table of version 3, partitioned by the day of a timestamp of nanoseconds.
TableMetadata Table(int64_t next_row_id) {
  TableMetadata table;
  table.format_version = 3;
  table.table_uuid = "9c12d441-03fe-4693-9a96-a0705ddf69c1";
  table.location = "s3://bucket/t";
  table.last_sequence_number = 7;
  table.last_updated_ms = 1'700'000'000'000;
  Schema schema;
  schema.fields = {{FieldId(1), "id", Type(Kind::kLong), Nullability::kRequired, ""},
                   {FieldId(2), "at", Type(Kind::kTimestampNs), Nullability::kOptional, ""},
                   {FieldId(3), "extra", Type(Kind::kInt), Nullability::kOptional, "",
                    Scalar(int64_t{5}), Scalar(int64_t{6})}};
  table.last_column_id = 3;
  table.schemas = {schema};
  PartitionSpec spec;
  spec.fields = {{FieldId(2), 1000, "at_day", {Transform::Kind::kDay, 0, {}}}};
  table.specs = {spec};
  table.last_partition_id = 1000;
  table.sort_orders = {SortOrder()};
  table.next_row_id = next_row_id;
  return table;
}

ManifestEntry Entry(EntryStatus status, const std::string& name, int64_t rows) {
  ManifestEntry entry;
  entry.status = status;
  entry.snapshot = SnapshotId(status == EntryStatus::kExisting ? 5 : 9);
  entry.data_sequence_number = entry.file_sequence_number = 3;
  entry.file.path = kFolder + ("data/" + name);
  entry.file.partition = {int64_t{19675}};
  entry.file.record_count = rows;
  entry.file.size_bytes = 1000;
  entry.file.value_counts = {{1, rows}, {2, rows}};
  entry.file.null_counts = {{1, 0}, {2, 0}};
  entry.file.lower_bounds = {{1, int64_t{0}}, {2, int64_t{1'700'000'000'000'000'001}}};
  entry.file.upper_bounds = {{1, rows - 1}, {2, int64_t{1'700'000'000'000'000'999}}};
  return entry;
}

ManifestEntry Vector(const std::string& name) {
  ManifestEntry entry = Entry(EntryStatus::kAdded, "deletes.puffin", 3);
  entry.file.content = FileContent::kPositionDeletes;
  entry.file.format = "PUFFIN";
  entry.file.lower_bounds.clear();
  entry.file.upper_bounds.clear();
  entry.file.value_counts.clear();
  entry.file.null_counts.clear();
  entry.file.content_offset = 4;
  entry.file.content_size_bytes = 50;
  entry.file.referenced_data_file = kFolder + ("data/" + name);
  return entry;
}

Result<WrittenManifest> Write(const TableMetadata& table, Content content,
                              const std::vector<ManifestEntry>& entries, int version = 3) {
  const ManifestTypes types(table);
  auto random = SeededRandom(1);
  auto writer = ManifestWriter::Open(table.spec(), table.schema(), types,
                                     {content, SnapshotId(9), 7, version}, *random);
  if (!writer.ok()) return writer.error();
  for (const ManifestEntry& entry : entries) (*writer)->Add(entry);
  return (*writer)->Finish();
}

/// The first of the three manifests of the specification's "Row Lineage Example".
std::vector<ManifestEntry> ExampleEntries() {
  std::vector<ManifestEntry> entries = {Entry(EntryStatus::kExisting, "data1", 25),
                                        Entry(EntryStatus::kAdded, "data2", 50),
                                        Entry(EntryStatus::kAdded, "data3", 50)};
  entries[0].file.first_row_id = 800;
  return entries;
}

TEST(RowIds, AreInheritedAsInTheSpecificationsExample) {
  const TableMetadata table = Table(1000);
  WrittenManifest written = Write(table, Content::kData, ExampleEntries()).value();
  EXPECT_EQ(written.file.first_row_id, std::nullopt) << "only known once the commit is tried";
  written.file.first_row_id = 1000;
  const auto entries = Entries(table, written.bytes, written.file);
  EXPECT_EQ(entries[0].file.first_row_id, 800);
  EXPECT_EQ(entries[1].file.first_row_id, 1000);
  EXPECT_EQ(entries[2].file.first_row_id, 1050);
}

TEST(RowIds, AreNullWhereTheManifestHasNone) {
  const TableMetadata table = Table(0);
  const WrittenManifest written = Write(table, Content::kData, ExampleEntries()).value();
  const auto entries = Entries(table, written.bytes, written.file);
  EXPECT_EQ(entries[1].file.first_row_id, std::nullopt);
}

TEST(RowIds, OfAnAddedFileAreLeftToInheritanceWhateverTheEntrySays) {
  const TableMetadata table = Table(0);
  ManifestEntry entry = Entry(EntryStatus::kAdded, "data1", 25);
  entry.file.first_row_id = 77;
  WrittenManifest written = Write(table, Content::kData, {entry}).value();
  written.file.first_row_id = 10;
  EXPECT_EQ(Entries(table, written.bytes, written.file)[0].file.first_row_id, 10);
}

TEST(RowIds, SkipDeletedFilesOfManifestsOfBeforeTheUpgrade) {
  const TableMetadata table = Table(0);
  WrittenManifest written =
      Write(table, Content::kData,
            {Entry(EntryStatus::kDeleted, "gone", 1000), Entry(EntryStatus::kExisting, "kept", 20),
             Entry(EntryStatus::kAdded, "new", 30)},
            2)
          .value();
  written.file.first_row_id = 5;
  const auto entries = Entries(table, written.bytes, written.file);
  EXPECT_EQ(entries[0].file.first_row_id, std::nullopt);
  EXPECT_EQ(entries[1].file.first_row_id, 5);
  EXPECT_EQ(entries[2].file.first_row_id, 25) << "within the 50 ids that were assigned";
}

ManifestFile Listed(const std::string& name, int64_t added, int64_t existing) {
  ManifestFile file;
  file.path = kFolder + ("metadata/" + name);
  file.added_files = file.existing_files = file.deleted_files = 1;
  file.added_rows = added;
  file.existing_rows = existing;
  file.deleted_rows = 10;
  return file;
}

TEST(RowIds, AreAssignedToManifestsAsInTheSpecificationsExample) {
  TableMetadata table = Table(1000);
  std::vector<ManifestFile> manifests = {Listed("existing", 75, 0), Listed("added1", 100, 25),
                                         Listed("added2", 0, 100), Listed("deletes", 3, 0),
                                         Listed("added3", 125, 25)};
  manifests[0].first_row_id = 925;
  manifests[3].content = Content::kDeletes;
  Snapshot snapshot;
  ASSERT_TRUE(AssignRowIds(table, snapshot, manifests).ok());
  EXPECT_EQ(manifests[0].first_row_id, 925);
  EXPECT_EQ(manifests[1].first_row_id, 1000);
  EXPECT_EQ(manifests[2].first_row_id, 1125);
  EXPECT_EQ(manifests[3].first_row_id, std::nullopt);
  // 1125 + 0 + 100: the specification's table adds each manifest's added and existing rows.
  EXPECT_EQ(manifests[4].first_row_id, 1225);
  EXPECT_EQ(snapshot.first_row_id, 1000);
  EXPECT_EQ(snapshot.added_rows, 375);
  EXPECT_EQ(table.next_row_id, 1375);
  auto random = SeededRandom(1);
  const auto back =
      ReadManifestList(WriteManifestList(manifests, snapshot, *random, 3).value(), "list").value();
  for (size_t i = 0; i < manifests.size(); ++i) EXPECT_TRUE(back[i] == manifests[i]) << i;
}

TEST(RowIds, ComeWithTheFirstSnapshotAfterAnUpgrade) {
  TableMetadata table = Table(0);
  std::vector<ManifestFile> manifests = {Listed("old1", 10, 0), Listed("old2", 5, 5),
                                         Listed("new", 7, 0)};
  Snapshot snapshot;
  ASSERT_TRUE(AssignRowIds(table, snapshot, manifests).ok());
  EXPECT_EQ(manifests[0].first_row_id, 0);
  EXPECT_EQ(manifests[1].first_row_id, 10);
  EXPECT_EQ(manifests[2].first_row_id, 20);
  EXPECT_EQ(table.next_row_id, 27);
}

TEST(RowIds, OfASnapshotThatAddsNoneStillHaveABeginning) {
  TableMetadata table = Table(40);
  std::vector<ManifestFile> none;
  Snapshot snapshot;
  ASSERT_TRUE(AssignRowIds(table, snapshot, none).ok());
  EXPECT_EQ(snapshot.first_row_id, 40);
  EXPECT_EQ(snapshot.added_rows, 0);
}

TEST(RowIds, AreNotForTablesOfEarlierVersions) {
  TableMetadata table = Table(0);
  table.format_version = 2;
  std::vector<ManifestFile> manifests = {Listed("m", 10, 0)};
  Snapshot snapshot;
  ASSERT_TRUE(AssignRowIds(table, snapshot, manifests).ok());
  EXPECT_EQ(snapshot.first_row_id, std::nullopt);
  EXPECT_EQ(manifests[0].first_row_id, std::nullopt);
  auto random = SeededRandom(1);
  EXPECT_TRUE(WriteManifestList(manifests, snapshot, *random, 2).ok());
  EXPECT_EQ(WriteManifestList(manifests, snapshot, *random, 3).error().kind,
            ErrorKind::kInvalidArgument);
}

TEST(RowIds, RunOutWithAnError) {
  TableMetadata table = Table(std::numeric_limits<int64_t>::max() - 5);
  std::vector<ManifestFile> manifests = {Listed("m", 10, 0)};
  Snapshot snapshot;
  EXPECT_EQ(AssignRowIds(table, snapshot, manifests).error().kind, ErrorKind::kResourceExhausted);
  EXPECT_EQ(table.next_row_id, std::numeric_limits<int64_t>::max() - 5);
}

TEST(ManifestList, IsNotWrittenWithCountsThatWouldHideFiles) {
  auto random = SeededRandom(1);
  ManifestFile file = Listed("m", 1, 1);
  file.existing_files.reset();
  EXPECT_EQ(WriteManifestList({file}, {}, *random).error().kind, ErrorKind::kInvalidArgument);
  TableMetadata table = Table(0);
  Snapshot snapshot;
  std::vector<ManifestFile> manifests = {file};
  EXPECT_EQ(AssignRowIds(table, snapshot, manifests).error().kind, ErrorKind::kInvalidArgument);
}

TEST(DeletionVectorEntry, IsReadBack) {
  const TableMetadata table = Table(0);
  const WrittenManifest written = Write(table, Content::kDeletes, {Vector("data1")}).value();
  const auto entries = Entries(table, written.bytes, written.file);
  ASSERT_EQ(entries.size(), 1U);
  const DataFile& file = entries[0].file;
  EXPECT_TRUE(file.is_deletion_vector());
  EXPECT_EQ(file.content_offset, 4);
  EXPECT_EQ(file.content_size_bytes, 50);
  EXPECT_EQ(file.referenced_data_file, "s3://bucket/t/data/data1");
  EXPECT_EQ(file.first_row_id, std::nullopt);
}

TEST(DeletionVectorEntry, IsRefusedWhereItDoesNotBelong) {
  const TableMetadata table = Table(0);
  const auto check = [&](const ManifestEntry& entry, Content content, int version) {
    auto written = Write(table, content, {entry}, version);
    ASSERT_FALSE(written.ok());
    EXPECT_EQ(written.error().kind, ErrorKind::kInvalidArgument) << written.error().message;
  };
  check(Vector("x"), Content::kDeletes, 2);
  check(Vector("x"), Content::kData, 3);
  check(Entry(EntryStatus::kAdded, "x", 1), Content::kDeletes, 3);
  ManifestEntry no_target = Vector("x");
  no_target.file.referenced_data_file.clear();
  check(no_target, Content::kDeletes, 3);
  ManifestEntry no_size = Vector("x");
  no_size.file.content_size_bytes.reset();
  check(no_size, Content::kDeletes, 3);
  ManifestEntry positions = Vector("x");
  positions.file.content_offset.reset();
  positions.file.format = "PARQUET";
  check(positions, Content::kDeletes, 3);
  positions.status = EntryStatus::kExisting;
  EXPECT_TRUE(Write(table, Content::kDeletes, {positions}).ok()) << "of before the upgrade";
  EXPECT_EQ(Write(table, Content::kData, {}, 4).error().kind, ErrorKind::kUnsupported);
}

TEST(DeletionVectorEntry, BeyondItsFileIsCorrupt) {
  const TableMetadata table = Table(0);
  const auto check = [&](const ManifestEntry& entry) {
    const WrittenManifest written = Write(table, Content::kDeletes, {entry}).value();
    ManifestFile file = written.file;
    file.path = "the manifest";
    const Status status = ReadManifest(written.bytes, file, table.spec(), ManifestTypes(table), {},
                                       [](ManifestEntry&&) { return Status(); });
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kCorruption);
    EXPECT_NE(status.error().message.find("the manifest"), std::string::npos);
  };
  ManifestEntry entry = Vector("x");
  entry.file.content_size_bytes = 997;
  check(entry);
  entry = Vector("x");
  entry.file.content_offset = -1;
  check(entry);
  entry = Vector("x");
  entry.file.format = "PARQUET";
  check(entry);
}

TEST(Manifest, OfVersion3NamesNanosecondsAndItsVersion) {
  TableMetadata table = Table(0);
  table.specs[0].fields[0].transform = {};
  ManifestEntry entry = Entry(EntryStatus::kAdded, "x", 1);
  entry.file.partition = {int64_t{1'700'000'000'000'000'001}};
  const WrittenManifest written = Write(table, Content::kData, {entry}).value();
  const AvroReader reader = AvroReader::Open(written.bytes, "m").value();
  EXPECT_EQ(reader.metadata().at("format-version"), "3");
  EXPECT_NE(reader.metadata().at("avro.schema").find("timestamp-nanos"), std::string::npos);
  EXPECT_EQ(Entries(table, written.bytes, written.file)[0].file.partition, entry.file.partition);
}

TEST(Manifest, EntriesAreReadByTheirBlocksAsWithAllOthers) {
  const TableMetadata table = Table(0);
  std::vector<ManifestEntry> entries;
  for (int i = 0; i < 3000; ++i) {
    const auto status = i % 7 == 0   ? EntryStatus::kDeleted
                        : i % 3 == 0 ? EntryStatus::kExisting
                                     : EntryStatus::kAdded;
    entries.push_back(Entry(status, std::string(60, 'x') + std::to_string(i), i % 11));
    if (i % 6 == 0) entries.back().file.first_row_id = 5;
  }
  const WrittenManifest written = Write(table, Content::kData, entries).value();
  ManifestFile file = written.file;
  file.first_row_id = 1000;
  const ManifestTypes types(table);
  const auto bytes = std::make_shared<const std::string>(written.bytes);
  const auto told = [](const ManifestEntry& entry) {
    return entry.file.path + " " + std::to_string(static_cast<int>(entry.status)) + " " +
           std::to_string(entry.data_sequence_number) + " " +
           std::to_string(entry.snapshot.value()) + " " +
           std::to_string(entry.file.first_row_id.value_or(-1));
  };
  std::vector<std::string> all;
  std::vector<ManifestBlock> blocks;
  ASSERT_TRUE(ReadManifest(
                  bytes, file, table.spec(), types, {},
                  [&](ManifestEntry&& entry) -> Status {
                    all.push_back(told(entry));
                    return {};
                  },
                  [&](const ManifestBlock& block) { blocks.push_back(block); })
                  .ok());
  ASSERT_GT(blocks.size(), 5U);
  const auto read = [&](const std::vector<int64_t>& numbers) -> Status {
    size_t next = 0;
    return ReadManifestEntries(bytes, file, table.spec(), types, {}, blocks, numbers,
                               [&](ManifestEntry&& entry) -> Status {
                                 const auto number = static_cast<size_t>(numbers[next++]);
                                 EXPECT_EQ(told(entry), all[number]);
                                 return {};
                               });
  };
  EXPECT_TRUE(read({}).ok());
  const int64_t third = blocks[2].first_entry;
  for (const std::vector<int64_t>& numbers : {std::vector<int64_t>{0},
                                              {2999},
                                              {1, 2, 2998},
                                              {third - 1, third},
                                              {third},
                                              {5, third + 9}}) {
    EXPECT_TRUE(read(numbers).ok());
  }
  EXPECT_EQ(read({3000}).error().kind, ErrorKind::kCorruption) << "there is none";
  ++blocks[2].offset;
  EXPECT_EQ(read({third}).error().kind, ErrorKind::kCorruption);
  blocks.clear();
  EXPECT_EQ(read({0}).error().kind, ErrorKind::kCorruption);
}

/// The golden table of version 3: other readers are shown it as well (tests/interop).
TEST(GoldenV3, IsWhatIsWritten) {
  TableMetadata table = Table(1000);
  WrittenManifest data = Write(table, Content::kData, ExampleEntries()).value();
  WrittenManifest deletes =
      Write(table, Content::kDeletes, {Vector("data1"), Vector("data2")}).value();
  data.file.path = kFolder + std::string("metadata/data.avro");
  deletes.file.path = kFolder + std::string("metadata/deletes.avro");
  Snapshot snapshot;
  snapshot.id = SnapshotId(9);
  snapshot.sequence_number = 7;
  snapshot.timestamp_ms = table.last_updated_ms;
  snapshot.schema_id = SchemaId(0);
  snapshot.summary = {{"operation", "overwrite"}};
  snapshot.manifest_list = kFolder + std::string("metadata/list.avro");
  std::vector<ManifestFile> manifests = {data.file, deletes.file};
  ASSERT_TRUE(AssignRowIds(table, snapshot, manifests).ok());
  auto random = SeededRandom(1);
  const std::string list = WriteManifestList(manifests, snapshot, *random, 3).value();
  table.snapshots = {snapshot};
  table.current_snapshot = snapshot.id;
  table.snapshot_log = {{snapshot.timestamp_ms, snapshot.id}};
  table.refs["main"].snapshot = snapshot.id;
  UpdateTestData("v3/v1.metadata.json",
                 DumpJson(ParseJson(WriteTableMetadata(table), "").value(), 1));
  UpdateTestData("v3/list.avro", list);
  UpdateTestData("v3/data.avro", data.bytes);
  UpdateTestData("v3/deletes.avro", deletes.bytes);

  // By meaning: another version of zlib may compress otherwise.
  const TableMetadata golden =
      ParseTableMetadata(ReadTestData("v3/v1.metadata.json"), "golden").value();
  EXPECT_TRUE(golden == table);
  const auto golden_manifests = ReadManifestList(ReadTestData("v3/list.avro"), "golden").value();
  ASSERT_EQ(golden_manifests.size(), 2U);
  EXPECT_TRUE(golden_manifests[0] == manifests[0]);
  EXPECT_TRUE(golden_manifests[1] == manifests[1]);
  const auto rows = Entries(golden, ReadTestData("v3/data.avro"), golden_manifests[0]);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[2].file.first_row_id, 1050);
  EXPECT_EQ(rows[2].file.lower_bounds.at(2), Scalar(int64_t{1'700'000'000'000'000'001}));
  const auto vectors = Entries(golden, ReadTestData("v3/deletes.avro"), golden_manifests[1]);
  ASSERT_EQ(vectors.size(), 2U);
  EXPECT_EQ(vectors[1].file.content_size_bytes, 50);
}

/// Snapshots of version 1 may name manifests without a list: these were pyiceberg's.
TEST(ListedManifest, IsDescribedByItself) {
  const TableMetadata table =
      ParseTableMetadata(ReadTestData("pyiceberg_v1/metadata.json"), "t").value();
  const ManifestTypes types(table);
  const auto listed =
      ReadManifestList(ReadTestData("pyiceberg_v1/manifest-list.avro"), "l").value();
  for (const ManifestFile& wanted : listed) {
    const std::string bytes =
        ReadTestData("pyiceberg_v1" + wanted.path.substr(wanted.path.rfind('/')));
    ManifestFile found = ListedManifest(bytes, wanted.path, *table.current(), table, types).value();
    EXPECT_EQ(found.length, wanted.length);
    EXPECT_EQ(found.spec_id, wanted.spec_id);
    EXPECT_EQ(found.added_files, wanted.added_files);
    EXPECT_EQ(found.existing_files, wanted.existing_files);
    EXPECT_EQ(found.deleted_files, wanted.deleted_files);
    EXPECT_EQ(found.added_rows, wanted.added_rows);
    EXPECT_EQ(found.existing_rows, wanted.existing_rows);
    EXPECT_EQ(found.deleted_rows, wanted.deleted_rows);
    EXPECT_EQ(found.added_snapshot, wanted.added_snapshot);
    EXPECT_EQ(found.sequence_number, 0);
    EXPECT_FALSE(LacksCounts(found));
    found.spec_id = SpecId(99);
    EXPECT_EQ(CompleteManifest(bytes, table, types, found).error().kind, ErrorKind::kCorruption);
  }
}

}  // namespace
}  // namespace tarn

#include "table/iceberg/manifest.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include <gtest/gtest.h>

#include "columnar/avro_reader.h"
#include "table/iceberg/metadata_json.h"
#include "table/iceberg/single_value.h"
#include "table/model/partition.h"

namespace tarn {
namespace {

using Kind = Type::Kind;

std::string ReadFile(const std::string& name) {
  std::ifstream in("src/table/iceberg/testdata/" + name, std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// A table partitioned by a field of every kind of type.
TableMetadata WideTable() {
  TableMetadata table;
  Schema schema;
  const std::vector<std::pair<std::string, Type>> columns = {
      {"b", Type(Kind::kBoolean)},    {"i", Type(Kind::kInt)},
      {"l", Type(Kind::kLong)},       {"f", Type(Kind::kFloat)},
      {"d", Type(Kind::kDouble)},     {"n", Type::Decimal(20, 3)},
      {"day", Type(Kind::kDate)},     {"t", Type(Kind::kTime)},
      {"ts", Type(Kind::kTimestamp)}, {"tz", Type(Kind::kTimestampTz)},
      {"s 1ä", Type(Kind::kString)},  {"u", Type(Kind::kUuid)},
      {"x", Type::Fixed(5)},          {"raw", Type(Kind::kBinary)},
      {"n2", Type::Decimal(20, 3)}};
  PartitionSpec spec;
  spec.id = SpecId(3);
  for (const auto& [name, type] : columns) {
    const FieldId id(static_cast<int32_t>(schema.fields.size()) + 1);
    schema.fields.push_back({id, name, type, Nullability::kOptional, ""});
    spec.fields.push_back({id, 999 + id.value(), name, {}});
  }
  spec.fields.push_back({FieldId(9), 1015, "ts_day", ParseTransform("day")});
  spec.fields.push_back({FieldId(11), 1016, "s_bucket", ParseTransform("bucket[4]")});
  table.schemas = {schema};
  table.specs = {spec};
  table.default_spec = SpecId(3);
  return table;
}

ManifestEntry WideEntry() {
  ManifestEntry entry;
  DataFile& file = entry.file;
  file.path = "s3://bucket/t/data/ä b.parquet";
  file.spec_id = SpecId(3);
  file.partition = {true,
                    int64_t{-1},
                    std::numeric_limits<int64_t>::min(),
                    0.5,
                    -1e300,
                    Int128{-5, 17},
                    int64_t{-719528},
                    int64_t{86399999999},
                    int64_t{-1},
                    int64_t{1},
                    std::string("grün/=\"x"),
                    std::string(16, '\x81'),
                    std::string("\0\1\2\3\4", 5),
                    std::string("\xff\0", 2),
                    Int128{0, 1},
                    int64_t{-1},
                    int64_t{3}};
  file.record_count = 10;
  file.size_bytes = 12345;
  file.column_sizes = {{1, 5}, {2, 7}};
  file.value_counts = {{1, 10}, {2, 10}};
  file.null_counts = {{1, 0}, {2, 10}};
  file.nan_counts = {{4, 1}};
  file.lower_bounds = {
      {2, int64_t{-5}}, {11, std::string("aaaaaaaaaaaaaaaaaaaa")}, {6, Int128{0, 3}}};
  file.upper_bounds = {
      {2, int64_t{50}}, {11, std::string("zzzzzzzzzzzzzzzzzzzz")}, {6, Int128{0, 9}}};
  file.split_offsets = {4, 5000};
  file.sort_order_id = 0;
  file.key_metadata = std::string("\0k", 2);
  return entry;
}

WrittenManifest Write(const TableMetadata& table, const std::vector<ManifestEntry>& entries) {
  ManifestTypes types(table);
  auto random = SeededRandom(1);
  auto writer = ManifestWriter::Open(table.spec(), table.schema(), types,
                                     {ManifestFile::Content::kData, SnapshotId(77), 9}, *random)
                    .value();
  for (const ManifestEntry& entry : entries) writer->Add(entry);
  auto written = writer->Finish();
  EXPECT_TRUE(written.ok()) << written.status().ToString();
  return std::move(written).value();
}

std::vector<ManifestEntry> Read(const TableMetadata& table, const std::string& bytes,
                                const ManifestFile& file, const ManifestMetrics& metrics = {}) {
  std::vector<ManifestEntry> entries;
  Status status = ReadManifest(bytes, file, *table.FindSpec(file.spec_id), ManifestTypes(table),
                               metrics, [&](ManifestEntry&& entry) -> Status {
                                 entries.push_back(std::move(entry));
                                 return {};
                               });
  EXPECT_TRUE(status.ok()) << status.ToString();
  return entries;
}

TEST(Manifest, KeepsEveryFieldOfAFile) {
  const TableMetadata table = WideTable();
  const WrittenManifest written = Write(table, {WideEntry()});
  const auto entries = Read(table, written.bytes, written.file);
  ASSERT_EQ(entries.size(), 1U);
  const DataFile& file = entries[0].file;
  const DataFile wanted = WideEntry().file;
  EXPECT_EQ(file.path, wanted.path);
  EXPECT_EQ(file.partition, wanted.partition);
  EXPECT_EQ(file.record_count, 10);
  EXPECT_EQ(file.size_bytes, 12345);
  EXPECT_EQ(file.column_sizes, wanted.column_sizes);
  EXPECT_EQ(file.value_counts, wanted.value_counts);
  EXPECT_EQ(file.null_counts, wanted.null_counts);
  EXPECT_EQ(file.nan_counts, wanted.nan_counts);
  EXPECT_EQ(file.lower_bounds.at(2), Scalar(int64_t{-5}));
  EXPECT_EQ(file.lower_bounds.at(11), Scalar(std::string(16, 'a')));
  EXPECT_EQ(file.upper_bounds.at(11), Scalar(std::string(15, 'z') + "{"));
  EXPECT_EQ(file.upper_bounds.at(6), Scalar(Int128{0, 9}));
  EXPECT_EQ(file.split_offsets, wanted.split_offsets);
  EXPECT_EQ(file.sort_order_id, 0);
  EXPECT_EQ(file.key_metadata, wanted.key_metadata);
}

TEST(Manifest, KeepsNullPartitions) {
  const TableMetadata table = WideTable();
  ManifestEntry entry = WideEntry();
  std::fill(entry.file.partition.begin(), entry.file.partition.end(), Scalar());
  const WrittenManifest written = Write(table, {entry});
  EXPECT_EQ(Read(table, written.bytes, written.file)[0].file.partition, entry.file.partition);
  EXPECT_TRUE(written.file.partitions[0].contains_null);
  EXPECT_EQ(written.file.partitions[0].lower, std::nullopt);
}

TEST(Manifest, SumsUpItsEntries) {
  const TableMetadata table = WideTable();
  ManifestEntry added = WideEntry(), existing = WideEntry(), deleted = WideEntry();
  existing.status = EntryStatus::kExisting;
  existing.snapshot = SnapshotId(5);
  existing.data_sequence_number = existing.file_sequence_number = 2;
  existing.file.partition[1] = int64_t{40};
  existing.file.partition[4] = std::nan("");
  deleted.status = EntryStatus::kDeleted;
  deleted.snapshot = SnapshotId(77);
  deleted.data_sequence_number = deleted.file_sequence_number = 1;
  const WrittenManifest written = Write(table, {added, existing, deleted});
  EXPECT_EQ(written.file.added_files, 1);
  EXPECT_EQ(written.file.existing_rows, 10);
  EXPECT_EQ(written.file.deleted_files, 1);
  EXPECT_EQ(written.file.min_sequence_number, 2) << "deleted entries do not count";
  EXPECT_EQ(written.file.sequence_number, 9);
  EXPECT_EQ(DecodeSingleValue(Type(Kind::kInt), *written.file.partitions[1].upper),
            Scalar(int64_t{40}));
  EXPECT_EQ(written.file.partitions[4].contains_nan, true);

  const auto entries = Read(table, written.bytes, written.file);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].data_sequence_number, 9) << "inherited from the manifest list";
  EXPECT_EQ(entries[0].snapshot, SnapshotId(77));
  EXPECT_EQ(entries[1].data_sequence_number, 2);
  EXPECT_EQ(entries[1].snapshot, SnapshotId(5));
  EXPECT_EQ(entries[2].status, EntryStatus::kDeleted);
}

TEST(Manifest, DecodesOnlyTheMetricsThatAreWanted) {
  const TableMetadata table = WideTable();
  const WrittenManifest written = Write(table, {WideEntry()});
  const auto none = Read(table, written.bytes, written.file, {ManifestMetrics::Kind::kNone, {}});
  EXPECT_TRUE(none[0].file.lower_bounds.empty());
  EXPECT_TRUE(none[0].file.value_counts.empty());
  const auto some =
      Read(table, written.bytes, written.file, {ManifestMetrics::Kind::kPruning, {2}});
  EXPECT_EQ(some[0].file.lower_bounds.size(), 1U);
  EXPECT_EQ(some[0].file.null_counts.size(), 1U);
  EXPECT_TRUE(some[0].file.column_sizes.empty());
}

TEST(ManifestList, IsReadBack) {
  const TableMetadata table = WideTable();
  ManifestFile file = Write(table, {WideEntry()}).file;
  file.path = "s3://bucket/t/metadata/x-m0.avro";
  file.key_metadata = "k";
  ManifestFile plain;
  plain.path = "s3://bucket/t/metadata/y-m0.avro";
  plain.added_files = plain.existing_files = plain.deleted_files = 0;
  plain.added_rows = plain.existing_rows = plain.deleted_rows = 0;
  Snapshot snapshot;
  snapshot.id = SnapshotId(77);
  auto random = SeededRandom(1);
  const std::string bytes = WriteManifestList({file, plain}, snapshot, *random).value();
  const auto back = ReadManifestList(bytes, "list").value();
  ASSERT_EQ(back.size(), 2U);
  EXPECT_TRUE(back[0] == file);
  EXPECT_TRUE(back[1] == plain);
}

TEST(ManifestList, NamesBrokenFiles) {
  EXPECT_EQ(ReadManifestList("", "the list").error().kind, ErrorKind::kCorruption);
  auto random = SeededRandom(1);
  ManifestFile file;
  file.path = "x";
  file.added_files = file.existing_files = file.deleted_files = 0;
  file.added_rows = file.existing_rows = file.deleted_rows = 0;
  const std::string bytes = WriteManifestList({file}, {}, *random).value();
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    auto result = ReadManifestList(bytes.substr(0, cut), "the list");
    if (!result.ok()) {
      EXPECT_NE(result.error().message.find("the list"), std::string::npos);
    }
  }
}

TEST(Manifest, OfPyicebergIsRead) {
  for (const std::string version : {"pyiceberg_v1", "pyiceberg_v2"}) {
    const TableMetadata table =
        ParseTableMetadata(ReadFile(version + "/metadata.json"), version).value();
    const auto manifests =
        ReadManifestList(ReadFile(version + "/manifest-list.avro"), version).value();
    ASSERT_EQ(manifests.size(), 3U);
    int64_t live = 0, deleted = 0, rows = 0;
    for (const ManifestFile& manifest : manifests) {
      EXPECT_EQ(manifest.partitions.size(), 2U);
      const std::string name = manifest.path.substr(manifest.path.rfind('/'));
      for (const ManifestEntry& entry : Read(table, ReadFile(version + name), manifest)) {
        if (entry.status == EntryStatus::kDeleted) {
          EXPECT_EQ(entry.snapshot, *table.current_snapshot);
          ++deleted;
          continue;
        }
        ++live;
        rows += entry.file.record_count;
        EXPECT_EQ(entry.data_sequence_number > 0, version == "pyiceberg_v2");
        ASSERT_EQ(entry.file.partition.size(), 2U);
        EXPECT_TRUE(std::holds_alternative<int64_t>(entry.file.partition[0]));
        EXPECT_TRUE(std::holds_alternative<bool>(entry.file.partition[1]));
        const auto id = std::get<int64_t>(entry.file.lower_bounds.at(1));
        EXPECT_GE(id, 0);
        EXPECT_LT(id, 9);
        EXPECT_TRUE(std::holds_alternative<Int128>(entry.file.upper_bounds.at(3)));
      }
    }
    EXPECT_EQ(live, 7);
    EXPECT_EQ(deleted, 1);
    EXPECT_EQ(rows, 8);
  }
}

TEST(Manifest, OfBrokenBytesIsAnErrorAndNothingWorse) {
  const std::string folder = "pyiceberg_v2/";
  const std::string metadata = ReadFile(folder + "metadata.json");
  const TableMetadata table = ParseTableMetadata(metadata, "t").value();
  const std::string list = ReadFile(folder + "manifest-list.avro");
  const auto manifests = ReadManifestList(list, "list").value();
  const std::string& path = manifests[2].path;
  const std::string manifest = ReadFile(folder + path.substr(path.rfind('/') + 1));
  auto random = SeededRandom(7);
  const auto broken = [&](std::string bytes) {
    const uint64_t flips = 1 + random->Below(4);
    for (uint64_t i = 0; i < flips; ++i) {
      bytes[random->Below(bytes.size())] = static_cast<char>(random->Next());
    }
    return bytes;
  };
  int errors = 0;
  for (int i = 0; i < 2000; ++i) {
    if (auto result = ParseTableMetadata(broken(metadata), "t"); !result.ok()) ++errors;
    if (auto result = ReadManifestList(broken(list), "list"); !result.ok()) ++errors;
    Status status =
        ReadManifest(broken(manifest), manifests[2], table.specs[0], ManifestTypes(table), {},
                     [](ManifestEntry&&) { return Status(); });
    if (!status.ok()) ++errors;
  }
  EXPECT_GT(errors, 1000);
}

}  // namespace
}  // namespace tarn

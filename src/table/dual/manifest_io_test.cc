#include "table/dual/manifest_io.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "storage/memory/memory_store.h"
#include "table/dual/testing.h"
#include "table/iceberg/metadata_json.h"

namespace tarn {
namespace {

constexpr char kFolder[] = "src/table/iceberg/testdata/pyiceberg_v1/";

std::string ReadFile(const std::string& name) {
  std::ifstream in(kFolder + name, std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The table of version 1 that pyiceberg wrote, its current snapshot naming manifests itself.
class OldTable : public TableTest {
 protected:
  TableMetadata WithoutList() {
    TableMetadata table = ParseTableMetadata(ReadFile("metadata.json"), "t").value();
    Snapshot& current = table.snapshots.back();
    EXPECT_EQ(current.id, *table.current_snapshot);
    const auto listed = ReadManifestList(ReadFile("manifest-list.avro"), "list").value();
    for (const ManifestFile& manifest : listed) {
      const std::string name = manifest.path.substr(manifest.path.rfind('/') + 1);
      EXPECT_TRUE(store_.Put("old/" + name, ReadFile(name)).ok());
      current.manifests.push_back(store_.UriOf("old/" + name));
    }
    current.manifest_list.clear();
    return table;
  }
};

TEST_F(OldTable, NamesItsManifestsWithoutAList) {
  const TableMetadata table = WithoutList();
  ManifestIo io(store_, nullptr, table);
  const auto manifests = io.List(*table.current()).value();
  int64_t rows = 0;
  ASSERT_TRUE(io.Read(manifests, {}, [&](ManifestEntry&& entry) -> Status {
                  if (entry.status != EntryStatus::kDeleted) rows += entry.file.record_count;
                  return {};
                }).ok());
  EXPECT_EQ(rows, 8);
  // A later list takes them as they are.
  EXPECT_TRUE(WriteManifestList(manifests, *table.current(), *random_).ok());
}

TEST_F(OldTable, IsPlannedThroughIndexesAsWithoutThem) {
  const TableMetadata table = WithoutList();
  const auto planned = [&](TableCache* cache, const Predicate& predicate) {
    TableContext context = context_;
    context.cache = cache;
    const ScanPlan plan = PlanScan(context, table, std::nullopt, predicate).value();
    std::string told = std::to_string(plan.files_skipped) + "/" + std::to_string(plan.files_total);
    for (const ScanFile& file : plan.files) {
      told += " " + file.file.path + " " + std::to_string(file.data_sequence_number) + " " +
              std::to_string(file.file.lower_bounds.size());
    }
    return told;
  };
  using Op = Predicate::Op;
  for (int64_t id = 0; id < 10; ++id) {
    for (const Op op : {Op::kEq, Op::kLt, Op::kGtEq}) {
      const auto predicate = Predicate::Compare(op, "id", Scalar(id));
      const std::string expected = planned(nullptr, predicate);
      EXPECT_EQ(planned(&cache_, predicate), expected);
      EXPECT_EQ(planned(&cache_, predicate), expected);
    }
  }
  const auto& paths = table.current()->manifests;
  EXPECT_TRUE(std::any_of(paths.begin(), paths.end(), [&](const std::string& path) {
    return cache_.FindIndex(path) != nullptr;
  }));
}

TEST_F(OldTable, WhoseSnapshotNamesNothingIsCorrupt) {
  TableMetadata table = WithoutList();
  table.snapshots.back().manifests.clear();
  EXPECT_EQ(ManifestIo(store_, nullptr, table).List(*table.current()).error().kind,
            ErrorKind::kCorruption);
}

TEST_F(OldTable, EncryptedIsRefusedByName) {
  TableMetadata table = WithoutList();
  table.snapshots.back().unknown_members["key-id"] = "\"k\"";
  const Error error = ManifestIo(store_, nullptr, table).List(*table.current()).error();
  EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
  EXPECT_NE(error.message.find("encrypted"), std::string::npos);
}

}  // namespace
}  // namespace tarn

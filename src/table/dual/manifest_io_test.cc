#include "table/dual/manifest_io.h"

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

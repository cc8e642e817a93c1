#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sample_table.h"
#include "table/iceberg/manifest.h"
#include "target.h"

namespace tarn::fuzz {

/// A manifest of either content; and, with everything that it says, written and read again.
TARN_FUZZ_TARGET(avro_manifest) {
  const TableMetadata& table = SampleTable();
  const ManifestTypes types(table);
  ManifestFile manifest;
  manifest.path = "memory://t/metadata/input.avro";
  manifest.length = static_cast<int64_t>(input.size());
  manifest.spec_id = table.default_spec;
  manifest.sequence_number = 7;
  manifest.added_snapshot = SnapshotId(11);
  manifest.first_row_id = 1000;
  for (const ManifestFile::Content content :
       {ManifestFile::Content::kData, ManifestFile::Content::kDeletes}) {
    manifest.content = content;
    const auto bytes = std::make_shared<const std::string>(input);
    int64_t entries = 0;
    std::vector<ManifestBlock> blocks;
    std::vector<int64_t> numbers;  // every third
    std::vector<DataFile> files;
    const Status status = ReadManifest(
        bytes, manifest, table.spec(), types, {ManifestMetrics::Kind::kAll, {}},
        [&](ManifestEntry&& entry) -> Status {
          CheckThat(entry.file.partition.size() == table.spec().fields.size(),
                    "a partition value for every field of the spec");
          if (entries++ % 3 != 0) return {};
          numbers.push_back(entries - 1);
          files.push_back(std::move(entry.file));
          return {};
        },
        [&](const ManifestBlock& block) { blocks.push_back(block); });
    if (!status.ok()) CheckError(status.error(), manifest.path);
    // By their blocks they are the same.
    size_t read = 0;
    const Status some = ReadManifestEntries(
        bytes, manifest, table.spec(), types, {ManifestMetrics::Kind::kAll, {}}, blocks, numbers,
        [&](ManifestEntry&& entry) -> Status {
          const DataFile& file = files[read++];
          CheckThat(entry.file.path == file.path && entry.file.first_row_id == file.first_row_id,
                    "the same entry by its block");
          return {};
        });
    CheckThat(read == files.size(), "all entries by their blocks");
    if (!some.ok()) CheckError(some.error(), manifest.path);
    // Fewer metrics are the same entries.
    int64_t again = 0;
    const Status fewer =
        ReadManifest(std::string(input), manifest, table.spec(), types,
                     {ManifestMetrics::Kind::kPruning, {1, 2, 3}}, [&](ManifestEntry&&) -> Status {
                       ++again;
                       return {};
                     });
    if (status.ok() && fewer.ok()) CheckThat(entries == again, "the same entries");
    if (!fewer.ok()) CheckError(fewer.error(), manifest.path);
  }
  ManifestFile counted = manifest;
  const Status completed = CompleteManifest(std::string(input), table, types, counted);
  if (!completed.ok()) CheckError(completed.error(), manifest.path);
}

}  // namespace tarn::fuzz

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
    int64_t entries = 0;
    const Status status =
        ReadManifest(std::string(input), manifest, table.spec(), types,
                     {ManifestMetrics::Kind::kAll, {}}, [&](ManifestEntry&& entry) -> Status {
                       ++entries;
                       CheckThat(entry.file.partition.size() == table.spec().fields.size(),
                                 "a partition value for every field of the spec");
                       return {};
                     });
    if (!status.ok()) CheckError(status.error(), manifest.path);
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

#include "base/random.h"
#include "sample_table.h"
#include "table/iceberg/manifest.h"
#include "target.h"

namespace tarn::fuzz {

/// A manifest list; one that can be read and has all counts is written and read again.
TARN_FUZZ_TARGET(avro_manifest_list) {
  const auto manifests = ReadManifestList(std::string(input), "memory://t/list.avro");
  if (!manifests.ok()) return CheckError(manifests.error(), "memory://t/list.avro");
  for (const ManifestFile& manifest : *manifests) {
    if (LacksCounts(manifest)) return;
  }
  Snapshot snapshot;
  snapshot.id = SnapshotId(11);
  snapshot.sequence_number = 7;
  const auto random = SeededRandom(1);
  const auto written = WriteManifestList(*manifests, snapshot, *random, 2);
  if (!written.ok()) return CheckError(written.error(), "manifest");
  const auto again = ReadManifestList(*written, "again");
  CheckThat(again.ok(), again.ok() ? "" : again.error().ToString());
  CheckThat(again->size() == manifests->size(), "the same manifests");
}

}  // namespace tarn::fuzz

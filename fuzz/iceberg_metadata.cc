#include "table/iceberg/manifest.h"
#include "table/iceberg/metadata_json.h"
#include "target.h"

namespace tarn::fuzz {

/// A table's metadata.json: what is read is read the same again once it was written.
TARN_FUZZ_TARGET(iceberg_metadata) {
  const auto table = ParseTableMetadata(input, "input.metadata.json");
  if (!table.ok()) return CheckError(table.error(), "input.metadata.json");
  const ManifestTypes types(*table);
  static_cast<void>(types.PartitionTypes(table->spec()));
  static_cast<void>(SchemaToArrow(table->schema()));
  const std::string written = WriteTableMetadata(*table);
  const auto again = ParseTableMetadata(written, "again");
  CheckThat(again.ok(), again.ok() ? "" : again.error().ToString());
  CheckThat(WriteTableMetadata(*again) == written, "the same when it is written and read again");
}

}  // namespace tarn::fuzz

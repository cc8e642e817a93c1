#include <limits>
#include <string>

#include "table/iceberg/manifest.h"
#include "table/iceberg/manifest_schema.h"

namespace tarn {

Status AssignRowIds(TableMetadata& table, Snapshot& snapshot,
                    std::vector<ManifestFile>& manifests) {
  if (table.format_version < kVersionOfRowIds) return {};
  int64_t next = table.next_row_id;
  for (ManifestFile& manifest : manifests) {
    if (manifest.content != ManifestFile::Content::kData || manifest.first_row_id) continue;
    if (LacksCounts(manifest)) {
      return InvalidArgument("manifest " + manifest.path + " lacks its counts");
    }
    // An upper bound, as the specification allows: existing files may have ids of their own.
    for (int64_t rows : {*manifest.added_rows, *manifest.existing_rows}) {
      if (rows > std::numeric_limits<int64_t>::max() - next) {
        return ResourceExhausted("table " + table.location + " has no row ids left for " +
                                 manifest.path);
      }
      if (!manifest.first_row_id) manifest.first_row_id = next;
      next += rows;
    }
  }
  snapshot.first_row_id = table.next_row_id;
  snapshot.added_rows = next - table.next_row_id;
  table.next_row_id = next;
  return {};
}

}  // namespace tarn

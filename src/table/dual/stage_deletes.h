#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "table/dual/manifest_io.h"
#include "table/dual/stage.h"

namespace tarn {

/// What names a delete file: several vectors share one Puffin file.
using DeleteFileKey = std::pair<std::string, int64_t>;  ///< path, offset (-1: the whole file)
inline DeleteFileKey KeyOfDeletes(const DataFile& file) {
  return {file.path, file.content_offset.value_or(-1)};
}

/// What the row deletes of one snapshot come to.
struct StagedDeletes {
  std::vector<DataFile> added;         ///< delete files, written
  std::set<std::string> removed_data;  ///< paths of data files of the base that leave whole
  std::set<DeleteFileKey> removed;     ///< delete files of the base that were put together
  std::set<std::string> emptied;       ///< files of this snapshot that have no row left
};

/// Puts the deletes of `request` together with those that stand in `base_manifests`, and writes
/// them. Errors: Conflict when a data file is gone, or some of the rows are deleted already: both
/// mean that somebody else was faster.
Result<StagedDeletes> StageDeletes(const TableContext& context, const StageRowsRequest& request,
                                   ManifestIo& io, const std::vector<ManifestFile>& base_manifests,
                                   StagedFiles& files);

}  // namespace tarn

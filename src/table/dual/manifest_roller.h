#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "table/dual/stage.h"
#include "table/iceberg/manifest.h"

namespace tarn {

inline constexpr int64_t kManifestBytesMax = 8 << 20;  ///< after which a new manifest begins
/// Below it a manifest is put together with others.
inline constexpr int64_t kManifestBytesSmall = kManifestBytesMax / 2;

/// Writes entries into as many manifests as they need, by spec and content. Borrows everything.
class ManifestRoller {
 public:
  /// `next_name` numbers the manifests of one staging.
  ManifestRoller(const TableContext& context, const StageRowsRequest& request,
                 const ManifestTypes& types, StagedFiles& files, int64_t& next_name)
      : context_(context), request_(request), types_(types), files_(files), next_name_(next_name) {}

  /// Errors: InvalidArgument for a file whose spec or partition values are not the table's.
  Status Add(const ManifestEntry& entry);
  Result<std::vector<ManifestFile>> Finish();

 private:
  using Place = std::pair<int32_t, ManifestFile::Content>;

  Status FinishOne(ManifestWriter& writer);

  const TableContext& context_;
  const StageRowsRequest& request_;
  const ManifestTypes& types_;
  StagedFiles& files_;
  int64_t& next_name_;
  std::map<Place, std::unique_ptr<ManifestWriter>> open_;
  std::vector<ManifestFile> manifests_;
};

}  // namespace tarn

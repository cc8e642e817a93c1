#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "table/dual/stage.h"
#include "table/iceberg/manifest.h"

namespace tarn {

inline constexpr int64_t kManifestBytesMax = 8 << 20;  ///< after which a new manifest begins
/// Below it a manifest is put together with others.
inline constexpr int64_t kManifestBytesSmall = kManifestBytesMax / 2;

/// Names of the manifests of one staging, which no other staging has, of the same commit neither:
/// the server may carry out a lost request to remove an earlier attempt's after the next one wrote
/// its own.
class ManifestNames {
 public:
  explicit ManifestNames(Random& random) : stem_(random.Uuid() + "-m") {}
  std::string Next() { return stem_ + std::to_string(next_++) + ".avro"; }

 private:
  const std::string stem_;
  int64_t next_ = 0;
};

/// Writes entries into as many manifests as they need, by spec and content. Borrows everything.
class ManifestRoller {
 public:
  ManifestRoller(const TableContext& context, const StageRowsRequest& request,
                 const ManifestTypes& types, StagedFiles& files, ManifestNames& names)
      : context_(context), request_(request), types_(types), files_(files), names_(names) {}

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
  ManifestNames& names_;
  std::map<Place, std::unique_ptr<ManifestWriter>> open_;
  std::vector<ManifestFile> manifests_;
};

}  // namespace tarn

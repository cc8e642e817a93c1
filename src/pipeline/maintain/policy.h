#pragma once

#include <cstdint>

#include "base/limits.h"
#include "base/result.h"
#include "table/model/metadata.h"

namespace tarn {

/// \name Table properties that steer upkeep, Iceberg's own where it has them; where a table does
/// not say, limits do.
/// @{
inline constexpr char kTargetFileBytesProperty[] = "write.target-file-size-bytes";
inline constexpr char kSnapshotAgeProperty[] = "history.expire.max-snapshot-age-ms";
inline constexpr char kSnapshotsKeptProperty[] = "history.expire.min-snapshots-to-keep";
inline constexpr char kSnapshotsKeptMaxProperty[] = "tarn.max-snapshots-to-keep";
inline constexpr char kStatisticsReadBytesMaxProperty[] = "tarn.statistics-read-bytes-max";
inline constexpr char kRefAgeProperty[] = "history.expire.max-ref-age-ms";
/// @}

/// When what of one table is worth doing. A value.
struct MaintainPolicy {
  int64_t target_file_bytes = 0;
  int64_t small_file_bytes = 0;     ///< data files below it are put together
  int64_t deleted_percent = 0;      ///< a data file with as many deleted rows is written anew
  int64_t group_bytes_max = 0;      ///< that one commit writes anew
  int64_t statistics_rows_min = 0;  ///< a table of fewer rows gets no first statistics
  int64_t statistics_changed_percent = 0;  ///< rows changed since: they are made anew
  int64_t statistics_read_bytes_max = 0;   ///< of data files that are read for them
  int64_t snapshot_age_ms_max = 0;
  int64_t snapshots_kept_min = 1;
  int64_t snapshots_kept_max = INT64_MAX;
  int64_t ref_age_ms_max = INT64_MAX;
  int64_t reader_grace_ms = 0;
  int64_t orphan_grace_ms = 0;

  /// Error InvalidArgument, naming the property, for one that is no number or out of range.
  static Result<MaintainPolicy> Of(const TableMetadata& table, const Limits& limits);
};

}  // namespace tarn

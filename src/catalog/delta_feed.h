#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/delta_snapshot.h"
#include "columnar/deletion_vector.h"
#include "storage/object_store.h"
#include "table/delta/file_values.h"

namespace tarn {

/// Rows that one version of a Delta table changed, as they stand in one file.
struct DeltaFeedFile {
  delta::TableFile file;
  /// "insert" or "delete"; nothing for a file that has a column `_change_type`.
  std::optional<std::string> change_type;
  int64_t version = 0;
  int64_t timestamp_ms = 0;
  /// The only rows of the file that changed; nullptr: all that are not in `left_out`.
  std::shared_ptr<const DeletionVector> only;
  std::shared_ptr<const DeletionVector> left_out;
};

/// The names of what stands beside the columns of a table in files of its change data feed.
inline constexpr char kDeltaChangeType[] = "_change_type";
inline constexpr char kDeltaCommitVersion[] = "_commit_version";
inline constexpr char kDeltaCommitTimestamp[] = "_commit_timestamp";

/// "Change Data Feed": what the versions from `from` up to that of `last`, both included, changed.
/// A version that has files of changes is told by them alone, any other by the files that came and
/// went; where a file only got another deletion vector, by the rows that differ. A version's time
/// is its in-commit timestamp, else what its commitInfo says. Memory: what the entries say.
/// Errors: NotFound (versions that are not there any more); Unsupported, naming the version, where
/// the table did not keep the feed, or had columns that it has not any more; Corruption.
Result<std::vector<DeltaFeedFile>> ReadDeltaFeed(ObjectStore& store, const std::string& table_key,
                                                 const DeltaSnapshot& last, int64_t from);

}  // namespace tarn

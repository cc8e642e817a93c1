#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::delta {

/// \name Table properties that steer the Delta log, set like any property of a table.
/// @{
/// How columns are found in data files from then on: "name" or "id". A rename or drop turns on
/// "name" where nothing is said.
inline constexpr char kColumnMappingModeProperty[] = "delta.columnMapping.mode";
/// "classic" or "v2": whether checkpoints keep files in sidecars.
inline constexpr char kCheckpointPolicyProperty[] = "delta.checkpointPolicy";
/// How long entries are kept that a checkpoint stands for: "interval 30 days".
inline constexpr char kLogRetentionProperty[] = "delta.logRetentionDuration";
/// How long a checkpoint remembers removed files: "interval 7 days".
inline constexpr char kDeletedFileRetentionProperty[] = "delta.deletedFileRetentionDuration";
/// "true": rows only come; no writer changes or removes any.
inline constexpr char kAppendOnlyProperty[] = "delta.appendOnly";
/// Followed by a constraint's name: the expression that is true for every row, in Spark's SQL.
inline constexpr char kConstraintPrefix[] = "delta.constraints.";
/// @}

/// Set by the publisher at the first delete.
inline constexpr char kEnableVectorsProperty[] = "delta.enableDeletionVectors";

/// Error InvalidArgument for a property "delta.…" that is none of these, or a value that it cannot
/// have; other names are nobody's business here.
Status CheckDeltaProperty(const std::string& key, const std::string& value);

/// The spelling that counts of a property that somebody wrote without regard to case, as SQL does;
/// other names stay as they are.
std::string SpellProperty(const std::string& key);

/// Milliseconds of a time span as Delta's properties have it: "interval 1 week 2 days",
/// "30 days", "interval 12 hours". Nothing where it is none (months and years are none: they have
/// no length).
std::optional<int64_t> ParseIntervalMs(std::string_view text);

/// The span that a property of `configuration` holds, else `otherwise_ms`.
int64_t IntervalProperty(const std::map<std::string, std::string>& configuration, const char* key,
                         int64_t otherwise_ms);

}  // namespace tarn::delta

#include "pipeline/maintain/policy.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace tarn {

namespace {

Status Override(const TableMetadata& table, const char* property, int64_t least, int64_t& value) {
  const auto found = table.properties.find(property);
  if (found == table.properties.end()) return {};
  const std::string& text = found->second;
  int64_t wanted = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wanted);
  if (error != std::errc() || end != text.data() + text.size() || wanted < least) {
    return InvalidArgument("the table property " + std::string(property) + " is \"" + text + "\"",
                           "it must be a whole number, at least " + std::to_string(least));
  }
  value = wanted;
  return {};
}

}  // namespace

Result<MaintainPolicy> MaintainPolicy::Of(const TableMetadata& table, const Limits& limits) {
  MaintainPolicy policy;
  policy.target_file_bytes = limits.target_file_bytes;
  policy.deleted_percent = limits.compact_deleted_percent;
  policy.group_bytes_max = limits.compact_group_bytes_max;
  policy.statistics_rows_min = limits.statistics_rows_min;
  policy.statistics_changed_percent = limits.statistics_changed_percent;
  policy.statistics_read_bytes_max = limits.statistics_read_bytes_max;
  policy.snapshot_age_ms_max = limits.snapshot_age_ms_max;
  policy.snapshots_kept_min = limits.snapshots_kept_min;
  policy.snapshots_kept_max = limits.snapshots_kept_max;
  policy.reader_grace_ms = limits.reader_grace_ms;
  policy.orphan_grace_ms = limits.orphan_grace_ms;
  TARN_RETURN_IF_ERROR(Override(table, kTargetFileBytesProperty, 1, policy.target_file_bytes));
  TARN_RETURN_IF_ERROR(
      Override(table, kStatisticsReadBytesMaxProperty, 0, policy.statistics_read_bytes_max));
  TARN_RETURN_IF_ERROR(Override(table, kSnapshotAgeProperty, 0, policy.snapshot_age_ms_max));
  TARN_RETURN_IF_ERROR(Override(table, kSnapshotsKeptProperty, 1, policy.snapshots_kept_min));
  TARN_RETURN_IF_ERROR(Override(table, kSnapshotsKeptMaxProperty, 1, policy.snapshots_kept_max));
  TARN_RETURN_IF_ERROR(Override(table, kRefAgeProperty, 0, policy.ref_age_ms_max));
  policy.small_file_bytes = policy.target_file_bytes / 100 * limits.compact_small_percent +
                            policy.target_file_bytes % 100 * limits.compact_small_percent / 100;
  // Beneath the reader's grace nothing leaves, whatever a table says.
  policy.snapshot_age_ms_max = std::max(policy.snapshot_age_ms_max, policy.reader_grace_ms);
  return policy;
}

}  // namespace tarn

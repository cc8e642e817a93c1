#include "table/dual/snapshot_tally.h"

#include <charconv>
#include <optional>

#include "table/dual/manifest_io.h"

namespace tarn {

std::optional<int64_t> SummaryCount(const std::map<std::string, std::string>& summary,
                                    const std::string& key) {
  auto found = summary.find(key);
  if (found == summary.end()) return std::nullopt;
  const std::string& text = found->second;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void SnapshotTally::Count(const DataFile& file, Counts& counts) {
  partitions_.insert(PartitionKey(file.spec_id, file.partition));
  counts.bytes += file.content_size_bytes.value_or(file.size_bytes);
  switch (file.content) {
    case FileContent::kData:
      ++counts.data_files;
      counts.rows += file.record_count;
      return;
    case FileContent::kPositionDeletes:
      ++counts.delete_files;
      ++(file.is_deletion_vector() ? counts.vectors : counts.position_files);
      counts.positions += file.record_count;
      return;
    case FileContent::kEqualityDeletes:
      ++counts.delete_files;
      ++counts.equality_files;
      counts.equality_rows += file.record_count;
  }
}

std::string SnapshotTally::Operation() const {
  const bool adds_deletes = added_.delete_files > 0;
  const bool removes = removed_.data_files + removed_.delete_files > 0;
  if (!adds_deletes && !removes) return "append";
  return added_.data_files > 0 ? "overwrite" : "delete";
}

std::map<std::string, std::string> SnapshotTally::Summary(const Snapshot* parent, Base base) const {
  std::map<std::string, std::string> summary;
  const auto set = [&](const char* key, int64_t value) { summary[key] = std::to_string(value); };
  const auto set_if_any = [&](const char* key, int64_t value) {
    if (value > 0) set(key, value);
  };
  // A total is known when the parent's is, or when nothing of the parent is left.
  const auto set_total = [&](const char* key, int64_t added, int64_t removed) {
    if (parent == nullptr || base == Base::kReplaced) return set(key, added);
    if (auto before = SummaryCount(parent->summary, key)) set(key, *before + added - removed);
  };
  set_if_any("added-data-files", added_.data_files);
  set_if_any("added-records", added_.rows);
  set_if_any("added-files-size", added_.bytes);
  set_if_any("added-delete-files", added_.delete_files);
  set_if_any("added-position-delete-files", added_.position_files);
  set_if_any("added-dvs", added_.vectors);
  set_if_any("added-position-deletes", added_.positions);
  set_if_any("deleted-data-files", removed_.data_files);
  set_if_any("deleted-records", removed_.rows);
  set_if_any("removed-files-size", removed_.bytes);
  set_if_any("removed-delete-files", removed_.delete_files);
  set_if_any("removed-position-delete-files", removed_.position_files);
  set_if_any("removed-dvs", removed_.vectors);
  set_if_any("removed-position-deletes", removed_.positions);
  set_if_any("removed-equality-delete-files", removed_.equality_files);
  set_if_any("removed-equality-deletes", removed_.equality_rows);
  set("changed-partition-count", static_cast<int64_t>(partitions_.size()));
  set_total("total-data-files", added_.data_files, removed_.data_files);
  set_total("total-records", added_.rows, removed_.rows);
  set_total("total-files-size", added_.bytes, removed_.bytes);
  set_total("total-delete-files", added_.delete_files, removed_.delete_files);
  set_total("total-position-deletes", added_.positions, removed_.positions);
  set_total("total-equality-deletes", added_.equality_rows, removed_.equality_rows);
  return summary;
}

}  // namespace tarn

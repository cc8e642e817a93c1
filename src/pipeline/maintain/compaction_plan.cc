#include "pipeline/maintain/compaction_plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "table/dual/manifest_io.h"

namespace tarn {

namespace {

/// How many rows of a file are deleted, as far as the manifests say: never fewer.
int64_t DeletedRows(const ScanFile& file) {
  int64_t rows = 0;
  for (const DataFile& deletes : file.deletes) rows += deletes.record_count;
  return std::min(rows, file.file.record_count);
}

bool HasEqualityDeletes(const ScanFile& file) {
  return std::any_of(file.deletes.begin(), file.deletes.end(), [](const DataFile& deletes) {
    return deletes.content == FileContent::kEqualityDeletes;
  });
}

std::string Count(int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what;
}

std::string Files(int64_t count, const std::string& before, const std::string& after) {
  return Count(count, before + (count == 1 ? "file" : "files") + after);
}

}  // namespace

int64_t CompactionPlan::bytes() const {
  int64_t bytes = 0;
  for (const CompactionGroup& group : groups) bytes += group.bytes;
  return bytes;
}

std::string CompactionPlan::Explain() const {
  std::vector<std::string> parts;
  if (small_files > 0) parts.push_back(Files(small_files, "small ", ""));
  if (deleted_files > 0) parts.push_back(Files(deleted_files, "", " with deleted rows"));
  if (old_spec_files > 0) parts.push_back(Files(old_spec_files, "", " of an earlier partitioning"));
  std::string text = Join(parts, ", ");
  if (waiting_files > 0) {
    if (!text.empty()) text += "; ";
    text += Files(waiting_files, "small ", waiting_files == 1 ? " waits" : " wait") +
            " for more: writing anew does not pay yet";
  }
  return text.empty() ? "no small files and few deleted rows" : text;
}

void CompactionPlanner::Add(ScanFile&& file) {
  ++files_total_;
  const int64_t deleted = DeletedRows(file);
  const int64_t rows = std::max<int64_t>(1, file.file.record_count);
  Reason reason = Reason::kSmall;
  if (file.file.spec_id != table_.default_spec) {
    reason = Reason::kOldSpec;
  } else if (HasEqualityDeletes(file) ||
             (deleted > 0 && deleted * 100 >= rows * policy_.deleted_percent)) {
    reason = Reason::kDeleted;
  } else if (file.file.size_bytes >= policy_.small_file_bytes) {
    return;
  }
  if (candidates_ >= kCandidatesMax) {
    complete_ = false;
    return;
  }
  ++candidates_;
  const double live = static_cast<double>(rows - deleted) / static_cast<double>(rows);
  const auto live_bytes = static_cast<int64_t>(static_cast<double>(file.file.size_bytes) * live);
  const std::string partition = PartitionKey(file.file.spec_id, file.file.partition);
  partitions_[partition].push_back({std::move(file), reason, live_bytes});
}

CompactionPlan CompactionPlanner::Finish() && {
  CompactionPlan plan;
  plan.files_total = files_total_;
  plan.complete = complete_;
  for (auto& [partition, candidates] : partitions_) {
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
      return std::tie(a.file.data_sequence_number, a.file.file.path) <
             std::tie(b.file.data_sequence_number, b.file.file.path);
    });
    PlanPartition(std::move(candidates), plan);
  }
  return plan;
}

void CompactionPlanner::PlanPartition(Candidates&& candidates, CompactionPlan& plan) const {
  const bool old_spec = candidates.front().reason == Reason::kOldSpec;
  // Rows of an old file may go to many partitions: the more there are together, the fewer files
  // become of them.
  const int64_t full_bytes = old_spec ? policy_.group_bytes_max : policy_.target_file_bytes;
  Candidates group;
  int64_t live_bytes = 0;
  for (Candidate& candidate : candidates) {
    live_bytes += candidate.live_bytes;
    group.push_back(std::move(candidate));
    if (live_bytes < full_bytes) continue;
    TakeGroup(std::exchange(group, {}), plan);
    live_bytes = 0;
  }
  TakeGroup(std::move(group), plan);
}

/// Leaves the largest small file out until the rest of the group pays.
void CompactionPlanner::TakeGroup(Candidates&& candidates, CompactionPlan& plan) const {
  int64_t live_bytes = 0;
  for (const Candidate& candidate : candidates) live_bytes += candidate.live_bytes;
  while (!candidates.empty()) {
    const auto largest = std::max_element(
        candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
          const auto size = [](const Candidate& one) {
            return one.reason == Reason::kSmall ? one.live_bytes : -1;
          };
          return size(a) < size(b);
        });
    if (largest->reason != Reason::kSmall) break;  // none is small
    const bool alone = candidates.size() == 1;
    if (!alone && (largest->live_bytes * 2 <= live_bytes || live_bytes <= kCheapBytes)) break;
    live_bytes -= largest->live_bytes;
    candidates.erase(largest);
    ++plan.waiting_files;
  }
  if (candidates.empty()) return;
  CompactionGroup group;
  for (Candidate& candidate : candidates) {
    switch (candidate.reason) {
      case Reason::kOldSpec:
        ++plan.old_spec_files;
        break;
      case Reason::kDeleted:
        ++plan.deleted_files;
        break;
      case Reason::kSmall:
        ++plan.small_files;
    }
    group.bytes += candidate.file.file.size_bytes;
    group.files.push_back(std::move(candidate.file));
  }
  plan.groups.push_back(std::move(group));
}

}  // namespace tarn

#include "pipeline/maintain/expiry_plan.h"

#include <algorithm>
#include <map>
#include <set>

namespace tarn {

namespace {

constexpr char kMainBranch[] = "main";

class Planner {
 public:
  Planner(const TableMetadata& table, const MaintainPolicy& policy, int64_t now_ms)
      : table_(table), policy_(policy), now_ms_(now_ms) {}

  ExpiryPlan Run() {
    ExpiryPlan plan;
    if (table_.current_snapshot) {
      KeepBranch(*table_.current_snapshot, policy_.snapshots_kept_min, policy_.snapshot_age_ms_max);
    }
    for (const auto& [name, ref] : table_.refs) {
      if (IsOld(name, ref)) {
        plan.refs.push_back(name);
      } else if (ref.type == "tag") {
        kept_.insert(ref.snapshot);
        led_to_.insert(ref.snapshot);
      } else {
        KeepBranch(ref.snapshot, ref.min_snapshots_to_keep.value_or(policy_.snapshots_kept_min),
                   std::max(ref.max_snapshot_age_ms.value_or(policy_.snapshot_age_ms_max),
                            policy_.reader_grace_ms));
      }
    }
    const std::map<SnapshotId, int64_t> left = WhenLeft();
    for (const Snapshot& snapshot : table_.snapshots) {
      if (kept_.contains(snapshot.id)) continue;
      if (!led_to_.contains(snapshot.id)) {
        const auto found = left.find(snapshot.id);
        const int64_t since = found == left.end() ? snapshot.timestamp_ms : found->second;
        if (Young(since, policy_.snapshot_age_ms_max)) continue;
      }
      plan.snapshots.push_back(snapshot.id);
    }
    return plan;
  }

 private:
  bool Young(int64_t since_ms, int64_t age_ms_max) const {
    return now_ms_ - since_ms <= age_ms_max;
  }

  /// Before or after now: times of a moment in which a clock was far ahead are not young for ever.
  bool WithinGrace(int64_t since_ms) const {
    return Young(since_ms, policy_.reader_grace_ms) &&
           since_ms - now_ms_ <= policy_.reader_grace_ms;
  }

  bool IsOld(const std::string& name, const SnapshotRef& ref) const {
    if (name == kMainBranch) return false;
    const Snapshot* snapshot = table_.FindSnapshot(ref.snapshot);
    const int64_t age_ms_max =
        std::max(ref.max_ref_age_ms.value_or(policy_.ref_age_ms_max), policy_.reader_grace_ms);
    return snapshot != nullptr && !Young(snapshot->timestamp_ms, age_ms_max);
  }

  void KeepBranch(SnapshotId head, int64_t count_min, int64_t age_ms_max) {
    int64_t count = 0;
    int64_t followed_ms = now_ms_;
    bool keep = true;
    // Readers have checked that no snapshot is its own ancestor.
    for (const Snapshot* at = table_.FindSnapshot(head); at != nullptr;
         at = at->parent ? table_.FindSnapshot(*at->parent) : nullptr) {
      keep = keep && (count < count_min ||
                      (Young(followed_ms, age_ms_max) &&
                       (count < policy_.snapshots_kept_max || WithinGrace(followed_ms))));
      if (keep) kept_.insert(at->id);
      led_to_.insert(at->id);
      ++count;
      followed_ms = at->timestamp_ms;
    }
  }

  /// When snapshots that were current once stopped being it: those that were rolled back.
  std::map<SnapshotId, int64_t> WhenLeft() const {
    std::map<SnapshotId, int64_t> left;
    const auto& log = table_.snapshot_log;
    for (size_t i = 0; i + 1 < log.size(); ++i) left[log[i].second] = log[i + 1].first;
    return left;
  }

  const TableMetadata& table_;
  const MaintainPolicy& policy_;
  const int64_t now_ms_;
  std::set<SnapshotId> kept_;
  std::set<SnapshotId> led_to_;  ///< by a branch or tag
};

}  // namespace

ExpiryPlan PlanExpiry(const TableMetadata& table, const MaintainPolicy& policy, int64_t now_ms) {
  return Planner(table, policy, now_ms).Run();
}

}  // namespace tarn

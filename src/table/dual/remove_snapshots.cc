#include "table/dual/remove_snapshots.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/json.h"

namespace tarn {

namespace {

constexpr char kPartitionStatistics[] = "partition-statistics";

/// Partition statistics are known by their snapshot alone; the rest of them is passed on.
void RemovePartitionStatistics(const std::set<SnapshotId>& gone, TableMetadata& state) {
  const auto member = state.unknown_members.find(kPartitionStatistics);
  if (member == state.unknown_members.end()) return;
  const Result<Json> list = ParseJson(member->second, kPartitionStatistics);
  if (!list.ok() || !list->is_array()) return;
  Json kept = Json::array();
  for (const Json& one : *list) {
    const auto id = one.find("snapshot-id");
    const bool is_gone =
        id != one.end() && id->is_number_integer() && gone.contains(SnapshotId(id->get<int64_t>()));
    if (!is_gone) kept.push_back(one);
  }
  if (kept.empty()) {
    state.unknown_members.erase(member);
  } else {
    member->second = DumpJson(kept);
  }
}

void PassStatisticsOn(const std::set<SnapshotId>& gone, TableMetadata& state) {
  std::map<SnapshotId, const StatisticsFile*> statistics;
  for (const StatisticsFile& one : state.statistics) statistics[one.snapshot] = &one;
  if (statistics.empty()) return;
  std::map<SnapshotId, std::optional<SnapshotId>> parents;
  for (const Snapshot& one : state.snapshots) parents[one.id] = one.parent;
  std::vector<StatisticsFile> passed;
  for (const Snapshot& kept : state.snapshots) {
    if (gone.contains(kept.id)) continue;
    // The newest of those between it and the next one that stays.
    std::optional<SnapshotId> at = kept.id;
    for (size_t i = 0; i < parents.size() && at && !statistics.contains(*at); ++i) {
      const auto parent = parents.find(*at);
      at = parent != parents.end() ? parent->second : std::nullopt;
      if (at && !gone.contains(*at)) at = std::nullopt;
    }
    if (!at || !gone.contains(*at) || !statistics.contains(*at)) continue;
    passed.push_back(*statistics.at(*at));
    passed.back().snapshot = kept.id;
  }
  std::erase_if(state.statistics,
                [&](const StatisticsFile& one) { return gone.contains(one.snapshot); });
  state.statistics.insert(state.statistics.end(), passed.begin(), passed.end());
}

}  // namespace

Status CheckMayExpire(const TableMetadata* base,
                      const std::map<std::string, std::optional<SnapshotRef>>& refs,
                      const std::vector<SnapshotId>& snapshots) {
  if (base == nullptr) return InvalidArgument("a new table has no snapshots that could expire");
  std::map<std::string, std::optional<SnapshotRef>> named = refs;
  named.insert(base->refs.begin(), base->refs.end());
  for (const SnapshotId id : snapshots) {
    const std::string what = "snapshot " + std::to_string(id.value()) + " of " + base->location;
    if (base->FindSnapshot(id) == nullptr) return NotFound("there is no " + what);
    if (base->current_snapshot == id) return InvalidArgument(what + " is the current one");
    for (const auto& [name, ref] : named) {
      if (!ref || ref->snapshot != id) continue;
      return InvalidArgument(what + " is the " + ref->type + " " + name);
    }
  }
  return {};
}

void RemoveSnapshots(const std::vector<SnapshotId>& snapshots, TableMetadata& state) {
  if (snapshots.empty()) return;
  const std::set<SnapshotId> gone(snapshots.begin(), snapshots.end());
  const auto is_gone = [&](SnapshotId id) { return gone.contains(id); };
  PassStatisticsOn(gone, state);
  std::erase_if(state.snapshots, [&](const Snapshot& one) { return is_gone(one.id); });
  RemovePartitionStatistics(gone, state);
  auto& log = state.snapshot_log;
  const auto last_gone =
      std::find_if(log.rbegin(), log.rend(), [&](const auto& one) { return is_gone(one.second); });
  log.erase(log.begin(), last_gone.base());
}

}  // namespace tarn

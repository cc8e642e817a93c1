#include "table/iceberg/metadata_check.h"

#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace tarn {

namespace {

class Checker {
 public:
  Checker(const TableMetadata& table, const std::string& what) : table_(table), what_(what) {}

  Status Run() {
    TARN_RETURN_IF_ERROR(CheckIds());
    TARN_RETURN_IF_ERROR(CheckSnapshots());
    TARN_RETURN_IF_ERROR(CheckAncestors());
    return CheckRefs();
  }

 private:
  Error Bad(const std::string& message) const { return Corruption(what_ + ": " + message); }

  template <typename Items, typename IdOf>
  Status CheckUnique(const Items& items, const char* kind, IdOf id_of) const {
    std::unordered_set<int32_t> seen;
    for (const auto& item : items) {
      const int32_t id = id_of(item);
      if (!seen.insert(id).second) {
        return Bad("the " + std::string(kind) + " " + std::to_string(id) + " occurs twice");
      }
    }
    return {};
  }

  Status CheckIds() const {
    TARN_RETURN_IF_ERROR(CheckUnique(table_.schemas, "schema",
                                     [](const Schema& schema) { return schema.id.value(); }));
    TARN_RETURN_IF_ERROR(CheckUnique(table_.specs, "partition spec",
                                     [](const PartitionSpec& spec) { return spec.id.value(); }));
    TARN_RETURN_IF_ERROR(CheckUnique(table_.sort_orders, "sort order",
                                     [](const SortOrder& order) { return order.id; }));
    bool found = table_.default_sort_order == 0;
    for (const SortOrder& order : table_.sort_orders) {
      if (order.id == 0 && !order.fields.empty()) return Bad("the sort order 0 has fields");
      found = found || order.id == table_.default_sort_order;
    }
    if (!found) {
      return Bad("there is no sort order with the default id " +
                 std::to_string(table_.default_sort_order));
    }
    return {};
  }

  Status CheckSnapshots() {
    for (const Snapshot& snapshot : table_.snapshots) {
      const std::string name = "snapshot " + std::to_string(snapshot.id.value());
      if (!snapshots_.emplace(snapshot.id.value(), snapshots_.size()).second) {
        return Bad(name + " occurs twice");
      }
      if (snapshot.sequence_number > table_.last_sequence_number) {
        return Bad(name + " has the sequence number " + std::to_string(snapshot.sequence_number) +
                   ", which is beyond the table's last one");
      }
      if (snapshot.first_row_id && !snapshot.added_rows) {
        return Bad(name + " has \"first-row-id\" without \"added-rows\"");
      }
    }
    if (table_.current_snapshot && !snapshots_.contains(table_.current_snapshot->value())) {
      return Bad("there is no snapshot with the current id " +
                 std::to_string(table_.current_snapshot->value()));
    }
    return {};
  }

  /// Every snapshot is passed once: a walk ends at one that an earlier walk has left safely.
  Status CheckAncestors() const {
    constexpr size_t kUnseen = 0;
    std::vector<size_t> walk_of(table_.snapshots.size(), kUnseen);
    for (size_t begin = 0; begin < table_.snapshots.size(); ++begin) {
      size_t at = begin;
      while (walk_of[at] == kUnseen) {
        walk_of[at] = begin + 1;
        const std::optional<SnapshotId>& parent = table_.snapshots[at].parent;
        const auto next = parent ? snapshots_.find(parent->value()) : snapshots_.end();
        if (next == snapshots_.end()) break;
        at = next->second;
        if (walk_of[at] == begin + 1) {
          return Bad("snapshot " + std::to_string(table_.snapshots[at].id.value()) +
                     " is among its own ancestors");
        }
      }
    }
    return {};
  }

  Status CheckRefs() const {
    for (const auto& [name, ref] : table_.refs) {
      if (ref.type != "branch" && ref.type != "tag") {
        return Bad("the ref \"" + name + "\" is of the kind \"" + ref.type + "\"");
      }
      if (!snapshots_.contains(ref.snapshot.value())) {
        return Bad("the ref \"" + name + "\" names snapshot " +
                   std::to_string(ref.snapshot.value()) + ", which does not exist");
      }
    }
    const auto main = table_.refs.find("main");
    if (main == table_.refs.end()) return {};
    if (main->second.type != "branch" || main->second.snapshot != table_.current_snapshot) {
      return Bad("the branch \"main\" is not at the current snapshot");
    }
    return {};
  }

  const TableMetadata& table_;
  const std::string& what_;
  std::unordered_map<int64_t, size_t> snapshots_;
};

}  // namespace

Status CheckTableMetadata(const TableMetadata& table, const std::string& what) {
  return Checker(table, what).Run();
}

}  // namespace tarn

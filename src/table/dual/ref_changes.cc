#include "table/dual/ref_changes.h"

#include "table/dual/next_state.h"

namespace tarn {

namespace {

bool IsKnown(const TableMetadata* base, const std::string& name, const RefChanges& changes) {
  const auto changed = changes.find(name);
  if (changed != changes.end()) return changed->second.has_value();
  return base != nullptr && base->refs.contains(name);
}

}  // namespace

Status CheckSnapshot(const TableMetadata* base, const std::string& location, SnapshotId snapshot) {
  if (base != nullptr && base->FindSnapshot(snapshot) != nullptr) return {};
  return NotFound("table " + location + " has no snapshot " + std::to_string(snapshot.value()),
                  "snapshots that expired are gone");
}

Status AddRef(const TableMetadata* base, const std::string& location, const std::string& name,
              const SnapshotRef& ref, RefChanges& changes) {
  TARN_RETURN_IF_ERROR(CheckSnapshot(base, location, ref.snapshot));
  if (name.empty() || name == kMainBranch || IsKnown(base, name, changes)) {
    return InvalidArgument("the name \"" + name + "\" is taken", "choose another name");
  }
  changes[name] = ref;
  return {};
}

Status DropRef(const TableMetadata* base, const std::string& location, const std::string& name,
               RefChanges& changes) {
  if (name == kMainBranch) return InvalidArgument("the branch main cannot be removed");
  if (!IsKnown(base, name, changes)) {
    return NotFound("table " + location + " has no branch or tag \"" + name + "\"");
  }
  changes[name] = std::nullopt;
  return {};
}

}  // namespace tarn

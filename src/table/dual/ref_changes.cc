#include "table/dual/ref_changes.h"

#include "table/dual/next_state.h"

namespace tarn {

namespace {

using RefKind = TableTransaction::RefKind;

std::optional<SnapshotRef> Find(const TableMetadata* base, const std::string& name,
                                const RefChanges& changes) {
  if (const auto changed = changes.find(name); changed != changes.end()) return changed->second;
  if (base == nullptr) return std::nullopt;
  const auto known = base->refs.find(name);
  return known == base->refs.end() ? std::nullopt : std::optional<SnapshotRef>(known->second);
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
  if (name.empty() || name == kMainBranch || Find(base, name, changes)) {
    return InvalidArgument("the name \"" + name + "\" is taken", "choose another name");
  }
  changes[name] = ref;
  return {};
}

Status DropRef(const TableMetadata* base, const std::string& location, const std::string& name,
               RefKind kind, RefChanges& changes) {
  if (name == kMainBranch) return InvalidArgument("the branch main cannot be removed");
  const std::optional<SnapshotRef> known = Find(base, name, changes);
  if (!known) return NotFound("table " + location + " has no branch or tag \"" + name + "\"");
  const std::string wanted = kind == RefKind::kTag ? "tag" : "branch";
  if (kind != RefKind::kAny && known->type != wanted) {
    return InvalidArgument("\"" + name + "\" is no " + wanted + " but a " + known->type,
                           "CALL drop_" + known->type + "(…) removes it");
  }
  changes[name] = std::nullopt;
  return {};
}

}  // namespace tarn

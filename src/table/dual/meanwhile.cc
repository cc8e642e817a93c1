#include "table/dual/meanwhile.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "table/delta/properties.h"
#include "table/dual/changes.h"
#include "table/dual/file_pruner.h"
#include "table/dual/stage.h"
#include "table/iceberg/manifest_schema.h"

namespace tarn {

namespace {

constexpr char kAgain[] = "run the statement again";

bool IsRewrite(const Snapshot& snapshot) {
  auto found = snapshot.summary.find("operation");
  return found != snapshot.summary.end() && found->second == "replace";
}

bool FileMayMatch(const TableMetadata& table, const ManifestTypes& types, const DataFile& file,
                  const Predicate& predicate) {
  FilePruner pruner(table, table.schema(), types, predicate);
  return pruner.PartitionMayMatch(file) && pruner.FileMayMatch(file);
}

Status RowsGone(const TableMetadata& now) {
  return Conflict("rows of " + now.location + " were deleted meanwhile that the statement had seen",
                  kAgain);
}

/// Rows that a statement read, and that went; also where others had moved them before. A file that
/// may match is enough.
Status CheckGone(const TableContext& context, const TableMetadata& now, const ManifestTypes& types,
                 const Snapshot& snapshot, const SnapshotChanges& changes,
                 const MeanwhileCheck& check) {
  std::vector<const Predicate*> reads;
  for (const MeanwhileCheck::Read& read : check.reads) {
    if (read.gone == Gone::kConflict) reads.push_back(&read.predicate);
  }
  if (reads.empty()) return {};
  std::set<std::string> lost_rows;
  for (const DataFile& deletes : changes.added_deletes) {
    // A file of deletes that names no single data file may be about any.
    if (deletes.referenced_data_file.empty()) return RowsGone(now);
    lost_rows.insert(deletes.referenced_data_file);
  }
  for (const Predicate* read : reads) {
    for (const DataFile& file : changes.removed) {
      if (FileMayMatch(now, types, file, *read)) return RowsGone(now);
    }
    if (lost_rows.empty()) continue;
    TARN_RETURN_IF_ERROR(
        VisitScan(context, now, snapshot.id, *read, [&](ScanFile&& file) -> Status {
          return lost_rows.contains(file.file.path) ? RowsGone(now) : Status();
        }).status());
  }
  return {};
}

Status CheckOne(const TableContext& context, const TableMetadata& now, const ManifestTypes& types,
                const Snapshot& snapshot, const SnapshotChanges& changes,
                const MeanwhileCheck& check) {
  // Rows that only moved were there before, and are there still.
  if (!IsRewrite(snapshot)) {
    for (const DataFile& file : changes.added) {
      for (const MeanwhileCheck::Read& read : check.reads) {
        if (!FileMayMatch(now, types, file, read.predicate)) continue;
        return Conflict(
            "rows were added to " + now.location + " meanwhile that the statement would have seen",
            kAgain);
      }
    }
    TARN_RETURN_IF_ERROR(CheckGone(context, now, types, snapshot, changes, check));
  }
  if (check.rewritten == nullptr) return {};
  for (const DataFile& deletes : changes.added_deletes) {
    // A file of deletes that names no single data file may be about any.
    if (!deletes.referenced_data_file.empty() &&
        !check.rewritten->contains(deletes.referenced_data_file)) {
      continue;
    }
    return Conflict("rows of " + now.location + " were deleted while its files were rewritten",
                    check.copier == MeanwhileCheck::Copier::kUpkeep
                        ? "the next upkeep takes these files again"
                        : kAgain);
  }
  return {};
}

/// Rows that were copied while they had no ids would lose those that they have got since.
Status CheckRowIds(const TableMetadata& now, const MeanwhileCheck& check) {
  if (check.rewritten == nullptr || now.format_version < kVersionOfRowIds) return {};
  for (const auto& [path, file] : *check.rewritten) {
    if (file.first_row_id) continue;
    return Conflict("the rows of " + path + " got row ids while they were copied", kAgain);
  }
  return {};
}

}  // namespace

std::vector<MeanwhileCheck::Read> ReadsOfAllRows(std::vector<MeanwhileCheck::Read> reads) {
  for (MeanwhileCheck::Read& read : reads) read.predicate = Predicate::True();
  return reads;
}

Status CheckMeanwhile(const TableContext& context, const TableMetadata& before,
                      const TableMetadata& now, const MeanwhileCheck& check) {
  if (check.reads.empty() && check.rewritten == nullptr) return {};
  TARN_RETURN_IF_ERROR(CheckRowIds(now, check));
  const ManifestTypes types(now);
  std::optional<SnapshotId> next = now.current_snapshot;
  for (size_t steps = 0; next != before.current_snapshot; ++steps) {
    const Snapshot* snapshot = next ? now.FindSnapshot(*next) : nullptr;
    if (snapshot == nullptr || steps > now.snapshots.size()) {
      return Conflict("table " + now.location + " was rolled back or replaced meanwhile", kAgain);
    }
    TARN_ASSIGN_OR_RETURN(const SnapshotChanges changes,
                          ReadSnapshotChanges(*context.store, now, snapshot->id));
    TARN_RETURN_IF_ERROR(CheckOne(context, now, types, *snapshot, changes, check));
    next = snapshot->parent;
  }
  return {};
}

Status CheckRefsMeanwhile(const TableMetadata& before, const TableMetadata& now,
                          const std::map<std::string, std::optional<SnapshotRef>>& changed,
                          std::optional<SnapshotId> rollback) {
  const auto snapshot_of = [](const TableMetadata& table, const std::string& name) {
    const auto found = table.refs.find(name);
    return found == table.refs.end() ? std::optional<SnapshotId>() : found->second.snapshot;
  };
  const auto gone = [&](SnapshotId snapshot) -> Status {
    if (now.FindSnapshot(snapshot) != nullptr) return {};
    return Conflict("snapshot " + std::to_string(snapshot.value()) + " of " + now.location +
                        " expired meanwhile",
                    kAgain);
  };
  for (const auto& [name, ref] : changed) {
    if (snapshot_of(before, name) != snapshot_of(now, name)) {
      return Conflict("the branch or tag \"" + name + "\" of " + now.location +
                          " was changed by somebody else meanwhile",
                      kAgain);
    }
    if (ref) TARN_RETURN_IF_ERROR(gone(ref->snapshot));
  }
  return rollback ? gone(*rollback) : Status();
}

Status CheckRulesMeanwhile(const TableMetadata& before, const TableMetadata& now,
                           const RowChange& rows) {
  if (rows.files.empty() || rows.kind == RowChange::Kind::kRewrite) return {};
  const std::string_view prefix = delta::kConstraintPrefix;
  for (auto one = now.properties.lower_bound(std::string(prefix));
       one != now.properties.end() && one->first.starts_with(prefix); ++one) {
    const auto then = before.properties.find(one->first);
    if (then != before.properties.end() && then->second == one->second) continue;
    return Conflict("table " + now.location + " got the constraint " +
                        one->first.substr(prefix.size()) + " meanwhile",
                    kAgain);
  }
  return {};
}

}  // namespace tarn

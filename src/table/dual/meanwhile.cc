#include "table/dual/meanwhile.h"

#include <algorithm>
#include <optional>
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

/// The data files of the state that a change was made for, listed when one is first asked for.
class FilesBefore {
 public:
  FilesBefore(const TableContext& context, const TableMetadata& before)
      : context_(context), before_(before) {}

  /// nullptr for a file that came later.
  Result<const DataFile*> Find(const std::string& path) {
    if (!files_) {
      files_.emplace();
      if (before_.current_snapshot) {
        TARN_ASSIGN_OR_RETURN(std::vector<LiveFile> live,
                              ListLiveFiles(*context_.store, before_, *before_.current_snapshot));
        for (LiveFile& one : live) files_->emplace(one.file.path, std::move(one.file));
      }
    }
    const auto found = files_->find(path);
    return found == files_->end() ? nullptr : &found->second;
  }

 private:
  const TableContext& context_;
  const TableMetadata& before_;
  std::optional<std::map<std::string, DataFile>> files_;
};

/// Rows that a statement read, and that went.
Status CheckGone(const TableMetadata& now, const ManifestTypes& types,
                 const SnapshotChanges& changes, const MeanwhileCheck& check, FilesBefore& before) {
  std::vector<const Predicate*> reads;
  for (const MeanwhileCheck::Read& read : check.reads) {
    if (read.gone == Gone::kConflict) reads.push_back(&read.predicate);
  }
  if (reads.empty()) return {};
  // An empty path: any file may have lost rows.
  std::vector<std::string> paths;
  for (const DataFile& file : changes.removed) paths.push_back(file.path);
  for (const DataFile& deletes : changes.added_deletes) {
    paths.push_back(deletes.referenced_data_file);
  }
  for (const std::string& path : paths) {
    TARN_ASSIGN_OR_RETURN(const DataFile* file, before.Find(path));
    if (file == nullptr && !path.empty()) continue;
    const bool seen =
        file == nullptr || std::any_of(reads.begin(), reads.end(), [&](const Predicate* read) {
          return FileMayMatch(now, types, *file, *read);
        });
    if (!seen) continue;
    return Conflict(
        "rows of " + now.location + " were deleted meanwhile that the statement had seen", kAgain);
  }
  return {};
}

Status CheckOne(const TableMetadata& now, const ManifestTypes& types, const Snapshot& snapshot,
                const SnapshotChanges& changes, const MeanwhileCheck& check, FilesBefore& before) {
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
    TARN_RETURN_IF_ERROR(CheckGone(now, types, changes, check, before));
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

Status CheckMeanwhile(const TableContext& context, const TableMetadata& before,
                      const TableMetadata& now, const MeanwhileCheck& check) {
  if (check.reads.empty() && check.rewritten == nullptr) return {};
  TARN_RETURN_IF_ERROR(CheckRowIds(now, check));
  const ManifestTypes types(now);
  FilesBefore files(context, before);
  std::optional<SnapshotId> next = now.current_snapshot;
  for (size_t steps = 0; next != before.current_snapshot; ++steps) {
    const Snapshot* snapshot = next ? now.FindSnapshot(*next) : nullptr;
    if (snapshot == nullptr || steps > now.snapshots.size()) {
      return Conflict("table " + now.location + " was rolled back or replaced meanwhile", kAgain);
    }
    TARN_ASSIGN_OR_RETURN(const SnapshotChanges changes,
                          ReadSnapshotChanges(*context.store, now, snapshot->id));
    TARN_RETURN_IF_ERROR(CheckOne(now, types, *snapshot, changes, check, files));
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

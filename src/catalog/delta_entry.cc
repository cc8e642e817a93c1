#include "catalog/delta_entry.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "catalog/delta_partition.h"
#include "table/delta/description.h"
#include "table/delta/stats.h"
#include "table/delta/text.h"
#include "table/dual/changes.h"

namespace tarn {
namespace {

constexpr char kEngineInfo[] = "Tarn";

/// Data files by path, so that what was added and removed between two states cancels out.
struct FileChanges {
  std::map<std::string, DataFile> added;
  std::map<std::string, DataFile> removed;
};

Error HasDeletes(const TableMetadata& table) {
  return Unsupported(
      "table " + table.location + " has delete files, which its Delta log cannot tell",
      "rewrite its data files without them");
}

// The snapshots after `previous`'s current one, oldest first; nothing when the history does not
// lead there (a rollback, expired snapshots).
std::optional<std::vector<const Snapshot*>> SnapshotsBetween(const TableMetadata* previous,
                                                             const TableMetadata& current) {
  const std::optional<SnapshotId> from = previous ? previous->current_snapshot : std::nullopt;
  std::vector<const Snapshot*> between;
  std::optional<SnapshotId> next = current.current_snapshot;
  while (next != from) {
    const Snapshot* snapshot = next ? current.FindSnapshot(*next) : nullptr;
    if (snapshot == nullptr || between.size() > current.snapshots.size()) return std::nullopt;
    between.push_back(snapshot);
    next = snapshot->parent;
  }
  std::reverse(between.begin(), between.end());
  return between;
}

Result<std::map<std::string, DataFile>> LiveDataFiles(ObjectStore& store,
                                                      const TableMetadata* table) {
  std::map<std::string, DataFile> files;
  if (table == nullptr || !table->current_snapshot) return files;
  TARN_ASSIGN_OR_RETURN(std::vector<LiveFile> live,
                        ListLiveFiles(store, *table, *table->current_snapshot));
  for (LiveFile& one : live) {
    if (one.file.content != FileContent::kData) return HasDeletes(*table);
    const std::string path = one.file.path;
    files.emplace(path, std::move(one.file));
  }
  return files;
}

Result<FileChanges> CompareLiveFiles(ObjectStore& store, const TableMetadata* previous,
                                     const TableMetadata& current) {
  FileChanges changes;
  TARN_ASSIGN_OR_RETURN(changes.removed, LiveDataFiles(store, previous));
  TARN_ASSIGN_OR_RETURN(changes.added, LiveDataFiles(store, &current));
  for (auto file = changes.added.begin(); file != changes.added.end();) {
    file = changes.removed.erase(file->first) > 0 ? changes.added.erase(file) : std::next(file);
  }
  return changes;
}

Result<FileChanges> ChangesOf(ObjectStore& store, const TableMetadata& current,
                              const std::vector<const Snapshot*>& snapshots) {
  FileChanges changes;
  for (const Snapshot* snapshot : snapshots) {
    TARN_ASSIGN_OR_RETURN(SnapshotChanges one, ReadSnapshotChanges(store, current, snapshot->id));
    if (!one.added_deletes.empty()) return HasDeletes(current);
    for (DataFile& file : one.removed) {
      const std::string path = file.path;
      if (changes.added.erase(path) == 0) changes.removed.emplace(path, std::move(file));
    }
    for (DataFile& file : one.added) {
      const std::string path = file.path;
      if (changes.removed.erase(path) == 0) changes.added.emplace(path, std::move(file));
    }
  }
  return changes;
}

bool SameColumns(const std::vector<delta::PartitionColumn>& a,
                 const std::vector<delta::PartitionColumn>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& one, const auto& other) { return one.id == other.id; });
}

class EntryBuilder {
 public:
  EntryBuilder(const Publication& publication, const TableMetadata* previous,
               const TableMetadata& current)
      : publication_(publication), previous_(previous), current_(current) {}

  Result<std::vector<delta::Action>> Build(ObjectStore& store, const DeltaLog& log) {
    const auto snapshots = SnapshotsBetween(previous_, current_);
    TARN_ASSIGN_OR_RETURN(changes_, snapshots ? ChangesOf(store, current_, *snapshots)
                                              : CompareLiveFiles(store, previous_, current_));
    TARN_ASSIGN_OR_RETURN(description_, delta::Describe(current_));
    TARN_ASSIGN_OR_RETURN(
        columns_, DeltaPartitionColumns(store, current_, description_.partition_candidates));
    // Compaction moves rows; it does not change them.
    if (snapshots && !snapshots->empty() &&
        std::all_of(snapshots->begin(), snapshots->end(),
                    [](const Snapshot* one) { return OperationOf(*one) == "replace"; })) {
      data_change_ = delta::DataChange::kNo;
    }

    actions_.push_back(CommitInfo());
    TARN_RETURN_IF_ERROR(AddShape(store, log));
    if (tell_all_files_) TARN_RETURN_IF_ERROR(AddFilesAgain(store));
    for (const auto& [path, file] : changes_.removed) AddRemove(file);
    for (const auto& [path, file] : changes_.added) AddFile(file, data_change_);
    return std::move(actions_);
  }

 private:
  static std::string OperationOf(const Snapshot& snapshot) {
    const auto found = snapshot.summary.find("operation");
    return found == snapshot.summary.end() ? "" : found->second;
  }

  int64_t committed_ms() const { return publication_.committed_micros / 1000; }

  delta::CommitInfo CommitInfo() const {
    delta::CommitInfo info;
    info.timestamp_ms = committed_ms();
    info.engine_info = kEngineInfo;
    info.tags["tarn.sequence"] = std::to_string(publication_.sequence.value());
    const Snapshot* snapshot = current_.current();
    const bool has_new_snapshot =
        snapshot != nullptr &&
        (previous_ == nullptr || previous_->current_snapshot != current_.current_snapshot);
    const std::string operation = has_new_snapshot ? OperationOf(*snapshot) : "";
    if (has_new_snapshot) {
      const auto commit_id = snapshot->summary.find("tarn.commit-id");
      if (commit_id != snapshot->summary.end()) info.tags["tarn.commit-id"] = commit_id->second;
    }
    if (previous_ == nullptr) {
      info.operation = has_new_snapshot ? "CREATE TABLE AS SELECT" : "CREATE TABLE";
    } else if (operation == "append") {
      info.operation = "WRITE";
      info.operation_parameters["mode"] = "Append";
    } else if (operation == "overwrite") {
      info.operation = "WRITE";
      info.operation_parameters["mode"] = "Overwrite";
    } else if (operation == "replace") {
      info.operation = "OPTIMIZE";
    } else if (operation == "delete") {
      info.operation = "DELETE";
    } else {
      info.operation = previous_->schema().SameColumns(current_.schema()) ? "SET TBLPROPERTIES"
                                                                          : "UPDATE SCHEMA";
    }
    return info;
  }

  // protocol and metaData, where they differ from what the log says.
  Status AddShape(ObjectStore& store, const DeltaLog& log) {
    std::optional<delta::State> before;
    if (previous_ != nullptr) {
      TARN_ASSIGN_OR_RETURN(const delta::Description earlier, delta::Describe(*previous_));
      TARN_ASSIGN_OR_RETURN(const std::vector<delta::PartitionColumn> earlier_columns,
                            DeltaPartitionColumns(store, *previous_, earlier.partition_candidates));
      const bool same_columns = SameColumns(columns_, earlier_columns);
      if (same_columns && description_.SameShape(earlier)) return {};
      TARN_ASSIGN_OR_RETURN(before, log.ReadState(publication_.version - 2));
      tell_all_files_ = !same_columns;
    }
    const delta::Protocol protocol =
        before ? delta::MergeProtocols(*before->protocol, description_.protocol)
               : description_.protocol;
    if (!before || protocol != *before->protocol) actions_.push_back(protocol);

    delta::Metadata metadata;
    metadata.id = current_.table_uuid;
    metadata.description = description_.description;
    metadata.schema_string = description_.schema_string;
    for (const delta::PartitionColumn& column : columns_) {
      metadata.partition_columns.push_back(column.name);
    }
    metadata.configuration = description_.configuration;
    metadata.created_ms = before ? before->metadata->created_ms : committed_ms();
    if (!before || metadata != *before->metadata) actions_.push_back(metadata);
    return {};
  }

  // Every file of a Delta table has a value for each partition column, and Trino wants no others:
  // when the columns change, the files that stay are told anew.
  Status AddFilesAgain(ObjectStore& store) {
    TARN_ASSIGN_OR_RETURN(const auto live, LiveDataFiles(store, &current_));
    for (const auto& [path, file] : live) {
      if (!changes_.added.contains(path)) AddFile(file, delta::DataChange::kNo);
    }
    return {};
  }

  delta::PartitionValues PartitionValuesOf(const DataFile& file) const {
    delta::PartitionValues values;
    const PartitionSpec* spec = current_.FindSpec(file.spec_id);
    for (const delta::PartitionColumn& column : columns_) {
      const int index = spec == nullptr ? -1 : IdentityFieldIndex(*spec, column.id);
      const bool has_value = index >= 0 && static_cast<size_t>(index) < file.partition.size();
      values[column.physical_name] =
          has_value
              ? delta::PartitionValueText(column.type, file.partition[static_cast<size_t>(index)])
              : std::nullopt;
    }
    return values;
  }

  void AddFile(const DataFile& file, delta::DataChange data_change) {
    delta::AddFile add;
    add.path = delta::LogPath(current_.location, file.path);
    add.partition_values = PartitionValuesOf(file);
    add.size_bytes = file.size_bytes;
    add.modified_ms = committed_ms();
    add.data_change = data_change;
    add.stats = delta::StatsJson(file, current_.schema(), description_.physical_names);
    actions_.push_back(std::move(add));
  }

  void AddRemove(const DataFile& file) {
    delta::RemoveFile remove;
    remove.path = delta::LogPath(current_.location, file.path);
    remove.deleted_ms = committed_ms();
    remove.data_change = data_change_;
    remove.partition_values = PartitionValuesOf(file);
    remove.size_bytes = file.size_bytes;
    actions_.push_back(std::move(remove));
  }

  const Publication& publication_;
  const TableMetadata* previous_;
  const TableMetadata& current_;
  FileChanges changes_;
  delta::Description description_;
  std::vector<delta::PartitionColumn> columns_;  // what Delta is told to be partitioned by
  delta::DataChange data_change_ = delta::DataChange::kYes;
  bool tell_all_files_ = false;
  std::vector<delta::Action> actions_;
};

}  // namespace

Result<std::vector<delta::Action>> BuildDeltaEntry(ObjectStore& store, const DeltaLog& log,
                                                   const Publication& publication,
                                                   const TableMetadata* previous,
                                                   const TableMetadata& current) {
  return EntryBuilder(publication, previous, current).Build(store, log);
}

}  // namespace tarn

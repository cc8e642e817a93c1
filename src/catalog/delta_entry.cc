#include "catalog/delta_entry.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "catalog/delta_changes.h"
#include "table/delta/description.h"
#include "table/delta/properties.h"
#include "table/delta/stats.h"
#include "table/delta/text.h"
#include "table/dual/delta_partition.h"

namespace tarn {
namespace {

constexpr char kEngineInfo[] = "Tarn";

bool SameColumns(const std::vector<delta::PartitionColumn>& a,
                 const std::vector<delta::PartitionColumn>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& one, const auto& other) { return one.id == other.id; });
}

class EntryBuilder {
 public:
  EntryBuilder(const TableContext& context, const Publication& publication,
               const TableMetadata* previous, const TableMetadata& current)
      : context_(context), publication_(publication), previous_(previous), current_(current) {}

  Result<std::vector<delta::Action>> Build(const DeltaLog& log) {
    TARN_ASSIGN_OR_RETURN(changes_, FindDeltaChanges(context_, previous_, current_));
    data_change_ = changes_.moved_only ? delta::DataChange::kNo : delta::DataChange::kYes;
    TARN_ASSIGN_OR_RETURN(description_, delta::Describe(current_, delta::VectorUse::kNo));
    TARN_ASSIGN_OR_RETURN(columns_, DeltaPartitionColumns(*context_.store, current_,
                                                          description_.partition_candidates));

    actions_.push_back(CommitInfo());
    TARN_RETURN_IF_ERROR(AddShape(log));
    if (tell_all_files_) AddFilesAgain();
    for (const auto& [path, file] : changes_.removed) AddRemove(file);
    for (const auto& [path, file] : changes_.added) {
      AddFile(file, VectorOf(changes_.vectors_added, path), data_change_);
    }
    TARN_RETURN_IF_ERROR(WriteVectors());
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
    } else if (operation == "overwrite" && ChangesRowsInPlace()) {
      info.operation = "MERGE";
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

  // Whether data files stay of which rows went.
  bool ChangesRowsInPlace() const {
    return std::any_of(changes_.added.begin(), changes_.added.end(),
                       [&](const auto& file) { return changes_.removed.contains(file.first); });
  }

  // protocol and metaData, where they differ from what the log says.
  Status AddShape(const DeltaLog& log) {
    std::optional<DeltaLog::Shape> before;
    if (previous_ != nullptr) {
      TARN_ASSIGN_OR_RETURN(const delta::Description earlier,
                            delta::Describe(*previous_, delta::VectorUse::kNo));
      TARN_ASSIGN_OR_RETURN(
          const std::vector<delta::PartitionColumn> earlier_columns,
          DeltaPartitionColumns(*context_.store, *previous_, earlier.partition_candidates));
      tell_all_files_ = !SameColumns(columns_, earlier_columns);
      if (tell_all_files_) TARN_RETURN_IF_ERROR(LoadFilesToTellAgain());
      // A vector that leaves was told earlier, and so was the feature.
      const bool vectors_may_be_first =
          !changes_.vectors_added.empty() && changes_.vectors_removed.empty();
      if (!tell_all_files_ && description_.SameShape(earlier)) {
        if (!vectors_may_be_first) return {};
        // A feature is never taken back: what a checkpoint tells of it the entries since then do.
        TARN_ASSIGN_OR_RETURN(const auto known, log.ReadCheckpointShape(publication_.version - 2));
        if (known && TellsOfVectors(*known)) return {};
      }
      TARN_ASSIGN_OR_RETURN(before, log.ReadShape(publication_.version - 2));
    }
    const bool has_vectors = !changes_.vectors_added.empty() || !vectors_again_.empty();
    const bool had_vectors = before && TellsOfVectors(*before);
    if (has_vectors || had_vectors) {
      TARN_ASSIGN_OR_RETURN(description_, delta::Describe(current_, delta::VectorUse::kYes));
    }
    const delta::Protocol protocol =
        before ? delta::MergeProtocols(before->protocol, description_.protocol)
               : description_.protocol;
    if (!before || protocol != before->protocol) actions_.push_back(protocol);

    delta::Metadata metadata;
    metadata.id = current_.table_uuid;
    metadata.description = description_.description;
    metadata.schema_string = description_.schema_string;
    for (const delta::PartitionColumn& column : columns_) {
      metadata.partition_columns.push_back(column.name);
    }
    metadata.configuration = description_.configuration;
    metadata.created_ms = before ? before->metadata.created_ms : committed_ms();
    if (!before || metadata != before->metadata) actions_.push_back(metadata);
    return {};
  }

  static bool TellsOfVectors(const DeltaLog::Shape& shape) {
    return shape.metadata.configuration.contains(delta::kEnableVectorsProperty);
  }

  // Every file of a Delta table has a value for each partition column, and Trino wants no others:
  // when the columns change, the files that stay are told anew.
  Status LoadFilesToTellAgain() {
    TARN_ASSIGN_OR_RETURN(files_again_, LiveDataFiles(context_, current_));
    TARN_ASSIGN_OR_RETURN(vectors_again_, DeltaVectorReader(context_, {}).Read(current_));
    const auto told = [&](const auto& one) { return changes_.added.contains(one.first); };
    std::erase_if(files_again_, told);
    std::erase_if(vectors_again_,
                  [&](const auto& one) { return told(one) || !files_again_.contains(one.first); });
    return {};
  }

  void AddFilesAgain() {
    for (const auto& [path, file] : files_again_) {
      AddFile(file, VectorOf(vectors_again_, path), delta::DataChange::kNo);
    }
  }

  // Before anybody can read of them.
  Status WriteVectors() {
    std::vector<const DeltaVector*> vectors;
    for (const auto* some : {&changes_.vectors_added, &vectors_again_}) {
      for (const auto& [path, vector] : *some) vectors.push_back(&vector);
    }
    return WriteVectorFiles(*context_.store, current_, vectors);
  }

  static std::optional<delta::DeletionVectorDescriptor> VectorOf(const DeltaVectors& vectors,
                                                                 const std::string& path) {
    const auto found = vectors.find(path);
    if (found == vectors.end()) return std::nullopt;
    return found->second.descriptor;
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

  void AddFile(const DataFile& file, std::optional<delta::DeletionVectorDescriptor> vector,
               delta::DataChange data_change) {
    delta::AddFile add;
    add.path = delta::LogPath(current_.location, file.path);
    add.partition_values = PartitionValuesOf(file);
    add.size_bytes = file.size_bytes;
    add.modified_ms = committed_ms();
    add.data_change = data_change;
    add.stats = delta::StatsJson(file, current_.schema(), description_.physical_names,
                                 vector ? delta::Bounds::kWide : delta::Bounds::kTight,
                                 description_.nested_names);
    add.deletion_vector = std::move(vector);
    actions_.push_back(std::move(add));
  }

  void AddRemove(const DataFile& file) {
    delta::RemoveFile remove;
    remove.path = delta::LogPath(current_.location, file.path);
    remove.deleted_ms = committed_ms();
    remove.data_change = data_change_;
    remove.partition_values = PartitionValuesOf(file);
    remove.size_bytes = file.size_bytes;
    remove.deletion_vector = VectorOf(changes_.vectors_removed, file.path);
    actions_.push_back(std::move(remove));
  }

  const TableContext& context_;
  const Publication& publication_;
  const TableMetadata* previous_;
  const TableMetadata& current_;
  DeltaChanges changes_;
  delta::Description description_;
  std::vector<delta::PartitionColumn> columns_;  // what Delta is told to be partitioned by
  delta::DataChange data_change_ = delta::DataChange::kYes;
  bool tell_all_files_ = false;
  std::map<std::string, DataFile> files_again_;  // that stay, where all are told anew
  DeltaVectors vectors_again_;
  std::vector<delta::Action> actions_;
};

}  // namespace

Result<std::vector<delta::Action>> BuildDeltaEntry(const TableContext& context, const DeltaLog& log,
                                                   const Publication& publication,
                                                   const TableMetadata* previous,
                                                   const TableMetadata& current) {
  return EntryBuilder(context, publication, previous, current).Build(log);
}

}  // namespace tarn

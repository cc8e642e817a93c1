#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "table/delta/vector_descriptor.h"

namespace tarn::delta {

/// \name The actions of Delta's log (Delta protocol, "Actions"). Plain values.
/// @{

/// "Protocol Evolution". The feature lists are written only from reader 3, writer 7 on.
struct Protocol {
  int min_reader_version = 1;
  int min_writer_version = 2;
  std::vector<std::string> reader_features;  ///< sorted
  std::vector<std::string> writer_features;  ///< sorted
  bool operator==(const Protocol&) const = default;
};

/// "Change Metadata". The format is always Parquet.
struct Metadata {
  std::string id;
  std::string name;
  std::string description;
  std::string schema_string;  ///< JSON: see schema_json.h
  std::vector<std::string> partition_columns;
  std::map<std::string, std::string> configuration;
  std::optional<int64_t> created_ms;
  bool operator==(const Metadata&) const = default;
};

/// Text of each partition column by its physical name; nothing is null.
using PartitionValues = std::map<std::string, std::optional<std::string>>;

/// Whether an action changes the rows of the table, or only where they stand.
enum class DataChange { kNo, kYes };

/// A logical file: a data file less the rows of its deletion vector.
struct AddFile {
  std::string path;  ///< as in the log: relative to the table, percent-encoded (see text.h)
  PartitionValues partition_values;
  int64_t size_bytes = 0;
  int64_t modified_ms = 0;
  DataChange data_change = DataChange::kYes;
  std::string stats;  ///< JSON: see stats.h; may be empty
  std::optional<DeletionVectorDescriptor> deletion_vector = {};
  std::map<std::string, std::string> tags = {};
  /// \name "Row Tracking": the id of the first row, and the version that first added the path.
  /// @{
  std::optional<int64_t> base_row_id = {}, default_row_commit_version = {};
  /// @}
  std::string clustering_provider = {};  ///< "Clustered Table"; empty where there is none
  bool operator==(const AddFile&) const = default;

  std::string VectorId() const { return deletion_vector ? deletion_vector->UniqueId() : ""; }
};

struct RemoveFile {
  std::string path;
  std::optional<int64_t> deleted_ms;
  DataChange data_change = DataChange::kYes;
  /// Written with extendedFileMetadata where the size is known.
  PartitionValues partition_values;
  std::optional<int64_t> size_bytes;
  std::optional<DeletionVectorDescriptor> deletion_vector = {};
  std::optional<int64_t> base_row_id = {}, default_row_commit_version = {};
  bool operator==(const RemoveFile&) const = default;

  std::string VectorId() const { return deletion_vector ? deletion_vector->UniqueId() : ""; }
};

/// "Add CDC File": rows that a commit changed, ready to be read by those who follow changes. A
/// version with such files tells its changes by them alone, else its added and removed files do.
struct AddCdcFile {
  std::string path;
  PartitionValues partition_values;
  int64_t size_bytes = 0;
  std::map<std::string, std::string> tags = {};
  bool operator==(const AddCdcFile&) const = default;
};

/// "Commit Provenance Information".
struct CommitInfo {
  int64_t timestamp_ms = 0;
  std::string operation;
  std::map<std::string, std::string> operation_parameters;
  std::string engine_info;
  std::map<std::string, std::string> tags;
  std::optional<int64_t> in_commit_timestamp_ms = {};  ///< "In-Commit Timestamps"
  bool operator==(const CommitInfo&) const = default;
};

/// "Transaction Identifiers": written by other writers.
struct Transaction {
  std::string app_id;
  int64_t version = 0;
  std::optional<int64_t> updated_ms;
  bool operator==(const Transaction&) const = default;
};

/// "Domain Metadata": written by other writers.
struct DomainMetadata {
  std::string domain;
  std::string configuration;
  bool removed = false;
  bool operator==(const DomainMetadata&) const = default;
};

/// "Sidecar File Information": a part of a V2 checkpoint.
struct Sidecar {
  std::string path;  ///< percent-encoded; a name within `_delta_log/_sidecars`
  int64_t size_bytes = 0;
  int64_t modified_ms = 0;
  bool operator==(const Sidecar&) const = default;
};

/// "Checkpoint Metadata": what makes a checkpoint one of the V2 specification.
struct CheckpointMetadata {
  int64_t version = 0;
  bool operator==(const CheckpointMetadata&) const = default;
};

using Action = std::variant<CommitInfo, Protocol, Metadata, AddFile, RemoveFile, AddCdcFile,
                            Transaction, DomainMetadata, Sidecar, CheckpointMetadata>;
/// @}

}  // namespace tarn::delta

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "table/delta/table_schema.h"
#include "table/model/metadata.h"

namespace tarn::delta {

/// "Partition Value Serialization": the value of a text of the log; null for no text and an empty
/// one. A timestamp without time zone in the log is read as UTC. Error Corruption.
Result<Scalar> ReadPartitionValue(const Type& type, const std::optional<std::string>& text);

/// A file of the log as scans take it.
struct TableFile {
  /// At its absolute URI, with rows (-1 where nobody says), value counts and bounds by field id. Of
  /// a partition column both bounds are its value. What statistics do not say, or not for sure, is
  /// left out: bounds of a file with wide ones are bounds still, its null counts only where they
  /// are none or all.
  DataFile file;
  /// Values of columns that the file need not have, by field id.
  std::map<int32_t, Scalar> partition_values;
  std::optional<DeletionVectorDescriptor> deletion_vector;
  std::optional<int64_t> base_row_id, default_row_commit_version;
};

/// Error Corruption, naming the file: a partition value that is none. Statistics that cannot be
/// read are passed over: the file is read then.
Result<TableFile> ReadTableFile(const AddFile& add, const TableSchema& table,
                                std::string_view table_uri);

}  // namespace tarn::delta

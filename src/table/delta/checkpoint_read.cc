#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "table/delta/checkpoint.h"

namespace tarn::delta {
namespace {

// The members of one action column of one chunk. A member that is missing is null. The first fault
// is kept, so that the caller checks once.
class Members {
 public:
  Members(const arrow::Array& column, std::string name) : name_(std::move(name)) {
    if (column.type_id() == arrow::Type::STRUCT) {
      column_ = &static_cast<const arrow::StructArray&>(column);
    } else {
      Keep("is no struct");
    }
  }

  bool Has(int64_t row) const { return column_ != nullptr && !column_->IsNull(row); }
  const Status& status() const { return status_; }

  std::string Text(const char* member, int64_t row) {
    const auto array = Find(member, row);
    return array ? TextAt(*array, row, member).value_or("") : std::string();
  }
  std::string RequiredText(const char* member, int64_t row) {
    std::string text = Text(member, row);
    if (text.empty()) Keep(std::string(member) + " is missing");
    return text;
  }
  std::optional<int64_t> OptionalInt(const char* member, int64_t row) {
    const auto array = Find(member, row);
    if (!array) return std::nullopt;
    switch (array->type_id()) {
      case arrow::Type::INT64:
        return static_cast<const arrow::Int64Array&>(*array).Value(row);
      case arrow::Type::INT32:
        return static_cast<const arrow::Int32Array&>(*array).Value(row);
      default:
        Keep(std::string(member) + " is no integer");
        return std::nullopt;
    }
  }
  int64_t Int(const char* member, int64_t row) {
    const std::optional<int64_t> value = OptionalInt(member, row);
    if (!value) Keep(std::string(member) + " is missing");
    return value.value_or(0);
  }
  bool Flag(const char* member, int64_t row) {
    const auto array = Find(member, row);
    if (!array) return false;
    if (array->type_id() != arrow::Type::BOOL) {
      Keep(std::string(member) + " is no boolean");
      return false;
    }
    return static_cast<const arrow::BooleanArray&>(*array).Value(row);
  }
  std::vector<std::string> List(const char* member, int64_t row) {
    std::vector<std::string> list;
    const auto array = Find(member, row);
    if (!array) return list;
    if (array->type_id() != arrow::Type::LIST) {
      Keep(std::string(member) + " is no list");
      return list;
    }
    const auto& lists = static_cast<const arrow::ListArray&>(*array);
    for (int64_t i = lists.value_offset(row); i < lists.value_offset(row + 1); ++i) {
      list.push_back(TextAt(*lists.values(), i, member).value_or(""));
    }
    return list;
  }
  PartitionValues Map(const char* member, int64_t row) {
    PartitionValues values;
    const auto array = Find(member, row);
    if (!array) return values;
    if (array->type_id() != arrow::Type::MAP) {
      Keep(std::string(member) + " is no map");
      return values;
    }
    const auto& maps = static_cast<const arrow::MapArray&>(*array);
    for (int64_t i = maps.value_offset(row); i < maps.value_offset(row + 1); ++i) {
      values[TextAt(*maps.keys(), i, member).value_or("")] = TextAt(*maps.items(), i, member);
    }
    return values;
  }
  std::optional<DeletionVectorDescriptor> Vector(int64_t row) {
    const auto array = Find("deletionVector", row);
    if (!array) return std::nullopt;
    Members members(*array, name_ + ": deletionVector");
    DeletionVectorDescriptor vector;
    const std::string letter = members.Text("storageType", row);
    vector.path_or_inline = members.Text("pathOrInlineDv", row);
    vector.offset = members.OptionalInt("offset", row);
    vector.size_bytes = members.Int("sizeInBytes", row);
    vector.cardinality = members.Int("cardinality", row);
    const auto storage = DeletionVectorDescriptor::StorageOf(letter);
    if (!members.status_.ok() && status_.ok()) status_ = members.status_;
    if (!storage && status_.ok()) {
      status_ = Unsupported("checkpoint: " + name_ +
                            ": a deletion vector is stored in a way that is not known: " + letter);
    }
    vector.storage = storage.value_or(DeletionVectorDescriptor::Storage::kInline);
    return vector;
  }

 private:
  // The member's array where it is not null in this row.
  std::shared_ptr<arrow::Array> Find(std::string_view member, int64_t row) {
    if (column_ == nullptr) return nullptr;
    auto known = std::find_if(members_.begin(), members_.end(),
                              [&](const auto& one) { return one.first == member; });
    if (known == members_.end()) {
      members_.emplace_back(member, column_->GetFieldByName(std::string(member)));
      known = std::prev(members_.end());
    }
    const std::shared_ptr<arrow::Array>& array = known->second;
    return array == nullptr || array->IsNull(row) ? nullptr : array;
  }
  std::optional<std::string> TextAt(const arrow::Array& array, int64_t row, const char* member) {
    if (array.type_id() != arrow::Type::STRING) {
      Keep(std::string(member) + " is no text");
      return std::nullopt;
    }
    if (array.IsNull(row)) return std::nullopt;
    return static_cast<const arrow::StringArray&>(array).GetString(row);
  }
  void Keep(const std::string& message) {
    if (status_.ok()) status_ = Corruption("checkpoint: " + name_ + ": " + message);
  }

  std::string name_;
  const arrow::StructArray* column_ = nullptr;
  std::vector<std::pair<std::string_view, std::shared_ptr<arrow::Array>>> members_;
  Status status_;
};

std::map<std::string, std::string> WithoutNulls(const PartitionValues& values) {
  std::map<std::string, std::string> map;
  for (const auto& [key, value] : values) map[key] = value.value_or("");
  return map;
}

std::optional<Action> ReadRow(const std::string& name, Members& members, int64_t row) {
  if (name == "protocol") {
    return Protocol{static_cast<int>(members.Int("minReaderVersion", row)),
                    static_cast<int>(members.Int("minWriterVersion", row)),
                    members.List("readerFeatures", row), members.List("writerFeatures", row)};
  }
  if (name == "metaData") {
    Metadata metadata;
    metadata.id = members.Text("id", row);
    metadata.name = members.Text("name", row);
    metadata.description = members.Text("description", row);
    metadata.schema_string = members.Text("schemaString", row);
    metadata.partition_columns = members.List("partitionColumns", row);
    metadata.configuration = WithoutNulls(members.Map("configuration", row));
    metadata.created_ms = members.OptionalInt("createdTime", row);
    return metadata;
  }
  if (name == "add") {
    AddFile add;
    add.path = members.RequiredText("path", row);
    add.partition_values = members.Map("partitionValues", row);
    add.size_bytes = members.Int("size", row);
    add.modified_ms = members.Int("modificationTime", row);
    add.data_change = members.Flag("dataChange", row) ? DataChange::kYes : DataChange::kNo;
    add.stats = members.Text("stats", row);
    add.deletion_vector = members.Vector(row);
    add.tags = WithoutNulls(members.Map("tags", row));
    add.base_row_id = members.OptionalInt("baseRowId", row);
    add.default_row_commit_version = members.OptionalInt("defaultRowCommitVersion", row);
    add.clustering_provider = members.Text("clusteringProvider", row);
    return add;
  }
  if (name == "remove") {
    RemoveFile remove;
    remove.path = members.RequiredText("path", row);
    remove.deleted_ms = members.OptionalInt("deletionTimestamp", row);
    remove.data_change = members.Flag("dataChange", row) ? DataChange::kYes : DataChange::kNo;
    remove.partition_values = members.Map("partitionValues", row);
    remove.size_bytes = members.OptionalInt("size", row);
    remove.deletion_vector = members.Vector(row);
    remove.base_row_id = members.OptionalInt("baseRowId", row);
    remove.default_row_commit_version = members.OptionalInt("defaultRowCommitVersion", row);
    return remove;
  }
  if (name == "txn") {
    return Transaction{members.Text("appId", row), members.Int("version", row),
                       members.OptionalInt("lastUpdated", row)};
  }
  if (name == "domainMetadata") {
    return DomainMetadata{members.Text("domain", row), members.Text("configuration", row),
                          members.Flag("removed", row)};
  }
  if (name == "sidecar") {
    return Sidecar{members.Text("path", row), members.Int("sizeInBytes", row),
                   members.OptionalInt("modificationTime", row).value_or(0)};
  }
  if (name == "checkpointMetadata") return CheckpointMetadata{members.Int("version", row)};
  return std::nullopt;
}

}  // namespace

const std::vector<ParquetColumn>& CheckpointColumns() {
  static const std::vector<ParquetColumn> columns = [] {
    const auto members = [](std::initializer_list<const char*> names) {
      std::vector<ParquetColumn> list;
      for (const char* name : names) list.push_back({name});
      return list;
    };
    return std::vector<ParquetColumn>{
        {"protocol"},
        {"metaData"},
        {"txn"},
        {"domainMetadata"},
        {"sidecar"},
        {"checkpointMetadata"},
        {"remove", std::nullopt,
         members({"path", "deletionTimestamp", "dataChange", "partitionValues", "size",
                  "deletionVector", "baseRowId", "defaultRowCommitVersion"})},
        {"add", std::nullopt,
         members({"path", "partitionValues", "size", "modificationTime", "dataChange", "stats",
                  "tags", "deletionVector", "baseRowId", "defaultRowCommitVersion",
                  "clusteringProvider"})}};
  }();
  return columns;
}

Result<std::vector<Action>> ReadCheckpointBatch(const arrow::RecordBatch& batch) {
  std::vector<Action> actions;
  for (int i = 0; i < batch.num_columns(); ++i) {
    const std::shared_ptr<arrow::Array> column = batch.column(i);
    if (column->null_count() == column->length()) continue;
    const std::string& name = batch.schema()->field(i)->name();
    Members members(*column, name);
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      if (!members.Has(row)) continue;
      std::optional<Action> action = ReadRow(name, members, row);
      if (action) actions.push_back(std::move(*action));
    }
    TARN_RETURN_IF_ERROR(members.status());
  }
  return actions;
}

}  // namespace tarn::delta

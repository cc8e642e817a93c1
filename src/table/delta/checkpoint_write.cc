#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "table/delta/checkpoint.h"

namespace tarn::delta {
namespace {

Status FromArrow(const arrow::Status& status) {
  if (status.ok()) return {};
  if (status.IsOutOfMemory()) return ResourceExhausted("checkpoint: " + status.message());
  return Internal("checkpoint: " + status.ToString());
}

std::shared_ptr<arrow::DataType> TextMapType() { return arrow::map(arrow::utf8(), arrow::utf8()); }
std::shared_ptr<arrow::DataType> TextListType() {
  return arrow::list(arrow::field("element", arrow::utf8()));
}

// One column of the checkpoint: null in the rows of all other kinds. Members are appended in the
// order of the type's fields. The first fault is kept, so that the caller checks once.
class ActionColumn {
 public:
  explicit ActionColumn(arrow::FieldVector fields) : type_(arrow::struct_(std::move(fields))) {
    std::unique_ptr<arrow::ArrayBuilder> made;
    Keep(arrow::MakeBuilder(arrow::default_memory_pool(), type_, &made));
    builder_.reset(static_cast<arrow::StructBuilder*>(made.release()));
  }

  void AppendNulls(int64_t count) { Keep(builder_->AppendNulls(count)); }
  void Begin() {
    Keep(builder_->Append());
    next_ = 0;
  }
  void Text(const std::string& value) { Keep(Next<arrow::StringBuilder>().Append(value)); }
  void OptionalText(const std::string& value) {
    auto& builder = Next<arrow::StringBuilder>();
    Keep(value.empty() ? builder.AppendNull() : builder.Append(value));
  }
  void Int(int64_t value) { Keep(Next<arrow::Int64Builder>().Append(value)); }
  void OptionalInt(const std::optional<int64_t>& value) {
    auto& builder = Next<arrow::Int64Builder>();
    Keep(value ? builder.Append(*value) : builder.AppendNull());
  }
  void Int32(int value) { Keep(Next<arrow::Int32Builder>().Append(value)); }
  void Flag(bool value) { Keep(Next<arrow::BooleanBuilder>().Append(value)); }
  void List(const std::vector<std::string>& values) {
    auto& builder = Next<arrow::ListBuilder>();
    Keep(builder.Append());
    for (const std::string& value : values) {
      Keep(static_cast<arrow::StringBuilder&>(*builder.value_builder()).Append(value));
    }
  }
  void NullList() { Keep(Next<arrow::ListBuilder>().AppendNull()); }
  void Map(const PartitionValues& values) {
    auto& builder = Next<arrow::MapBuilder>();
    Keep(builder.Append());
    for (const auto& [key, value] : values) {
      Keep(static_cast<arrow::StringBuilder&>(*builder.key_builder()).Append(key));
      auto& items = static_cast<arrow::StringBuilder&>(*builder.item_builder());
      Keep(value ? items.Append(*value) : items.AppendNull());
    }
  }
  void Map(const std::map<std::string, std::string>& values) {
    Map(PartitionValues(values.begin(), values.end()));
  }
  /// A struct member whose fields are given by `fill`, which appends them in turn.
  template <typename F>
  void Struct(F&& fill) {
    auto& builder = Next<arrow::StructBuilder>();
    Keep(builder.Append());
    Keep(fill(builder));
  }

  Result<std::shared_ptr<arrow::Array>> Finish() {
    std::shared_ptr<arrow::Array> array;
    Keep(builder_->Finish(&array));
    if (!status_.ok()) return FromArrow(status_);
    return array;
  }
  const std::shared_ptr<arrow::DataType>& type() const { return type_; }

 private:
  template <typename Builder>
  Builder& Next() {
    return static_cast<Builder&>(*builder_->field_builder(next_++));
  }
  void Keep(const arrow::Status& status) {
    if (status_.ok()) status_ = status;
  }

  std::shared_ptr<arrow::DataType> type_;
  std::unique_ptr<arrow::StructBuilder> builder_;
  int next_ = 0;
  arrow::Status status_;
};

ActionColumn ProtocolColumn() {
  return ActionColumn({arrow::field("minReaderVersion", arrow::int32()),
                       arrow::field("minWriterVersion", arrow::int32()),
                       arrow::field("readerFeatures", TextListType()),
                       arrow::field("writerFeatures", TextListType())});
}

void Append(ActionColumn& column, const Protocol& protocol) {
  column.Begin();
  column.Int32(protocol.min_reader_version);
  column.Int32(protocol.min_writer_version);
  if (protocol.min_reader_version >= 3) {
    column.List(protocol.reader_features);
  } else {
    column.NullList();
  }
  if (protocol.min_writer_version >= 7) {
    column.List(protocol.writer_features);
  } else {
    column.NullList();
  }
}

ActionColumn MetadataColumn() {
  return ActionColumn(
      {arrow::field("id", arrow::utf8()), arrow::field("name", arrow::utf8()),
       arrow::field("description", arrow::utf8()),
       arrow::field("format", arrow::struct_({arrow::field("provider", arrow::utf8()),
                                              arrow::field("options", TextMapType())})),
       arrow::field("schemaString", arrow::utf8()),
       arrow::field("partitionColumns", TextListType()),
       arrow::field("configuration", TextMapType()), arrow::field("createdTime", arrow::int64())});
}

void Append(ActionColumn& column, const Metadata& metadata) {
  column.Begin();
  column.Text(metadata.id);
  column.OptionalText(metadata.name);
  column.OptionalText(metadata.description);
  column.Struct([](arrow::StructBuilder& format) {
    ARROW_RETURN_NOT_OK(
        static_cast<arrow::StringBuilder&>(*format.field_builder(0)).Append("parquet"));
    return static_cast<arrow::MapBuilder&>(*format.field_builder(1)).Append();
  });
  column.Text(metadata.schema_string);
  column.List(metadata.partition_columns);
  column.Map(metadata.configuration);
  column.OptionalInt(metadata.created_ms);
}

ActionColumn TransactionColumn() {
  return ActionColumn({arrow::field("appId", arrow::utf8()),
                       arrow::field("version", arrow::int64()),
                       arrow::field("lastUpdated", arrow::int64())});
}

void Append(ActionColumn& column, const Transaction& transaction) {
  column.Begin();
  column.Text(transaction.app_id);
  column.Int(transaction.version);
  column.OptionalInt(transaction.updated_ms);
}

ActionColumn DomainColumn() {
  return ActionColumn({arrow::field("domain", arrow::utf8()),
                       arrow::field("configuration", arrow::utf8()),
                       arrow::field("removed", arrow::boolean())});
}

void Append(ActionColumn& column, const DomainMetadata& domain) {
  column.Begin();
  column.Text(domain.domain);
  column.Text(domain.configuration);
  column.Flag(domain.removed);
}

ActionColumn RemoveColumn() {
  return ActionColumn(
      {arrow::field("path", arrow::utf8()), arrow::field("deletionTimestamp", arrow::int64()),
       arrow::field("dataChange", arrow::boolean()),
       arrow::field("extendedFileMetadata", arrow::boolean()),
       arrow::field("partitionValues", TextMapType()), arrow::field("size", arrow::int64())});
}

void Append(ActionColumn& column, const RemoveFile& remove) {
  column.Begin();
  column.Text(remove.path);
  column.OptionalInt(remove.deleted_ms);
  column.Flag(false);
  column.Flag(remove.size_bytes.has_value());
  column.Map(remove.partition_values);
  column.OptionalInt(remove.size_bytes);
}

ActionColumn AddColumn() {
  return ActionColumn(
      {arrow::field("path", arrow::utf8()), arrow::field("partitionValues", TextMapType()),
       arrow::field("size", arrow::int64()), arrow::field("modificationTime", arrow::int64()),
       arrow::field("dataChange", arrow::boolean()), arrow::field("stats", arrow::utf8())});
}

void Append(ActionColumn& column, const AddFile& add) {
  column.Begin();
  column.Text(add.path);
  column.Map(add.partition_values);
  column.Int(add.size_bytes);
  column.Int(add.modified_ms);
  column.Flag(false);
  column.OptionalText(add.stats);
}

// Collects the columns; each fills its own block of rows.
class TableBuilder {
 public:
  explicit TableBuilder(int64_t rows) : rows_(rows) {}

  template <typename Actions>
  Status Add(const char* name, ActionColumn column, const Actions& actions) {
    column.AppendNulls(next_row_);
    for (const auto& action : actions) Append(column, *action);
    const auto count = static_cast<int64_t>(actions.size());
    next_row_ += count;
    column.AppendNulls(rows_ - next_row_);
    fields_.push_back(arrow::field(name, column.type()));
    TARN_ASSIGN_OR_RETURN(auto array, column.Finish());
    arrays_.push_back(std::move(array));
    return {};
  }
  std::shared_ptr<arrow::Table> Finish() {
    return arrow::Table::Make(arrow::schema(std::move(fields_)), std::move(arrays_), rows_);
  }

 private:
  int64_t rows_;
  int64_t next_row_ = 0;
  arrow::FieldVector fields_;
  arrow::ArrayVector arrays_;
};

template <typename T>
std::vector<const T*> Pointers(const std::map<std::string, T>& map) {
  std::vector<const T*> pointers;
  pointers.reserve(map.size());
  for (const auto& [key, value] : map) pointers.push_back(&value);
  return pointers;
}

}  // namespace

Result<std::shared_ptr<arrow::Table>> CheckpointTable(const State& state, int64_t now_ms) {
  if (!state.protocol || !state.metadata) {
    return Corruption("the log has no protocol or no metaData action");
  }
  std::vector<const RemoveFile*> removes;
  for (const auto& [path, remove] : state.tombstones) {
    const bool kept = remove.deleted_ms.value_or(0) > now_ms - kTombstoneRetentionMs;
    if (kept) removes.push_back(&remove);
  }
  const auto rows = static_cast<int64_t>(2 + state.transactions.size() + state.domains.size() +
                                         removes.size() + state.files.size());
  TableBuilder table(rows);
  TARN_RETURN_IF_ERROR(
      table.Add("protocol", ProtocolColumn(), std::vector<const Protocol*>{&*state.protocol}));
  TARN_RETURN_IF_ERROR(
      table.Add("metaData", MetadataColumn(), std::vector<const Metadata*>{&*state.metadata}));
  TARN_RETURN_IF_ERROR(table.Add("txn", TransactionColumn(), Pointers(state.transactions)));
  TARN_RETURN_IF_ERROR(table.Add("domainMetadata", DomainColumn(), Pointers(state.domains)));
  TARN_RETURN_IF_ERROR(table.Add("remove", RemoveColumn(), removes));
  TARN_RETURN_IF_ERROR(table.Add("add", AddColumn(), Pointers(state.files)));
  return table.Finish();
}

}  // namespace tarn::delta

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "base/check.h"
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
std::shared_ptr<arrow::Field> VectorField() {
  return arrow::field("deletionVector",
                      arrow::struct_({arrow::field("storageType", arrow::utf8()),
                                      arrow::field("pathOrInlineDv", arrow::utf8()),
                                      arrow::field("offset", arrow::int32()),
                                      arrow::field("sizeInBytes", arrow::int32()),
                                      arrow::field("cardinality", arrow::int64())}));
}

// One column of the checkpoint: null in the rows of all other kinds. Members are appended in the
// order of the type's fields. The first fault is kept, so that the caller checks once.
class ActionColumn {
 public:
  explicit ActionColumn(std::shared_ptr<arrow::DataType> type) : type_(std::move(type)) {
    std::unique_ptr<arrow::ArrayBuilder> made;
    Keep(arrow::MakeBuilder(arrow::default_memory_pool(), type_, &made));
    builder_.reset(static_cast<arrow::StructBuilder*>(made.release()));
  }

  void AppendNull() { Keep(builder_->AppendNull()); }
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
  void OptionalVector(const std::optional<DeletionVectorDescriptor>& vector) {
    auto& builder = Next<arrow::StructBuilder>();
    if (!vector) {
      Keep(builder.AppendNull());
      return;
    }
    Keep(builder.Append());
    const auto text = [&](int field, const std::string& value) {
      Keep(static_cast<arrow::StringBuilder&>(*builder.field_builder(field)).Append(value));
    };
    const auto int32 = [&](int field, std::optional<int64_t> value) {
      auto& numbers = static_cast<arrow::Int32Builder&>(*builder.field_builder(field));
      Keep(value ? numbers.Append(static_cast<int32_t>(*value)) : numbers.AppendNull());
    };
    text(0, std::string(1, vector->Letter()));
    text(1, vector->path_or_inline);
    int32(2, vector->offset);
    int32(3, vector->size_bytes);
    Keep(static_cast<arrow::Int64Builder&>(*builder.field_builder(4)).Append(vector->cardinality));
  }

  Result<std::shared_ptr<arrow::Array>> Finish() {
    std::shared_ptr<arrow::Array> array;
    Keep(builder_->Finish(&array));
    if (!status_.ok()) return FromArrow(status_);
    return array;
  }
  /// Whether the action that is being appended has members left: the last ones are optional.
  bool has_next() const { return next_ < builder_->num_fields(); }

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

arrow::FieldVector ProtocolFields() {
  return {arrow::field("minReaderVersion", arrow::int32()),
          arrow::field("minWriterVersion", arrow::int32()),
          arrow::field("readerFeatures", TextListType()),
          arrow::field("writerFeatures", TextListType())};
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

arrow::FieldVector MetadataFields() {
  return {arrow::field("id", arrow::utf8()),
          arrow::field("name", arrow::utf8()),
          arrow::field("description", arrow::utf8()),
          arrow::field("format", arrow::struct_({arrow::field("provider", arrow::utf8()),
                                                 arrow::field("options", TextMapType())})),
          arrow::field("schemaString", arrow::utf8()),
          arrow::field("partitionColumns", TextListType()),
          arrow::field("configuration", TextMapType()),
          arrow::field("createdTime", arrow::int64())};
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

arrow::FieldVector TransactionFields() {
  return {arrow::field("appId", arrow::utf8()), arrow::field("version", arrow::int64()),
          arrow::field("lastUpdated", arrow::int64())};
}

void Append(ActionColumn& column, const Transaction& transaction) {
  column.Begin();
  column.Text(transaction.app_id);
  column.Int(transaction.version);
  column.OptionalInt(transaction.updated_ms);
}

arrow::FieldVector DomainFields() {
  return {arrow::field("domain", arrow::utf8()), arrow::field("configuration", arrow::utf8()),
          arrow::field("removed", arrow::boolean())};
}

void Append(ActionColumn& column, const DomainMetadata& domain) {
  column.Begin();
  column.Text(domain.domain);
  column.Text(domain.configuration);
  column.Flag(domain.removed);
}

arrow::FieldVector CheckpointFields() {
  return {arrow::field("version", arrow::int64()), arrow::field("tags", TextMapType())};
}

void Append(ActionColumn& column, const CheckpointMetadata& checkpoint) {
  column.Begin();
  column.Int(checkpoint.version);
  column.Map(PartitionValues());
}

arrow::FieldVector SidecarFields() {
  return {arrow::field("path", arrow::utf8()), arrow::field("sizeInBytes", arrow::int64()),
          arrow::field("modificationTime", arrow::int64()), arrow::field("tags", TextMapType())};
}

void Append(ActionColumn& column, const Sidecar& sidecar) {
  column.Begin();
  column.Text(sidecar.path);
  column.Int(sidecar.size_bytes);
  column.Int(sidecar.modified_ms);
  column.Map(PartitionValues());
}

arrow::FieldVector RemoveFields() {
  return {arrow::field("path", arrow::utf8()),
          arrow::field("deletionTimestamp", arrow::int64()),
          arrow::field("dataChange", arrow::boolean()),
          arrow::field("extendedFileMetadata", arrow::boolean()),
          arrow::field("partitionValues", TextMapType()),
          arrow::field("size", arrow::int64())};
}

void Append(ActionColumn& column, const RemoveFile& remove) {
  column.Begin();
  column.Text(remove.path);
  column.OptionalInt(remove.deleted_ms);
  column.Flag(false);
  column.Flag(remove.size_bytes.has_value());
  column.Map(remove.partition_values);
  column.OptionalInt(remove.size_bytes);
  if (column.has_next()) column.OptionalVector(remove.deletion_vector);
}

arrow::FieldVector AddFields() {
  return {arrow::field("path", arrow::utf8()),
          arrow::field("partitionValues", TextMapType()),
          arrow::field("size", arrow::int64()),
          arrow::field("modificationTime", arrow::int64()),
          arrow::field("dataChange", arrow::boolean()),
          arrow::field("stats", arrow::utf8())};
}

void Append(ActionColumn& column, const AddFile& add) {
  column.Begin();
  column.Text(add.path);
  column.Map(add.partition_values);
  column.Int(add.size_bytes);
  column.Int(add.modified_ms);
  column.Flag(false);
  column.OptionalText(add.stats);
  if (column.has_next()) column.OptionalVector(add.deletion_vector);
}

// The column of each kind of action; of those that a checkpoint does not hold, "".
template <typename T>
constexpr const char* kColumn = "";
template <>
constexpr const char* kColumn<Protocol> = "protocol";
template <>
constexpr const char* kColumn<Metadata> = "metaData";
template <>
constexpr const char* kColumn<Transaction> = "txn";
template <>
constexpr const char* kColumn<DomainMetadata> = "domainMetadata";
template <>
constexpr const char* kColumn<CheckpointMetadata> = "checkpointMetadata";
template <>
constexpr const char* kColumn<Sidecar> = "sidecar";
template <>
constexpr const char* kColumn<RemoveFile> = "remove";
template <>
constexpr const char* kColumn<AddFile> = "add";

bool Allows(const Protocol& protocol, const char* feature) {
  const std::vector<std::string>& features = protocol.reader_features;
  return std::find(features.begin(), features.end(), feature) != features.end();
}

}  // namespace

std::shared_ptr<arrow::Schema> CheckpointSchema(const Protocol& protocol, CheckpointPart part) {
  arrow::FieldVector fields;
  const auto add = [&](const char* name, arrow::FieldVector members) {
    fields.push_back(arrow::field(name, arrow::struct_(std::move(members))));
  };
  if (part != CheckpointPart::kSidecar) {
    add(kColumn<Protocol>, ProtocolFields());
    add(kColumn<Metadata>, MetadataFields());
    add(kColumn<Transaction>, TransactionFields());
    add(kColumn<DomainMetadata>, DomainFields());
  }
  if (part == CheckpointPart::kTop) {
    add(kColumn<CheckpointMetadata>, CheckpointFields());
    add(kColumn<Sidecar>, SidecarFields());
  }
  // The top level of a V2 checkpoint has these columns too: readers look for them in each.
  for (const bool removed : {true, false}) {
    arrow::FieldVector members = removed ? RemoveFields() : AddFields();
    if (Allows(protocol, "deletionVectors")) members.push_back(VectorField());
    add(removed ? kColumn<RemoveFile> : kColumn<AddFile>, std::move(members));
  }
  return arrow::schema(std::move(fields));
}

struct CheckpointRows::Impl {
  Impl(std::shared_ptr<arrow::Schema> wanted, Sink to)
      : schema(std::move(wanted)), sink(std::move(to)) {
    for (const auto& field : schema->fields()) columns.emplace_back(field->type());
  }

  template <typename T>
  Status Add(const T& action) {
    const int wanted = schema->GetFieldIndex(kColumn<T>);
    TARN_CHECK(wanted >= 0);
    for (int i = 0; i < schema->num_fields(); ++i) {
      ActionColumn& column = columns[static_cast<size_t>(i)];
      if (i != wanted) {
        column.AppendNull();
      } else if constexpr (kColumn<T>[0] != '\0') {
        Append(column, action);
      }
    }
    return ++rows < kCheckpointBatchRows ? Status() : Flush();
  }

  Status Flush() {
    if (rows == 0) return {};
    arrow::ArrayVector arrays;
    for (ActionColumn& column : columns) {
      TARN_ASSIGN_OR_RETURN(auto array, column.Finish());
      arrays.push_back(std::move(array));
    }
    const auto batch = arrow::RecordBatch::Make(schema, rows, std::move(arrays));
    rows = 0;
    return sink(*batch);
  }

  std::shared_ptr<arrow::Schema> schema;
  Sink sink;
  std::vector<ActionColumn> columns;
  int64_t rows = 0;
};

CheckpointRows::CheckpointRows(const Protocol& protocol, CheckpointPart part, Sink sink)
    : impl_(std::make_unique<Impl>(CheckpointSchema(protocol, part), std::move(sink))) {}
CheckpointRows::~CheckpointRows() = default;

Status CheckpointRows::Add(const Action& action) {
  return std::visit([&](const auto& one) { return impl_->Add(one); }, action);
}
Status CheckpointRows::Add(const AddFile& add) { return impl_->Add(add); }
Status CheckpointRows::Add(const RemoveFile& remove) { return impl_->Add(remove); }
Status CheckpointRows::Finish() { return impl_->Flush(); }

}  // namespace tarn::delta

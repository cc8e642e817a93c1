#include "columnar/variant_column.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/bitmap_ops.h>
#include <arrow/util/key_value_metadata.h>

#include "columnar/arrow_output.h"
#include "columnar/shredded_value.h"
#include "columnar/variant_builder.h"

namespace tarn {

namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

constexpr char kMetadata[] = "metadata";
constexpr char kValue[] = "value";
constexpr char kExtensionName[] = "arrow.parquet.variant";
constexpr char kNullValue[] = {0};

Result<ArrayPtr> ReadAll(const ShreddedColumn& column) {
  const arrow::StructArray& group = *column.group;
  const arrow::BinaryArray& metadata = *column.metadata;
  arrow::BinaryBuilder all_metadata;
  arrow::BinaryBuilder all_values;
  VariantBuilder builder;
  const auto append = [&](std::string_view dictionary, std::string_view value) -> Status {
    auto appended = all_metadata.Append(dictionary);
    if (appended.ok()) appended = all_values.Append(value);
    return FromArrow(appended, "reading a variant");
  };
  std::string_view dictionary;  // most rows have that of the row before
  std::optional<VariantKeys> keys;
  for (int64_t row = 0; row < group.length(); ++row) {
    if (group.IsNull(row)) {
      TARN_RETURN_IF_ERROR(append({}, {}));
      continue;
    }
    if (metadata.IsNull(row)) return Corruption("corrupt variant: no metadata");
    if (!keys || dictionary != metadata.GetView(row)) {
      dictionary = metadata.GetView(row);
      TARN_ASSIGN_OR_RETURN(keys, VariantKeys::Read(dictionary));
    }
    builder.Begin(*keys);
    TARN_ASSIGN_OR_RETURN(const bool there, column.value.Build(*keys, row, 0, builder));
    TARN_ASSIGN_OR_RETURN(const VariantBuilder::Bytes built, builder.Finish());
    TARN_RETURN_IF_ERROR(append(dictionary, there ? built.value : std::string_view(kNullValue, 1)));
  }
  ArrayPtr first;
  ArrayPtr second;
  auto finished = all_metadata.Finish(&first);
  if (finished.ok()) finished = all_values.Finish(&second);
  if (!finished.ok()) return FromArrow(finished, "reading a variant").error();
  std::shared_ptr<arrow::Buffer> nulls;
  if (group.null_count() > 0) {
    auto copied = arrow::internal::CopyBitmap(
        arrow::default_memory_pool(), group.null_bitmap_data(), group.offset(), group.length());
    if (!copied.ok()) return FromArrow(copied.status(), "reading a variant").error();
    nulls = *std::move(copied);
  }
  return ArrayPtr(std::make_shared<arrow::StructArray>(
      VariantStorage(), group.length(), arrow::ArrayVector{std::move(first), std::move(second)},
      std::move(nulls), group.null_count()));
}

std::shared_ptr<arrow::Field> WithNames(const std::shared_ptr<arrow::Field>& field) {
  const arrow::DataType& type = *field->type();
  if (IsVariantStorage(type)) {
    return field->WithMergedMetadata(arrow::key_value_metadata(
        {"ARROW:extension:name", "ARROW:extension:metadata"}, {kExtensionName, ""}));
  }
  switch (type.id()) {
    case arrow::Type::STRUCT: {
      arrow::FieldVector fields;
      for (const auto& child : type.fields()) fields.push_back(WithNames(child));
      return field->WithType(arrow::struct_(std::move(fields)));
    }
    case arrow::Type::LIST:
      return field->WithType(arrow::list(WithNames(type.field(0))));
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      return field->WithType(std::make_shared<arrow::MapType>(
          WithNames(map.key_field()), WithNames(map.item_field()), map.keys_sorted()));
    }
    default:
      return field;
  }
}

Result<std::shared_ptr<arrow::ArrayData>> Filled(const arrow::ArrayData& data) {
  auto copy = data.Copy();
  if (!IsVariantStorage(*data.type)) {
    for (auto& child : copy->child_data) {
      if (!HoldsVariants(*child->type)) continue;
      TARN_ASSIGN_OR_RETURN(child, Filled(*child));
    }
    return copy;
  }
  for (auto& child : copy->child_data) {
    if (child->GetNullCount() == 0) continue;
    const arrow::StructArray group(data.Copy());
    const ArrayPtr part = arrow::MakeArray(child)->Slice(data.offset, data.length);
    for (int64_t row = 0; row < data.length; ++row) {
      if (group.IsNull(row) || part->IsValid(row)) continue;
      return InvalidArgument("a variant lacks its metadata or value");
    }
    child = child->Copy();
    child->buffers[0] = nullptr;
    child->null_count = 0;
  }
  return copy;
}

}  // namespace

const std::shared_ptr<arrow::DataType>& VariantStorage() {
  static const std::shared_ptr<arrow::DataType> type =
      arrow::struct_({arrow::field(kMetadata, arrow::binary(), false),
                      arrow::field(kValue, arrow::binary(), false)});
  return type;
}

bool IsVariantStorage(const arrow::DataType& type) {
  if (type.id() != arrow::Type::STRUCT || type.num_fields() != 2) return false;
  for (int i = 0; i < 2; ++i) {
    const arrow::Field& field = *type.field(i);
    const bool has_id =
        field.metadata() != nullptr && field.metadata()->Contains("PARQUET:field_id");
    if (field.name() != (i == 0 ? kMetadata : kValue) || field.nullable() || has_id ||
        field.type()->id() != arrow::Type::BINARY) {
      return false;
    }
  }
  return true;
}

bool IsVariantExtension(const arrow::DataType& type) {
  return type.id() == arrow::Type::EXTENSION &&
         static_cast<const arrow::ExtensionType&>(type).extension_name() == kExtensionName;
}

std::shared_ptr<arrow::Schema> WithVariantNames(const arrow::Schema& schema) {
  arrow::FieldVector fields;
  for (const auto& field : schema.fields()) fields.push_back(WithNames(field));
  return arrow::schema(std::move(fields), schema.metadata());
}

bool HoldsVariants(const arrow::DataType& type) {
  if (IsVariantStorage(type)) return true;
  for (const auto& field : type.fields()) {
    if (HoldsVariants(*field->type())) return true;
  }
  return false;
}

Result<std::shared_ptr<arrow::Array>> ReadVariants(const std::shared_ptr<arrow::Array>& stored) {
  TARN_ASSIGN_OR_RETURN(const ShreddedColumn column, ShreddedColumn::Of(stored));
  return ReadAll(column);
}

Result<std::shared_ptr<arrow::Array>> WithoutHiddenNulls(
    const std::shared_ptr<arrow::Array>& array) {
  TARN_ASSIGN_OR_RETURN(auto data, Filled(*array->data()));
  return arrow::MakeArray(std::move(data));
}

}  // namespace tarn

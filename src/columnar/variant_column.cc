#include "columnar/variant_column.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/compute/cast.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/bitmap_ops.h>
#include <arrow/util/decimal.h>
#include <arrow/util/key_value_metadata.h>

#include "columnar/arrow_output.h"
#include "columnar/utf8.h"
#include "columnar/variant_builder.h"

namespace tarn {

namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

constexpr char kMetadata[] = "metadata";
constexpr char kValue[] = "value";
constexpr char kTypedValue[] = "typed_value";
constexpr int kShreddedLevelsMax = 100;
constexpr char kNullValue[] = {0};

Error WrongShape(const arrow::DataType& type) {
  return Corruption("corrupt variant: it is stored as " + type.ToString());
}

ArrayPtr Unwrapped(const ArrayPtr& array) {
  if (array->type_id() != arrow::Type::EXTENSION) return array;
  return static_cast<const arrow::ExtensionArray&>(*array).storage();
}

/// Booleans of a byte each, as DuckDB hands them out where uuids stay what they are.
bool IsBool8(const arrow::DataType& type) {
  return type.id() == arrow::Type::EXTENSION &&
         static_cast<const arrow::ExtensionType&>(type).extension_name() == "arrow.bool8";
}

bool IsBytes(arrow::Type::type id) {
  return id == arrow::Type::BINARY || id == arrow::Type::LARGE_BINARY ||
         id == arrow::Type::BINARY_VIEW;
}

/// A child as plain binary; nothing where there is none.
Result<std::shared_ptr<arrow::BinaryArray>> BytesOf(const arrow::StructArray& group,
                                                    const char* name) {
  const ArrayPtr child = group.GetFieldByName(name);
  if (child == nullptr) return std::shared_ptr<arrow::BinaryArray>();
  if (!IsBytes(child->type_id())) return WrongShape(*group.type());
  if (child->type_id() == arrow::Type::BINARY) {
    return std::static_pointer_cast<arrow::BinaryArray>(child);
  }
  auto cast = arrow::compute::Cast(*child, arrow::binary());
  if (!cast.ok()) return FromArrow(cast.status(), "reading a variant").error();
  return std::static_pointer_cast<arrow::BinaryArray>(*cast);
}

/// A value that stands in `value`, in `typed_value`, or in both: the column itself, an element of a
/// shredded array, a field of a shredded object.
class ShreddedValue {
 public:
  static Result<ShreddedValue> Of(const ArrayPtr& array, int level) {
    if (level > kShreddedLevelsMax) return Corruption("corrupt variant: it is shredded too deeply");
    if (array->type_id() != arrow::Type::STRUCT) return WrongShape(*array->type());
    ShreddedValue result;
    result.group_ = std::static_pointer_cast<arrow::StructArray>(array);
    TARN_ASSIGN_OR_RETURN(result.value_, BytesOf(*result.group_, kValue));
    const ArrayPtr typed = result.group_->GetFieldByName(kTypedValue);
    if (typed == nullptr && result.value_ == nullptr) return WrongShape(*array->type());
    if (typed != nullptr) {
      result.boolean_bytes_ = IsBool8(*typed->type());
      TARN_RETURN_IF_ERROR(result.TakeTyped(Unwrapped(typed), level));
    }
    return result;
  }

  /// Adds the value of a row. False, and nothing added, where it is missing.
  Result<bool> Build(const VariantKeys& keys, int64_t row, VariantBuilder& builder) const {
    if (group_->IsNull(row)) return false;
    const bool has_value = value_ != nullptr && value_->IsValid(row);
    if (typed_ == nullptr || typed_->IsNull(row)) {
      if (!has_value) return false;
      TARN_RETURN_IF_ERROR(BuildRaw(keys, value_->GetView(row), builder));
      return true;
    }
    if (typed_->type_id() == arrow::Type::STRUCT) {
      TARN_RETURN_IF_ERROR(BuildObject(keys, row, has_value, builder));
      return true;
    }
    if (has_value) return Corruption("corrupt variant: a shredded value is there twice");
    TARN_RETURN_IF_ERROR(elements_.empty() ? BuildPrimitive(row, builder)
                                           : BuildArray(keys, row, builder));
    return true;
  }

 private:
  Status TakeTyped(ArrayPtr typed, int level) {
    typed_ = std::move(typed);
    if (typed_->type_id() == arrow::Type::STRUCT) {
      const auto& object = static_cast<const arrow::StructArray&>(*typed_);
      for (int i = 0; i < object.num_fields(); ++i) {
        TARN_ASSIGN_OR_RETURN(auto field, Of(Unwrapped(object.field(i)), level + 1));
        names_.push_back(object.type()->field(i)->name());
        fields_.push_back(std::move(field));
      }
    } else if (typed_->type_id() == arrow::Type::LIST) {
      const auto& list = static_cast<const arrow::ListArray&>(*typed_);
      TARN_ASSIGN_OR_RETURN(auto element, Of(Unwrapped(list.values()), level + 1));
      elements_.push_back(std::move(element));
    }
    return {};
  }

  static Status BuildRaw(const VariantKeys& keys, std::string_view value, VariantBuilder& builder) {
    TARN_RETURN_IF_ERROR(CheckVariant(keys, value));
    TARN_ASSIGN_OR_RETURN(const VariantNode node, VariantNode::Read(value));
    builder.Raw(node.bytes);
    return {};
  }

  Status BuildArray(const VariantKeys& keys, int64_t row, VariantBuilder& builder) const {
    const auto& list = static_cast<const arrow::ListArray&>(*typed_);
    auto array = builder.Open();
    for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
      builder.AddItem(array);
      TARN_ASSIGN_OR_RETURN(const bool there, elements_[0].Build(keys, i, builder));
      if (!there) builder.Null();
    }
    builder.CloseArray(array);
    return {};
  }

  Status BuildObject(const VariantKeys& keys, int64_t row, bool partly,
                     VariantBuilder& builder) const {
    auto object = builder.Open();
    for (size_t i = 0; i < fields_.size(); ++i) {
      // Its place is that where the value will begin. The dictionary has the keys of what is there.
      builder.AddItem(object);
      TARN_ASSIGN_OR_RETURN(const bool there, fields_[i].Build(keys, row, builder));
      if (there) {
        TARN_ASSIGN_OR_RETURN(object.parts.back().key, builder.KeyId(names_[i]));
      } else {
        object.parts.pop_back();
      }
    }
    if (partly) {
      const std::string_view rest = value_->GetView(row);
      TARN_RETURN_IF_ERROR(CheckVariant(keys, rest));
      TARN_ASSIGN_OR_RETURN(const VariantNode node, VariantNode::Read(rest));
      if (node.kind != VariantKind::kObject) {
        return Corruption("corrupt variant: the rest of a shredded object is none");
      }
      for (uint32_t i = 0; i < node.count; ++i) {
        TARN_ASSIGN_OR_RETURN(const VariantNode part, VariantNode::Read(node.Part(i)));
        builder.AddKey(object, node.KeyId(i));
        builder.Raw(part.bytes);
      }
    }
    if (Status closed = builder.CloseObject(object); !closed.ok()) {
      return Corruption("corrupt variant: " + closed.error().message);
    }
    return {};
  }

  template <typename ArrayType>
  auto At(int64_t row) const {
    return static_cast<const ArrayType&>(*typed_).Value(row);
  }

  /// "Shredded Value Types".
  Status BuildPrimitive(int64_t row, VariantBuilder& builder) const {
    using arrow::Type;
    switch (typed_->type_id()) {
      case Type::BOOL:
        builder.Boolean(At<arrow::BooleanArray>(row));
        return {};
      case Type::INT8:
        if (boolean_bytes_) {
          builder.Boolean(At<arrow::Int8Array>(row) != 0);
          return {};
        }
        builder.Integer(At<arrow::Int8Array>(row));
        return {};
      case Type::INT16:
        builder.Integer(At<arrow::Int16Array>(row));
        return {};
      case Type::INT32:
        builder.Integer(At<arrow::Int32Array>(row));
        return {};
      case Type::INT64:
        builder.Integer(At<arrow::Int64Array>(row));
        return {};
      case Type::FLOAT:
        builder.Float(At<arrow::FloatArray>(row));
        return {};
      case Type::DOUBLE:
        builder.Double(At<arrow::DoubleArray>(row));
        return {};
      case Type::DATE32:
        builder.Date(At<arrow::Date32Array>(row));
        return {};
      case Type::DECIMAL128: {
        const auto& decimals = static_cast<const arrow::Decimal128Array&>(*typed_);
        const arrow::Decimal128 value(decimals.GetValue(row));
        return builder.Decimal({value.high_bits(), value.low_bits()},
                               static_cast<const arrow::DecimalType&>(*typed_->type()).scale());
      }
      case Type::TIME64:
        if (static_cast<const arrow::Time64Type&>(*typed_->type()).unit() !=
            arrow::TimeUnit::MICRO) {
          break;
        }
        builder.Time(VariantKind::kTime, At<arrow::Time64Array>(row));
        return {};
      case Type::TIMESTAMP:
        return BuildTimestamp(row, builder);
      case Type::STRING: {
        const auto text = static_cast<const arrow::StringArray&>(*typed_).GetView(row);
        if (!IsValidUtf8(text)) return Corruption("corrupt variant: a text that is not UTF-8");
        builder.String(text);
        return {};
      }
      case Type::BINARY:
        builder.Binary(static_cast<const arrow::BinaryArray&>(*typed_).GetView(row));
        return {};
      case Type::FIXED_SIZE_BINARY: {
        const auto& fixed = static_cast<const arrow::FixedSizeBinaryArray&>(*typed_);
        if (fixed.byte_width() != 16) break;
        builder.Uuid(fixed.GetView(row));
        return {};
      }
      default:
        break;
    }
    return Unsupported("a variant is shredded as " + typed_->type()->ToString() +
                       ", which is not known");
  }

  Status BuildTimestamp(int64_t row, VariantBuilder& builder) const {
    const auto& type = static_cast<const arrow::TimestampType&>(*typed_->type());
    const bool zoned = !type.timezone().empty();
    const int64_t value = At<arrow::TimestampArray>(row);
    if (type.unit() == arrow::TimeUnit::MICRO) {
      builder.Time(zoned ? VariantKind::kTimestampTz : VariantKind::kTimestamp, value);
    } else if (type.unit() == arrow::TimeUnit::NANO) {
      builder.Time(zoned ? VariantKind::kTimestampTzNs : VariantKind::kTimestampNs, value);
    } else {
      return Unsupported("a variant is shredded as " + type.ToString() + ", which is not known");
    }
    return {};
  }

  std::shared_ptr<arrow::StructArray> group_;
  std::shared_ptr<arrow::BinaryArray> value_;
  ArrayPtr typed_;
  bool boolean_bytes_ = false;
  std::vector<ShreddedValue> elements_;  ///< one, if it is an array
  std::vector<std::string> names_;       ///< of `fields_`
  std::vector<ShreddedValue> fields_;
};

Result<ArrayPtr> ReadAll(const arrow::StructArray& group, const arrow::BinaryArray& metadata,
                         const ShreddedValue& values) {
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
    TARN_ASSIGN_OR_RETURN(const bool there, values.Build(*keys, row, builder));
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
         static_cast<const arrow::ExtensionType&>(type).extension_name() == "arrow.parquet.variant";
}

bool HoldsVariants(const arrow::DataType& type) {
  if (IsVariantStorage(type)) return true;
  for (const auto& field : type.fields()) {
    if (HoldsVariants(*field->type())) return true;
  }
  return false;
}

Result<std::shared_ptr<arrow::Array>> ReadVariants(const std::shared_ptr<arrow::Array>& stored) {
  const ArrayPtr array = Unwrapped(stored);
  if (array->type_id() != arrow::Type::STRUCT) return WrongShape(*array->type());
  const auto& group = static_cast<const arrow::StructArray&>(*array);
  TARN_ASSIGN_OR_RETURN(const auto metadata, BytesOf(group, kMetadata));
  if (metadata == nullptr) return WrongShape(*array->type());
  TARN_ASSIGN_OR_RETURN(const ShreddedValue values, ShreddedValue::Of(array, 0));
  return ReadAll(group, *metadata, values);
}

Result<std::shared_ptr<arrow::Array>> WithoutHiddenNulls(
    const std::shared_ptr<arrow::Array>& array) {
  TARN_ASSIGN_OR_RETURN(auto data, Filled(*array->data()));
  return arrow::MakeArray(std::move(data));
}

}  // namespace tarn

#include "columnar/shredded_value.h"

#include <string_view>
#include <utility>

#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include "columnar/arrow_output.h"
#include "columnar/utf8.h"

namespace tarn {

namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

constexpr char kMetadata[] = "metadata";
constexpr char kValue[] = "value";
constexpr char kTypedValue[] = "typed_value";
constexpr int kShreddedLevelsMax = 100;
constexpr int64_t kMicrosOfDay = 86'400'000'000;

Error WrongShape(const arrow::DataType& type) {
  return Corruption("corrupt variant: it is stored as " + type.ToString());
}

ArrayPtr Unwrapped(const ArrayPtr& array) {
  if (array->type_id() != arrow::Type::EXTENSION) return array;
  return static_cast<const arrow::ExtensionArray&>(*array).storage();
}

std::string ExtensionOf(const arrow::DataType& type) {
  if (type.id() != arrow::Type::EXTENSION) return "";
  return static_cast<const arrow::ExtensionType&>(type).extension_name();
}

/// A writer's own way to hold the same values (files can tell Arrow of it) as the plain one.
Result<ArrayPtr> Plain(ArrayPtr array) {
  using arrow::Type;
  array = Unwrapped(array);
  std::shared_ptr<arrow::DataType> type;
  switch (array->type_id()) {
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
      type = arrow::utf8();
      break;
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
      type = arrow::binary();
      break;
    case Type::LARGE_LIST:
    case Type::LIST_VIEW:
    case Type::LARGE_LIST_VIEW:
    case Type::FIXED_SIZE_LIST:
      type = arrow::list(array->type()->field(0));
      break;
    case Type::DICTIONARY:
      type = static_cast<const arrow::DictionaryType&>(*array->type()).value_type();
      break;
    default:
      return array;
  }
  auto cast = arrow::compute::Cast(*array, type);
  if (!cast.ok()) return FromArrow(cast.status(), "reading a variant").error();
  return Plain(*cast);
}

/// A child as plain binary; nothing where there is none.
Result<std::shared_ptr<arrow::BinaryArray>> BytesOf(const arrow::StructArray& group,
                                                    const char* name) {
  ArrayPtr child = group.GetFieldByName(name);
  if (child == nullptr) return std::shared_ptr<arrow::BinaryArray>();
  TARN_ASSIGN_OR_RETURN(child, Plain(std::move(child)));
  if (child->type_id() != arrow::Type::BINARY) return WrongShape(*group.type());
  return std::static_pointer_cast<arrow::BinaryArray>(child);
}

/// Every part is there once, and nothing else.
Status CheckParts(const arrow::DataType& group, ShreddedValue::Place place) {
  std::set<std::string> seen;
  for (const auto& field : group.fields()) {
    const std::string& name = field->name();
    const bool known = name == kValue || name == kTypedValue ||
                       (name == kMetadata && place == ShreddedValue::Place::kColumn);
    if (!known || !seen.insert(name).second) return WrongShape(group);
  }
  return {};
}

Status BuildRaw(const VariantKeys& keys, std::string_view value, int depth,
                VariantBuilder& builder) {
  TARN_RETURN_IF_ERROR(CheckVariant(keys, value, depth));
  TARN_ASSIGN_OR_RETURN(const VariantNode node, VariantNode::Read(value));
  builder.Raw(node.bytes);
  return {};
}

Error TooDeep() {
  return Corruption("corrupt variant: more than " + std::to_string(kVariantDepthMax) + " levels");
}

/// What the builder does not take is a fault of the file's.
Status OfFile(const Status& built) {
  if (built.ok()) return {};
  return Corruption("corrupt variant: " + built.error().message);
}

}  // namespace

Result<ShreddedValue> ShreddedValue::Of(const ArrayPtr& array, Place place, int level) {
  if (level > kShreddedLevelsMax) return Corruption("corrupt variant: it is shredded too deeply");
  if (array->type_id() != arrow::Type::STRUCT) return WrongShape(*array->type());
  TARN_RETURN_IF_ERROR(CheckParts(*array->type(), place));
  ShreddedValue result;
  result.group_ = std::static_pointer_cast<arrow::StructArray>(array);
  TARN_ASSIGN_OR_RETURN(result.value_, BytesOf(*result.group_, kValue));
  ArrayPtr typed = result.group_->GetFieldByName(kTypedValue);
  if (typed == nullptr && result.value_ == nullptr) return WrongShape(*array->type());
  if (typed == nullptr) return result;
  result.extension_ = ExtensionOf(*typed->type());
  TARN_ASSIGN_OR_RETURN(typed, Plain(std::move(typed)));
  TARN_RETURN_IF_ERROR(result.TakeTyped(std::move(typed), level));
  return result;
}

Status ShreddedValue::TakeTyped(ArrayPtr typed, int level) {
  typed_ = std::move(typed);
  if (typed_->type_id() == arrow::Type::STRUCT) {
    const auto& object = static_cast<const arrow::StructArray&>(*typed_);
    for (int i = 0; i < object.num_fields(); ++i) {
      TARN_ASSIGN_OR_RETURN(auto field, Of(Unwrapped(object.field(i)), Place::kWithin, level + 1));
      names_.push_back(object.type()->field(i)->name());
      fields_.push_back(std::move(field));
      if (!sorted_names_.insert(names_.back()).second) return WrongShape(*typed_->type());
    }
  } else if (typed_->type_id() == arrow::Type::LIST) {
    const auto& list = static_cast<const arrow::ListArray&>(*typed_);
    TARN_ASSIGN_OR_RETURN(auto element, Of(Unwrapped(list.values()), Place::kWithin, level + 1));
    elements_.push_back(std::move(element));
  }
  return {};
}

Result<bool> ShreddedValue::Build(const VariantKeys& keys, int64_t row, int depth,
                                  VariantBuilder& builder) const {
  if (group_->IsNull(row)) return false;
  const bool has_value = value_ != nullptr && value_->IsValid(row);
  if (typed_ == nullptr || typed_->IsNull(row)) {
    if (!has_value) return false;
    TARN_RETURN_IF_ERROR(BuildRaw(keys, value_->GetView(row), depth, builder));
    return true;
  }
  if (typed_->type_id() == arrow::Type::STRUCT) {
    TARN_RETURN_IF_ERROR(BuildObject(keys, row, depth, has_value, builder));
    return true;
  }
  if (has_value) return Corruption("corrupt variant: a shredded value is there twice");
  TARN_RETURN_IF_ERROR(elements_.empty() ? BuildPrimitive(row, builder)
                                         : BuildArray(keys, row, depth, builder));
  return true;
}

Status ShreddedValue::BuildArray(const VariantKeys& keys, int64_t row, int depth,
                                 VariantBuilder& builder) const {
  if (depth >= kVariantDepthMax) return TooDeep();
  const auto& list = static_cast<const arrow::ListArray&>(*typed_);
  auto array = builder.Open();
  for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
    builder.AddItem(array);
    TARN_ASSIGN_OR_RETURN(const bool there, elements_[0].Build(keys, i, depth + 1, builder));
    // "If a Variant is missing in a context where a value is required".
    if (!there) builder.Null();
  }
  builder.CloseArray(array);
  return {};
}

Status ShreddedValue::BuildObject(const VariantKeys& keys, int64_t row, int depth, bool partly,
                                  VariantBuilder& builder) const {
  if (depth >= kVariantDepthMax) return TooDeep();
  auto object = builder.Open();
  for (size_t i = 0; i < fields_.size(); ++i) {
    // Its place is that where the value will begin. The dictionary has the keys of what is there.
    builder.AddItem(object);
    TARN_ASSIGN_OR_RETURN(const bool there, fields_[i].Build(keys, row, depth + 1, builder));
    if (there) {
      TARN_ASSIGN_OR_RETURN(object.parts.back().key, builder.KeyId(names_[i]));
    } else {
      object.parts.pop_back();
    }
  }
  if (partly) TARN_RETURN_IF_ERROR(BuildRest(keys, row, depth, object, builder));
  return OfFile(builder.CloseObject(object));
}

/// What of a partially shredded object stands in `value`: nothing that is shredded, also where that
/// is missing there.
Status ShreddedValue::BuildRest(const VariantKeys& keys, int64_t row, int depth,
                                VariantBuilder::Container& object, VariantBuilder& builder) const {
  const std::string_view rest = value_->GetView(row);
  TARN_RETURN_IF_ERROR(CheckVariant(keys, rest, depth));
  TARN_ASSIGN_OR_RETURN(const VariantNode node, VariantNode::Read(rest));
  if (node.kind != VariantKind::kObject) {
    return Corruption("corrupt variant: the rest of a shredded object is none");
  }
  for (uint32_t i = 0; i < node.count; ++i) {
    const std::string_view key = keys.at(node.KeyId(i));
    if (sorted_names_.contains(key)) {
      return Corruption("corrupt variant: the key " + std::string(key) +
                        " is shredded and in the rest of its object as well");
    }
    TARN_ASSIGN_OR_RETURN(const VariantNode part, VariantNode::Read(node.Part(i)));
    builder.AddKey(object, node.KeyId(i));
    builder.Raw(part.bytes);
  }
  return {};
}

template <typename ArrayType>
auto ShreddedValue::At(int64_t row) const {
  return static_cast<const ArrayType&>(*typed_).Value(row);
}

Error ShreddedValue::UnknownType() const {
  return Unsupported("a variant is shredded as " + typed_->type()->ToString() +
                     ", which is not known");
}

/// "Shredded Value Types".
Status ShreddedValue::BuildPrimitive(int64_t row, VariantBuilder& builder) const {
  using arrow::Type;
  switch (typed_->type_id()) {
    case Type::BOOL:
      builder.Boolean(At<arrow::BooleanArray>(row));
      return {};
    case Type::INT8:
      // So DuckDB hands out booleans where uuids stay what they are.
      if (extension_ == "arrow.bool8") {
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
      const int scale = static_cast<const arrow::DecimalType&>(*typed_->type()).scale();
      return OfFile(builder.Decimal({value.high_bits(), value.low_bits()}, scale));
    }
    case Type::TIME64:
      if (static_cast<const arrow::Time64Type&>(*typed_->type()).unit() != arrow::TimeUnit::MICRO) {
        break;
      }
      if (const int64_t time = At<arrow::Time64Array>(row); time >= 0 && time <= kMicrosOfDay) {
        builder.Time(VariantKind::kTime, time);
        return {};
      }
      return Corruption("corrupt variant: a time beyond its day");
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
      if (extension_ != "arrow.uuid") break;
      builder.Uuid(fixed.GetView(row));
      return {};
    }
    default:
      break;
  }
  return UnknownType();
}

Status ShreddedValue::BuildTimestamp(int64_t row, VariantBuilder& builder) const {
  const auto& type = static_cast<const arrow::TimestampType&>(*typed_->type());
  const bool zoned = !type.timezone().empty();
  const int64_t value = At<arrow::TimestampArray>(row);
  if (type.unit() == arrow::TimeUnit::MICRO) {
    builder.Time(zoned ? VariantKind::kTimestampTz : VariantKind::kTimestamp, value);
  } else if (type.unit() == arrow::TimeUnit::NANO) {
    builder.Time(zoned ? VariantKind::kTimestampTzNs : VariantKind::kTimestampNs, value);
  } else {
    return UnknownType();
  }
  return {};
}

Result<ShreddedColumn> ShreddedColumn::Of(const ArrayPtr& stored) {
  const ArrayPtr array = Unwrapped(stored);
  if (array->type_id() != arrow::Type::STRUCT) return WrongShape(*array->type());
  ShreddedColumn column;
  column.group = std::static_pointer_cast<arrow::StructArray>(array);
  TARN_ASSIGN_OR_RETURN(column.metadata, BytesOf(*column.group, kMetadata));
  if (column.metadata == nullptr) return WrongShape(*array->type());
  TARN_ASSIGN_OR_RETURN(column.value, ShreddedValue::Of(array, ShreddedValue::Place::kColumn));
  return column;
}

}  // namespace tarn

#include "table/dual/column_shape.h"

#include <cstdlib>
#include <string>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/compute/cast.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/bitmap_ops.h>
#include <arrow/util/decimal.h>
#include <arrow/util/key_value_metadata.h>

#include "columnar/arrow_output.h"
#include "columnar/variant_column.h"

namespace tarn {

namespace {

constexpr char kFieldIdKey[] = "PARQUET:field_id";

using ArrayPtr = std::shared_ptr<arrow::Array>;

int32_t IdOf(const arrow::Field& field) {
  if (field.metadata() == nullptr) return -1;
  const auto text = field.metadata()->Get(kFieldIdKey);
  return text.ok() ? static_cast<int32_t>(std::strtol(text->c_str(), nullptr, 10)) : -1;
}

Error WrongKind(const arrow::Array& array, const Type& type) {
  return Corruption("a column of type " + type.ToString() + " is stored as " +
                    array.type()->ToString());
}

Result<ArrayPtr> CastTo(const ArrayPtr& array, const std::shared_ptr<arrow::DataType>& type) {
  auto cast = arrow::compute::Cast(*array, type);
  if (!cast.ok()) return FromArrow(cast.status(), "converting a column").error();
  return *cast;
}

/// Files need not say whether a timestamp is in UTC, and INT96 never does: the table's type says it
/// for them, and the number is the same.
Result<ArrayPtr> InZone(const ArrayPtr& array, const std::string& zone) {
  if (array->type_id() != arrow::Type::TIMESTAMP) return array;
  const auto& type = static_cast<const arrow::TimestampType&>(*array->type());
  if (type.timezone().empty() == zone.empty()) return array;
  auto viewed = array->View(arrow::timestamp(type.unit(), zone));
  if (!viewed.ok()) return FromArrow(viewed.status(), "shaping a column").error();
  return *viewed;
}

template <typename T>
Result<ArrayPtr> Made(T made) {
  if (!made.ok()) return FromArrow(made.status(), "shaping a column").error();
  return ArrayPtr(*std::move(made));
}

arrow::Result<std::shared_ptr<arrow::Scalar>> ToArrowScalar(
    const Scalar& value, const std::shared_ptr<arrow::DataType>& type) {
  if (const auto* boolean = std::get_if<bool>(&value)) return arrow::MakeScalar(type, *boolean);
  if (const auto* integer = std::get_if<int64_t>(&value)) return arrow::MakeScalar(type, *integer);
  if (const auto* number = std::get_if<double>(&value)) return arrow::MakeScalar(type, *number);
  if (const auto* decimal = std::get_if<Int128>(&value)) {
    return arrow::MakeScalar(type, arrow::Decimal128(decimal->high, decimal->low));
  }
  return arrow::MakeScalar(type, arrow::Buffer::FromString(std::get<std::string>(value)));
}

}  // namespace

Result<ArrayPtr> RepeatScalar(const Scalar& value, const std::shared_ptr<arrow::DataType>& type,
                              int64_t rows) {
  if (IsNull(value)) return Made(arrow::MakeArrayOfNull(type, rows));
  auto scalar = ToArrowScalar(value, type);
  if (!scalar.ok()) return FromArrow(scalar.status(), "a column's default").error();
  return Made(arrow::MakeArrayFromScalar(**scalar, rows));
}

ColumnShaper::ColumnShaper(const arrow::Schema& schema,
                           std::map<int32_t, std::string> physical_names)
    : with_ids_(false), physical_names_(std::move(physical_names)) {
  for (const auto& field : schema.fields()) with_ids_ = with_ids_ || IdOf(*field) >= 0;
}

int ColumnShaper::Find(const arrow::DataType& in, const Field& wanted) const {
  const auto mapped = physical_names_.find(wanted.id.value());
  const std::string& name = mapped == physical_names_.end() ? wanted.name : mapped->second;
  for (int i = 0; i < in.num_fields(); ++i) {
    const bool found =
        with_ids_ ? IdOf(*in.field(i)) == wanted.id.value() : in.field(i)->name() == name;
    if (found) return i;
  }
  return -1;
}

Result<ArrayPtr> ColumnShaper::Shape(const ArrayPtr& array, const Type& type) const {
  const arrow::Type::type stored = array->type_id();
  switch (type.kind()) {
    case Type::Kind::kStruct:
      if (stored != arrow::Type::STRUCT) return WrongKind(*array, type);
      return ShapeStruct(static_cast<const arrow::StructArray&>(*array), type);
    case Type::Kind::kList:
      return ShapeList(array, type);
    case Type::Kind::kMap:
      if (stored != arrow::Type::MAP) return WrongKind(*array, type);
      return ShapeMap(static_cast<const arrow::MapArray&>(*array), type);
    case Type::Kind::kTimestampTz:
    case Type::Kind::kTimestampTzNs:
      return InZone(array, "UTC");
    case Type::Kind::kTimestamp:
    case Type::Kind::kTimestampNs: {
      // A date that became a timestamp: the only widening that is no conversion between numbers.
      if (stored != arrow::Type::DATE32) return InZone(array, "");
      TARN_ASSIGN_OR_RETURN(auto wanted, TypeToArrow(type));
      return CastTo(array, wanted);
    }
    case Type::Kind::kVariant:
      return ReadVariants(array);
    default:
      return array;
  }
}

Result<ArrayPtr> ColumnShaper::ShapeStruct(const arrow::StructArray& array,
                                           const Type& type) const {
  arrow::ArrayVector children;
  arrow::FieldVector fields;
  for (const Field& wanted : type.fields()) {
    const int found = Find(*array.type(), wanted);
    ArrayPtr child;
    if (found >= 0) {
      TARN_ASSIGN_OR_RETURN(child, Shape(array.field(found), wanted.type));
    } else {
      TARN_ASSIGN_OR_RETURN(auto child_type, TypeToArrow(wanted.type));
      TARN_ASSIGN_OR_RETURN(child, RepeatScalar(wanted.initial_default.value_or(Scalar()),
                                                child_type, array.length()));
    }
    fields.push_back(arrow::field(wanted.name, child->type()));
    children.push_back(std::move(child));
  }
  // The children are slices already; the struct's own nulls may begin at an offset.
  std::shared_ptr<arrow::Buffer> nulls;
  if (array.null_count() > 0) {
    auto copied = arrow::internal::CopyBitmap(
        arrow::default_memory_pool(), array.null_bitmap_data(), array.offset(), array.length());
    if (!copied.ok()) return FromArrow(copied.status(), "shaping a column").error();
    nulls = *std::move(copied);
  }
  return ArrayPtr(std::make_shared<arrow::StructArray>(arrow::struct_(std::move(fields)),
                                                       array.length(), std::move(children),
                                                       std::move(nulls), array.null_count()));
}

Result<ArrayPtr> ColumnShaper::ShapeList(const ArrayPtr& array, const Type& type) const {
  if (array->type_id() != arrow::Type::LIST) {
    if (array->type()->num_fields() != 1) return WrongKind(*array, type);
    TARN_ASSIGN_OR_RETURN(ArrayPtr list, CastTo(array, arrow::list(array->type()->field(0))));
    return ShapeList(list, type);
  }
  const auto& list = static_cast<const arrow::ListArray&>(*array);
  TARN_ASSIGN_OR_RETURN(ArrayPtr values, Shape(list.values(), type.fields()[0].type));
  auto list_type = arrow::list(arrow::field("element", values->type()));
  return ArrayPtr(std::make_shared<arrow::ListArray>(
      std::move(list_type), list.length(), list.value_offsets(), std::move(values),
      list.null_bitmap(), list.null_count(), list.offset()));
}

Result<ArrayPtr> ColumnShaper::ShapeMap(const arrow::MapArray& array, const Type& type) const {
  TARN_ASSIGN_OR_RETURN(ArrayPtr keys, Shape(array.keys(), type.fields()[0].type));
  TARN_ASSIGN_OR_RETURN(ArrayPtr items, Shape(array.items(), type.fields()[1].type));
  auto map_type = arrow::map(keys->type(), items->type());
  return ArrayPtr(std::make_shared<arrow::MapArray>(
      std::move(map_type), array.length(), array.value_offsets(), std::move(keys), std::move(items),
      array.null_bitmap(), array.null_count(), array.offset()));
}

}  // namespace tarn

#include "columnar/conform.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/compute/cast.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <arrow/util/bitmap_ops.h>

#include "columnar/temporal_text.h"

namespace tarn {

namespace {

using arrow::Array;
using arrow::DataType;
using arrow::Type;
using ArrayPtr = std::shared_ptr<Array>;
using TypePtr = std::shared_ptr<DataType>;

arrow::Result<ArrayPtr> Convert(const ArrayPtr& array, const TypePtr& to);

/// The same buffers under a type of the same layout.
std::shared_ptr<arrow::ArrayData> Retyped(const arrow::ArrayData& data, const TypePtr& type) {
  auto copy = data.Copy();
  copy->type = type;
  for (int i = 0; i < type->num_fields(); ++i) {
    copy->child_data[static_cast<size_t>(i)] =
        Retyped(*data.child_data[static_cast<size_t>(i)], type->field(i)->type());
  }
  return copy;
}

int64_t NanosPerUnit(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1'000'000'000;
    case arrow::TimeUnit::MILLI:
      return 1'000'000;
    case arrow::TimeUnit::MICRO:
      return 1'000;
    default:
      return 1;
  }
}

/// Times, durations and intervals as text; `format(i)` tells row i.
template <typename Format>
arrow::Result<ArrayPtr> ToText(const Array& array, Format format) {
  arrow::StringBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Reserve(array.length()));
  for (int64_t i = 0; i < array.length(); ++i) {
    ARROW_RETURN_NOT_OK(array.IsNull(i) ? builder.AppendNull() : builder.Append(format(i)));
  }
  return builder.Finish();
}

template <typename ArrayType>
arrow::Result<ArrayPtr> TimesToText(const Array& array) {
  const auto& times = static_cast<const ArrayType&>(array);
  const int64_t scale = NanosPerUnit(static_cast<const arrow::TimeType&>(*array.type()).unit());
  for (int64_t i = 0; i < array.length(); ++i) {
    // 24:00:00 is a time in SQL.
    if (times.IsValid(i) && (times.Value(i) < 0 || times.Value(i) > 86'400'000'000'000 / scale)) {
      return arrow::Status::Invalid("a time of day out of range: ", times.Value(i));
    }
  }
  return ToText(array, [&](int64_t i) { return TimeText(times.Value(i) * scale); });
}

arrow::Result<ArrayPtr> TemporalToText(const Array& array) {
  switch (array.type_id()) {
    case Type::TIME32:
      return TimesToText<arrow::Time32Array>(array);
    case Type::TIME64:
      return TimesToText<arrow::Time64Array>(array);
    case Type::DURATION: {
      const auto& durations = static_cast<const arrow::DurationArray&>(array);
      const int64_t scale =
          NanosPerUnit(static_cast<const arrow::DurationType&>(*array.type()).unit());
      const int64_t per_second = 1'000'000'000 / scale;
      return ToText(array, [&](int64_t i) {
        const int64_t value = durations.Value(i);
        return IntervalText(0, 0, value / per_second, value % per_second * scale);
      });
    }
    case Type::INTERVAL_MONTHS: {
      const auto& months = static_cast<const arrow::MonthIntervalArray&>(array);
      return ToText(array, [&](int64_t i) { return IntervalText(months.Value(i), 0, 0, 0); });
    }
    case Type::INTERVAL_DAY_TIME: {
      const auto& intervals = static_cast<const arrow::DayTimeIntervalArray&>(array);
      return ToText(array, [&](int64_t i) {
        const auto value = intervals.GetValue(i);
        return IntervalText(0, value.days, value.milliseconds / 1000,
                            int64_t{value.milliseconds % 1000} * 1'000'000);
      });
    }
    default: {
      const auto& intervals = static_cast<const arrow::MonthDayNanoIntervalArray&>(array);
      return ToText(array, [&](int64_t i) {
        const auto value = intervals.GetValue(i);
        return IntervalText(value.months, value.days, value.nanoseconds / 1'000'000'000,
                            value.nanoseconds % 1'000'000'000);
      });
    }
  }
}

bool IsTemporalText(Type::type id) {
  return id == Type::TIME32 || id == Type::TIME64 || id == Type::DURATION ||
         id == Type::INTERVAL_MONTHS || id == Type::INTERVAL_DAY_TIME ||
         id == Type::INTERVAL_MONTH_DAY_NANO;
}

bool IsText(Type::type id) {
  return arrow::is_base_binary_like(id) || arrow::is_binary_view_like(id);
}

/// Whether Arrow's safe cast keeps every value that it lets through.
bool CastKeepsValues(const DataType& from, const DataType& to) {
  const Type::type a = from.id();
  const Type::type b = to.id();
  if (arrow::is_integer(a)) {
    return arrow::is_integer(b) || b == Type::FLOAT || b == Type::DOUBLE || arrow::is_decimal(b);
  }
  if (a == Type::HALF_FLOAT) return b == Type::FLOAT || b == Type::DOUBLE;
  if (a == Type::FLOAT) return b == Type::DOUBLE;
  if (arrow::is_decimal(a)) return arrow::is_decimal(b);
  if (IsText(a)) return IsText(b);
  if (a == Type::DATE64) return b == Type::DATE32;
  if (a == Type::TIMESTAMP && b == Type::TIMESTAMP) {
    return static_cast<const arrow::TimestampType&>(from).timezone().empty() ==
           static_cast<const arrow::TimestampType&>(to).timezone().empty();
  }
  return false;
}

/// The null bitmap without the array's offset.
arrow::Result<std::shared_ptr<arrow::Buffer>> Nulls(const Array& array) {
  if (array.null_count() == 0) return nullptr;
  if (array.offset() == 0) return array.null_bitmap();
  return arrow::internal::CopyBitmap(arrow::default_memory_pool(), array.null_bitmap_data(),
                                     array.offset(), array.length());
}

arrow::Result<ArrayPtr> ConvertStruct(const arrow::StructArray& array, const TypePtr& to) {
  if (array.num_fields() != to->num_fields()) {
    return arrow::Status::NotImplemented("structs of different size");
  }
  arrow::ArrayVector children;
  for (int i = 0; i < array.num_fields(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto child, Convert(array.field(i), to->field(i)->type()));
    children.push_back(std::move(child));
  }
  ARROW_ASSIGN_OR_RAISE(auto nulls, Nulls(array));
  return std::make_shared<arrow::StructArray>(to, array.length(), std::move(children), nulls,
                                              array.null_count());
}

/// Offsets that begin with 0, for the values that they refer to alone.
arrow::Result<std::shared_ptr<arrow::Buffer>> Rebased(const int32_t* offsets, int64_t length) {
  ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer((length + 1) * 4));
  auto* out = reinterpret_cast<int32_t*>(buffer->mutable_data());
  for (int64_t i = 0; i <= length; ++i) out[i] = offsets[i] - offsets[0];
  return std::shared_ptr<arrow::Buffer>(std::move(buffer));
}

arrow::Result<ArrayPtr> ConvertList(const arrow::ListArray& array, const TypePtr& to) {
  const int32_t begin = array.value_offset(0);
  const int32_t end = array.value_offset(array.length());
  ARROW_ASSIGN_OR_RAISE(auto values,
                        Convert(array.values()->Slice(begin, end - begin), to->field(0)->type()));
  ARROW_ASSIGN_OR_RAISE(auto offsets, Rebased(array.raw_value_offsets(), array.length()));
  ARROW_ASSIGN_OR_RAISE(auto nulls, Nulls(array));
  return std::make_shared<arrow::ListArray>(to, array.length(), offsets, values, nulls,
                                            array.null_count());
}

/// Views may overlap and lie in any order. Arrow's own conversions mistake the offsets of slices.
template <typename ListViewArrayType>
arrow::Result<ArrayPtr> ConvertListView(const ListViewArrayType& array, const TypePtr& to) {
  ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer((array.length() + 1) * 4));
  auto* offsets = reinterpret_cast<int32_t*>(buffer->mutable_data());
  arrow::ArrayVector pieces;
  int64_t total = 0;
  int64_t begin = 0;  // of the piece that is being put together
  int64_t end = 0;
  offsets[0] = 0;
  for (int64_t i = 0; i < array.length(); ++i) {
    const int64_t size = array.IsNull(i) ? 0 : array.value_length(i);
    if (size > 0 && array.value_offset(i) != end) {
      if (end > begin) pieces.push_back(array.values()->Slice(begin, end - begin));
      begin = end = array.value_offset(i);
    }
    end += size;
    total += size;
    if (total > std::numeric_limits<int32_t>::max()) {
      return arrow::Status::CapacityError("too many list elements in a batch");
    }
    offsets[i + 1] = static_cast<int32_t>(total);
  }
  pieces.push_back(array.values()->Slice(begin, end - begin));
  ARROW_ASSIGN_OR_RAISE(auto gathered, arrow::Concatenate(pieces));
  ARROW_ASSIGN_OR_RAISE(auto values, Convert(gathered, to->field(0)->type()));
  ARROW_ASSIGN_OR_RAISE(auto nulls, Nulls(array));
  return std::make_shared<arrow::ListArray>(to, array.length(), std::move(buffer), values, nulls,
                                            array.null_count());
}

arrow::Result<ArrayPtr> ConvertMap(const arrow::MapArray& array, const TypePtr& to) {
  const auto& type = static_cast<const arrow::MapType&>(*to);
  const int32_t begin = array.value_offset(0);
  const int32_t size = array.value_offset(array.length()) - begin;
  ARROW_ASSIGN_OR_RAISE(auto keys, Convert(array.keys()->Slice(begin, size), type.key_type()));
  ARROW_ASSIGN_OR_RAISE(auto items, Convert(array.items()->Slice(begin, size), type.item_type()));
  ARROW_ASSIGN_OR_RAISE(auto offsets, Rebased(array.raw_value_offsets(), array.length()));
  ARROW_ASSIGN_OR_RAISE(auto nulls, Nulls(array));
  return std::make_shared<arrow::MapArray>(to, array.length(), offsets, keys, items, nulls,
                                           array.null_count());
}

arrow::Result<ArrayPtr> Convert(const ArrayPtr& array, const TypePtr& to) {
  const DataType& from = *array->type();
  if (from.Equals(*to, /*check_metadata=*/true)) return array;
  if (SameLayout(from, *to)) return arrow::MakeArray(Retyped(*array->data(), to));
  const Type::type a = from.id();
  const Type::type b = to->id();
  if (a == Type::NA) return arrow::MakeArrayOfNull(to, array->length());
  if (a == Type::EXTENSION) {
    return Convert(static_cast<const arrow::ExtensionArray&>(*array).storage(), to);
  }
  if (a == Type::DICTIONARY) {
    const auto& values = static_cast<const arrow::DictionaryType&>(from).value_type();
    ARROW_ASSIGN_OR_RAISE(auto plain, arrow::compute::Cast(*array, values));
    return Convert(plain, to);
  }
  if (IsTemporalText(a) && b == Type::STRING) return TemporalToText(*array);
  if (a == Type::STRUCT && b == Type::STRUCT) {
    return ConvertStruct(static_cast<const arrow::StructArray&>(*array), to);
  }
  if (a == Type::MAP && b == Type::MAP) {
    return ConvertMap(static_cast<const arrow::MapArray&>(*array), to);
  }
  if (b == Type::LIST && (a == Type::LIST || a == Type::LARGE_LIST || a == Type::FIXED_SIZE_LIST)) {
    if (a == Type::LIST) return ConvertList(static_cast<const arrow::ListArray&>(*array), to);
    ARROW_ASSIGN_OR_RAISE(auto list, arrow::compute::Cast(*array, arrow::list(from.field(0))));
    return Convert(list, to);
  }
  if (b == Type::LIST && a == Type::LIST_VIEW) {
    return ConvertListView(static_cast<const arrow::ListViewArray&>(*array), to);
  }
  if (b == Type::LIST && a == Type::LARGE_LIST_VIEW) {
    return ConvertListView(static_cast<const arrow::LargeListViewArray&>(*array), to);
  }
  if (CastKeepsValues(from, *to)) return arrow::compute::Cast(*array, to);
  return arrow::Status::NotImplemented("no conversion");
}

constexpr int32_t kDecimalDigitsMax = 38;

bool HasWidestDecimals(const DataType& type) {
  if (type.id() == Type::DECIMAL128) {
    return static_cast<const arrow::DecimalType&>(type).precision() == kDecimalDigitsMax;
  }
  return std::any_of(type.fields().begin(), type.fields().end(),
                     [](const auto& field) { return HasWidestDecimals(*field->type()); });
}

/// 128 bits hold numbers of 39 digits, and engines whose integers have 128 bits call these
/// decimals of 38.
arrow::Result<ArrayPtr> ConvertInRange(const ArrayPtr& array, const TypePtr& to) {
  ARROW_ASSIGN_OR_RAISE(ArrayPtr converted, Convert(array, to));
  if (HasWidestDecimals(*to)) ARROW_RETURN_NOT_OK(converted->ValidateFull());
  return converted;
}

/// The first row that cannot be converted, found by halving.
int64_t FirstBadRow(const ArrayPtr& array, const TypePtr& to) {
  int64_t good = 0;  // so many rows convert
  int64_t bad = array->length();
  while (good + 1 < bad) {
    const int64_t middle = good + (bad - good) / 2;
    (ConvertInRange(array->Slice(good, middle - good), to).ok() ? good : bad) = middle;
  }
  return good;
}

Result<ArrayPtr> ConformColumn(const ArrayPtr& array, const arrow::Field& field) {
  auto converted = ConvertInRange(array, field.type());
  if (!converted.ok()) {
    const std::string types = array->type()->ToString() + " to " + field.type()->ToString();
    if (converted.status().IsNotImplemented()) {
      return Unsupported("column " + field.name() + " cannot be converted from " + types,
                         "cast it in the query");
    }
    if (converted.status().IsOutOfMemory()) {
      return MakeError(ErrorKind::kResourceExhausted,
                       "column " + field.name() + ": " + converted.status().message());
    }
    return InvalidArgument("column " + field.name() + ", row " +
                           std::to_string(FirstBadRow(array, field.type())) +
                           " of the batch: a value cannot be converted from " + types + ": " +
                           converted.status().message());
  }
  const ArrayPtr& result = *converted;
  if (!field.nullable() && result->null_count() > 0) {
    int64_t row = 0;
    while (result->IsValid(row)) ++row;
    return InvalidArgument("column " + field.name() + ", row " + std::to_string(row) +
                           " of the batch: null in a required column");
  }
  return result;
}

}  // namespace

Result<std::shared_ptr<arrow::RecordBatch>> Conform(
    const std::shared_ptr<arrow::RecordBatch>& batch,
    const std::shared_ptr<arrow::Schema>& target) {
  if (batch->num_columns() != target->num_fields()) {
    return InvalidArgument("rows have " + std::to_string(batch->num_columns()) +
                           " columns, the table has " + std::to_string(target->num_fields()));
  }
  arrow::ArrayVector columns;
  for (int i = 0; i < target->num_fields(); ++i) {
    TARN_ASSIGN_OR_RETURN(auto column, ConformColumn(batch->column(i), *target->field(i)));
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(target, batch->num_rows(), std::move(columns));
}

Result<std::shared_ptr<arrow::RecordBatch>> WithSchema(
    const arrow::RecordBatch& batch, const std::shared_ptr<arrow::Schema>& schema) {
  if (batch.num_columns() != schema->num_fields()) {
    return InvalidArgument("rows have " + std::to_string(batch.num_columns()) +
                           " columns, the file has " + std::to_string(schema->num_fields()));
  }
  arrow::ArrayVector columns;
  for (int i = 0; i < schema->num_fields(); ++i) {
    const TypePtr& to = schema->field(i)->type();
    ArrayPtr column = batch.column(i);
    if (!SameLayout(*column->type(), *to)) {
      return InvalidArgument("column " + schema->field(i)->name() + " has type " +
                             column->type()->ToString() + ", the file has " + to->ToString());
    }
    if (!column->type()->Equals(*to, /*check_metadata=*/true)) {
      column = arrow::MakeArray(Retyped(*column->data(), to));
    }
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(schema, batch.num_rows(), std::move(columns));
}

}  // namespace tarn

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/util/bitmap_ops.h>
#include <arrow/util/decimal.h>

#include "table/model/partition.h"
#include "table/model/transform_math.h"

namespace tarn {

namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

Error FromArrow(const arrow::Status& status) {
  return MakeError(status.IsOutOfMemory() ? ErrorKind::kResourceExhausted : ErrorKind::kInternal,
                   "partition transform: " + status.message());
}

/// A fixed-width result beside the column's own validity; `of_row` sees null rows too and must
/// accept whatever bytes stand there.
template <typename ResultArrow, typename OfRow>
Result<ArrayPtr> MapRows(const arrow::Array& column, OfRow of_row) {
  using CType = typename ResultArrow::c_type;
  const int64_t rows = column.length();
  auto values = arrow::AllocateBuffer(rows * static_cast<int64_t>(sizeof(CType)));
  if (!values.ok()) return FromArrow(values.status());
  auto* out = reinterpret_cast<CType*>((*values)->mutable_data());
  for (int64_t row = 0; row < rows; ++row) out[row] = of_row(row);
  std::shared_ptr<arrow::Buffer> validity;
  if (column.null_count() > 0) {
    auto bitmap = arrow::internal::CopyBitmap(arrow::default_memory_pool(),
                                              column.null_bitmap_data(), column.offset(), rows);
    if (!bitmap.ok()) return FromArrow(bitmap.status());
    validity = *bitmap;
  }
  std::shared_ptr<arrow::Buffer> shared = std::move(*values);
  return arrow::MakeArray(arrow::ArrayData::Make(arrow::TypeTraits<ResultArrow>::type_singleton(),
                                                 rows, {std::move(validity), std::move(shared)},
                                                 column.null_count()));
}

/// Of a timestamp column.
int64_t ColumnTicksPerDay(const arrow::Array& column) {
  const auto& type = static_cast<const arrow::TimestampType&>(*column.type());
  return type.unit() == arrow::TimeUnit::NANO ? kNanosPerDay : kMicrosPerDay;
}

template <typename OfDays>
Result<ArrayPtr> MapDays(const arrow::Array& column, OfDays of_days) {
  if (column.type_id() == arrow::Type::DATE32) {
    const int32_t* days = static_cast<const arrow::Date32Array&>(column).raw_values();
    return MapRows<arrow::Int32Type>(
        column, [&](int64_t row) { return static_cast<int32_t>(of_days(days[row])); });
  }
  const int64_t* ticks = static_cast<const arrow::TimestampArray&>(column).raw_values();
  const int64_t ticks_per_day = ColumnTicksPerDay(column);
  // Neighbouring rows mostly share their day, and the calendar is the costly part.
  int64_t cached_day = std::numeric_limits<int64_t>::min();
  int32_t cached = 0;
  return MapRows<arrow::Int32Type>(column, [&](int64_t row) {
    const int64_t day = FloorDiv(ticks[row], ticks_per_day);
    if (day != cached_day) {
      cached_day = day;
      cached = static_cast<int32_t>(of_days(day));
    }
    return cached;
  });
}

Result<ArrayPtr> Days(const ArrayPtr& column) {
  if (column->type_id() == arrow::Type::DATE32) return column;
  const int64_t* ticks = static_cast<const arrow::TimestampArray&>(*column).raw_values();
  const int64_t ticks_per_day = ColumnTicksPerDay(*column);
  return MapRows<arrow::Date32Type>(*column, [&](int64_t row) {
    return static_cast<int32_t>(FloorDiv(ticks[row], ticks_per_day));
  });
}

Result<ArrayPtr> Hours(const arrow::Array& column) {
  const int64_t* ticks = static_cast<const arrow::TimestampArray&>(column).raw_values();
  const int64_t ticks_per_hour = ColumnTicksPerDay(column) / 24;
  return MapRows<arrow::Int32Type>(column, [&](int64_t row) {
    const int64_t hour = FloorDiv(ticks[row], ticks_per_hour);
    return static_cast<int32_t>(std::clamp<int64_t>(hour, std::numeric_limits<int32_t>::min(),
                                                    std::numeric_limits<int32_t>::max()));
  });
}

Int128 DecimalAt(const arrow::Decimal128Array& column, int64_t row) {
  const arrow::Decimal128 value(column.GetValue(row));
  return {value.high_bits(), value.low_bits()};
}

Result<ArrayPtr> Buckets(const arrow::Array& column, int buckets) {
  auto with = [&](auto hash_of_row) {
    return MapRows<arrow::Int32Type>(
        column, [&](int64_t row) { return BucketOf(hash_of_row(row), buckets); });
  };
  auto of_longs = [&](const auto* values) {
    return with([values](int64_t row) { return Murmur3OfLong(values[row]); });
  };
  auto of_bytes = [&](const auto& bytes) {
    return with([&bytes](int64_t row) {
      const std::string_view view = bytes.GetView(row);
      return Murmur3(view.data(), view.size());
    });
  };
  switch (column.type_id()) {
    case arrow::Type::INT32:
      return of_longs(static_cast<const arrow::Int32Array&>(column).raw_values());
    case arrow::Type::DATE32:
      return of_longs(static_cast<const arrow::Date32Array&>(column).raw_values());
    case arrow::Type::INT64:
      return of_longs(static_cast<const arrow::Int64Array&>(column).raw_values());
    case arrow::Type::TIME64:
      return of_longs(static_cast<const arrow::Time64Array&>(column).raw_values());
    case arrow::Type::TIMESTAMP: {
      const int64_t* ticks = static_cast<const arrow::TimestampArray&>(column).raw_values();
      if (ColumnTicksPerDay(column) == kMicrosPerDay) return of_longs(ticks);
      return with([ticks](int64_t row) { return Murmur3OfNanos(ticks[row]); });
    }
    case arrow::Type::DECIMAL128: {
      const auto& decimals = static_cast<const arrow::Decimal128Array&>(column);
      return with([&](int64_t row) { return Murmur3OfDecimal(DecimalAt(decimals, row)); });
    }
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return of_bytes(static_cast<const arrow::BinaryArray&>(column));
    default:
      return of_bytes(static_cast<const arrow::FixedSizeBinaryArray&>(column));
  }
}

template <typename Builder, typename Shorten>
Result<ArrayPtr> TruncateBytes(const arrow::BinaryArray& column, Shorten shorten) {
  Builder builder;
  auto append = [&]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(builder.Reserve(column.length()));
    for (int64_t row = 0; row < column.length(); ++row) {
      if (column.IsNull(row)) {
        builder.UnsafeAppendNull();
      } else {
        ARROW_RETURN_NOT_OK(builder.Append(shorten(column.GetView(row))));
      }
    }
    return arrow::Status::OK();
  };
  if (auto status = append(); !status.ok()) return FromArrow(status);
  auto result = builder.Finish();
  if (!result.ok()) return FromArrow(result.status());
  return *result;
}

Result<ArrayPtr> TruncateDecimals(const arrow::Decimal128Array& column, int64_t width) {
  arrow::Decimal128Builder builder(column.type());
  auto append = [&]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(builder.Reserve(column.length()));
    for (int64_t row = 0; row < column.length(); ++row) {
      if (column.IsNull(row)) {
        builder.UnsafeAppendNull();
        continue;
      }
      const Int128 value = TruncateDecimal(DecimalAt(column, row), width);
      builder.UnsafeAppend(arrow::Decimal128(value.high, value.low));
    }
    return arrow::Status::OK();
  };
  if (auto status = append(); !status.ok()) return FromArrow(status);
  auto result = builder.Finish();
  if (!result.ok()) return FromArrow(result.status());
  return *result;
}

Result<ArrayPtr> Truncate(const arrow::Array& column, int width) {
  switch (column.type_id()) {
    case arrow::Type::INT32: {
      const int32_t* values = static_cast<const arrow::Int32Array&>(column).raw_values();
      return MapRows<arrow::Int32Type>(
          column, [&](int64_t row) { return TruncateInteger<int32_t>(values[row], width); });
    }
    case arrow::Type::INT64: {
      const int64_t* values = static_cast<const arrow::Int64Array&>(column).raw_values();
      return MapRows<arrow::Int64Type>(
          column, [&](int64_t row) { return TruncateInteger<int64_t>(values[row], width); });
    }
    case arrow::Type::DECIMAL128:
      return TruncateDecimals(static_cast<const arrow::Decimal128Array&>(column), width);
    case arrow::Type::STRING:
      return TruncateBytes<arrow::StringBuilder>(
          static_cast<const arrow::BinaryArray&>(column),
          [width](std::string_view text) { return TruncateText(text, width); });
    default:
      return TruncateBytes<arrow::BinaryBuilder>(
          static_cast<const arrow::BinaryArray&>(column),
          [width](std::string_view bytes) { return bytes.substr(0, static_cast<size_t>(width)); });
  }
}

}  // namespace

Result<ArrayPtr> ApplyTransform(const Transform& transform, const Type& source,
                                const ArrayPtr& column) {
  if (transform.kind == Transform::Kind::kUnknown) {
    return Unsupported("the partition transform " + transform.text + " is not known");
  }
  TARN_ASSIGN_OR_RETURN(auto expected, TypeToArrow(source));
  if (!CanTransform(transform, source) || column->type_id() != expected->id()) {
    return InvalidArgument("the partition transform " + transform.ToString() +
                           " does not apply to a column of type " + column->type()->ToString());
  }
  switch (transform.kind) {
    case Transform::Kind::kIdentity:
      return column;
    case Transform::Kind::kYear:
      return MapDays(*column, [](int64_t days) { return YearOrdinal(CivilFromDays(days)); });
    case Transform::Kind::kMonth:
      return MapDays(*column, [](int64_t days) { return MonthOrdinal(CivilFromDays(days)); });
    case Transform::Kind::kDay:
      return Days(column);
    case Transform::Kind::kHour:
      return Hours(*column);
    case Transform::Kind::kBucket:
      return Buckets(*column, transform.parameter);
    case Transform::Kind::kTruncate:
      return Truncate(*column, transform.parameter);
    default: {
      auto nulls = arrow::MakeArrayOfNull(column->type(), column->length());
      if (!nulls.ok()) return FromArrow(nulls.status());
      return *nulls;
    }
  }
}

}  // namespace tarn

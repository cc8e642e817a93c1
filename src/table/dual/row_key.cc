#include "table/dual/row_key.h"

#include <cstring>
#include <utility>

#include <arrow/api.h>

namespace tarn {

namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kSecondsPerDay = 86'400;

template <typename T>
void Put(std::string& key, char tag, const T& value) {
  key += tag;
  key.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void PutText(std::string& key, std::string_view text) {
  Put(key, 's', text.size());
  key += text;
}

int64_t PerSecond(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1;
    case arrow::TimeUnit::MILLI:
      return 1'000;
    case arrow::TimeUnit::MICRO:
      return 1'000'000;
    case arrow::TimeUnit::NANO:
      break;
  }
  return kNanosPerSecond;
}

/// The day and the nanoseconds since its midnight. So units do not matter, a date is the same as
/// its midnight (a date may have become a timestamp), and no value is too large.
void PutTime(std::string& key, int64_t value, arrow::TimeUnit::type unit) {
  const int64_t per_second = PerSecond(unit);
  const int64_t per_day = per_second * kSecondsPerDay;
  int64_t day = value / per_day;
  int64_t rest = value % per_day;
  if (rest < 0) {
    --day;
    rest += per_day;
  }
  Put(key, 'i', day);
  if (rest != 0) Put(key, 'r', rest * (kNanosPerSecond / per_second));
}

bool Comparable(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::NA:
    case arrow::Type::BOOL:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::DATE32:
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::FIXED_SIZE_BINARY:
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
      return true;
    default:
      return false;
  }
}

template <typename ArrayType>
auto Value(const arrow::Array& array, int64_t row) {
  return static_cast<const ArrayType&>(array).GetView(row);
}

void PutValue(std::string& key, const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) {
    key += 'n';
    return;
  }
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return Put(key, 'b', Value<arrow::BooleanArray>(array, row));
    case arrow::Type::INT32:
      return Put(key, 'i', int64_t{Value<arrow::Int32Array>(array, row)});
    case arrow::Type::INT64:
      return Put(key, 'i', Value<arrow::Int64Array>(array, row));
    case arrow::Type::DATE32:
      return Put(key, 'i', int64_t{Value<arrow::Date32Array>(array, row)});
    case arrow::Type::FLOAT:
      return Put(key, 'd', double{Value<arrow::FloatArray>(array, row)});
    case arrow::Type::DOUBLE:
      return Put(key, 'd', Value<arrow::DoubleArray>(array, row));
    case arrow::Type::TIME32:
      return PutTime(key, Value<arrow::Time32Array>(array, row),
                     static_cast<const arrow::Time32Type&>(*array.type()).unit());
    case arrow::Type::TIME64:
      return PutTime(key, Value<arrow::Time64Array>(array, row),
                     static_cast<const arrow::Time64Type&>(*array.type()).unit());
    case arrow::Type::TIMESTAMP:
      return PutTime(key, Value<arrow::TimestampArray>(array, row),
                     static_cast<const arrow::TimestampType&>(*array.type()).unit());
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return PutText(key, Value<arrow::BinaryArray>(array, row));
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return PutText(key, Value<arrow::LargeBinaryArray>(array, row));
    case arrow::Type::FIXED_SIZE_BINARY:
      return PutText(key, Value<arrow::FixedSizeBinaryArray>(array, row));
    case arrow::Type::DECIMAL32:
      return Put(key, 'm',
                 Int128FromInt64(
                     arrow::Decimal32(Value<arrow::Decimal32Array>(array, row).data()).value()));
    case arrow::Type::DECIMAL64:
      return Put(key, 'm',
                 Int128FromInt64(
                     arrow::Decimal64(Value<arrow::Decimal64Array>(array, row).data()).value()));
    case arrow::Type::DECIMAL128: {
      const arrow::Decimal128 value(
          reinterpret_cast<const uint8_t*>(Value<arrow::Decimal128Array>(array, row).data()));
      return Put(key, 'm', Int128{value.high_bits(), value.low_bits()});
    }
    default:
      key += 'n';
  }
}

}  // namespace

Result<RowKeys> RowKeys::Of(std::vector<std::shared_ptr<arrow::Array>> columns,
                            std::vector<std::shared_ptr<arrow::Array>> missing) {
  for (const auto& column : columns) {
    if (column != nullptr && !Comparable(*column->type())) {
      return Unsupported("rows cannot be told apart by a column of type " +
                         column->type()->ToString());
    }
  }
  RowKeys keys;
  keys.columns_ = std::move(columns);
  keys.missing_ = std::move(missing);
  return keys;
}

void RowKeys::Get(int64_t row, std::string& key) const {
  key.clear();
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i] != nullptr) {
      PutValue(key, *columns_[i], row);
    } else {
      PutValue(key, *missing_[i], 0);
    }
  }
}

}  // namespace tarn

#include "table/dual/row_key.h"

#include <cstring>
#include <utility>

#include <arrow/api.h>

namespace tarn {

namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerMilli = 1'000;
constexpr int64_t kNanosPerMicro = 1'000;

template <typename T>
void Put(std::string& key, char tag, const T& value) {
  key += tag;
  key.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void PutText(std::string& key, std::string_view text) {
  Put(key, 's', text.size());
  key += text;
}

/// Times count in microseconds; what is finer keeps its rest.
void PutTime(std::string& key, int64_t value, arrow::TimeUnit::type unit) {
  int64_t rest = 0;
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      value *= kMicrosPerSecond;
      break;
    case arrow::TimeUnit::MILLI:
      value *= kMicrosPerMilli;
      break;
    case arrow::TimeUnit::MICRO:
      break;
    case arrow::TimeUnit::NANO:
      rest = value % kNanosPerMicro;
      value /= kNanosPerMicro;
  }
  Put(key, 'i', value);
  if (rest != 0) Put(key, 'r', rest);
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

/// What PutValue would say of the same value.
void PutScalar(std::string& key, const Scalar& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return Put(key, 'b', *flag);
  if (const auto* number = std::get_if<int64_t>(&value)) return Put(key, 'i', *number);
  if (const auto* number = std::get_if<double>(&value)) return Put(key, 'd', *number);
  if (const auto* text = std::get_if<std::string>(&value)) return PutText(key, *text);
  if (const auto* number = std::get_if<Int128>(&value)) return Put(key, 'm', *number);
  key += 'n';
}

}  // namespace

Result<RowKeys> RowKeys::Of(std::vector<std::shared_ptr<arrow::Array>> columns,
                            const std::vector<Scalar>& missing) {
  for (const auto& column : columns) {
    if (column != nullptr && !Comparable(*column->type())) {
      return Unsupported("rows cannot be told apart by a column of type " +
                         column->type()->ToString());
    }
  }
  RowKeys keys;
  keys.columns_ = std::move(columns);
  keys.missing_ = missing;
  return keys;
}

void RowKeys::Get(int64_t row, std::string& key) const {
  key.clear();
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i] != nullptr) {
      PutValue(key, *columns_[i], row);
    } else {
      PutScalar(key, missing_[i]);
    }
  }
}

}  // namespace tarn

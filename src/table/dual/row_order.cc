#include "table/dual/row_order.h"

#include <algorithm>
#include <compare>
#include <cstring>
#include <numeric>
#include <string_view>
#include <type_traits>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/table.h>

#include "columnar/arrow_output.h"
#include "columnar/scalar.h"

namespace tarn {

class RowOrder::Key {
 public:
  explicit Key(const SortField& field)
      : descending_(field.direction == SortField::Direction::kDescending),
        nulls_first_(field.nulls == SortField::Nulls::kFirst) {}
  virtual ~Key() = default;

  /// Negative when row `a` comes before row `b`.
  int Compare(uint64_t a, uint64_t b) const {
    const bool null_a = IsNull(a), null_b = IsNull(b);
    if (null_a || null_b) {
      if (null_a == null_b) return 0;
      return null_a == nulls_first_ ? -1 : 1;
    }
    const int order = CompareValues(a, b);
    return descending_ ? -order : order;
  }

 protected:
  virtual bool IsNull(uint64_t row) const = 0;
  virtual int CompareValues(uint64_t a, uint64_t b) const = 0;

 private:
  const bool descending_;
  const bool nulls_first_;
};

namespace {

template <typename T>
int Order(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    const bool nan_a = a != a, nan_b = b != b;
    if (nan_a || nan_b) return static_cast<int>(nan_a) - static_cast<int>(nan_b);
  }
  return a < b ? -1 : b < a ? 1 : 0;
}

template <typename ArrayType>
auto ValueAt(const ArrayType& array, int64_t row) {
  if constexpr (std::is_same_v<ArrayType, arrow::Decimal128Array>) {
    Int128 value;
    std::memcpy(&value.low, array.GetValue(row), sizeof(value.low));
    std::memcpy(&value.high, array.GetValue(row) + sizeof(value.low), sizeof(value.high));
    return value;
  } else {
    return array.GetView(row);
  }
}

Result<std::shared_ptr<arrow::Array>> OneArray(const arrow::ChunkedArray& column) {
  if (column.num_chunks() == 1) return column.chunk(0);
  auto whole = column.num_chunks() == 0 ? arrow::MakeEmptyArray(column.type())
                                        : arrow::Concatenate(column.chunks());
  if (!whole.ok()) return FromArrow(whole.status(), "sorting rows").error();
  return *std::move(whole);
}

}  // namespace

/// What is compared here alone.
template <typename ArrayType, typename Base>
class TypedKey final : public Base {
 public:
  TypedKey(const SortField& field, const std::shared_ptr<arrow::Array>& array)
      : Base(field), array_(std::static_pointer_cast<ArrayType>(array)) {}

 private:
  bool IsNull(uint64_t row) const override { return array_->IsNull(static_cast<int64_t>(row)); }
  int CompareValues(uint64_t a, uint64_t b) const override {
    return Order(ValueAt(*array_, static_cast<int64_t>(a)),
                 ValueAt(*array_, static_cast<int64_t>(b)));
  }

  const std::shared_ptr<ArrayType> array_;
};

bool RowOrder::CanCompare(const Schema& columns, const SortOrder& order) {
  for (const SortField& field : order.fields) {
    if (field.transform.kind != Transform::Kind::kIdentity || !field.source_ids.empty()) {
      return false;
    }
    const auto column = std::find_if(columns.fields.begin(), columns.fields.end(),
                                     [&](const Field& one) { return one.id == field.source_id; });
    if (column == columns.fields.end() || !column->type.primitive() ||
        column->type.kind() == Type::Kind::kUnknown) {
      return false;
    }
  }
  return !order.fields.empty();
}

Result<RowOrder> RowOrder::Of(const arrow::Table& table, const Schema& columns,
                              const SortOrder& order) {
  std::vector<std::unique_ptr<const Key>> keys;
  for (const SortField& field : order.fields) {
    const auto column = std::find_if(columns.fields.begin(), columns.fields.end(),
                                     [&](const Field& one) { return one.id == field.source_id; });
    const int place = static_cast<int>(column - columns.fields.begin());
    TARN_ASSIGN_OR_RETURN(const auto array, OneArray(*table.column(place)));
    const auto add = [&]<typename ArrayType>() {
      keys.push_back(std::make_unique<const TypedKey<ArrayType, Key>>(field, array));
    };
    switch (array->type_id()) {
      case arrow::Type::BOOL:
        add.operator()<arrow::BooleanArray>();
        break;
      case arrow::Type::INT32:
        add.operator()<arrow::Int32Array>();
        break;
      case arrow::Type::DATE32:
        add.operator()<arrow::Date32Array>();
        break;
      case arrow::Type::INT64:
        add.operator()<arrow::Int64Array>();
        break;
      case arrow::Type::TIME64:
        add.operator()<arrow::Time64Array>();
        break;
      case arrow::Type::TIMESTAMP:
        add.operator()<arrow::TimestampArray>();
        break;
      case arrow::Type::FLOAT:
        add.operator()<arrow::FloatArray>();
        break;
      case arrow::Type::DOUBLE:
        add.operator()<arrow::DoubleArray>();
        break;
      case arrow::Type::STRING:
        add.operator()<arrow::StringArray>();
        break;
      case arrow::Type::BINARY:
        add.operator()<arrow::BinaryArray>();
        break;
      case arrow::Type::FIXED_SIZE_BINARY:
        add.operator()<arrow::FixedSizeBinaryArray>();
        break;
      case arrow::Type::DECIMAL128:
        add.operator()<arrow::Decimal128Array>();
        break;
      default:
        return Internal("rows cannot be sorted by " + array->type()->ToString());
    }
  }
  return RowOrder(std::move(keys), table.num_rows());
}

RowOrder::RowOrder(std::vector<std::unique_ptr<const Key>> keys, int64_t rows)
    : keys_(std::move(keys)), rows_(rows) {}
RowOrder::~RowOrder() = default;
RowOrder::RowOrder(RowOrder&&) noexcept = default;

std::vector<uint64_t> RowOrder::Sorted() const {
  std::vector<uint64_t> places(static_cast<size_t>(rows_));
  std::iota(places.begin(), places.end(), uint64_t{0});
  std::stable_sort(places.begin(), places.end(), [this](uint64_t a, uint64_t b) {
    for (const auto& key : keys_) {
      if (const int order = key->Compare(a, b); order != 0) return order < 0;
    }
    return false;
  });
  return places;
}

}  // namespace tarn

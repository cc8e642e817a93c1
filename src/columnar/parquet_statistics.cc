#include "columnar/parquet_statistics.h"

#include <cmath>
#include <memory>
#include <string_view>
#include <utility>

#include <arrow/array.h>
#include <arrow/extension_type.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/float16.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>
#include <parquet/statistics.h>

namespace tarn {

namespace {

using arrow::Array;
using arrow::DataType;
using arrow::Type;

void CountLeaves(const DataType& type, std::vector<int64_t>& counts, bool& any) {
  if (type.id() == Type::EXTENSION) {
    CountLeaves(*static_cast<const arrow::ExtensionType&>(type).storage_type(), counts, any);
  } else if (type.num_fields() > 0) {
    for (const auto& field : type.fields()) CountLeaves(*field->type(), counts, any);
  } else {
    const bool real = type.id() == Type::FLOAT || type.id() == Type::DOUBLE;
    counts.push_back(real ? 0 : -1);
    any = any || real;
  }
}

bool HasReal(const DataType& type) {
  if (type.id() == Type::EXTENSION) {
    return HasReal(*static_cast<const arrow::ExtensionType&>(type).storage_type());
  }
  if (type.id() == Type::FLOAT || type.id() == Type::DOUBLE) return true;
  for (const auto& field : type.fields()) {
    if (HasReal(*field->type())) return true;
  }
  return false;
}

size_t LeafCount(const DataType& type) {
  if (type.id() == Type::EXTENSION) {
    return LeafCount(*static_cast<const arrow::ExtensionType&>(type).storage_type());
  }
  if (type.num_fields() == 0) return 1;
  size_t count = 0;
  for (const auto& field : type.fields()) count += LeafCount(*field->type());
  return count;
}

template <typename ArrayType>
int64_t CountNan(const Array& array) {
  const auto& typed = static_cast<const ArrayType&>(array);
  const auto* values = typed.raw_values();
  int64_t nans = 0;
  for (int64_t i = 0; i < typed.length(); ++i) nans += values[i] != values[i];
  // What lies under a null is not a value; it is looked at only when it could matter.
  if (nans > 0 && typed.null_count() > 0) {
    nans = 0;
    for (int64_t i = 0; i < typed.length(); ++i) nans += typed.IsValid(i) && values[i] != values[i];
  }
  return nans;
}

void AddNans(const Array& array, size_t& leaf, std::vector<int64_t>& counts) {
  const DataType& type = *array.type();
  if (!HasReal(type)) {
    leaf += LeafCount(type);
    return;
  }
  switch (type.id()) {
    case Type::FLOAT:
      counts[leaf++] += CountNan<arrow::FloatArray>(array);
      return;
    case Type::DOUBLE:
      counts[leaf++] += CountNan<arrow::DoubleArray>(array);
      return;
    case Type::STRUCT: {
      const auto& parent = static_cast<const arrow::StructArray&>(array);
      for (int i = 0; i < type.num_fields(); ++i) {
        std::shared_ptr<Array> child = parent.field(i);
        if (parent.null_count() > 0) {
          auto flat = parent.GetFlattenedField(i);
          if (flat.ok()) child = *flat;
        }
        AddNans(*child, leaf, counts);
      }
      return;
    }
    case Type::LIST: {
      auto flat = static_cast<const arrow::ListArray&>(array).Flatten();
      AddNans(flat.ok() ? **flat : *static_cast<const arrow::ListArray&>(array).values(), leaf,
              counts);
      return;
    }
    case Type::MAP: {
      const auto& map = static_cast<const arrow::MapArray&>(array);
      const int64_t begin = map.value_offset(0);
      const int64_t size = map.value_offset(map.length()) - begin;
      AddNans(*map.keys()->Slice(begin, size), leaf, counts);
      AddNans(*map.items()->Slice(begin, size), leaf, counts);
      return;
    }
    default:
      leaf += LeafCount(type);
  }
}

using ScalarPair = std::pair<std::optional<Scalar>, std::optional<Scalar>>;

std::string_view View(const parquet::ByteArray& value) {
  return {reinterpret_cast<const char*>(value.ptr), value.len};
}

/// One bound of a leaf, from its plain encoding in the footer.
template <typename T>
std::optional<Scalar> ToScalar(const T& value, const parquet::ColumnDescriptor& column) {
  const auto& logical = column.logical_type();
  const bool decimal = logical != nullptr && logical->is_decimal();
  if constexpr (std::is_same_v<T, bool>) {
    return Scalar{value};
  } else if constexpr (std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>) {
    return decimal ? Scalar{Int128FromInt64(value)} : Scalar{static_cast<int64_t>(value)};
  } else if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) return std::nullopt;
    return Scalar{static_cast<double>(value)};
  } else {
    std::string_view bytes;
    if constexpr (std::is_same_v<T, parquet::ByteArray>) {
      bytes = View(value);
    } else {
      bytes = {reinterpret_cast<const char*>(value.ptr), static_cast<size_t>(column.type_length())};
    }
    if (decimal) {
      auto number = Int128FromBigEndian(bytes);
      return number.ok() ? std::optional<Scalar>(*number) : std::nullopt;
    }
    if (bytes.size() > kBoundBytesMax) return std::nullopt;
    return Scalar{std::string(bytes)};
  }
}

template <typename ParquetType>
ScalarPair BoundsAs(const parquet::Statistics& statistics,
                    const parquet::ColumnDescriptor& column) {
  const auto& typed = static_cast<const parquet::TypedStatistics<ParquetType>&>(statistics);
  return {ToScalar(typed.min(), column), ToScalar(typed.max(), column)};
}

ScalarPair Bounds(const parquet::Statistics& statistics, const parquet::ColumnDescriptor& column) {
  if (!statistics.HasMinMax()) return {};
  switch (column.physical_type()) {
    case parquet::Type::BOOLEAN:
      return BoundsAs<parquet::BooleanType>(statistics, column);
    case parquet::Type::INT32:
      return BoundsAs<parquet::Int32Type>(statistics, column);
    case parquet::Type::INT64:
      return BoundsAs<parquet::Int64Type>(statistics, column);
    case parquet::Type::FLOAT:
      return BoundsAs<parquet::FloatType>(statistics, column);
    case parquet::Type::DOUBLE:
      return BoundsAs<parquet::DoubleType>(statistics, column);
    case parquet::Type::BYTE_ARRAY:
      return BoundsAs<parquet::ByteArrayType>(statistics, column);
    case parquet::Type::FIXED_LEN_BYTE_ARRAY:
      return BoundsAs<parquet::FLBAType>(statistics, column);
    default:
      return {};
  }
}

/// How a statistic becomes a Scalar.
enum class Unit { kAsIs, kMillis, kUnsigned32 };

/// Nothing where a Scalar cannot say it, or not in the order of the statistics.
std::optional<Unit> UnitOf(const parquet::ColumnDescriptor& column) {
  using Kind = parquet::LogicalType::Type;
  if (column.physical_type() == parquet::Type::INT96) return std::nullopt;
  const auto& logical = column.logical_type();
  if (logical == nullptr) return Unit::kAsIs;
  auto of_time = [](parquet::LogicalType::TimeUnit::unit unit) -> std::optional<Unit> {
    if (unit == parquet::LogicalType::TimeUnit::MICROS) return Unit::kAsIs;
    if (unit == parquet::LogicalType::TimeUnit::MILLIS) return Unit::kMillis;
    return std::nullopt;
  };
  switch (logical->type()) {
    case Kind::NONE:
    case Kind::STRING:
    case Kind::JSON:
    case Kind::BSON:
    case Kind::ENUM:
    case Kind::UUID:
    case Kind::DATE:
    case Kind::DECIMAL:
      return Unit::kAsIs;
    case Kind::TIME:
      return of_time(static_cast<const parquet::TimeLogicalType&>(*logical).time_unit());
    case Kind::TIMESTAMP:
      return of_time(static_cast<const parquet::TimestampLogicalType&>(*logical).time_unit());
    case Kind::INT: {
      const auto& integer = static_cast<const parquet::IntLogicalType&>(*logical);
      if (integer.is_signed()) return Unit::kAsIs;
      if (integer.bit_width() <= 32) return Unit::kUnsigned32;
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

/// False when the value does not fit.
bool ToUnit(Unit unit, Scalar& value) {
  auto* number = std::get_if<int64_t>(&value);
  if (unit == Unit::kMillis) {
    return number != nullptr && !__builtin_mul_overflow(*number, int64_t{1000}, number);
  }
  if (unit == Unit::kUnsigned32) {
    if (number == nullptr) return false;
    *number = static_cast<int64_t>(static_cast<uint32_t>(*number));
  }
  return true;
}

/// Bounds over row groups: all that hold a value must tell theirs.
class BoundsMerger {
 public:
  void Add(bool has_values, ScalarPair bounds) {
    if (!has_values) return;
    if (!bounds.first || !bounds.second) {
      unknown_ = true;
      return;
    }
    if (!lower_ || Compare(*bounds.first, *lower_) < 0) lower_ = std::move(bounds.first);
    if (!upper_ || Compare(*bounds.second, *upper_) > 0) upper_ = std::move(bounds.second);
  }
  void Finish(ColumnStatistics& column) && {
    if (unknown_ || column.nan_count.value_or(0) > 0) return;
    column.lower = std::move(lower_);
    column.upper = std::move(upper_);
  }

 private:
  bool unknown_ = false;
  std::optional<Scalar> lower_;
  std::optional<Scalar> upper_;
};

}  // namespace

NanCounter::NanCounter(const arrow::Schema& schema) {
  for (const auto& field : schema.fields()) CountLeaves(*field->type(), counts_, any_);
}

void NanCounter::Add(const arrow::RecordBatch& batch) {
  if (!any_) return;
  size_t leaf = 0;
  for (int i = 0; i < batch.num_columns(); ++i) AddNans(*batch.column(i), leaf, counts_);
}

std::map<int32_t, ColumnStatistics> CollectStatistics(const parquet::FileMetaData& metadata,
                                                      const std::vector<int64_t>& nan_counts) {
  std::map<int32_t, ColumnStatistics> columns;
  std::vector<std::unique_ptr<parquet::RowGroupMetaData>> groups;
  for (int g = 0; g < metadata.num_row_groups(); ++g) groups.push_back(metadata.RowGroup(g));
  for (int c = 0; c < metadata.schema()->num_columns(); ++c) {
    const parquet::ColumnDescriptor& descriptor = *metadata.schema()->Column(c);
    const int32_t id = descriptor.schema_node()->field_id();
    if (id < 0) continue;
    ColumnStatistics column;
    BoundsMerger bounds;
    const auto leaf = static_cast<size_t>(c);
    if (leaf < nan_counts.size() && nan_counts[leaf] >= 0) column.nan_count = nan_counts[leaf];
    for (const auto& group : groups) {
      const auto chunk = group->ColumnChunk(c);
      column.compressed_bytes += chunk->total_compressed_size();
      column.value_count += chunk->num_values();
      const auto statistics = chunk->statistics();
      if (statistics == nullptr) {
        bounds.Add(true, {});
        continue;
      }
      column.null_count += statistics->null_count();
      if (descriptor.max_repetition_level() > 0) {
        bounds.Add(true, {});
      } else {
        bounds.Add(statistics->null_count() < chunk->num_values(), Bounds(*statistics, descriptor));
      }
    }
    std::move(bounds).Finish(column);
    columns.emplace(id, std::move(column));
  }
  return columns;
}

ColumnBounds ChunkBounds(const parquet::RowGroupMetaData& row_group, int leaf) {
  ColumnBounds result;
  const parquet::ColumnDescriptor& column = *row_group.schema()->Column(leaf);
  const bool top_level = column.path()->ToDotVector().size() == 1;
  if (!top_level || column.max_repetition_level() > 0) return result;
  const auto chunk = row_group.ColumnChunk(leaf);
  result.value_count = row_group.num_rows();
  const auto statistics = chunk->statistics();
  if (statistics == nullptr) return result;
  if (statistics->HasNullCount()) result.null_count = statistics->null_count();
  const std::optional<Unit> unit = UnitOf(column);
  if (!unit) return result;
  auto [lower, upper] = Bounds(*statistics, column);
  if (!lower || !upper || !ToUnit(*unit, *lower) || !ToUnit(*unit, *upper)) return result;
  result.lower = std::move(lower);
  result.upper = std::move(upper);
  return result;
}

}  // namespace tarn

#include "sql/duckdb/variant_export.h"

#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "columnar/variant_builder.h"
#include "columnar/variant_json.h"
#include "duckdb/common/enum_util.hpp"
#include "duckdb/common/types/uuid.hpp"
#include "duckdb/common/types/variant.hpp"
#include "duckdb/function/scalar/variant_utils.hpp"
#include "sql/duckdb/errors.h"

namespace tarn::duck {
namespace {

using duckdb::VariantLogicalType;

constexpr char kExportName[] = "TARN_VARIANT";

Int128 ToInt128(const duckdb::hugeint_t& value) { return {value.upper, value.lower}; }

std::string_view ViewOf(const duckdb::string_t& text) { return {text.GetData(), text.GetSize()}; }

Error NoCounterpart(const std::string& type) {
  return InvalidArgument("a value of type " + type + " within a variant cannot be stored",
                         "cast it to varchar first");
}

/// The values of a vector of VARIANT, one row after the other.
class Encoder {
 public:
  explicit Encoder(const duckdb::UnifiedVariantVectorData& data) : data_(data) {}

  Result<VariantBuilder::Bytes> Encode(duckdb::idx_t row) {
    row_ = row;
    builder_.Begin();
    TARN_RETURN_IF_ERROR(Value(0, 0));
    return builder_.Finish();
  }

 private:
  template <typename T>
  T Fixed(uint32_t index) const {
    T value;
    const std::string_view bytes = ViewOf(data_.GetData(row_));
    std::memcpy(&value, bytes.data() + data_.GetByteOffset(row_, index), sizeof(T));
    return value;
  }

  Status Value(uint32_t index, int depth) {
    switch (const VariantLogicalType type = data_.GetTypeId(row_, index)) {
      case VariantLogicalType::VARIANT_NULL:
        builder_.Null();
        return {};
      case VariantLogicalType::BOOL_TRUE:
      case VariantLogicalType::BOOL_FALSE:
        builder_.Boolean(type == VariantLogicalType::BOOL_TRUE);
        return {};
      case VariantLogicalType::INT8:
        builder_.Integer(Fixed<int8_t>(index));
        return {};
      case VariantLogicalType::INT16:
        builder_.Integer(Fixed<int16_t>(index));
        return {};
      case VariantLogicalType::INT32:
        builder_.Integer(Fixed<int32_t>(index));
        return {};
      case VariantLogicalType::INT64:
        builder_.Integer(Fixed<int64_t>(index));
        return {};
      case VariantLogicalType::UINT8:
        builder_.Integer(Fixed<uint8_t>(index));
        return {};
      case VariantLogicalType::UINT16:
        builder_.Integer(Fixed<uint16_t>(index));
        return {};
      case VariantLogicalType::UINT32:
        builder_.Integer(Fixed<uint32_t>(index));
        return {};
      case VariantLogicalType::UINT64:
        return Whole({0, Fixed<uint64_t>(index)});
      case VariantLogicalType::INT128:
        return Whole(ToInt128(Fixed<duckdb::hugeint_t>(index)));
      case VariantLogicalType::UINT128: {
        const auto value = Fixed<duckdb::uhugeint_t>(index);
        if (value.upper > uint64_t{INT64_MAX}) return NoCounterpart("UHUGEINT");
        return Whole({static_cast<int64_t>(value.upper), value.lower});
      }
      case VariantLogicalType::FLOAT:
        builder_.Float(Fixed<float>(index));
        return {};
      case VariantLogicalType::DOUBLE:
        builder_.Double(Fixed<double>(index));
        return {};
      case VariantLogicalType::DECIMAL:
        return Decimal(index);
      case VariantLogicalType::VARCHAR:
        builder_.String(ViewOf(duckdb::VariantUtils::DecodeStringData(data_, row_, index)));
        return {};
      case VariantLogicalType::BLOB:
        builder_.Binary(ViewOf(duckdb::VariantUtils::DecodeStringData(data_, row_, index)));
        return {};
      case VariantLogicalType::UUID:
        Uuid(Fixed<duckdb::hugeint_t>(index));
        return {};
      case VariantLogicalType::DATE:
        builder_.Date(Fixed<int32_t>(index));
        return {};
      case VariantLogicalType::TIME_MICROS:
        builder_.Time(VariantKind::kTime, Fixed<int64_t>(index));
        return {};
      case VariantLogicalType::TIME_NANOS: {
        const auto nanos = Fixed<int64_t>(index);
        if (nanos % 1000 != 0) return NoCounterpart("TIME_NS");
        builder_.Time(VariantKind::kTime, nanos / 1000);
        return {};
      }
      case VariantLogicalType::TIMESTAMP_SEC:
        return Timestamp(Fixed<int64_t>(index), 1'000'000);
      case VariantLogicalType::TIMESTAMP_MILIS:
        return Timestamp(Fixed<int64_t>(index), 1'000);
      case VariantLogicalType::TIMESTAMP_MICROS:
        return Timestamp(Fixed<int64_t>(index), 1);
      case VariantLogicalType::TIMESTAMP_NANOS:
        builder_.Time(VariantKind::kTimestampNs, Fixed<int64_t>(index));
        return {};
      case VariantLogicalType::TIMESTAMP_MICROS_TZ:
        builder_.Time(VariantKind::kTimestampTz, Fixed<int64_t>(index));
        return {};
      case VariantLogicalType::OBJECT:
      case VariantLogicalType::ARRAY:
        return Nested(index, depth, type == VariantLogicalType::OBJECT);
      default:
        return NoCounterpart(duckdb::EnumUtil::ToString(type));
    }
  }

  Status Nested(uint32_t index, int depth, bool object) {
    if (depth >= kVariantDepthMax) {
      return InvalidArgument("a variant has more than " + std::to_string(kVariantDepthMax) +
                             " levels");
    }
    const duckdb::VariantNestedData nested =
        duckdb::VariantUtils::DecodeNestedData(data_, row_, index);
    VariantBuilder::Container container = builder_.Open();
    for (uint32_t i = 0; i < nested.child_count; ++i) {
      const uint32_t child = nested.children_idx + i;
      if (object) {
        const auto& key = data_.GetKey(row_, data_.GetKeysIndex(row_, child));
        TARN_RETURN_IF_ERROR(builder_.AddKey(container, ViewOf(key)));
      } else {
        builder_.AddItem(container);
      }
      TARN_RETURN_IF_ERROR(Value(data_.GetValuesIndex(row_, child), depth + 1));
    }
    if (object) return builder_.CloseObject(container);
    builder_.CloseArray(container);
    return {};
  }

  /// A whole number beyond 64 bits is a decimal without places.
  Status Whole(const Int128& value) {
    const bool fits = value.high == (static_cast<int64_t>(value.low) < 0 ? -1 : 0);
    if (!fits) return builder_.Decimal(value, 0);
    builder_.Integer(static_cast<int64_t>(value.low));
    return {};
  }

  Status Decimal(uint32_t index) {
    const duckdb::VariantDecimalData decimal =
        duckdb::VariantUtils::DecodeDecimalData(data_, row_, index);
    const auto scale = static_cast<int>(decimal.scale);
    const auto small = [&]<typename T>(T value) {
      std::memcpy(&value, decimal.value_ptr, sizeof(T));
      return builder_.Decimal(Int128FromInt64(value), scale);
    };
    switch (decimal.GetPhysicalType()) {
      case duckdb::PhysicalType::INT16:
        return small(int16_t{});
      case duckdb::PhysicalType::INT32:
        return small(int32_t{});
      case duckdb::PhysicalType::INT64:
        return small(int64_t{});
      default: {
        duckdb::hugeint_t value;
        std::memcpy(&value, decimal.value_ptr, sizeof(value));
        return builder_.Decimal(ToInt128(value), scale);
      }
    }
  }

  Status Timestamp(int64_t value, int64_t micros) {
    const bool finite = value != std::numeric_limits<int64_t>::max() &&
                        value != -std::numeric_limits<int64_t>::max();
    if (finite && __builtin_mul_overflow(value, micros, &value)) {
      return InvalidArgument(
          "a timestamp within a variant has more microseconds than 64 bits hold");
    }
    builder_.Time(VariantKind::kTimestamp, value);
    return {};
  }

  void Uuid(const duckdb::hugeint_t& value) {
    unsigned char bytes[16];
    duckdb::BaseUUID::ToBlob(value, bytes);
    builder_.Uuid({reinterpret_cast<const char*>(bytes), sizeof(bytes)});
  }

  const duckdb::UnifiedVariantVectorData& data_;
  VariantBuilder builder_;
  duckdb::idx_t row_ = 0;
};

bool ExportVariants(duckdb::Vector& source, duckdb::Vector& result, duckdb::idx_t count,
                    duckdb::CastParameters&) {
  duckdb::RecursiveUnifiedVectorFormat format;
  duckdb::Vector::RecursiveToUnifiedFormat(source, count, format);
  const duckdb::UnifiedVariantVectorData data(format);
  Encoder encoder(data);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  auto& parts = duckdb::StructVector::GetEntries(result);
  auto& validity = duckdb::FlatVector::Validity(result);
  auto* metadata = duckdb::FlatVector::GetData<duckdb::string_t>(*parts[0]);
  auto* values = duckdb::FlatVector::GetData<duckdb::string_t>(*parts[1]);
  for (duckdb::idx_t row = 0; row < count; ++row) {
    if (!data.RowIsValid(row)) {
      // The parts of a null are empty, not null: see VariantStorage().
      validity.SetInvalid(row);
      metadata[row] = values[row] = duckdb::string_t();
      continue;
    }
    const VariantBuilder::Bytes bytes = ValueOrThrow(encoder.Encode(row));
    metadata[row] = duckdb::StringVector::AddStringOrBlob(*parts[0], bytes.metadata.data(),
                                                          bytes.metadata.size());
    values[row] =
        duckdb::StringVector::AddStringOrBlob(*parts[1], bytes.value.data(), bytes.value.size());
  }
  return true;
}

bool VariantsToJson(duckdb::Vector& source, duckdb::Vector& result, duckdb::idx_t count,
                    duckdb::CastParameters&) {
  duckdb::RecursiveUnifiedVectorFormat format;
  duckdb::Vector::RecursiveToUnifiedFormat(source, count, format);
  const duckdb::UnifiedVariantVectorData data(format);
  Encoder encoder(data);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  auto* texts = duckdb::FlatVector::GetData<duckdb::string_t>(result);
  std::string text;
  for (duckdb::idx_t row = 0; row < count; ++row) {
    if (!data.RowIsValid(row)) {
      duckdb::FlatVector::SetNull(result, row, true);
      continue;
    }
    const VariantBuilder::Bytes bytes = ValueOrThrow(encoder.Encode(row));
    text.clear();
    ThrowIfError(AppendVariantJson(bytes.metadata, bytes.value, &text));
    texts[row] = duckdb::StringVector::AddString(result, text);
  }
  return true;
}

}  // namespace

duckdb::LogicalType VariantExportType() {
  auto type = duckdb::LogicalType::STRUCT(
      {{"metadata", duckdb::LogicalType::BLOB}, {"value", duckdb::LogicalType::BLOB}});
  type.SetAlias(kExportName);
  return type;
}

bool IsVariantExport(const duckdb::LogicalType& type) {
  return type.id() == duckdb::LogicalTypeId::STRUCT && type.HasAlias() &&
         type.GetAlias() == kExportName;
}

void RegisterVariantExport(duckdb::DatabaseInstance& database) {
  duckdb::ExtensionLoader loader(database, "tarn");
  loader.RegisterCastFunction(duckdb::LogicalType::VARIANT(), VariantExportType(),
                              duckdb::BoundCastInfo(ExportVariants));
  loader.RegisterCastFunction(duckdb::LogicalType::VARIANT(), duckdb::LogicalType::JSON(),
                              duckdb::BoundCastInfo(VariantsToJson));
}

}  // namespace tarn::duck

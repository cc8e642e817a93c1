#include "sql/duckdb/live_variants.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "columnar/variant.h"
#include "duckdb/common/types/variant_value.hpp"
#include "sql/duckdb/errors.h"

namespace tarn::duck {
namespace {

using duckdb::Value;
using duckdb::VariantValue;
using duckdb::VariantValueType;

constexpr uint8_t kWidthMax = 38;

Value DecimalOf(const VariantNode& node) {
  const auto scale = static_cast<uint8_t>(node.scale);
  if (node.kind == VariantKind::kDecimal16) {
    duckdb::hugeint_t wide;
    wide.upper = node.unscaled.high;
    wide.lower = node.unscaled.low;
    return Value::DECIMAL(wide, kWidthMax, scale);
  }
  const std::string text = ToString(node.unscaled);
  const size_t digits = text.size() - (text.starts_with('-') ? 1 : 0);
  const auto width = static_cast<uint8_t>(std::max<size_t>(digits, scale));
  return Value::DECIMAL(static_cast<int64_t>(node.unscaled.low), width, scale);
}

Value WholeOf(const VariantNode& node) {
  switch (node.kind) {
    case VariantKind::kInt8:
      return Value::TINYINT(static_cast<int8_t>(node.integer));
    case VariantKind::kInt16:
      return Value::SMALLINT(static_cast<int16_t>(node.integer));
    case VariantKind::kInt32:
      return Value::INTEGER(static_cast<int32_t>(node.integer));
    default:
      return Value::BIGINT(node.integer);
  }
}

VariantValue ValueOf(const VariantKeys& keys, std::string_view bytes) {
  const VariantNode node = ValueOrThrow(VariantNode::Read(bytes));
  switch (node.kind) {
    case VariantKind::kNull:
      return VariantValue::NullValue();
    case VariantKind::kTrue:
    case VariantKind::kFalse:
      return VariantValue(Value::BOOLEAN(node.kind == VariantKind::kTrue));
    case VariantKind::kInt8:
    case VariantKind::kInt16:
    case VariantKind::kInt32:
    case VariantKind::kInt64:
      return VariantValue(WholeOf(node));
    case VariantKind::kDecimal4:
    case VariantKind::kDecimal8:
    case VariantKind::kDecimal16:
      return VariantValue(DecimalOf(node));
    case VariantKind::kDouble:
      return VariantValue(Value::DOUBLE(node.real));
    case VariantKind::kString:
      return VariantValue(Value(std::string(node.text)));
    case VariantKind::kObject: {
      VariantValue object(VariantValueType::OBJECT);
      for (uint32_t i = 0; i < node.count; ++i) {
        object.AddChild(std::string(keys.at(node.KeyId(i))), ValueOf(keys, node.Part(i)));
      }
      return object;
    }
    case VariantKind::kArray: {
      VariantValue array(VariantValueType::ARRAY);
      for (uint32_t i = 0; i < node.count; ++i) array.AddItem(ValueOf(keys, node.Part(i)));
      return array;
    }
    default:
      break;
  }
  Throw(Internal("a source's variant has a value that JSON has not"));
}

}  // namespace

void ImportVariants(duckdb::Vector& stored, duckdb::Vector& result, duckdb::idx_t rows) {
  stored.Flatten(rows);
  const auto& validity = duckdb::FlatVector::Validity(stored);
  auto& parts = duckdb::StructVector::GetEntries(stored);
  for (auto& part : parts) part->Flatten(rows);
  const auto* metadata = duckdb::FlatVector::GetData<duckdb::string_t>(*parts[0]);
  const auto* bytes = duckdb::FlatVector::GetData<duckdb::string_t>(*parts[1]);
  duckdb::vector<VariantValue> values;
  for (duckdb::idx_t row = 0; row < rows; ++row) {
    if (!validity.RowIsValid(row)) {
      values.push_back(VariantValue::NullValue());
      continue;
    }
    const VariantKeys keys =
        ValueOrThrow(VariantKeys::Read({metadata[row].GetData(), metadata[row].GetSize()}));
    values.push_back(ValueOf(keys, {bytes[row].GetData(), bytes[row].GetSize()}));
  }
  duckdb::Vector converted(duckdb::LogicalType::VARIANT(), std::max<duckdb::idx_t>(rows, 1));
  VariantValue::ToVARIANT(values, converted);
  result.Reference(converted);
}

}  // namespace tarn::duck

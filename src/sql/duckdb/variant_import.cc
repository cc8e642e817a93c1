#include "sql/duckdb/variant_import.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <arrow/array.h>
#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>

#include "columnar/variant.h"
#include "columnar/variant_column.h"
#include "duckdb/common/types/uuid.hpp"
#include "duckdb/common/types/variant_value.hpp"
#include "duckdb/function/cast/cast_function_set.hpp"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/types.h"
#include "sql/duckdb/variant_check.h"

namespace tarn::duck {
namespace {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::Value;
using duckdb::VariantValue;
using duckdb::VariantValueType;

constexpr uint8_t kWidthMax = 38;
constexpr int64_t kNanosOfMicro = 1000;
constexpr char kStoredName[] = "variant_of_file";

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

Value BlobOf(std::string_view bytes) {
  return Value::BLOB(reinterpret_cast<duckdb::const_data_ptr_t>(bytes.data()), bytes.size());
}

Value TimeOf(const VariantNode& node) {
  switch (node.kind) {
    case VariantKind::kDate:
      return Value::DATE(duckdb::date_t(static_cast<int32_t>(node.integer)));
    case VariantKind::kTime:
      return Value::TIME(duckdb::dtime_t(node.integer));
    case VariantKind::kTimestamp:
      return Value::TIMESTAMP(duckdb::timestamp_t(node.integer));
    case VariantKind::kTimestampNs:
      return Value::TIMESTAMPNS(duckdb::timestamp_ns_t(node.integer));
    case VariantKind::kTimestampTzNs:
      // As DuckDB's own reader has it, which knows no finer one with a time zone.
      return Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(node.integer / kNanosOfMicro));
    default:
      return Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(node.integer));
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
    case VariantKind::kFloat:
      return VariantValue(Value::FLOAT(static_cast<float>(node.real)));
    case VariantKind::kDate:
    case VariantKind::kTime:
    case VariantKind::kTimestamp:
    case VariantKind::kTimestampTz:
    case VariantKind::kTimestampNs:
    case VariantKind::kTimestampTzNs:
      return VariantValue(TimeOf(node));
    case VariantKind::kBinary:
      return VariantValue(BlobOf(node.text));
    case VariantKind::kUuid:
      return VariantValue(Value::UUID(duckdb::BaseUUID::FromBlob(
          reinterpret_cast<duckdb::const_data_ptr_t>(node.text.data()))));
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
  }
  Throw(Internal("a variant of no known kind"));
}

VariantValue ValueOf(std::string_view metadata, std::string_view value) {
  return ValueOf(ValueOrThrow(VariantKeys::Read(metadata)), value);
}

void Fill(duckdb::vector<VariantValue>& values, duckdb::Vector& result) {
  duckdb::Vector converted(LogicalType::VARIANT(), std::max<duckdb::idx_t>(values.size(), 1));
  VariantValue::ToVARIANT(values, converted);
  result.Reference(converted);
}

/// Where Arrow's export gets its extension types from.
struct StoredCastData final : duckdb::BoundCastData {
  explicit StoredCastData(duckdb::ClientContext& client) : context(client) {}
  duckdb::unique_ptr<duckdb::BoundCastData> Copy() const override {
    return duckdb::make_uniq<StoredCastData>(context);
  }
  duckdb::ClientContext& context;
};

/// A vector as Arrow has it. What is a uuid must be told from binary and text.
std::shared_ptr<arrow::Array> ToArrow(duckdb::ClientContext& context, duckdb::Vector& source,
                                      duckdb::idx_t rows) {
  const duckdb::vector<LogicalType> types = {source.GetType()};
  duckdb::ClientProperties properties = ExportProperties(context);
  properties.arrow_lossless_conversion = true;
  ArrowSchema schema;
  duckdb::ArrowConverter::ToArrowSchema(&schema, types, {"variant"}, properties);
  duckdb::DataChunk chunk;
  chunk.InitializeEmpty(types);
  chunk.data[0].Reference(source);
  chunk.SetCardinality(rows);
  ArrowArray array;
  duckdb::ArrowConverter::ToArrowArray(
      chunk, &array, properties, duckdb::ArrowTypeExtensionData::GetExtensionTypes(context, types));
  const auto imported = arrow::ImportRecordBatch(&array, &schema);
  if (!imported.ok()) Throw(Internal("reading a variant: " + imported.status().message()));
  return (*imported)->column(0);
}

bool ReadStored(duckdb::Vector& source, duckdb::Vector& result, duckdb::idx_t rows,
                duckdb::CastParameters& parameters) {
  auto& context = parameters.cast_data->Cast<StoredCastData>().context;
  const auto read = ValueOrThrow(ReadVariants(ToArrow(context, source, rows)));
  const auto& group = static_cast<const arrow::StructArray&>(*read);
  const auto& metadata = static_cast<const arrow::BinaryArray&>(*group.field(0));
  const auto& bytes = static_cast<const arrow::BinaryArray&>(*group.field(1));
  duckdb::vector<VariantValue> values;
  for (int64_t row = 0; row < group.length(); ++row) {
    values.push_back(group.IsNull(row) ? VariantValue::NullValue()
                                       : ValueOf(metadata.GetView(row), bytes.GetView(row)));
  }
  Fill(values, result);
  return true;
}

bool IsStored(const LogicalType& type) { return type.HasAlias() && type.GetAlias() == kStoredName; }

/// All structs come here; those of queries become objects.
duckdb::BoundCastInfo BindStored(duckdb::BindCastInput& input, const LogicalType& source,
                                 const LogicalType& target) {
  if (!IsStored(source)) {
    return duckdb::DefaultCasts::GetDefaultCastFunction(input, source, target);
  }
  if (!input.context) Throw(Internal("variants of files are read within queries alone"));
  return duckdb::BoundCastInfo(ReadStored, duckdb::make_uniq<StoredCastData>(*input.context));
}

using Column = duckdb::MultiFileColumnDefinition;

void TakeTypes(ScanColumns& columns, const ScanColumns& in_file);

/// Of what the file holds; `in_file` is that very column.
void TakeTypes(Column& column, const Column& in_file) {
  const auto child = [&](size_t i) { return column.children[i].type; };
  switch (column.type.id()) {
    case LogicalTypeId::VARIANT:
      if (IsStored(in_file.type)) column.type = in_file.type;
      return;
    case LogicalTypeId::STRUCT: {
      TakeTypes(column.children, in_file.children);
      duckdb::child_list_t<LogicalType> parts;
      for (const auto& [name, type] : duckdb::StructType::GetChildTypes(column.type)) {
        parts.emplace_back(name, child(parts.size()));
      }
      column.type = LogicalType::STRUCT(std::move(parts));
      return;
    }
    case LogicalTypeId::LIST:
      TakeTypes(column.children[0], in_file.children[0]);
      column.type = LogicalType::LIST(child(0));
      return;
    case LogicalTypeId::MAP:
      TakeTypes(column.children[0], in_file.children[0].children[0]);
      TakeTypes(column.children[1], in_file.children[0].children[1]);
      column.type = LogicalType::MAP(child(0), child(1));
      return;
    default:
      return;
  }
}

void TakeTypes(ScanColumns& columns, const ScanColumns& in_file) {
  for (Column& column : columns) {
    for (const Column& own : in_file) {
      if (own.identifier == column.identifier) TakeTypes(column, own);
    }
  }
}

}  // namespace

ScanColumns WithVariantsOfFile(const ScanColumns& columns, const ScanColumns& in_file) {
  ScanColumns mapped = columns;
  for (Column& column : mapped) {
    if (column.type.id() == LogicalTypeId::VARIANT || !HoldsVariant(column.type)) continue;
    for (const Column& own : in_file) {
      if (own.identifier == column.identifier) TakeTypes(column, own);
    }
  }
  return mapped;
}

void CastVariantsOfFile(duckdb::ClientContext& context, const ScanColumns& columns,
                        const ScanColumns& mapped,
                        const duckdb::vector<duckdb::ColumnIndex>& column_ids,
                        duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& expressions) {
  for (size_t i = 0; i < column_ids.size(); ++i) {
    if (column_ids[i].IsVirtualColumn()) continue;
    const LogicalType& wanted = columns[column_ids[i].GetPrimaryIndex()].type;
    // What is selected of a struct alone has the type that was asked for.
    if (expressions[i]->return_type != mapped[column_ids[i].GetPrimaryIndex()].type) continue;
    expressions[i] =
        duckdb::BoundCastExpression::AddCastToType(context, std::move(expressions[i]), wanted);
  }
}

void ImportVariants(duckdb::Vector& stored, duckdb::Vector& result, duckdb::idx_t rows) {
  stored.Flatten(rows);
  const auto& validity = duckdb::FlatVector::Validity(stored);
  auto& parts = duckdb::StructVector::GetEntries(stored);
  for (auto& part : parts) part->Flatten(rows);
  const auto* metadata = duckdb::FlatVector::GetData<duckdb::string_t>(*parts[0]);
  const auto* bytes = duckdb::FlatVector::GetData<duckdb::string_t>(*parts[1]);
  const auto view = [](const duckdb::string_t& text) {
    return std::string_view(text.GetData(), text.GetSize());
  };
  duckdb::vector<VariantValue> values;
  for (duckdb::idx_t row = 0; row < rows; ++row) {
    values.push_back(validity.RowIsValid(row) ? ValueOf(view(metadata[row]), view(bytes[row]))
                                              : VariantValue::NullValue());
  }
  Fill(values, result);
}

LogicalType StoredVariant(LogicalType group) {
  group.SetAlias(kStoredName);
  return group;
}

void RegisterVariantImport(duckdb::DatabaseInstance& database) {
  const auto any = LogicalType::STRUCT({{"any", LogicalType::ANY}});
  duckdb::CastFunctionSet::Get(database).RegisterCastFunction(any, LogicalType::VARIANT(),
                                                              BindStored);
}

}  // namespace tarn::duck

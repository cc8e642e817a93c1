#include "sql/duckdb/types.h"

#include <utility>
#include <vector>

#include <arrow/c/bridge.h>
#include <arrow/type.h>

#include "columnar/conform.h"
#include "columnar/variant_column.h"
#include "duckdb/common/types/uuid.hpp"
#include "sql/duckdb/variant_export.h"
#include "table/delta/schema_json.h"

namespace tarn::duck {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;

namespace {

constexpr size_t kUuidBytes = 16;

/// `storable` with the nanoseconds that the same place of `original` has.
std::shared_ptr<arrow::Field> WithNanoseconds(const std::shared_ptr<arrow::Field>& storable,
                                              const arrow::DataType& original) {
  const auto& type = storable->type();
  if (type->id() != original.id() || type->num_fields() != original.num_fields()) return storable;
  const auto part = [&](int i) {
    return WithNanoseconds(type->field(i), *original.field(i)->type());
  };
  switch (type->id()) {
    case arrow::Type::TIMESTAMP: {
      const auto& wanted = static_cast<const arrow::TimestampType&>(original);
      if (wanted.unit() != arrow::TimeUnit::NANO) return storable;
      return storable->WithType(arrow::timestamp(wanted.unit(), wanted.timezone()));
    }
    case arrow::Type::STRUCT: {
      arrow::FieldVector fields;
      for (int i = 0; i < type->num_fields(); ++i) fields.push_back(part(i));
      return storable->WithType(arrow::struct_(std::move(fields)));
    }
    case arrow::Type::LIST:
      return storable->WithType(arrow::list(part(0)));
    case arrow::Type::MAP: {
      const auto entries = part(0);
      return storable->WithType(
          std::make_shared<arrow::MapType>(entries->type()->field(0), entries->type()->field(1)));
    }
    default:
      return storable;
  }
}

/// `field` with VariantStorage() where `type` is what VARIANT is exported as.
std::shared_ptr<arrow::Field> WithVariants(const std::shared_ptr<arrow::Field>& field,
                                           const LogicalType& type) {
  if (IsVariantExport(type)) return field->WithType(VariantStorage());
  const arrow::DataType& plain = *field->type();
  switch (type.id()) {
    case LogicalTypeId::STRUCT: {
      arrow::FieldVector fields;
      const auto& children = duckdb::StructType::GetChildTypes(type);
      for (int i = 0; i < plain.num_fields(); ++i) {
        fields.push_back(WithVariants(plain.field(i), children[static_cast<size_t>(i)].second));
      }
      return field->WithType(arrow::struct_(std::move(fields)));
    }
    case LogicalTypeId::LIST:
      return field->WithType(
          arrow::list(WithVariants(plain.field(0), duckdb::ListType::GetChildType(type))));
    case LogicalTypeId::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(plain);
      return field->WithType(std::make_shared<arrow::MapType>(
          WithVariants(map.key_field(), duckdb::MapType::KeyType(type)),
          WithVariants(map.item_field(), duckdb::MapType::ValueType(type)), map.keys_sorted()));
    }
    default:
      return field;
  }
}

}  // namespace

LogicalType ToLogicalType(const Type& type) {
  switch (type.kind()) {
    case Type::Kind::kBoolean:
      return LogicalType::BOOLEAN;
    case Type::Kind::kInt:
      return LogicalType::INTEGER;
    case Type::Kind::kLong:
      return LogicalType::BIGINT;
    case Type::Kind::kFloat:
      return LogicalType::FLOAT;
    case Type::Kind::kDouble:
      return LogicalType::DOUBLE;
    case Type::Kind::kDecimal:
      return LogicalType::DECIMAL(static_cast<uint8_t>(type.precision()),
                                  static_cast<uint8_t>(type.scale()));
    case Type::Kind::kDate:
      return LogicalType::DATE;
    case Type::Kind::kTime:
      return LogicalType::TIME;
    case Type::Kind::kTimestamp:
      return LogicalType::TIMESTAMP;
    case Type::Kind::kTimestampTz:
      return LogicalType::TIMESTAMP_TZ;
    case Type::Kind::kTimestampNs:
    case Type::Kind::kTimestampTzNs:
      return LogicalType::TIMESTAMP_NS;
    case Type::Kind::kUnknown:
      return LogicalType::SQLNULL;
    case Type::Kind::kVariant:
      return LogicalType::VARIANT();
    case Type::Kind::kString:
      return LogicalType::VARCHAR;
    case Type::Kind::kUuid:
      return LogicalType::UUID;
    case Type::Kind::kFixed:
    case Type::Kind::kBinary:
      return LogicalType::BLOB;
    case Type::Kind::kStruct: {
      duckdb::child_list_t<LogicalType> children;
      const std::vector<std::string> names = delta::DisplayNames(type.fields());
      for (const Field& field : type.fields()) {
        children.emplace_back(names[children.size()], ToLogicalType(field.type));
      }
      return LogicalType::STRUCT(std::move(children));
    }
    case Type::Kind::kList:
      return LogicalType::LIST(ToLogicalType(type.fields()[0].type));
    case Type::Kind::kMap:
      return LogicalType::MAP(ToLogicalType(type.fields()[0].type),
                              ToLogicalType(type.fields()[1].type));
  }
  return LogicalType::SQLNULL;
}

duckdb::Value ToValue(const LogicalType& type, const Scalar& value) {
  using duckdb::Value;
  if (const auto* flag = std::get_if<bool>(&value)) return Value::BOOLEAN(*flag);
  if (const auto* real = std::get_if<double>(&value)) {
    return Value::DOUBLE(*real).DefaultCastAs(type);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (type.id() == LogicalTypeId::VARCHAR) return Value(*text);
    if (type.id() == LogicalTypeId::BLOB) {
      return Value::BLOB(reinterpret_cast<duckdb::const_data_ptr_t>(text->data()), text->size());
    }
    if (type.id() == LogicalTypeId::UUID && text->size() == kUuidBytes) {
      return Value::UUID(
          duckdb::BaseUUID::FromBlob(reinterpret_cast<duckdb::const_data_ptr_t>(text->data())));
    }
    return Value(type);
  }
  if (const auto* number = std::get_if<Int128>(&value)) {
    duckdb::hugeint_t unscaled;
    unscaled.upper = number->high;
    unscaled.lower = number->low;
    return type.id() == LogicalTypeId::DECIMAL
               ? Value::DECIMAL(unscaled, duckdb::DecimalType::GetWidth(type),
                                duckdb::DecimalType::GetScale(type))
               : Value(type);
  }
  const auto* number = std::get_if<int64_t>(&value);
  if (number == nullptr) return Value(type);
  switch (type.id()) {
    case LogicalTypeId::DATE:
      return Value::DATE(duckdb::date_t(static_cast<int32_t>(*number)));
    case LogicalTypeId::TIME:
      return Value::TIME(duckdb::dtime_t(*number));
    case LogicalTypeId::TIMESTAMP:
      return Value::TIMESTAMP(duckdb::timestamp_t(*number));
    case LogicalTypeId::TIMESTAMP_TZ:
      return Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(*number));
    case LogicalTypeId::TIMESTAMP_NS:
      return Value::TIMESTAMPNS(duckdb::timestamp_ns_t(*number));
    default:
      return Value::BIGINT(*number).DefaultCastAs(type);
  }
}

duckdb::MultiFileColumnDefinition ToScanColumn(const Field& field) {
  const LogicalType type = ToLogicalType(field.type);
  duckdb::MultiFileColumnDefinition column(field.name, type);
  column.identifier = duckdb::Value::INTEGER(field.id.value());
  // What rows of files without the column have.
  column.default_expression = duckdb::make_uniq<duckdb::ConstantExpression>(
      field.initial_default ? ToValue(type, *field.initial_default) : duckdb::Value(type));
  if (!field.type.primitive()) {
    column.children = ToScanColumns(field.type.fields());
  }
  return column;
}

duckdb::vector<duckdb::MultiFileColumnDefinition> ToScanColumns(const std::vector<Field>& fields) {
  const std::vector<std::string> names = delta::DisplayNames(fields);
  duckdb::vector<duckdb::MultiFileColumnDefinition> columns;
  for (const Field& field : fields) {
    duckdb::MultiFileColumnDefinition column = ToScanColumn(field);
    column.name = names[columns.size()];
    columns.push_back(std::move(column));
  }
  return columns;
}

LogicalType ExportType(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::STRUCT: {
      duckdb::child_list_t<LogicalType> children;
      for (const auto& [name, child] : duckdb::StructType::GetChildTypes(type)) {
        children.emplace_back(name, ExportType(child));
      }
      return LogicalType::STRUCT(std::move(children));
    }
    case LogicalTypeId::LIST:
      return LogicalType::LIST(ExportType(duckdb::ListType::GetChildType(type)));
    case LogicalTypeId::ARRAY:
      return LogicalType::LIST(ExportType(duckdb::ArrayType::GetChildType(type)));
    case LogicalTypeId::MAP:
      return LogicalType::MAP(ExportType(duckdb::MapType::KeyType(type)),
                              ExportType(duckdb::MapType::ValueType(type)));
    case LogicalTypeId::VARIANT:
      return VariantExportType();
    case LogicalTypeId::TIMESTAMP_SEC:
    case LogicalTypeId::TIMESTAMP_MS:
      return LogicalType::TIMESTAMP;
    case LogicalTypeId::SQLNULL:
    case LogicalTypeId::BOOLEAN:
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE:
    case LogicalTypeId::DECIMAL:
    case LogicalTypeId::DATE:
    case LogicalTypeId::TIME:
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_NS:
    case LogicalTypeId::TIMESTAMP_TZ:
    case LogicalTypeId::INTERVAL:
    case LogicalTypeId::BLOB:
      return type;
    case LogicalTypeId::VARCHAR:
      return type.HasAlias() ? LogicalType(LogicalType::VARCHAR) : type;  // JSON is plain text
    default:
      return LogicalType::VARCHAR;
  }
}

duckdb::ClientProperties ExportProperties(duckdb::ClientContext& context) {
  duckdb::ClientProperties properties;
  properties.time_zone = "UTC";
  properties.client_context = &context;
  return properties;
}

Result<std::shared_ptr<arrow::Schema>> ToArrowSchema(duckdb::ClientContext& context,
                                                     const duckdb::vector<LogicalType>& types,
                                                     const duckdb::vector<std::string>& names) {
  duckdb::ClientProperties properties = ExportProperties(context);
  ArrowSchema exported;
  duckdb::ArrowConverter::ToArrowSchema(&exported, types, names, properties);
  auto imported = arrow::ImportSchema(&exported);
  if (!imported.ok()) return Internal("arrow schema: " + imported.status().message());
  arrow::FieldVector fields = (*imported)->fields();
  for (size_t i = 0; i < fields.size(); ++i) fields[i] = WithVariants(fields[i], types[i]);
  return arrow::schema(std::move(fields), (*imported)->metadata());
}

Result<Schema> ToTableSchema(
    duckdb::ClientContext& context, const duckdb::ColumnList& columns,
    const duckdb::vector<duckdb::unique_ptr<duckdb::Constraint>>& constraints,
    Nanoseconds nanoseconds) {
  duckdb::vector<LogicalType> types;
  duckdb::vector<std::string> names;
  for (const auto& column : columns.Logical()) {
    types.push_back(ExportType(column.Type()));
    names.push_back(column.Name());
  }
  TARN_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Schema> schema,
                        ToArrowSchema(context, types, names));
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (const auto& field : schema->fields()) fields.push_back(field->WithNullable(true));
  for (const auto& constraint : constraints) {
    if (constraint->type != duckdb::ConstraintType::NOT_NULL) continue;
    const auto index = constraint->Cast<duckdb::NotNullConstraint>().index.index;
    fields[index] = fields[index]->WithNullable(false);
  }
  TARN_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Schema> storable,
                        StorableSchema(*arrow::schema(fields)));
  if (nanoseconds == Nanoseconds::kKeep) {
    for (int i = 0; i < storable->num_fields(); ++i) {
      fields[static_cast<size_t>(i)] =
          WithNanoseconds(storable->field(i), *fields[static_cast<size_t>(i)]->type());
    }
    storable = arrow::schema(std::move(fields));
  }
  return SchemaFromArrow(*storable);
}

}  // namespace tarn::duck

#include <map>
#include <set>
#include <string>
#include <utility>

#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include "columnar/variant_column.h"
#include "table/model/schema.h"

namespace tarn {

namespace {

constexpr char kFieldIdKey[] = "PARQUET:field_id";
constexpr char kExtensionKey[] = "ARROW:extension:name";
constexpr char kUuidExtension[] = "arrow.uuid";
constexpr int kDecimalPrecisionMax = 38;

Result<Type> TypeFromArrow(const arrow::Field& field, const std::string& column);

Error NoCounterpart(const arrow::DataType& type, const std::string& column, std::string hint) {
  return Unsupported(
      "column \"" + column + "\" has type " + type.ToString() + ", which a table cannot hold",
      std::move(hint));
}

Result<Field> NestedFromArrow(const arrow::Field& field, const std::string& column) {
  Field result;
  result.name = field.name();
  result.nullability = field.nullable() ? Nullability::kOptional : Nullability::kRequired;
  TARN_ASSIGN_OR_RETURN(result.type, TypeFromArrow(field, column));
  return result;
}

Result<Type> DecimalFromArrow(const arrow::DataType& type, const std::string& column) {
  const auto& decimal = static_cast<const arrow::DecimalType&>(type);
  if (decimal.precision() > kDecimalPrecisionMax || decimal.scale() < 0 ||
      decimal.scale() > decimal.precision()) {
    return NoCounterpart(type, column,
                         "cast it to decimal(38, s) with 0 <= s <= 38, or to varchar");
  }
  return Type::Decimal(decimal.precision(), decimal.scale());
}

Result<Type> StructFromArrow(const arrow::DataType& type, const std::string& column) {
  if (type.num_fields() == 0) {
    return NoCounterpart(type, column, "Parquet has no struct without fields: leave it out");
  }
  std::vector<Field> fields;
  std::set<std::string> names;
  for (const auto& child : type.fields()) {
    const std::string path = column + "." + child->name();
    if (!names.insert(child->name()).second) {
      return InvalidArgument("field \"" + path + "\" occurs twice", "rename one of the two");
    }
    TARN_ASSIGN_OR_RETURN(Field field, NestedFromArrow(*child, path));
    fields.push_back(std::move(field));
  }
  return Type::Struct(std::move(fields));
}

bool MarkedAsUuid(const arrow::Field& field) {
  if (field.metadata() == nullptr) return false;
  auto name = field.metadata()->Get(kExtensionKey);
  return name.ok() && *name == kUuidExtension;
}

Result<Type> ExtensionFromArrow(const arrow::Field& field, const std::string& column) {
  const auto& extension = static_cast<const arrow::ExtensionType&>(*field.type());
  if (extension.extension_name() == kUuidExtension) return Type(Type::Kind::kUuid);
  if (IsVariantExtension(extension)) return Type(Type::Kind::kVariant);
  return TypeFromArrow(*arrow::field(field.name(), extension.storage_type(), field.nullable()),
                       column);
}

Result<Type> ListFromArrow(const arrow::DataType& type, const std::string& column) {
  TARN_ASSIGN_OR_RETURN(Field element, NestedFromArrow(*type.field(0), column + ".element"));
  return Type::List(std::move(element));
}

Result<Type> MapFromArrow(const arrow::DataType& type, const std::string& column) {
  const auto& map = static_cast<const arrow::MapType&>(type);
  TARN_ASSIGN_OR_RETURN(Field key, NestedFromArrow(*map.key_field(), column + ".key"));
  TARN_ASSIGN_OR_RETURN(Field value, NestedFromArrow(*map.item_field(), column + ".value"));
  return Type::Map(std::move(key), std::move(value));
}

Type TimestampFromArrow(const arrow::DataType& type) {
  const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
  if (timestamp.unit() == arrow::TimeUnit::NANO) {
    return Type(timestamp.timezone().empty() ? Type::Kind::kTimestampNs
                                             : Type::Kind::kTimestampTzNs);
  }
  return Type(timestamp.timezone().empty() ? Type::Kind::kTimestamp : Type::Kind::kTimestampTz);
}

Result<Type> TypeFromArrow(const arrow::Field& field, const std::string& column) {
  const arrow::DataType& type = *field.type();
  using Kind = Type::Kind;
  switch (type.id()) {
    case arrow::Type::BOOL:
      return Type(Kind::kBoolean);
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16:
      return Type(Kind::kInt);
    case arrow::Type::UINT32:
    case arrow::Type::INT64:
      return Type(Kind::kLong);
    case arrow::Type::UINT64:
      return NoCounterpart(type, column, "cast it to bigint or to decimal(20, 0)");
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT:
      return Type(Kind::kFloat);
    case arrow::Type::DOUBLE:
      return Type(Kind::kDouble);
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256:
      return DecimalFromArrow(type, column);
    case arrow::Type::DATE32:
    case arrow::Type::DATE64:
      return Type(Kind::kDate);
    case arrow::Type::TIME32:
      return Type(Kind::kTime);
    case arrow::Type::TIME64:
      if (static_cast<const arrow::Time64Type&>(type).unit() == arrow::TimeUnit::NANO) {
        return NoCounterpart(type, column, "cast it to time: tables keep microseconds");
      }
      return Type(Kind::kTime);
    case arrow::Type::TIMESTAMP:
      return TimestampFromArrow(type);
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
      return Type(Kind::kString);
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
      return Type(Kind::kBinary);
    case arrow::Type::FIXED_SIZE_BINARY: {
      const int width = static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width();
      return width == 16 && MarkedAsUuid(field) ? Type(Kind::kUuid) : Type::Fixed(width);
    }
    case arrow::Type::DICTIONARY:
      return TypeFromArrow(
          *arrow::field(field.name(), static_cast<const arrow::DictionaryType&>(type).value_type()),
          column);
    case arrow::Type::EXTENSION:
      return ExtensionFromArrow(field, column);
    case arrow::Type::STRUCT:
      if (IsVariantStorage(type)) return Type(Kind::kVariant);
      return StructFromArrow(type, column);
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST:
    case arrow::Type::LIST_VIEW:
    case arrow::Type::LARGE_LIST_VIEW:
      return ListFromArrow(type, column);
    case arrow::Type::MAP:
      return MapFromArrow(type, column);
    default:
      return NoCounterpart(type, column, "cast it to varchar");
  }
}

using Names = std::map<int32_t, std::string>;

Result<std::shared_ptr<arrow::DataType>> NamedTypeToArrow(const Type& type, const Names& names);

Result<std::shared_ptr<arrow::Field>> FieldToArrow(const Field& field, const std::string& name,
                                                   const Names& names) {
  TARN_ASSIGN_OR_RETURN(auto type, NamedTypeToArrow(field.type, names));
  auto metadata = std::make_shared<arrow::KeyValueMetadata>();
  metadata->Append(kFieldIdKey, std::to_string(field.id.value()));
  if (field.type.kind() == Type::Kind::kUuid) metadata->Append(kExtensionKey, kUuidExtension);
  return arrow::field(name, std::move(type), field.nullability == Nullability::kOptional,
                      std::move(metadata));
}

/// A field of a struct, or a column, under the name that files have for it.
Result<std::shared_ptr<arrow::Field>> FieldToArrow(const Field& field, const Names& names) {
  const auto physical = names.find(field.id.value());
  return FieldToArrow(field, physical == names.end() ? field.name : physical->second, names);
}

Result<std::shared_ptr<arrow::DataType>> NamedTypeToArrow(const Type& type, const Names& names) {
  using Kind = Type::Kind;
  switch (type.kind()) {
    case Kind::kList: {
      TARN_ASSIGN_OR_RETURN(auto element, FieldToArrow(type.fields()[0], "element", names));
      return arrow::list(std::move(element));
    }
    case Kind::kMap: {
      TARN_ASSIGN_OR_RETURN(auto key, FieldToArrow(type.fields()[0], "key", names));
      TARN_ASSIGN_OR_RETURN(auto value, FieldToArrow(type.fields()[1], "value", names));
      return std::make_shared<arrow::MapType>(std::move(key), std::move(value));
    }
    case Kind::kStruct: {
      arrow::FieldVector fields;
      for (const Field& field : type.fields()) {
        TARN_ASSIGN_OR_RETURN(auto child, FieldToArrow(field, names));
        fields.push_back(std::move(child));
      }
      return arrow::struct_(std::move(fields));
    }
    default:
      return TypeToArrow(type);
  }
}

}  // namespace

Result<Schema> SchemaFromArrow(const arrow::Schema& schema) {
  Schema result;
  std::set<std::string> names;
  for (const auto& column : schema.fields()) {
    if (!names.insert(column->name()).second) {
      return InvalidArgument("column \"" + column->name() + "\" occurs twice",
                             "give one of the two another name with AS");
    }
    TARN_ASSIGN_OR_RETURN(Field field, NestedFromArrow(*column, column->name()));
    result.fields.push_back(std::move(field));
  }
  return AssignFreshIds(result);
}

Result<std::shared_ptr<arrow::DataType>> TypeToArrow(const Type& type) {
  using Kind = Type::Kind;
  switch (type.kind()) {
    case Kind::kBoolean:
      return arrow::boolean();
    case Kind::kInt:
      return arrow::int32();
    case Kind::kLong:
      return arrow::int64();
    case Kind::kFloat:
      return arrow::float32();
    case Kind::kDouble:
      return arrow::float64();
    case Kind::kDecimal: {
      auto decimal = arrow::Decimal128Type::Make(type.precision(), type.scale());
      if (!decimal.ok()) return Unsupported("the type " + type.ToString() + " is out of range");
      return *decimal;
    }
    case Kind::kDate:
      return arrow::date32();
    case Kind::kTime:
      return arrow::time64(arrow::TimeUnit::MICRO);
    case Kind::kTimestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO);
    case Kind::kTimestampTz:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case Kind::kTimestampNs:
      return arrow::timestamp(arrow::TimeUnit::NANO);
    case Kind::kTimestampTzNs:
      return arrow::timestamp(arrow::TimeUnit::NANO, "UTC");
    case Kind::kUnknown:
      return arrow::null();
    case Kind::kVariant:
      return VariantStorage();
    case Kind::kString:
      return arrow::utf8();
    case Kind::kUuid:
      return arrow::fixed_size_binary(16);
    case Kind::kFixed:
      return arrow::fixed_size_binary(type.length());
    case Kind::kBinary:
      return arrow::binary();
    case Kind::kList:
    case Kind::kMap:
    case Kind::kStruct:
      return NamedTypeToArrow(type, {});
  }
  return Internal("a type without Arrow counterpart");
}

Result<std::shared_ptr<arrow::Schema>> SchemaToArrow(
    const Schema& schema, const std::map<int32_t, std::string>& physical_names) {
  arrow::FieldVector fields;
  for (const Field& field : schema.fields) {
    TARN_ASSIGN_OR_RETURN(auto column, FieldToArrow(field, physical_names));
    fields.push_back(std::move(column));
  }
  return arrow::schema(std::move(fields));
}

}  // namespace tarn

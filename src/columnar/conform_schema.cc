#include <string>
#include <vector>

#include <arrow/extension_type.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "columnar/conform.h"
#include "columnar/variant_column.h"

namespace tarn {

namespace {

using arrow::DataType;
using arrow::Type;
using TypePtr = std::shared_ptr<DataType>;

Result<TypePtr> Storable(const TypePtr& type, const std::string& path);

Result<std::shared_ptr<arrow::Field>> StorableField(const std::shared_ptr<arrow::Field>& field,
                                                    const std::string& path) {
  TARN_ASSIGN_OR_RETURN(auto type, Storable(field->type(), path));
  return field->WithType(std::move(type));
}

Result<TypePtr> StorableList(const DataType& type, const std::string& path) {
  TARN_ASSIGN_OR_RETURN(auto element, StorableField(type.field(0), path + ".element"));
  return arrow::list(element->WithName("element"));
}

Result<TypePtr> StorableStruct(const DataType& type, const std::string& path) {
  arrow::FieldVector fields;
  for (const auto& field : type.fields()) {
    TARN_ASSIGN_OR_RETURN(auto child, StorableField(field, path + "." + field->name()));
    fields.push_back(std::move(child));
  }
  return arrow::struct_(std::move(fields));
}

Result<TypePtr> StorableMap(const arrow::MapType& type, const std::string& path) {
  TARN_ASSIGN_OR_RETURN(auto key, StorableField(type.key_field(), path + ".key"));
  TARN_ASSIGN_OR_RETURN(auto value, StorableField(type.item_field(), path + ".value"));
  return std::make_shared<arrow::MapType>(key->WithName("key"), value->WithName("value"),
                                          type.keys_sorted());
}

Result<TypePtr> Storable(const TypePtr& type, const std::string& path) {
  switch (type->id()) {
    case Type::BOOL:
    case Type::INT32:
    case Type::INT64:
    case Type::FLOAT:
    case Type::DOUBLE:
    case Type::STRING:
    case Type::BINARY:
    case Type::FIXED_SIZE_BINARY:
    case Type::DATE32:
    case Type::DECIMAL128:
      return type;
    case Type::NA:
    case Type::INT8:
    case Type::INT16:
    case Type::UINT8:
    case Type::UINT16:
      return arrow::int32();
    case Type::UINT32:
      return arrow::int64();
    case Type::UINT64:
      return arrow::decimal128(20, 0);
    case Type::HALF_FLOAT:
      return arrow::float32();
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
    case Type::TIME32:
    case Type::TIME64:
    case Type::DURATION:
    case Type::INTERVAL_MONTHS:
    case Type::INTERVAL_DAY_TIME:
    case Type::INTERVAL_MONTH_DAY_NANO:
      return arrow::utf8();
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
      return arrow::binary();
    case Type::DATE64:
      return arrow::date32();
    case Type::TIMESTAMP: {
      const bool zoned = !static_cast<const arrow::TimestampType&>(*type).timezone().empty();
      return arrow::timestamp(arrow::TimeUnit::MICRO, zoned ? "UTC" : "");
    }
    case Type::DICTIONARY:
      return Storable(static_cast<const arrow::DictionaryType&>(*type).value_type(), path);
    case Type::EXTENSION:
      if (IsVariantExtension(*type)) return VariantStorage();
      return Storable(static_cast<const arrow::ExtensionType&>(*type).storage_type(), path);
    case Type::DECIMAL32:
    case Type::DECIMAL64:
    case Type::DECIMAL256: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(*type);
      if (decimal.precision() <= 38 && decimal.scale() >= 0 &&
          decimal.scale() <= decimal.precision()) {
        return arrow::decimal128(decimal.precision(), decimal.scale());
      }
      break;
    }
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::FIXED_SIZE_LIST:
    case Type::LIST_VIEW:
    case Type::LARGE_LIST_VIEW:
      return StorableList(*type, path);
    case Type::STRUCT:
      return StorableStruct(*type, path);
    case Type::MAP:
      return StorableMap(static_cast<const arrow::MapType&>(*type), path);
    default:
      break;
  }
  return Unsupported(
      "column " + path + " has type " + type->ToString() + ", which tables cannot hold",
      "cast it in the query, for example to VARCHAR");
}

}  // namespace

Result<std::shared_ptr<arrow::Schema>> StorableSchema(const arrow::Schema& schema) {
  arrow::FieldVector fields;
  for (const auto& field : schema.fields()) {
    TARN_ASSIGN_OR_RETURN(auto storable, StorableField(field, field->name()));
    fields.push_back(std::move(storable));
  }
  return arrow::schema(std::move(fields), schema.metadata());
}

bool SameLayout(const DataType& a, const DataType& b) {
  if (a.id() == Type::EXTENSION) {
    return SameLayout(*static_cast<const arrow::ExtensionType&>(a).storage_type(), b);
  }
  if (b.id() == Type::EXTENSION) return SameLayout(b, a);
  if (a.id() != b.id()) return false;
  if (a.num_fields() == 0 || a.id() == Type::DICTIONARY) return a.Equals(b);
  if (a.num_fields() != b.num_fields()) return false;
  if (a.id() == Type::FIXED_SIZE_LIST &&
      static_cast<const arrow::FixedSizeListType&>(a).list_size() !=
          static_cast<const arrow::FixedSizeListType&>(b).list_size()) {
    return false;
  }
  // The codes of a union choose among its children: equal children are not enough.
  if (a.id() == Type::DENSE_UNION || a.id() == Type::SPARSE_UNION) return a.Equals(b);
  for (int i = 0; i < a.num_fields(); ++i) {
    if (!SameLayout(*a.field(i)->type(), *b.field(i)->type())) return false;
  }
  return true;
}

}  // namespace tarn

#include "table/iceberg/manifest.h"
#include "table/model/partition.h"

namespace tarn {

namespace {

void Collect(const std::vector<Field>& fields, std::unordered_map<int32_t, Type>& types) {
  for (const Field& field : fields) {
    types.insert_or_assign(field.id.value(), field.type);
    Collect(field.type.fields(), types);
  }
}

}  // namespace

ManifestTypes::ManifestTypes(const TableMetadata& table, const Schema& schema) {
  for (const Schema& any : table.schemas) Collect(any.fields, columns_);
  Collect(schema.fields, columns_);
  columns_.insert_or_assign(kDeletePathFieldId, Type(Type::Kind::kString));
  columns_.insert_or_assign(kDeletePositionFieldId, Type(Type::Kind::kLong));
}

const Type* ManifestTypes::Column(int32_t field_id) const {
  auto found = columns_.find(field_id);
  return found == columns_.end() ? nullptr : &found->second;
}

std::vector<Type> ManifestTypes::PartitionTypes(const PartitionSpec& spec) const {
  std::vector<Type> types;
  for (const PartitionField& field : spec.fields) {
    const Type* source = Column(field.source_id.value());
    types.push_back(
        TransformResultType(field.transform, source ? *source : Type(Type::Kind::kString)));
  }
  return types;
}

}  // namespace tarn

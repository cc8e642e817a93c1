#include "table/dual/partition_specs.h"

#include <algorithm>
#include <utility>

namespace tarn {

namespace {

int32_t IdOf(const TableMetadata* base, const PartitionField& wanted, int32_t& last_partition_id) {
  if (base != nullptr) {
    for (const PartitionSpec& spec : base->specs) {
      for (const PartitionField& field : spec.fields) {
        if (field.source_id == wanted.source_id && field.transform == wanted.transform) {
          return field.field_id;
        }
      }
    }
  }
  return ++last_partition_id;
}

}  // namespace

PartitionSpec PartitionSpecOf(const TableMetadata* base, std::vector<PartitionField> fields,
                              int32_t& last_partition_id) {
  for (PartitionField& field : fields) field.field_id = IdOf(base, field, last_partition_id);
  SpecId id(0);
  if (base != nullptr) {
    for (const PartitionSpec& spec : base->specs) {
      if (spec.fields == fields) return spec;
      id = SpecId(std::max(id.value(), spec.id.value() + 1));
    }
  }
  return {id, std::move(fields)};
}

std::vector<PartitionField> FollowNames(std::vector<PartitionField> fields, const Schema& before,
                                        const Schema& now) {
  for (PartitionField& field : fields) {
    if (now.Find(field.source_id) != nullptr) continue;
    const Field* old = before.Find(field.source_id);
    const Field* of_name = old != nullptr ? now.Find(old->name) : nullptr;
    if (of_name != nullptr) field.source_id = of_name->id;
  }
  return fields;
}

}  // namespace tarn

#include "table/dual/partition_specs.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"

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

bool HasNameOfAnotherColumn(const PartitionField& field, const Schema& schema) {
  return std::any_of(schema.fields.begin(), schema.fields.end(), [&](const Field& column) {
    return LowerAscii(column.name) == LowerAscii(field.name) && column.id != field.source_id;
  });
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

void RenameClashingPartitions(TableMetadata& table) {
  const Schema& schema = table.schema();
  for (PartitionSpec& spec : table.specs) {
    if (spec.id == table.default_spec) continue;
    for (PartitionField& field : spec.fields) {
      if (!HasNameOfAnotherColumn(field, schema)) continue;
      field.name += "_" + std::to_string(field.field_id);
      const auto taken = [&] {
        return std::any_of(
            spec.fields.begin(), spec.fields.end(), [&](const PartitionField& other) {
              return &other != &field && LowerAscii(other.name) == LowerAscii(field.name);
            });
      };
      while (taken() || schema.Find(field.name) != nullptr ||
             HasNameOfAnotherColumn(field, schema)) {
        field.name += "_";
      }
    }
  }
}

}  // namespace tarn

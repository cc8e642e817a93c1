#include "table/model/adopted_columns.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace tarn {

std::set<int32_t> ReadAdoptedPartitions(const std::map<std::string, std::string>& properties) {
  std::set<int32_t> columns;
  const auto property = properties.find(kAdoptedPartitionsProperty);
  if (property == properties.end()) return columns;
  const char* at = property->second.data();
  const char* const end = at + property->second.size();
  while (at != end) {
    int32_t id = 0;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error == std::errc()) columns.insert(id);
    at = error == std::errc() ? next : at + 1;
  }
  return columns;
}

std::string WriteAdoptedPartitions(const std::set<int32_t>& columns) {
  std::string text;
  for (const int32_t id : columns) text += (text.empty() ? "" : ",") + std::to_string(id);
  return text;
}

Status CheckAdoptedPartitions(const TableMetadata& table, const std::set<int32_t>& columns,
                              const PartitionSpec& spec) {
  for (const int32_t id : columns) {
    const bool kept =
        std::any_of(spec.fields.begin(), spec.fields.end(), [id](const PartitionField& field) {
          return field.source_id.value() == id &&
                 field.transform.kind == Transform::Kind::kIdentity;
        });
    if (kept) continue;
    const Field* column = table.schema().Find(FieldId(id));
    return InvalidArgument(
        "column " + QuoteIdentifier(column == nullptr ? std::to_string(id) : column->name) +
            " has to stay a partition column: the table was adopted, and its files do not hold the "
            "column",
        "make another table of it with CREATE TABLE … AS SELECT");
  }
  return {};
}

std::map<int32_t, Scalar> IdentityValues(const PartitionSpec& spec, const DataFile& file) {
  std::map<int32_t, Scalar> values;
  for (size_t i = 0; i < spec.fields.size() && i < file.partition.size(); ++i) {
    if (spec.fields[i].transform.kind != Transform::Kind::kIdentity) continue;
    values[spec.fields[i].source_id.value()] = file.partition[i];
  }
  return values;
}

}  // namespace tarn

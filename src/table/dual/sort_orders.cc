#include "table/dual/sort_orders.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/nearest.h"
#include "base/text.h"

namespace tarn {

SortOrder CurrentSortOrder(const TableMetadata& table) {
  for (const SortOrder& order : table.sort_orders) {
    if (order.id == table.default_sort_order) return order;
  }
  return {};
}

Result<std::vector<SortField>> SortFieldsOf(const Schema& schema,
                                            const std::vector<SortKey>& keys) {
  std::vector<SortField> fields;
  for (const SortKey& key : keys) {
    const std::string column = "column " + QuoteIdentifier(key.column);
    const Field* field = schema.Find(key.column);
    if (field == nullptr) {
      std::vector<std::string> names;
      for (const Field& each : schema.fields) names.push_back(each.name);
      const std::optional<std::string> nearest = NearestName(key.column, names);
      return InvalidArgument("SORTED BY: there is no " + column,
                             nearest ? "did you mean " + QuoteIdentifier(*nearest) + "?" : "");
    }
    if (!field->type.primitive()) {
      return InvalidArgument(
          "SORTED BY: " + column + " of type " + field->type.ToString() + " has no order",
          "sort by columns of simple types");
    }
    const bool twice = std::any_of(fields.begin(), fields.end(), [&](const SortField& other) {
      return other.source_id == field->id;
    });
    if (twice) return InvalidArgument("SORTED BY: " + column + " is named twice");
    fields.push_back({field->id, {}, key.direction, key.nulls});
  }
  return fields;
}

SortOrder SortOrderOf(const TableMetadata* base, std::vector<SortField> fields) {
  SortOrder order;
  if (fields.empty()) return order;
  order.id = 1;
  if (base != nullptr) {
    for (const SortOrder& known : base->sort_orders) {
      if (known.fields == fields) return known;
      order.id = std::max(order.id, known.id + 1);
    }
  }
  order.fields = std::move(fields);
  return order;
}

std::vector<SortField> FollowNames(std::vector<SortField> fields, const Schema& before,
                                   const Schema& now) {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (now.Find(fields[i].source_id) != nullptr) continue;
    const Field* old = before.Find(fields[i].source_id);
    const Field* same = old != nullptr ? now.Find(old->name) : nullptr;
    if (same == nullptr || !same->type.primitive()) {
      fields.resize(i);
      break;
    }
    fields[i].source_id = same->id;
  }
  return fields;
}

SortOrder WithPartitions(const SortOrder& order, const PartitionSpec& spec) {
  SortOrder whole;
  whole.id = order.id;
  for (const PartitionField& field : spec.fields) {
    if (field.transform.kind != Transform::Kind::kIdentity) continue;
    whole.fields.push_back(
        {field.source_id, {}, SortField::Direction::kAscending, SortField::Nulls::kLast, {}});
  }
  for (const SortField& field : order.fields) {
    const bool known =
        std::any_of(whole.fields.begin(), whole.fields.end(),
                    [&](const SortField& one) { return one.source_id == field.source_id; });
    if (!known) whole.fields.push_back(field);
  }
  return whole;
}

void RenumberSortOrder(int32_t from, int32_t to, std::vector<DataFile>& files) {
  for (DataFile& file : files) {
    if (file.sort_order_id == from) file.sort_order_id = to;
  }
}

void AddSortOrder(const SortOrder& order, TableMetadata& table) {
  table.default_sort_order = order.id;
  const auto known = std::any_of(table.sort_orders.begin(), table.sort_orders.end(),
                                 [&](const SortOrder& one) { return one.id == order.id; });
  if (known || (order.id == 0 && table.sort_orders.empty())) return;
  const bool has_none = std::any_of(table.sort_orders.begin(), table.sort_orders.end(),
                                    [](const SortOrder& one) { return one.id == 0; });
  if (!has_none) table.sort_orders.emplace_back();
  if (order.id != 0) table.sort_orders.push_back(order);
}

Status CheckSortSources(const Schema& schema, const SortOrder& order) {
  for (const SortField& field : order.fields) {
    if (schema.Find(field.source_id) != nullptr) continue;
    return InvalidArgument("the table is sorted by a column that would be gone",
                           "change its order first: ALTER TABLE … SET SORTED BY, or RESET SORTED "
                           "BY");
  }
  return {};
}

}  // namespace tarn

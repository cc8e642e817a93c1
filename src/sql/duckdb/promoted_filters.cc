#include "sql/duckdb/promoted_filters.h"

#include <algorithm>
#include <utility>

#include "duckdb/planner/filter/conjunction_filter.hpp"
#include "duckdb/planner/filter/expression_filter.hpp"
#include "duckdb/planner/filter/optional_filter.hpp"
#include "duckdb/planner/filter/struct_filter.hpp"

namespace tarn::duck {
namespace {

using duckdb::TableFilter;
using duckdb::TableFilterType;
using Column = duckdb::MultiFileColumnDefinition;
using Columns = duckdb::vector<Column>;
using Filters = duckdb::vector<duckdb::unique_ptr<TableFilter>>;

const Column* FindColumn(const Columns& columns, const duckdb::Value& identifier) {
  for (const Column& column : columns) {
    if (!column.identifier.IsNull() && column.identifier == identifier) return &column;
  }
  return nullptr;
}

/// Whether a value of the table's type either is cast to the file's without loss, or not at all.
bool CastsWithoutLoss(const duckdb::LogicalType& table, const duckdb::LogicalType& file) {
  if (table == file || (table.IsIntegral() && file.IsIntegral())) return true;
  return table.id() == duckdb::LogicalTypeId::DECIMAL &&
         file.id() == duckdb::LogicalTypeId::DECIMAL &&
         duckdb::DecimalType::GetScale(table) == duckdb::DecimalType::GetScale(file);
}

const Filters* PartsOf(const TableFilter& filter) {
  if (filter.filter_type == TableFilterType::CONJUNCTION_AND) {
    return &filter.Cast<duckdb::ConjunctionAndFilter>().child_filters;
  }
  if (filter.filter_type == TableFilterType::CONJUNCTION_OR) {
    return &filter.Cast<duckdb::ConjunctionOrFilter>().child_filters;
  }
  return nullptr;
}

/// Whether a filter on `column` means the same when it is cast to the type of `in_file`.
bool Fits(const TableFilter& filter, const Column& column, const Column& in_file) {
  if (const Filters* parts = PartsOf(filter)) {
    return std::all_of(parts->begin(), parts->end(),
                       [&](const auto& part) { return Fits(*part, column, in_file); });
  }
  switch (filter.filter_type) {
    case TableFilterType::IS_NULL:
    case TableFilterType::IS_NOT_NULL:
      return true;
    case TableFilterType::OPTIONAL_FILTER: {
      const auto& inner = filter.Cast<duckdb::OptionalFilter>().child_filter;
      return inner != nullptr && Fits(*inner, column, in_file);
    }
    case TableFilterType::STRUCT_EXTRACT: {
      const auto& extract = filter.Cast<duckdb::StructFilter>();
      if (extract.child_idx >= column.children.size()) return false;
      const Column& field = column.children[extract.child_idx];
      const Column* own = FindColumn(in_file.children, field.identifier);
      return own != nullptr && Fits(*extract.child_filter, field, *own);
    }
    case TableFilterType::BLOOM_FILTER:
      return false;  // of hashes of the table's type, and DuckDB cannot cast it
    default:
      return CastsWithoutLoss(column.type, in_file.type);
  }
}

/// DuckDB casts all parts of a conjunction or none, and this one it never does.
duckdb::unique_ptr<TableFilter> NeverCast() {
  return duckdb::make_uniq<duckdb::ExpressionFilter>(
      duckdb::make_uniq<duckdb::BoundConstantExpression>(duckdb::Value::BOOLEAN(true)));
}

/// nullptr where nothing is left to ask.
duckdb::unique_ptr<TableFilter> FilterOfFile(const TableFilter& filter, const Column& column,
                                             const Column& in_file) {
  if (Fits(filter, column, in_file)) return filter.Copy();
  const bool conjunction = filter.filter_type == TableFilterType::CONJUNCTION_AND;
  bool all_fit = true;
  auto result = duckdb::make_uniq<duckdb::ConjunctionAndFilter>();
  const auto add = [&](const TableFilter& part) {
    const bool fits = Fits(part, column, in_file);
    if (!fits && part.filter_type == TableFilterType::OPTIONAL_FILTER) return;
    all_fit = all_fit && fits;
    result->child_filters.push_back(part.Copy());
  };
  if (conjunction) {
    for (const auto& part : *PartsOf(filter)) add(*part);
  } else {
    add(filter);
  }
  if (result->child_filters.empty()) return nullptr;
  if (!all_fit) {
    result->child_filters.insert(result->child_filters.begin(), NeverCast());
  } else if (result->child_filters.size() == 1) {
    return std::move(result->child_filters[0]);
  }
  return result;
}

}  // namespace

duckdb::unique_ptr<duckdb::TableFilterSet> FiltersOfFile(
    const duckdb::TableFilterSet& filters, const Columns& columns,
    const duckdb::vector<duckdb::ColumnIndex>& column_ids, const Columns& file_columns) {
  const auto in_file = [&](duckdb::idx_t place) -> std::pair<const Column*, const Column*> {
    const duckdb::ColumnIndex& id = column_ids.at(place);
    if (id.IsVirtualColumn()) return {};
    const Column& column = columns.at(id.GetPrimaryIndex());
    return {&column, FindColumn(file_columns, column.identifier)};
  };
  const auto as_they_are = [&](const auto& entry) {
    const auto [column, own] = in_file(entry.first);
    if (own == nullptr || (own->type == column->type && !column->type.IsNested())) return true;
    return Fits(*entry.second, *column, *own);
  };
  if (std::all_of(filters.filters.begin(), filters.filters.end(), as_they_are)) return nullptr;
  auto result = duckdb::make_uniq<duckdb::TableFilterSet>();
  for (const auto& entry : filters.filters) {
    auto filter = entry.second->Copy();
    if (!as_they_are(entry)) {
      const auto [column, own] = in_file(entry.first);
      filter = FilterOfFile(*entry.second, *column, *own);
    }
    if (filter != nullptr) result->filters.emplace(entry.first, std::move(filter));
  }
  return result;
}

}  // namespace tarn::duck

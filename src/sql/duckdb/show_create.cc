#include "sql/duckdb/show_create.h"

#include <algorithm>

#include "base/text.h"
#include "sql/duckdb/constraints.h"
#include "sql/duckdb/lake_sort.h"
#include "sql/duckdb/lake_table.h"
#include "sql/duckdb/table_options.h"
#include "table/model/partition.h"

namespace tarn::duck {
namespace {

std::string Name(const std::string& name) {
  return duckdb::KeywordHelper::WriteOptionallyQuoted(name);
}

void AddTo(std::string& list, const std::string& item) {
  list += (list.empty() ? "" : ", ") + item;
}

std::string PartitionText(const LakeTable& table) {
  std::string fields;
  for (const PartitionField& field : table.spec.fields) {
    if (field.transform.kind == Transform::Kind::kVoid) continue;
    AddTo(fields, PartitionFieldText(field, table.schema));
  }
  return fields;
}

std::string SortText(const LakeTable& table) {
  std::string keys;
  if (!CanSortRows(table.schema, table.sort)) return keys;
  for (const SortField& field : table.sort.fields) {
    std::string key = Name(table.schema.Find(field.source_id)->name);
    if (field.direction == SortField::Direction::kDescending) key += " DESC";
    if (field.nulls == SortField::Nulls::kFirst) key += " NULLS FIRST";
    AddTo(keys, key);
  }
  return keys;
}

/// CREATE TABLE has columns only.
bool IsPlain(const SortOrder& order) {
  return std::all_of(order.fields.begin(), order.fields.end(), [](const SortField& field) {
    return field.direction == SortField::Direction::kAscending &&
           field.nulls == SortField::Nulls::kLast;
  });
}

std::string OptionsText(const LakeTable& table) {
  std::string options;
  for (const auto& [key, value] : table.properties) {
    if (!CheckTableOption(key, value).ok()) continue;
    AddTo(options, QuoteLiteral(key) + " = " + QuoteLiteral(value));
  }
  return options;
}

}  // namespace

std::string WithoutEnd(std::string sql) {
  while (!sql.empty() && (sql.back() == ';' || sql.back() == '\n')) sql.pop_back();
  return sql;
}

std::string CreateStatements(const LakeTableEntry& entry,
                             const std::map<std::string, std::string>& constraints) {
  const LakeTable& table = entry.lake_table();
  std::string sql = WithoutEnd(entry.ToSQL());
  const std::string alter = ";\nALTER TABLE " + Name(entry.ParentCatalog().GetName()) + "." +
                            Name(entry.ParentSchema().name) + "." + Name(entry.name);
  const std::string partition = PartitionText(table);
  const std::string sort = SortText(table);
  const std::string options = OptionsText(table);
  if (!partition.empty()) sql += " PARTITIONED BY (" + partition + ")";
  if (!sort.empty() && IsPlain(table.sort)) sql += " SORTED BY (" + sort + ")";
  if (!options.empty()) sql += " WITH (" + options + ")";
  if (!sort.empty() && !IsPlain(table.sort)) sql += alter + " SET SORTED BY (" + sort + ")";
  for (const auto& [name, expression] : constraints) {
    sql += alter + " ADD CONSTRAINT " + QuoteIdentifier(name) + " CHECK (" + FromSpark(expression) +
           ")";
  }
  return sql;
}

}  // namespace tarn::duck

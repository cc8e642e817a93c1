#include "sql/duckdb/lake_table.h"

#include <utility>

#include "sql/duckdb/errors.h"
#include "sql/duckdb/lake_scan.h"
#include "sql/duckdb/types.h"

namespace tarn::duck {

LakeTableEntry::LakeTableEntry(duckdb::SchemaCatalogEntry& in_schema, duckdb::CreateTableInfo& info,
                               EngineState& engine, std::shared_ptr<const LakeTable> table)
    : TableCatalogEntry(in_schema.catalog, in_schema, info),
      engine_(engine),
      table_(std::move(table)) {}

duckdb::TableStorageInfo LakeTableEntry::GetStorageInfo(duckdb::ClientContext&) {
  duckdb::TableStorageInfo info;
  if (table_->metadata != nullptr && table_->metadata->current() != nullptr) {
    const auto& summary = table_->metadata->current()->summary;
    if (const auto rows = summary.find("total-records"); rows != summary.end()) {
      info.cardinality = std::strtoull(rows->second.c_str(), nullptr, 10);
    }
  }
  return info;
}

duckdb::TableFunction LakeTableEntry::GetScanFunction(
    duckdb::ClientContext& context, duckdb::unique_ptr<duckdb::FunctionData>& bind_data) {
  return BindLakeScan(context, *this, bind_data);
}

duckdb::virtual_column_map_t LakeTableEntry::GetVirtualColumns() const {
  duckdb::virtual_column_map_t result;
  result.insert(
      {duckdb::COLUMN_IDENTIFIER_EMPTY, duckdb::TableColumn("", duckdb::LogicalType::BOOLEAN)});
  return result;
}

std::unique_ptr<duckdb::CatalogEntry> MakeTableEntry(duckdb::SchemaCatalogEntry& schema,
                                                     EngineState& engine,
                                                     std::shared_ptr<const LakeTable> table) {
  duckdb::CreateTableInfo info(schema, table->entry.name.name);
  for (const Field& field : table->schema.fields) {
    duckdb::ColumnDefinition column(field.name, ToLogicalType(field.type));
    if (!field.doc.empty()) column.SetComment(duckdb::Value(field.doc));
    info.columns.AddColumn(std::move(column));
    if (field.nullability == Nullability::kRequired) {
      info.constraints.push_back(duckdb::make_uniq<duckdb::NotNullConstraint>(
          duckdb::LogicalIndex(info.columns.LogicalColumnCount() - 1)));
    }
  }
  return std::make_unique<LakeTableEntry>(schema, info, engine, std::move(table));
}

std::unique_ptr<duckdb::CatalogEntry> MakeViewEntry(duckdb::SchemaCatalogEntry& schema,
                                                    const ViewEntry& view) {
  duckdb::CreateViewInfo info(schema, view.name.name);
  info.query = duckdb::CreateViewInfo::ParseSelect(view.sql);
  for (const std::string& column : view.columns) info.aliases.push_back(column);
  info.sql = view.sql;
  return std::make_unique<duckdb::ViewCatalogEntry>(schema.catalog, schema, info);
}

}  // namespace tarn::duck

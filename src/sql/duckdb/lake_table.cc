#include "sql/duckdb/lake_table.h"

#include <algorithm>
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
  using Reader = duckdb::MultiFileReader;
  duckdb::virtual_column_map_t result;
  result.insert(
      {duckdb::COLUMN_IDENTIFIER_EMPTY, duckdb::TableColumn("", duckdb::LogicalType::BOOLEAN)});
  result.insert({Reader::COLUMN_IDENTIFIER_FILENAME,
                 duckdb::TableColumn("filename", duckdb::LogicalType::VARCHAR)});
  result.insert({kChangedFileColumn, duckdb::TableColumn("", duckdb::LogicalType::UBIGINT)});
  result.insert({Reader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER,
                 duckdb::TableColumn("file_row_number", duckdb::LogicalType::BIGINT)});
  if (HasLineage(*table_)) {
    result.insert({kRowIdColumn, duckdb::TableColumn("_row_id", duckdb::LogicalType::BIGINT)});
  }
  return result;
}

duckdb::vector<duckdb::column_t> LakeTableEntry::GetRowIdColumns() const {
  duckdb::vector<duckdb::column_t> result{
      kChangedFileColumn, duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER};
  if (HasLineage(*table_)) result.push_back(kRowIdColumn);
  return result;
}

void LakeTableEntry::BindUpdateConstraints(duckdb::Binder&, duckdb::LogicalGet& get,
                                           duckdb::LogicalProjection& projection,
                                           duckdb::LogicalUpdate& update, duckdb::ClientContext&) {
  update.update_is_del_and_insert = true;
  for (const auto& column : GetColumns().Physical()) {
    const auto& updated = update.columns;
    if (std::find(updated.begin(), updated.end(), column.Physical()) != updated.end()) continue;
    // A scan gives a column once: what a filter reads already is taken from there.
    const auto& scanned = get.GetColumnIds();
    const auto same = [&column](const duckdb::ColumnIndex& index) {
      return !index.IsVirtualColumn() && index.GetPrimaryIndex() == column.Physical().index;
    };
    duckdb::idx_t place = static_cast<duckdb::idx_t>(
        std::find_if(scanned.begin(), scanned.end(), same) - scanned.begin());
    if (place == scanned.size()) get.AddColumnId(column.Physical().index);
    update.columns.push_back(column.Physical());
    update.expressions.push_back(duckdb::make_uniq<duckdb::BoundColumnRefExpression>(
        column.Type(),
        duckdb::ColumnBinding(projection.table_index, projection.expressions.size())));
    projection.expressions.push_back(duckdb::make_uniq<duckdb::BoundColumnRefExpression>(
        column.Type(), duckdb::ColumnBinding(get.table_index, place)));
  }
}

std::unique_ptr<duckdb::CatalogEntry> MakeTableEntry(duckdb::SchemaCatalogEntry& schema,
                                                     EngineState& engine,
                                                     std::shared_ptr<const LakeTable> table) {
  duckdb::CreateTableInfo info(schema, table->entry.name.name);
  for (const Field& field : table->schema.fields) {
    duckdb::ColumnDefinition column(field.name, ToLogicalType(field.type));
    if (field.write_default) {
      column.SetDefaultValue(duckdb::make_uniq<duckdb::ConstantExpression>(
          ToValue(column.Type(), *field.write_default)));
    }
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

#include "sql/duckdb/analyze_statement.h"

#include "base/text.h"
#include "duckdb/parser/statement/vacuum_statement.hpp"
#include "duckdb/parser/tableref/basetableref.hpp"

namespace tarn::duck {

Result<std::string> CallOfAnalyze(duckdb::ClientContext& context,
                                  const duckdb::SQLStatement& statement) {
  if (statement.type != duckdb::StatementType::VACUUM_STATEMENT) return std::string();
  const duckdb::VacuumInfo& info = *statement.Cast<duckdb::VacuumStatement>().info;
  if (!info.options.analyze) return std::string();
  if (!info.has_table || info.ref == nullptr ||
      info.ref->type != duckdb::TableReferenceType::BASE_TABLE) {
    return Unsupported("ANALYZE needs the name of a table", "write ANALYZE schema.table");
  }
  if (!info.columns.empty()) {
    return Unsupported("ANALYZE of single columns is not supported", "write ANALYZE schema.table");
  }
  const auto& table = info.ref->Cast<duckdb::BaseTableRef>();
  std::string schema = table.schema_name;
  if (schema.empty()) {
    schema = duckdb::ClientData::Get(context).catalog_search_path->GetDefault().schema;
  }
  std::string name = QuoteIdentifier(schema) + "." + QuoteIdentifier(table.table_name);
  if (!table.catalog_name.empty()) name = QuoteIdentifier(table.catalog_name) + "." + name;
  return "CALL analyze_table(" + QuoteLiteral(name) + ")";
}

}  // namespace tarn::duck

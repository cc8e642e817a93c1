#include "sql/duckdb/lake_reads.h"

#include <algorithm>

#include "sql/duckdb/lake_catalog.h"
#include "sql/duckdb/lake_table.h"

namespace tarn::duck {
namespace {

bool FindsRowsToChange(const duckdb::LogicalGet& get) {
  const auto& columns = get.GetColumnIds();
  return std::any_of(columns.begin(), columns.end(), [](const duckdb::ColumnIndex& column) {
    return column.GetPrimaryIndex() == kChangedFileColumn;
  });
}

void NoteReads(duckdb::ClientContext& context, duckdb::LogicalOperator& op) {
  if (op.type == duckdb::LogicalOperatorType::LOGICAL_EXPLAIN &&
      op.Cast<duckdb::LogicalExplain>().explain_type != duckdb::ExplainType::EXPLAIN_ANALYZE) {
    return;
  }
  if (op.type == duckdb::LogicalOperatorType::LOGICAL_GET) {
    auto& get = op.Cast<duckdb::LogicalGet>();
    // Tables that are none of the lake's, and scans of changes, have entries of other kinds.
    auto entry = get.GetTable();
    auto* table = entry ? dynamic_cast<LakeTableEntry*>(entry.get()) : nullptr;
    if (table != nullptr && !FindsRowsToChange(get)) {
      LakeTransaction::Get(context, table->ParentCatalog()).state().NoteRead(table->lake_table());
    }
  }
  for (auto& child : op.children) NoteReads(context, *child);
}

}  // namespace

void RegisterReads(duckdb::DBConfig& config) {
  duckdb::OptimizerExtension extension;
  extension.pre_optimize_function = [](duckdb::OptimizerExtensionInput& input,
                                       duckdb::unique_ptr<duckdb::LogicalOperator>& plan) {
    NoteReads(input.context, *plan);
  };
  duckdb::OptimizerExtension::Register(config, std::move(extension));
}

}  // namespace tarn::duck

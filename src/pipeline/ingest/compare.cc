#include "pipeline/ingest/compare.h"

#include <arrow/api.h>

#include "base/text.h"
#include "columnar/conform.h"
#include "pipeline/interrupter.h"
#include "source/checksum.h"

namespace tarn {
namespace {

Result<TableChecksum> HashSource(const PipelineContext& context, SourceSnapshot& snapshot,
                                 const SourceTable& table,
                                 const std::shared_ptr<arrow::Schema>& storable) {
  TableHasher hasher;
  TARN_ASSIGN_OR_RETURN(const auto ranges, snapshot.Split(table, 1));
  for (const ScanRange& range : ranges) {
    TARN_ASSIGN_OR_RETURN(auto reader, snapshot.Open(table, range, std::nullopt));
    while (true) {
      if (context.cancel != nullptr) TARN_RETURN_IF_ERROR(context.cancel->Check());
      TARN_ASSIGN_OR_RETURN(auto batch, reader->Next());
      if (batch == nullptr) break;
      TARN_ASSIGN_OR_RETURN(batch, Conform(batch, storable));
      TARN_RETURN_IF_ERROR(hasher.Add(*batch));
    }
  }
  return hasher.checksum();
}

Result<TableChecksum> HashLake(const PipelineContext& context, const TableName& table,
                               const std::shared_ptr<arrow::Schema>& storable) {
  TARN_ASSIGN_OR_RETURN(const auto session,
                        InterruptibleSession::Open(*context.engine, {}, context.cancel));
  std::vector<std::string> columns;
  for (const auto& field : storable->fields()) columns.push_back(QuoteIdentifier(field->name()));
  const std::string from =
      " FROM " + QuoteIdentifier(table.schema) + "." + QuoteIdentifier(table.name);
  TARN_ASSIGN_OR_RETURN(auto rows, session->Execute("SELECT " + Join(columns, ", ") + from));
  TableHasher hasher;
  while (true) {
    if (context.cancel != nullptr) TARN_RETURN_IF_ERROR(context.cancel->Check());
    TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
    if (batch == nullptr) return hasher.checksum();
    TARN_ASSIGN_OR_RETURN(batch, Conform(batch, storable));
    TARN_RETURN_IF_ERROR(hasher.Add(*batch));
  }
}

/// A table without columns: only the number of rows can be compared.
Result<TableChecksum> CountSource(SourceSnapshot& snapshot, const SourceTable& table) {
  TableChecksum count;
  TARN_ASSIGN_OR_RETURN(const auto ranges, snapshot.Split(table, 1));
  for (const ScanRange& range : ranges) {
    TARN_ASSIGN_OR_RETURN(auto reader, snapshot.Open(table, range, std::nullopt));
    while (true) {
      TARN_ASSIGN_OR_RETURN(auto batch, reader->Next());
      if (batch == nullptr) break;
      count.rows += batch->num_rows();
    }
  }
  return count;
}

Result<TableChecksum> CountLake(const PipelineContext& context, const TableName& table) {
  TARN_ASSIGN_OR_RETURN(const auto session,
                        InterruptibleSession::Open(*context.engine, {}, context.cancel));
  TARN_ASSIGN_OR_RETURN(auto rows,
                        session->Execute("SELECT 1 FROM " + QuoteIdentifier(table.schema) + "." +
                                         QuoteIdentifier(table.name)));
  TableChecksum count;
  while (true) {
    TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
    if (batch == nullptr) return count;
    count.rows += batch->num_rows();
  }
}

}  // namespace

Result<TableComparison> CompareTable(const PipelineContext& context, SourceSnapshot& snapshot,
                                     const SourceTableName& source_table, const TableName& table) {
  TableComparison comparison;
  comparison.table = table;
  comparison.source_table = source_table;
  TARN_ASSIGN_OR_RETURN(const SourceTable described, snapshot.Describe(source_table));
  if (described.columns.empty()) {
    TARN_ASSIGN_OR_RETURN(comparison.in_source, CountSource(snapshot, described));
    TARN_RETURN_IF_ERROR(snapshot.CheckHeld());
    TARN_ASSIGN_OR_RETURN(comparison.in_lake, CountLake(context, table));
    return comparison;
  }
  arrow::FieldVector fields;
  for (const SourceColumn& column : described.columns) fields.push_back(column.field);
  TARN_ASSIGN_OR_RETURN(const auto storable, StorableSchema(arrow::Schema(fields)));
  TARN_ASSIGN_OR_RETURN(comparison.in_source, HashSource(context, snapshot, described, storable));
  TARN_RETURN_IF_ERROR(snapshot.CheckHeld());
  TARN_ASSIGN_OR_RETURN(comparison.in_lake, HashLake(context, table, storable));
  return comparison;
}

}  // namespace tarn

#include "project/validate.h"

#include <arrow/api.h>

#include "base/text.h"
#include "columnar/conform.h"
#include "pipeline/ingest/history_rows.h"
#include "pipeline/transform/checks.h"
#include "pipeline/transform/history_query.h"
#include "pipeline/transform/model_error.h"
#include "table/model/partition.h"
#include "table/model/schema.h"

namespace tarn {
namespace {

/// A table of these columns without any row, for binding only.
Result<TableOverlay> EmptyTable(const TableName& name, const arrow::FieldVector& fields) {
  TARN_ASSIGN_OR_RETURN(const auto storable, StorableSchema(arrow::Schema(fields)));
  TARN_ASSIGN_OR_RETURN(Schema schema, SchemaFromArrow(*storable));
  auto metadata = std::make_shared<TableMetadata>();
  metadata->last_column_id = schema.HighestFieldId();
  metadata->current_schema = schema.id;
  metadata->schemas.push_back(std::move(schema));
  metadata->specs.push_back(PartitionSpec{});
  return TableOverlay{name, std::move(metadata)};
}

Status CheckPartition(const std::vector<std::string>& partition, const arrow::FieldVector& fields) {
  TARN_ASSIGN_OR_RETURN(const auto storable, StorableSchema(arrow::Schema(fields)));
  TARN_ASSIGN_OR_RETURN(const Schema schema, SchemaFromArrow(*storable));
  return ParsePartition(partition, schema).status();
}

/// Of those alone that are loaded: what is followed gets its columns by the log.
Status CheckPartitions(const std::vector<PlannedTable>& tables) {
  for (const PlannedTable& planned : tables) {
    arrow::FieldVector fields;
    for (const SourceColumn& column : planned.table.columns) fields.push_back(column.field);
    Status checked = CheckPartition(planned.object.partition, fields);
    if (!checked.ok()) return std::move(checked).Wrap(planned.object.target.ToString());
    if (!planned.object.history) continue;
    TARN_ASSIGN_OR_RETURN(const auto history, HistorySchema(planned.table));
    checked = CheckPartition(planned.object.history_partition, history->fields());
    if (!checked.ok()) return std::move(checked).Wrap(HistoryOf(planned.object.target).ToString());
  }
  return {};
}

Status CheckColumns(const Model& model, const QueryAnalysis& analysis) {
  std::map<std::string, std::string> seen;
  for (const QueryColumn& column : analysis.columns) {
    auto [it, fresh] = seen.emplace(LowerAscii(column.name), column.name);
    if (!fresh) {
      return InvalidArgument(model.path + ": two columns of the query are called \"" + it->second +
                                 "\" and \"" + column.name + "\"",
                             "give one of them another name with AS");
    }
  }
  auto demand = [&](const std::string& name, const char* what) -> Status {
    for (const QueryColumn& column : analysis.columns) {
      if (column.name == name) return Status::Ok();
    }
    return InvalidArgument(model.path + ": the " + what + " column \"" + name +
                           "\" is not a column of the query");
  };
  for (const std::string& column : model.key) TARN_RETURN_IF_ERROR(demand(column, "key"));
  if (!model.cursor.empty()) TARN_RETURN_IF_ERROR(demand(model.cursor, "cursor"));
  return Status::Ok();
}

}  // namespace

Status ValidateModels(OpenProject& project, const Plan& plan, const ModelGraph& graph) {
  TARN_RETURN_IF_ERROR(CheckPartitions(plan.tables_to_load));
  SessionOptions options;
  for (const PlannedTable& planned : plan.tables_wanted) {
    arrow::FieldVector fields;
    for (const SourceColumn& column : planned.table.columns) fields.push_back(column.field);
    auto table = EmptyTable(planned.object.target, fields);
    if (!table.ok()) return std::move(table).Wrap(planned.object.target.ToString()).status();
    options.tables.push_back(std::move(table).value());
    if (!planned.object.history) continue;
    TARN_ASSIGN_OR_RETURN(const auto history, HistorySchema(planned.table));
    TARN_ASSIGN_OR_RETURN(auto changes,
                          EmptyTable(HistoryOf(planned.object.target), history->fields()));
    options.tables.push_back(std::move(changes));
  }
  for (size_t index : graph.order()) {
    const Model& model = project.spec.models[index];
    auto analysis = project.engine->Analyze(model.sql, options);
    if (!analysis.ok()) return InModelFile(model, analysis.status());
    TARN_RETURN_IF_ERROR(CheckColumns(model, *analysis));
    if (model.materialize == Materialize::kView) {
      ViewEntry view;
      view.name = model.name;
      view.sql = model.sql;
      options.views.push_back({std::move(view)});
      continue;
    }
    arrow::FieldVector fields;
    for (const QueryColumn& column : analysis->columns) fields.push_back(column.field);
    if (model.materialize == Materialize::kHistory) {
      TARN_ASSIGN_OR_RETURN(fields, HistoryModelFields(model, fields));
    }
    auto table = EmptyTable(model.name, fields);
    if (!table.ok()) return std::move(table).Wrap(model.path).status();
    options.tables.push_back(std::move(table).value());
    Status partition = CheckPartition(model.partition, fields);
    if (!partition.ok()) return std::move(partition).Wrap(model.path);
    if (model.checks.empty()) continue;
    // Without rows no check has an outcome worth knowing, but one that cannot run says so.
    TARN_ASSIGN_OR_RETURN(const auto session, project.engine->NewSession(options));
    const std::string name =
        QuoteIdentifier(model.name.schema) + "." + QuoteIdentifier(model.name.name);
    TARN_RETURN_IF_ERROR(RunChecks(model, name, *session).status());
  }
  return Status::Ok();
}

}  // namespace tarn

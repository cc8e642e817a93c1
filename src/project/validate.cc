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

/// Runs after the first one compare the query's key and cursor with those that stand. `options` has
/// the model's table.
Status CheckCompared(const Model& model, SqlEngine& engine, const SessionOptions& options) {
  const bool marked =
      model.materialize == Materialize::kIncremental || model.materialize == Materialize::kMerge;
  if (!marked || (model.cursor.empty() && model.materialize != Materialize::kMerge)) return {};
  std::vector<std::string> columns = model.key;
  if (!model.cursor.empty()) columns.push_back(model.cursor);
  std::vector<std::string> pairs;
  for (const std::string& column : columns) {
    const std::string quoted = QuoteIdentifier(column);
    pairs.push_back("new_row." + quoted + ", stood." + quoted);
  }
  TARN_ASSIGN_OR_RETURN(const auto session, engine.NewSession(options));
  TARN_ASSIGN_OR_RETURN(
      auto rows, session->Execute("DESCRIBE SELECT " + Join(pairs, ", ") + " FROM (\n" + model.sql +
                                  "\n) AS new_row, " + QuotedName(model.name) + " AS stood"));
  std::vector<std::string> types;
  while (true) {
    TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
    if (batch == nullptr) break;
    const auto& texts = static_cast<const arrow::StringArray&>(*batch->column(1));
    for (int64_t i = 0; i < texts.length(); ++i) types.push_back(texts.GetString(i));
  }
  if (types.size() != 2 * columns.size()) return Internal("DESCRIBE tells other columns");
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string &type = types[2 * i], &stored = types[2 * i + 1];
    const bool cursor = i >= model.key.size();
    // Equal to its text is everything but an interval, whose text SQL does not read.
    const bool refused =
        cursor ? type == "UUID" || type == "BIT" || type.rfind("TIME", 0) == 0 || type == "INTERVAL"
               : type == "INTERVAL";
    if (stored != "VARCHAR" || !refused) continue;
    const bool same_order = !cursor || type == "UUID" || type == "TIME";
    const std::string quoted = QuoteIdentifier(columns[i]);
    return InvalidArgument(
        model.path + ": the " + (cursor ? "cursor" : "key") + " column \"" + columns[i] +
            "\" is of type " + type + ", which a table holds as text: the two do not compare",
        same_order ? "make it a text in the query: CAST(" + quoted + " AS VARCHAR) AS " + quoted
                   : "take a number, a date, a timestamp or a text");
  }
  return {};
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
    TARN_RETURN_IF_ERROR(CheckCompared(model, *project.engine, options));
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

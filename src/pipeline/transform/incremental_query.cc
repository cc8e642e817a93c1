#include "pipeline/transform/incremental_query.h"

#include <memory>
#include <vector>

#include <arrow/api.h>

#include "base/text.h"
#include "pipeline/transform/quarantine.h"

namespace tarn {
namespace {

/// The finite ones of a column's values: an infinite cursor or NaN would hide all rows after it.
/// Texts, numbers without infinities and the rest are finite as they are.
std::string FiniteCondition(const arrow::DataType& type, const std::string& column) {
  const bool has_infinity = arrow::is_floating(type.id()) || type.id() == arrow::Type::TIMESTAMP ||
                            type.id() == arrow::Type::DATE32;
  return has_infinity ? "isfinite(" + column + ")" : column + " IS NOT NULL";
}

}  // namespace

Result<std::string> IncrementalQuery(const PipelineContext& context, const Model& model,
                                     Sequence at, Session& session, int* lines_before) {
  const std::string cursor = QuoteIdentifier(model.cursor);
  std::vector<std::string> stood_columns = {cursor + " AS mark"};
  std::vector<std::string> same = {"stood.mark = new_row." + cursor};
  for (const std::string& column : model.key) {
    stood_columns.push_back(QuoteIdentifier(column));
    same.push_back("stood." + stood_columns.back() + " = new_row." + stood_columns.back());
  }
  const Status stands = context.catalog->LoadTable(model.name, at).status();
  if (!stands.ok() && stands.error().kind == ErrorKind::kNotFound) return model.sql;
  TARN_RETURN_IF_ERROR(stands);
  std::vector<TableName> tables = {model.name};
  TARN_ASSIGN_OR_RETURN(const auto rejected, LoadRejected(context, model, at));
  if (rejected.has_value()) {
    // Rejected rows were looked at as well: the mark is past them.
    TARN_ASSIGN_OR_RETURN(const bool rows, HasRejectedRows(context, model, *rejected));
    if (rows) tables.push_back(RejectedTable(model));
  }
  std::vector<std::string> seen;
  for (const TableName& name : tables) {
    seen.push_back("SELECT " + Join(stood_columns, ", ") + " FROM " + QuotedName(name));
  }
  const std::string stood = "(" + Join(seen, " UNION ALL ") + ") AS stood";
  TARN_ASSIGN_OR_RETURN(auto none, session.Execute("SELECT mark FROM " + stood + " LIMIT 0"));
  const std::shared_ptr<arrow::DataType> type = none->schema()->field(0)->type();
  TARN_ASSIGN_OR_RETURN(
      auto rows,
      session.Execute("SELECT CAST(max(mark) FILTER (WHERE " + FiniteCondition(*type, "mark") +
                      ") AS VARCHAR), typeof(max(mark)), CAST(count(*) AS VARCHAR) FROM " + stood));
  TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
  if (batch == nullptr || batch->num_rows() == 0) return Internal("the high mark has no row");
  auto text = [&](int column) {
    return std::static_pointer_cast<arrow::StringArray>(batch->column(column))->GetString(0);
  };
  // Rows without a finite cursor come with the first run only.
  if (batch->column(0)->IsNull(0) && text(2) == "0") return model.sql;
  ++*lines_before;
  std::string query =
      "SELECT * FROM (\n" + model.sql + "\n) AS new_row WHERE " + FiniteCondition(*type, cursor);
  if (batch->column(0)->IsNull(0)) return query;
  const std::string mark = "CAST(" + QuoteLiteral(text(0)) + " AS " + text(1) + ")";
  query += " AND " + cursor + (model.key.empty() ? " > " : " >= ") + mark;
  // Rows may come late with a cursor at the mark. Those of a merge that come again replace
  // themselves.
  if (model.key.empty() || model.materialize == Materialize::kMerge) return query;
  return query + " AND NOT EXISTS (SELECT 1 FROM " + stood + " WHERE stood.mark = " + mark +
         " AND " + Join(same, " AND ") + ")";
}

}  // namespace tarn

#include "pipeline/transform/quarantine.h"

#include <algorithm>

#include "base/text.h"
#include "pipeline/transform/checks.h"

namespace tarn {
namespace {

std::string StoodName(size_t index) { return "__tarn_stood_" + std::to_string(index); }

std::string QuoteList(const std::vector<std::string>& columns) {
  std::vector<std::string> quoted;
  for (const std::string& column : columns) quoted.push_back(QuoteIdentifier(column));
  return Join(quoted, ", ");
}

/// That rows `a` and `b` have the same values in these columns.
std::string Same(const std::vector<std::string>& columns, const std::string& a,
                 const std::string& b) {
  std::vector<std::string> parts;
  for (const std::string& column : columns) {
    const std::string quoted = QuoteIdentifier(column);
    parts.push_back(a + "." + quoted + " = " + b + "." + quoted);
  }
  return Join(parts, " AND ");
}

/// Checks that tell failing rows from others, in the order of the model.
std::string AnyFailing(const Model& model) {
  std::vector<std::string> conditions;
  for (size_t i = 0; i < model.checks.size(); ++i) {
    const std::string condition = FailingCondition(model.checks[i], i);
    if (!condition.empty()) conditions.push_back("(" + condition + ")");
  }
  return conditions.empty() ? "false" : Join(conditions, " OR ");
}

/// The result's rows, each with StoodName() of every uniqueness check.
std::string WithStood(const Model& model, const SplitTables& tables) {
  std::string old_ones, new_ones, merged;
  for (size_t i = 0; i < model.checks.size(); ++i) {
    const Check& check = model.checks[i];
    if (check.kind != Check::Kind::kUnique) continue;
    old_ones += ", true AS " + StoodName(i);
    new_ones += ", false AS " + StoodName(i);
    // A merge takes rows again that stand: they are who had the value before.
    merged += ", EXISTS (SELECT 1 FROM " + tables.stood + " AS stood WHERE " +
              Same(model.key, "stood", "result") + " AND " +
              Same(check.columns, "stood", "result") + ") AS " + StoodName(i);
  }
  if (model.materialize == Materialize::kMerge) {
    return "(SELECT *" + merged + " FROM " + tables.result + " AS result)";
  }
  return "(SELECT *" + old_ones + " FROM " + tables.stood + " UNION ALL BY NAME SELECT *" +
         new_ones + " FROM " + tables.added + ")";
}

std::string WithWindows(const Model& model, const SplitTables& tables) {
  const bool stood = !tables.stood.empty();
  std::string query = "SELECT *";
  for (size_t i = 0; i < model.checks.size(); ++i) {
    const std::string window = UniqueWindow(model.checks[i], i, stood ? StoodName(i) : "");
    if (!window.empty()) query += ", " + window;
  }
  return query + " FROM " + (stood ? WithStood(model, tables) : tables.result);
}

}  // namespace

bool AsksWhatStood(const Model& model) {
  return std::any_of(model.checks.begin(), model.checks.end(),
                     [](const Check& check) { return check.kind == Check::Kind::kUnique; });
}

std::string SplitQuery(const Model& model, const SplitTables& tables,
                       const std::vector<std::string>& columns, RowsWanted wanted) {
  const std::string from = " FROM (" + WithWindows(model, tables) + ")";
  if (wanted == RowsWanted::kPassing) {
    return "SELECT " + QuoteList(columns) + from + " WHERE (" + AnyFailing(model) + ") IS NOT TRUE";
  }
  std::string reasons;
  for (size_t i = 0; i < model.checks.size(); ++i) {
    const std::string condition = FailingCondition(model.checks[i], i);
    if (condition.empty()) continue;
    reasons += std::string(reasons.empty() ? "" : ", ") + "CASE WHEN " + condition + " THEN " +
               QuoteLiteral(model.checks[i].ToString()) + " END";
  }
  return "SELECT " + QuoteList(columns) + ", concat_ws('; ', " + reasons + ") AS rejected_because" +
         from + " WHERE " + AnyFailing(model);
}

Result<std::optional<TableEntry>> LoadRejected(const PipelineContext& context, const Model& model,
                                               std::optional<Sequence> at) {
  auto entry = context.catalog->LoadTable(RejectedTable(model), at);
  if (!entry.ok() && entry.error().kind != ErrorKind::kNotFound) return entry.status();
  if (!entry.ok() || entry->owner != "model:" + model.name.ToString()) {
    return std::optional<TableEntry>();
  }
  return std::optional<TableEntry>(std::move(entry).value());
}

Result<bool> HasRejectedRows(const PipelineContext& context, const Model& model,
                             const TableEntry& rejected) {
  TARN_ASSIGN_OR_RETURN(const auto metadata,
                        LoadTableMetadata(context.tables, rejected.metadata_location));
  const auto* snapshot = metadata->current();
  if (snapshot == nullptr) return false;
  const auto rows = snapshot->summary.find("total-records");
  if (rows != snapshot->summary.end() && rows->second == "0") return false;
  std::vector<std::string> columns = model.key;
  if (!model.cursor.empty()) columns.push_back(model.cursor);
  return std::all_of(columns.begin(), columns.end(), [&](const std::string& column) {
    return metadata->schema().Find(column) != nullptr;
  });
}

std::string RejectedQuery(const Model& model, const std::string& result, Rejected wanted) {
  return "SELECT * FROM " + QuotedName(RejectedTable(model)) + " AS rejected WHERE " +
         (wanted == Rejected::kStill ? "NOT " : "") + "EXISTS (SELECT 1 FROM " + result +
         " AS result WHERE " + Same(model.key, "result", "rejected") + ")";
}

}  // namespace tarn

#include "project/plan_history.h"

#include <algorithm>

#include <arrow/type.h>

#include "base/nearest.h"
#include "base/text.h"
#include "columnar/variant_column.h"
#include "pipeline/ingest/history_rows.h"
#include "project/table_rules.h"
#include "source/table_pattern.h"
#include "table/dual/table.h"

namespace tarn {
namespace {

/// Why the history alone makes a table be loaded anew, "" where it does not.
Result<std::string> HistoryChange(Catalog& catalog, const SourceTableObject& old,
                                  const SourceTableObject& object) {
  if (!object.history) return "";
  const std::string name = HistoryOf(object.target).ToString();
  if (!old.history) return "a history begins in " + name;
  const Status standing = catalog.LoadTable(HistoryOf(object.target), std::nullopt).status();
  if (!standing.ok()) {
    if (standing.error().kind != ErrorKind::kNotFound) return standing;
    return "its history " + name + " was dropped";
  }
  if (old.history_partition == object.history_partition) return "";
  return "partition of its history " + Join(old.history_partition, ", ") + " → " +
         Join(object.history_partition, ", ");
}

}  // namespace

Status WantHistory(OpenProject& project, const SourceSpec& spec, const SourceTableObject* old,
                   PlannedTable* planned) {
  SourceTableObject& object = planned->object;
  object.history = true;
  const std::string where = spec.history_position.ToString() + ": `history` of source " + spec.name;
  if (auto schema = HistorySchema(planned->table); !schema.ok()) {
    return std::move(schema).Wrap(where).status();
  }
  const TableName name = HistoryOf(object.target);
  for (const TableRule& rule : project.spec.tables) {
    if (rule.partition.empty() || !MatchesPattern(rule.pattern, name.ToString())) continue;
    object.history_partition = rule.partition;
  }
  TARN_ASSIGN_OR_RETURN(object.history_iceberg,
                        WantIceberg(project, name, old != nullptr ? old->history_iceberg : ""));
  return {};
}

Result<std::string> WhyLoadedAnew(OpenProject& project, const SourceSpec& spec,
                                  const SourceTableObject& old, const PlannedTable& planned) {
  TARN_ASSIGN_OR_RETURN(std::string why, HistoryChange(*project.catalog, old, planned.object));
  // Of a table that is not captured the fingerprint says enough.
  const bool same = old.fingerprint == planned.object.fingerprint;
  if (!why.empty() || same || spec.mode != SourceMode::kCdc) return why;
  const auto entry = project.catalog->LoadTable(old.target, std::nullopt);
  if (!entry.ok()) {
    return entry.error().kind == ErrorKind::kNotFound ? Result<std::string>(why) : entry.status();
  }
  TARN_ASSIGN_OR_RETURN(const auto table,
                        LoadTableMetadata(project.tables, entry->metadata_location));
  for (const SourceColumn& column : planned.table.columns) {
    const Field* stands = table->schema().Find(column.name);
    if (stands == nullptr) continue;
    const bool wanted = IsVariantStorage(*column.field->type());
    if (wanted == (stands->type.kind() == Type::Kind::kVariant)) continue;
    return "column " + column.name + (wanted ? " becomes a variant" : " is no variant any more");
  }
  return why;
}

Result<std::set<SourceTableName>> TablesWithHistory(const SourceSpec& spec,
                                                    const std::vector<SourceTable>& tables) {
  std::set<SourceTableName> wanted;
  for (const std::string& text : spec.history) {
    TARN_ASSIGN_OR_RETURN(const TablePattern pattern, TablePattern::Parse(text, ""));
    // As `tables:` is read: names as they are written first, then as SQL folds them.
    std::set<SourceTableName> exact, folded;
    std::vector<std::string> names;
    for (const SourceTable& table : tables) {
      if (pattern.Matches(table.name)) exact.insert(table.name);
      if (pattern.MatchesFolded(table.name)) folded.insert(table.name);
      names.push_back(table.name.ToString());
    }
    wanted.merge(exact.empty() ? folded : exact);
    if (!exact.empty() || !folded.empty()) continue;
    const auto nearest = NearestName(text, names);
    return NotFound(spec.history_position.ToString() + ": \"" + text +
                        "\" of `history:` matches no table of source " + spec.name,
                    nearest ? "did you mean \"" + *nearest + "\"?"
                            : "correct the name, or add the table to `tables:`");
  }
  return wanted;
}

}  // namespace tarn

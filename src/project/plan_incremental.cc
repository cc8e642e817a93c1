#include "project/plan_incremental.h"

#include "base/text.h"
#include "pipeline/ingest/load_rows.h"
#include "project/captured.h"
#include "project/load_items.h"

namespace tarn {
namespace {

/// Why rows that stand cannot be in one table with those of the source, "" where they can.
Result<std::string> WhyReplaced(OpenProject& project, const SourceTableObject& known,
                                const TableEntry& standing, const PlannedTable& planned) {
  // Rows that stand are unique by the key of before alone.
  if (known.key != planned.table.key) return "by another key";
  TARN_ASSIGN_OR_RETURN(const auto columns, StoredColumns(planned.table));
  return WhyNotInPlace(project.tables, standing, *columns, TargetOfTable(planned));
}

/// Tables of MySQL have the database in their own names.
std::string DatabaseOf(const SourceObject& source) {
  return source.type == "postgres" ? source.address.substr(source.address.rfind('/') + 1) : "";
}

}  // namespace

std::string WhyMarkIsVoid(const SourceObject& applied, const SourceObject& wanted) {
  if (applied.type != wanted.type) return "type " + applied.type + " → " + wanted.type;
  const std::string before = DatabaseOf(applied), now = DatabaseOf(wanted);
  if (before != now) return "database " + before + " → " + now;
  if (applied.cursor == wanted.cursor) return "";
  return "cursor " + applied.cursor + " → " + wanted.cursor;
}

std::string HowMarksGoOn(const SourceObject& applied, const SourceObject& wanted) {
  const bool incremental = SourceModeName(SourceMode::kIncremental) == wanted.mode;
  if (!incremental || applied.mode != wanted.mode || applied.address == wanted.address ||
      !WhyMarkIsVoid(applied, wanted).empty()) {
    return "";
  }
  return ": taken for the same database, so only rows past those that were loaded are";
}

Result<StandingRows> PlanStandingRows(OpenProject& project, const SourceSpec& spec,
                                      const SourceObject& applied, const SourceTableObject& known,
                                      const TableEntry& standing, const std::string& position,
                                      PlannedTable* planned) {
  StandingRows rows;
  const std::string gone = ": " + std::string(kLoadedAnew) + ", and " + kRowsGo;
  if (known.target != planned->object.target) return rows;
  rows.told = gone;
  if (position.empty()) {
    rows.anew = "its last load is void";
    return rows;
  }
  TARN_ASSIGN_OR_RETURN(const LoadPosition last, LoadPosition::FromJson(position));
  if (!last.cursor.has_value()) return rows;
  rows.anew = WhyMarkIsVoid(applied, WantedSource(spec, *project.sources.at(spec.name)));
  if (!rows.anew.empty()) return rows;
  const bool altered = known.fingerprint != planned->object.fingerprint;
  if (altered) {
    TARN_ASSIGN_OR_RETURN(const std::string why, WhyReplaced(project, known, standing, *planned));
    if (!why.empty()) {
      rows.told = " (" + why + ")" + gone;
      return rows;
    }
  }
  const bool keyed = !planned->table.key.empty();
  planned->rows = altered && keyed ? PlannedTable::Rows::kAllMerged : PlannedTable::Rows::kNewAdded;
  rows.told = keyed ? ": merged with the rows that stand"
                    : ": new rows are added, and those that stand stay as they are";
  return rows;
}

}  // namespace tarn

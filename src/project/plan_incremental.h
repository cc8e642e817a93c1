#pragma once

#include <string>

#include "base/result.h"
#include "project/plan.h"

namespace tarn {

/// How the line of a plan ends that loads a table anew over rows that may be in the lake alone.
inline constexpr char kRowsGo[] = "rows that the source no longer has go";

/// What a plan makes of the rows that stand in a table of mode incremental.
struct StandingRows {
  std::string anew;  ///< why the table is loaded although nothing of it changed, "" where it is not
  std::string told;  ///< how the line of a plan that loads it ends
};

/// Rows that the source no longer has are in the lake alone, so a load keeps them wherever the
/// columns allow it, and `planned->rows` says how; where they go, the plan tells it. `known` is
/// what is remembered of the table, `position` where its last load stood. Errors: those of reading
/// the table's metadata; Corruption of the position.
Result<StandingRows> PlanStandingRows(OpenProject& project, const SourceSpec& spec,
                                      const SourceObject& applied, const SourceTableObject& known,
                                      const TableEntry& standing, const std::string& position,
                                      PlannedTable* planned);

/// Why a mark that was loaded up to by the applied settings means nothing by those of tarn.yaml, ""
/// where it is gone on from. Another server is no reason: databases move, and their marks with
/// them.
std::string WhyMarkIsVoid(const SourceObject& applied, const SourceObject& wanted);

/// What the plan adds to a changed source whose marks are gone on from on another server, else "".
std::string HowMarksGoOn(const SourceObject& applied, const SourceObject& wanted);

}  // namespace tarn

#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "project/plan.h"

namespace tarn {

/// The tables of `tables`, those of the source, of which `history:` wants every change kept.
/// NotFound for a pattern that no table obeys: a mistake, and a silent one.
Result<std::set<SourceTableName>> TablesWithHistory(const SourceSpec& spec,
                                                    const std::vector<SourceTable>& tables);

/// Gives the planned table a history, as `tables:` says; `old` is what is remembered of the table,
/// if it is. Errors: InvalidArgument where the table's columns do not go with one; of WantIceberg.
Status WantHistory(OpenProject& project, const SourceSpec& spec, const SourceTableObject* old,
                   PlannedTable* planned);

/// Why a table is loaded anew although nothing of it changed that the log of its source tells: its
/// history, or a column of a captured one that `types:` makes a variant by now, or does not. ""
/// where it is not. Errors: those of the catalog and of reading the table's metadata.
Result<std::string> WhyLoadedAnew(OpenProject& project, const SourceSpec& spec,
                                  const SourceTableObject& old, const PlannedTable& planned);

}  // namespace tarn

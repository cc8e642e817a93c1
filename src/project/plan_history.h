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

/// Gives the planned table a history, partitioned as `tables:` says. Errors: InvalidArgument where
/// the table's columns do not go with one.
Status WantHistory(const SourceSpec& spec, const std::vector<TableRule>& rules,
                   PlannedTable* planned);

/// Why the history alone makes a table be loaded anew, "" where it does not. Errors: the catalog's.
Result<std::string> HistoryChange(Catalog& catalog, const SourceTableObject& old,
                                  const SourceTableObject& object);

}  // namespace tarn

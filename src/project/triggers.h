#pragma once

#include <map>
#include <set>
#include <string>

#include "base/result.h"
#include "project/plan.h"

namespace tarn {

/// The applied models of `trigger: on_change` ("schema.name") that are due: rows of a table that
/// they read, also through views, were changed by a commit that their own last run did not see; and
/// those that read what is due. A table that upkeep wrote anew has not changed. `attempted` tells
/// up to which sequence a model was run in vain: it is due again once something has changed since.
/// Call after BuildModelGraph(). Errors: those of the catalog and the store.
Result<std::set<std::string>> TriggeredModels(OpenProject& project, const ModelGraph& graph,
                                              const std::map<std::string, Sequence>& attempted);

}  // namespace tarn

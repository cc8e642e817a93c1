#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/garbage.h"
#include "pipeline/table_target.h"

namespace tarn {

/// Remembers, in one commit, the folders of those of `tables` that their transactions create.
/// Errors: the catalog's.
Status RememberIntentions(const PipelineContext& context,
                          const std::vector<const WrittenTable*>& tables,
                          const std::string& author);

/// What the commit that makes the table adds to its operations; nothing for a table that stands.
Result<std::vector<CommitOp>> ForgetIntention(const PipelineContext& context,
                                              const WrittenTable& table);

}  // namespace tarn

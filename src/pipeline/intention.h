#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/table_target.h"

namespace tarn {

/// Kind of the objects that remember where a table was going to stand: its name is the folder's
/// key. Written before the table's first file, taken away in the commit that makes the table, so
/// that files of a first load that never committed are found by `destroy`.
inline constexpr char kIntentionObject[] = "intention";

/// Remembers, in one commit, the folders of those of `tables` that their transactions create.
/// Errors: the catalog's.
Status RememberIntentions(const PipelineContext& context,
                          const std::vector<const WrittenTable*>& tables,
                          const std::string& author);

/// What the commit that makes the table adds to its operations; nothing for a table that stands.
Result<std::vector<CommitOp>> ForgetIntention(const PipelineContext& context,
                                              const WrittenTable& table);

}  // namespace tarn

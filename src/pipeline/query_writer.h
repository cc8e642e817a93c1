#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "pipeline/table_target.h"
#include "table/dual/transaction.h"

namespace tarn {

/// Runs `query` in `session` and writes its rows to new files of the target; creates the target's
/// transaction (or one that evolves an existing table to the query's columns).
/// Errors: the session's; InvalidArgument for a column that no table can hold, for a null in a key
/// and for a table of that name that somebody else made. Files are removed on error.
Result<WrittenTable> WriteQuery(const PipelineContext& context, Session& session,
                                const std::string& query, const TableTarget& target,
                                WriteMode mode);

}  // namespace tarn

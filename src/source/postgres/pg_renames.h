#pragma once

#include <optional>
#include <string>
#include <vector>

#include "source/change_batch.h"
#include "source/postgres/pg_missing_value.h"

namespace tarn::postgres {

/// nullptr: it has none of that name.
const SourceColumn* FindColumn(const SourceTable& table, const std::string& name);

/// Columns of `before` that are in `now` under another name: by their numbers where both have
/// them, else by their place in tables that differ in names only.
std::vector<TableAltered::Renamed> FindRenamed(const SourceTable& before, const SourceTable& now);

/// Renames that numbers and places do not prove, where a column that came later and is not in the
/// log here may be what the table had, or what it has: dropped and added, they would look the same.
std::vector<TableAltered::Filled> UncertainRenames(
    const SourceTable& before, const SourceTable& now,
    const std::optional<std::vector<LaterColumn>>& later,
    const std::vector<TableAltered::Renamed>& renamed);

}  // namespace tarn::postgres

#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {

/// \name Table properties as SQL sets them: WITH of CREATE TABLE, SET and RESET of ALTER TABLE.
/// Names of other programs are nobody's business here; those of Tarn, of Delta, and of Iceberg's
/// row changes have to be known ones, so that none is set that has no effect.
/// @{
/// Error InvalidArgument, naming the property, and the nearest one that is known.
Status CheckTableOption(const std::string& key, const std::string& value);
Result<std::map<std::string, std::string>> TableOptions(
    const duckdb::case_insensitive_map_t<duckdb::unique_ptr<duckdb::ParsedExpression>>& options);
/// The names that RESET has.
std::vector<std::string> TableOptionNames(const duckdb::case_insensitive_set_t& options);
/// @}

}  // namespace tarn::duck

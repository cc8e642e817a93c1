#pragma once

#include <map>
#include <string>

#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {

class LakeTableEntry;

/// A statement without the semicolon and the end of line behind it.
std::string WithoutEnd(std::string sql);

/// The statements that make a table like this one, without its rows: CREATE TABLE, and ALTER TABLE
/// for what that has no words for. `constraints` by name, in Spark's spelling.
std::string CreateStatements(const LakeTableEntry& table,
                             const std::map<std::string, std::string>& constraints);

}  // namespace tarn::duck

#pragma once

#include <map>
#include <string>
#include <vector>

#include "sql/duckdb/duckdb_headers.h"
#include "sql/duckdb/lake_state.h"

namespace tarn::duck {

/// What CREATE TABLE says, in the lake's own terms.
struct NewTableParts {
  Schema schema;
  std::vector<std::string> partition;  ///< "day(sold_at)"
  std::vector<SortKey> sort;
  std::map<std::string, std::string> properties;
};

/// Errors: Unsupported, naming the constraint, default or type that the lake does not have.
Result<NewTableParts> PartsOfCreateTable(duckdb::ClientContext& context, const TableName& name,
                                         const duckdb::CreateTableInfo& info);

/// ALTER TABLE, ALTER VIEW and COMMENT ON.
Status AlterRelation(duckdb::ClientContext& context, LakeState& state, const TableName& name,
                     duckdb::AlterInfo& info);

}  // namespace tarn::duck

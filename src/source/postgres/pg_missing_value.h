#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "source/postgres/pg_connection.h"
#include "source/postgres/pg_stream_column.h"

namespace tarn::postgres {

/// A column of today's catalog that came after a known state of its table, perhaps dropped since.
struct LaterColumn {
  int32_t id = 0;  ///< attnum: they are given out in order, and none is given twice
  std::string name;
  bool dropped = false;
  bool untold = false;  ///< a generated one that no log has: an ordinary one never becomes that
  uint32_t type = 0;
  int32_t modifier = -1;
  /// What rows that are older than the column have in it (`attmissingval`), as text. PostgreSQL
  /// keeps it from ADD COLUMN with a default that is no volatile expression until the table is
  /// written anew, whatever becomes of the default; a change of type that keeps the rows keeps it.
  std::optional<std::string> missing;
  /// Whether older rows may have any: that, a default, or NOT NULL.
  bool may_fill = false;
};

/// The columns of the relation with numbers above `after`, in their order and all of one moment;
/// nullopt where there is no such relation any more.
Result<std::optional<std::vector<LaterColumn>>> LoadLaterColumns(Connection& connection,
                                                                 uint32_t relation, int32_t after);

/// What the text of a missing value is in the lake: an array of one value.
/// Errors: Unsupported (a type whose text the session's settings change), those of ValueFault().
Result<std::shared_ptr<arrow::Array>> DecodeMissingValue(const SourceTableName& table,
                                                         const StreamColumn& column,
                                                         const ValueRules& rules,
                                                         const std::string& text);

}  // namespace tarn::postgres

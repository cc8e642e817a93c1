#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "source/source_table.h"

namespace tarn {

/// The name of a source's table in positions and objects: `schema.table`, where a part that holds a
/// dot or a quote is quoted as SQL does. Two tables never share one.
std::string PositionKey(const SourceTableName& table);

/// Where a table's last load stood, as `SetPositionOp::position` keeps it (JSON).
struct LoadPosition {
  std::string snapshot;               ///< the source's own position (PostgreSQL: LSN)
  std::optional<std::string> cursor;  ///< the highest cursor value loaded
  /// Why the table is not followed any more, of mode cdc; "" while it is. Its rows are those of the
  /// commit that says so.
  std::string stopped;
  int64_t order = 0;  ///< of the load's rows in the table's history; see history_rows.h
  std::string ToJson() const;
  static Result<LoadPosition> FromJson(const std::string& json);
};

}  // namespace tarn

#pragma once

#include <string_view>

#include "catalog/catalog.h"

namespace tarn {

/// The history of a mirrored table stands beside it, under the table's name and this.
inline constexpr char kHistorySuffix[] = "__changes";
inline TableName HistoryOf(const TableName& mirrored) {
  return {mirrored.schema, mirrored.name + kHistorySuffix};
}

/// \name The columns of a history; those of the table follow, all of them nullable.
/// @{
inline constexpr char kHistoryOp[] = "_op";
/// Grows along the source's log, from transaction to transaction; about microseconds since 1970.
inline constexpr char kHistoryOrder[] = "_log_order";
/// The change's place among those of its transaction; null of rows of a load.
inline constexpr char kHistoryOrdinal[] = "_ordinal";
inline constexpr char kHistoryTransaction[] = "_transaction";  ///< its id; null of rows of a load
inline constexpr char kHistoryPosition[] = "_position";        ///< right after the transaction
inline constexpr char kHistoryTime[] = "_committed_at";  ///< by the source's clock; of a load: ours
/// @}

/// \name Values of `_op`.
/// @{
/// A row of the load that the history begins with, or goes on from.
inline constexpr std::string_view kHistorySnapshot = "snapshot";
/// The table was loaded again: the rows of before are no more, those of the load follow.
inline constexpr std::string_view kHistoryReload = "reload";
inline constexpr std::string_view kHistoryInsert = "insert";
/// The row as it was before the update of the same ordinal, where the log tells it whole; its key
/// alone where that is what changed.
inline constexpr std::string_view kHistoryBefore = "update_preimage";
inline constexpr std::string_view kHistoryUpdate = "update";
inline constexpr std::string_view kHistoryDelete = "delete";
inline constexpr std::string_view kHistoryTruncate = "truncate";
/// @}

}  // namespace tarn

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "catalog/sqlite/connection.h"

namespace tarn::sqlite {

/// Where a row that still holds ends.
inline constexpr int64_t kOpenEnd = INT64_MAX;
/// Reads at this sequence see what holds now.
inline constexpr int64_t kNow = INT64_MAX - 1;

/// \name Lookups by name, exact first, then without regard to the case of ASCII letters where that
/// is unambiguous. NotFound has the nearest name, or the meanings of an ambiguous one, in its hint.
/// @{
Result<TableEntry> FindTable(Connection& connection, const TableName& name, int64_t at);
Result<ViewEntry> FindView(Connection& connection, const TableName& name, int64_t at);
Result<NamespaceEntry> FindNamespace(Connection& connection, const std::string& name, int64_t at);
/// @}
/// \name Exactly this, without hints; nothing when it does not exist.
/// @{
Result<std::optional<TableEntry>> FindTableByUuid(Connection& connection, const std::string& uuid,
                                                  int64_t at);
Result<std::optional<TableEntry>> FindExactTable(Connection& connection, const TableName& name,
                                                 int64_t at);
Result<std::optional<ViewEntry>> FindExactView(Connection& connection, const TableName& name,
                                               int64_t at);
Result<std::optional<NamespaceEntry>> FindExactNamespace(Connection& connection,
                                                         const std::string& name, int64_t at);
/// @}
/// \name Everything at a sequence, ordered by name.
/// @{
Result<std::vector<NamespaceEntry>> AllNamespaces(Connection& connection, int64_t at);
Result<std::vector<TableEntry>> AllTables(Connection& connection,
                                          const std::optional<std::string>& schema, int64_t at);
Result<std::vector<ViewEntry>> AllViews(Connection& connection,
                                        const std::optional<std::string>& schema, int64_t at);
/// @}
Result<std::vector<TableEntry>> AllStatesOfTable(Connection& connection, const std::string& uuid);

/// JSON text of properties as stored in `namespaces`.
std::string PropertiesToJson(const std::map<std::string, std::string>& properties);
/// JSON text of a list as stored in `views`.
std::string ListToJson(const std::vector<std::string>& list);

}  // namespace tarn::sqlite

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sql/duckdb/info_table.h"

namespace tarn::duck {

/// The tables about a table, `t$snapshots`, `t$history`, `t$refs`, `t$files`, `t$partitions`,
/// `t$manifests`, and the views `system.tables`, `.columns`, `.snapshots`, `.files`, `.positions`
/// about all of them.
void RegisterTableInfo(duckdb::ExtensionLoader& loader, duckdb::DatabaseInstance& database,
                       EngineState& engine);

/// `t$changes`: the rows that came and went (changes_view.h).
inline constexpr char kChangesKind[] = "changes";

/// "t$files" → "t", "files"; nullopt for names that are not of that form.
std::optional<std::pair<std::string, std::string>> SplitTableInfoName(const std::string& name);

/// What `t$files` is short for. `point` as ParsePoint reads it; empty for the present.
std::shared_ptr<const ViewEntry> TableInfoView(const TableName& table, const std::string& kind,
                                               const std::string& point);

}  // namespace tarn::duck

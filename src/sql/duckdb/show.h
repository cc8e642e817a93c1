#pragma once

#include <optional>
#include <string>

namespace tarn::duck {

/// SHOW and DESCRIBE forms that people type from habit and DuckDB does not parse (or answers by
/// asking every attached database), as statements that it does:
///   SHOW SCHEMAS [FROM|IN c] · SHOW CATALOGS · SHOW TABLES [FROM|IN s|c|c.s] ·
///   SHOW COLUMNS FROM|IN t · SHOW CREATE TABLE|VIEW t
/// nullopt for everything else. A trailing LIKE 'pattern' is kept where a list is shown.
std::optional<std::string> RewriteShow(const std::string& sql, const std::string& catalog);

}  // namespace tarn::duck

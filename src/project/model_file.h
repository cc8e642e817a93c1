#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/transform/model.h"

namespace tarn {

/// Parses one file of models/: an optional head `/* tarn … */` (YAML) and one query. `path` is
/// relative to models/, "silver/customer_active.sql": schema and name come from it.
/// Errors: InvalidArgument with file:line:column. The query itself is not looked at: the SQL engine
/// does that.
Result<Model> ParseModelFile(const std::string& path, const std::string& text);

/// All models below `<root>/models`, by name, through links too; a folder that is absent has none.
/// Errors: InvalidArgument for a link that leads nowhere or back to where it stands, for two files
/// that make one name (in any case), for a file that is not
/// `<schema>/<table>.sql`; Unavailable or PermissionDenied when a file cannot be read.
Result<std::vector<Model>> LoadModels(const std::string& root);

/// "24h", "30m", "7d", "90s", "2w" → seconds.
Result<int64_t> ParseDurationSeconds(const std::string& text);

}  // namespace tarn

#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "project/plan.h"

namespace tarn {

/// What `tables:` says of the Iceberg version of the table `name` in `iceberg:`, the last match:
/// "auto", "2" or "3", "" where no rule says it. A rule that is gone leaves "auto", so that what
/// it once set (`before`, as remembered) does not stay.
/// Errors: InvalidArgument for version 2 of a table that is of version 3 already: tables do not go
/// back.
Result<std::string> WantIceberg(OpenProject& project, const TableName& name,
                                const std::string& before);

/// Gives each model of the project, but views, what WantIceberg says of its table.
Status WantIcebergOfModels(OpenProject& project, const AliveObjects& alive);

/// \name What changes of a table without a row that moves, for people; "" where nothing does.
/// @{
std::string IcebergChange(const std::string& before, const std::string& now);
std::string ChangedSettings(const SourceTableObject& old, const SourceTableObject& object);
/// @}

/// NotFound for a rule that none of `names` obeys: a mistake, and a silent one, for its partition
/// or tag would never come.
Status CheckTableRules(const std::vector<TableRule>& rules, const std::vector<std::string>& names);

}  // namespace tarn

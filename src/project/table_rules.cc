#include "project/table_rules.h"

#include <algorithm>

#include "base/nearest.h"
#include "base/text.h"
#include "table/dual/table.h"
#include "table/dual/transaction.h"

namespace tarn {
namespace {

constexpr char kIcebergTwo[] = "2";

Status CheckDoesNotGoBack(OpenProject& project, const TableName& name, const TableRule& rule) {
  const auto entry = project.catalog->LoadTable(name, std::nullopt);
  if (!entry.ok()) {
    return entry.error().kind == ErrorKind::kNotFound ? Status() : entry.status();
  }
  TARN_ASSIGN_OR_RETURN(const auto table,
                        LoadTableMetadata(project.tables, entry->metadata_location));
  if (table->format_version <= 2) return {};
  return InvalidArgument(
      rule.position.ToString() + ": `iceberg: 2` of \"" + rule.pattern + "\": the table " +
          name.ToString() + " is of version " + std::to_string(table->format_version) +
          " already, and a table's version does not go back",
      "write `iceberg: auto`; or take the table out of the project, `tarn apply`, DROP TABLE " +
          name.ToString() + ", and put it back");
}

}  // namespace

Result<std::string> WantIceberg(OpenProject& project, const TableName& name,
                                const std::string& before) {
  const TableRule* said = nullptr;
  for (const TableRule& rule : project.spec.tables) {
    if (!rule.iceberg.empty() && MatchesPattern(rule.pattern, name.ToString())) said = &rule;
  }
  if (said == nullptr) return before.empty() ? before : kIcebergVersionAuto;
  if (said->iceberg == kIcebergTwo && before != kIcebergTwo) {
    TARN_RETURN_IF_ERROR(CheckDoesNotGoBack(project, name, *said));
  }
  return said->iceberg;
}

Status WantIcebergOfModels(OpenProject& project, const AliveObjects& alive) {
  for (Model& model : project.spec.models) {
    if (model.materialize == Materialize::kView) continue;
    const auto old = alive.models.find(model.name.ToString());
    const std::string before = old != alive.models.end() ? old->second.iceberg : "";
    TARN_ASSIGN_OR_RETURN(model.iceberg, WantIceberg(project, model.name, before));
  }
  return {};
}

Status CheckTableRules(const std::vector<TableRule>& rules, const std::vector<std::string>& names) {
  for (const TableRule& rule : rules) {
    const bool obeyed = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return MatchesPattern(rule.pattern, name);
    });
    if (obeyed) continue;
    const auto nearest = NearestName(rule.pattern, names);
    return NotFound(
        rule.position.ToString() + ": \"" + rule.pattern +
            "\" of `tables:` matches no table that a source loads or a model makes",
        nearest ? "did you mean \"" + *nearest + "\"? Otherwise take its lines out of `tables:`"
                : "take its lines out of `tables:`");
  }
  return Status::Ok();
}

std::string IcebergChange(const std::string& before, const std::string& now) {
  return "iceberg " + (before.empty() ? "" : before + " → ") + now;
}

std::string ChangedSettings(const SourceTableObject& old, const SourceTableObject& object) {
  std::vector<std::string> changed;
  if (old.tags != object.tags) changed.emplace_back("tags");
  if (old.iceberg != object.iceberg) changed.push_back(IcebergChange(old.iceberg, object.iceberg));
  if (old.history_iceberg != object.history_iceberg) {
    changed.push_back("of its history " +
                      IcebergChange(old.history_iceberg, object.history_iceberg));
  }
  return Join(changed, " and ");
}

}  // namespace tarn

#include "project/standing_tables.h"

#include "base/text.h"
#include "pipeline/history_columns.h"

namespace tarn {
namespace {

/// "source:crm" as people say it.
std::string WhoMade(const std::string& owner) {
  if (owner.empty()) return "by hand";
  const size_t colon = owner.find(':');
  return "by the " + owner.substr(0, colon) + " " + owner.substr(colon + 1);
}

bool IsAlive(const std::string& owner, const AliveObjects& alive) {
  const std::string name = owner.substr(owner.find(':') + 1);
  return !owner.empty() && (alive.sources.count(name) != 0 || alive.models.count(name) != 0);
}

}  // namespace

Result<bool> ModelStands(Catalog& catalog, const Model& model) {
  const std::string name = model.name.ToString();
  const auto stands = [&](const auto& entry, const std::string& kind) -> Result<bool> {
    if (!entry.ok() && entry.error().kind == ErrorKind::kNotFound) return false;
    if (!entry.ok()) return entry.status();
    if (entry->owner == "model:" + name) return true;
    return AlreadyExists(model.path + ": the " + LowerAscii(kind) + " " + name +
                             " exists and was not made by this model",
                         "rename the model, or DROP " + kind + " " + name);
  };
  TARN_RETURN_IF_ERROR(stands(catalog.LoadView(model.name, std::nullopt), "VIEW").status());
  return stands(catalog.LoadTable(model.name, std::nullopt), "TABLE");
}

Status CheckTargetsFree(Catalog& catalog, const SourceSpec& spec, const SourceTableObject& table,
                        const AliveObjects& alive) {
  const std::string elsewhere = "map it to another name with `into:`";
  std::vector<TableName> names = {table.target};
  if (table.history) names.push_back(HistoryOf(table.target));
  for (const TableName& name : names) {
    const std::string where = spec.position.ToString() + ": the ";
    const std::string text = name.ToString();
    auto view = catalog.LoadView(name, std::nullopt);
    if (!view.ok() && view.error().kind != ErrorKind::kNotFound) return view.status();
    // Those of models go with their models.
    if (view.ok() && view->owner.empty()) {
      return AlreadyExists(where + "view " + text + " was made by hand, and source " + spec.name +
                               " wants its name for a table",
                           elsewhere + ", or DROP VIEW " + text);
    }
    auto entry = catalog.LoadTable(name, std::nullopt);
    if (!entry.ok() && entry.error().kind == ErrorKind::kNotFound) continue;
    if (!entry.ok()) return entry.status();
    if (entry->owner == "source:" + spec.name) continue;
    std::string hint = elsewhere + ", or DROP TABLE " + text;
    if (IsAlive(entry->owner, alive)) {
      hint = "leave it to who made it, or " + elsewhere +
             "; to load it anew, run `tarn apply` without either, then DROP TABLE " + text;
    }
    return AlreadyExists(where + "table " + text + " was made " + WhoMade(entry->owner) +
                             " and not by source " + spec.name,
                         hint);
  }
  return Status::Ok();
}

}  // namespace tarn

#include "project/plan.h"

#include <algorithm>

#include "base/text.h"
#include "pipeline/history_columns.h"
#include "pipeline/ingest/load.h"
#include "pipeline/ingest/stream_position.h"
#include "project/captured.h"
#include "project/load_items.h"
#include "project/plan_history.h"
#include "project/plan_incremental.h"
#include "project/standing_tables.h"
#include "project/table_rules.h"
#include "project/validate.h"
#include "source/table_change.h"

namespace tarn {
namespace {

using Action = PlanStep::Action;

std::string Plural(size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

/// The rows stay what they are: where the log of the source is behind, so are the columns.
PlannedTable WithShapeOf(const SourceTableObject& old, PlannedTable planned) {
  planned.object.SetShape(old.Shape());
  planned.object.fingerprint = old.fingerprint;
  return planned;
}

bool KeepsRows(const Model& model) {
  return model.materialize == Materialize::kIncremental || model.materialize == Materialize::kMerge;
}

/// Compares one project with its catalog, step by step.
class Planner {
 public:
  explicit Planner(OpenProject& project) : project_(project) {}
  Result<Plan> Run();

 private:
  Status PlanSource(const SourceSpec& spec);
  Status PlanTable(const SourceSpec& spec, const SourceTable& table);
  Result<std::vector<SourceTable>> PlanCapture(const SourceSpec& spec,
                                               std::vector<SourceTable> tables);
  std::string WhyStopped(const PlannedTable& planned) const;
  Status PlanModels();
  Status PlanModel(const Model& model);
  void PlanModelChange(const Model& model, const ModelObject& old, const std::string& kind,
                       const std::string& detail);
  Status PlanSchedules();
  Status CheckRules() const;
  void PlanRemovals();
  Status Claim(const TableName& name, const std::string& who);
  void Step(Action action, std::string kind, std::string name, std::string detail) {
    plan_.steps.push_back({action, std::move(kind), std::move(name), std::move(detail)});
  }

  OpenProject& project_;
  AliveObjects alive_;
  std::vector<PositionEntry> positions_;
  Plan plan_;
  std::set<SourceTableName> with_history_;   ///< of the source that is being planned
  std::map<TableName, std::string> claims_;  ///< lower-case lake name → who wants it
};

Status Planner::Claim(const TableName& name, const std::string& who) {
  auto [it, fresh] =
      claims_.emplace(TableName{LowerAscii(name.schema), LowerAscii(name.name)}, who);
  if (fresh) return Status::Ok();
  return InvalidArgument(
      "both " + it->second + " and " + who + " want the table " + name.ToString(),
      "rename one: `into:` of a source can map its tables one by one");
}

Status Planner::PlanTable(const SourceSpec& spec, const SourceTable& table) {
  PlannedTable planned;
  planned.source = spec.name;
  planned.table = table;
  SourceTableObject& object = planned.object;
  object.source = spec.name;
  object.schema = table.name.schema;
  object.table = table.name.name;
  object.target = TargetOf(spec, table.name);
  planned.object_name = object.ObjectName();
  object.fingerprint = table.fingerprint;
  object.SetShape(table);
  for (const TableRule& rule : project_.spec.tables) {
    if (!MatchesPattern(rule.pattern, object.target.ToString())) continue;
    if (!rule.partition.empty()) object.partition = rule.partition;
    for (const auto& [tag, value] : rule.tags) object.tags[tag] = value;
  }
  const auto old = alive_.tables.find(planned.object_name);
  const SourceTableObject* known = old != alive_.tables.end() ? &old->second : nullptr;
  TARN_ASSIGN_OR_RETURN(object.iceberg,
                        WantIceberg(project_, object.target, known ? known->iceberg : ""));
  TARN_RETURN_IF_ERROR(
      Claim(object.target, "the table " + table.name.ToString() + " of source " + spec.name));
  if (with_history_.count(table.name) != 0) {
    TARN_RETURN_IF_ERROR(WantHistory(project_, spec, known, &planned));
    TARN_RETURN_IF_ERROR(Claim(HistoryOf(object.target), "the history of " + table.name.ToString() +
                                                             " of source " + spec.name));
  }

  std::string detail = Plural(table.columns.size(), "column");
  detail += table.key.empty() ? ", no key" : ", key " + Join(table.key, ", ");
  if (!object.partition.empty()) detail += ", partition " + Join(object.partition, ", ");
  if (object.history) detail += ", history in " + HistoryOf(object.target).ToString();
  const std::string name = object.target.ToString();
  const auto standing = project_.catalog->LoadTable(object.target, std::nullopt);
  if (!standing.ok() && standing.error().kind != ErrorKind::kNotFound) return standing.status();
  TARN_RETURN_IF_ERROR(CheckTargetsFree(*project_.catalog, spec, object, alive_));
  const bool captured = spec.mode == SourceMode::kCdc;
  const size_t loads_before = plan_.tables_to_load.size();
  const std::string stopped = captured ? WhyStopped(planned) : "";
  std::string anew, rows;
  if (known != nullptr && spec.mode == SourceMode::kIncremental && standing.ok()) {
    TARN_ASSIGN_OR_RETURN(
        const StandingRows stand,
        PlanStandingRows(project_, spec, alive_.sources[spec.name], *known, *standing,
                         PositionOf(positions_, spec.name, table.name), &planned));
    anew = stand.anew;
    rows = stand.told;
  } else if (known != nullptr) {
    TARN_ASSIGN_OR_RETURN(anew, WhyLoadedAnew(project_, spec, *known, planned));
    if (!anew.empty()) anew += ": the table is loaded anew";
  }
  // Of no table whose load begins anew is anything kept but what the source has.
  const bool incremental = spec.mode == SourceMode::kIncremental;
  const std::string rows_go = incremental && standing.ok() ? std::string(", and ") + kRowsGo : "";
  if (old == alive_.tables.end() && standing.ok()) {
    Step(Action::kChange, "table", name,
         "its table stands: " + std::string(kLoadedAnew) + rows_go + ": " + detail);
    plan_.tables_to_load.push_back(planned);
  } else if (old == alive_.tables.end()) {
    Step(Action::kAdd, "table", name, detail);
    plan_.tables_to_load.push_back(planned);
  } else if (captured && plan_.captures_to_begin.count(spec.name) != 0) {
    Step(Action::kChange, "table", name, std::string(kLoadedAnew) + ", then followed");
    plan_.tables_to_load.push_back(planned);
  } else if (!stopped.empty()) {
    Step(Action::kChange, "table", name, std::string(kLoadedAnew) + ", for it stopped: " + stopped);
    plan_.tables_to_load.push_back(planned);
  } else if (old->second.target != object.target) {
    Step(Action::kChange, "table", name,
         "was " + old->second.target.ToString() + ", which stays until `destroy` or DROP" +
             (standing.ok() ? "; its table of before is " + std::string(kLoadedAnew) : "") +
             rows_go);
    plan_.tables_to_load.push_back(planned);
  } else if (!standing.ok()) {
    Step(Action::kAdd, "table", name, "was dropped: " + detail);
    plan_.tables_to_load.push_back(planned);
  } else if (!captured && old->second.fingerprint != object.fingerprint) {
    // Columns that the source of a captured table altered come by its log.
    const std::string change = DescribeTableChange(old->second.Shape(), table);
    Step(Action::kChange, "table", name,
         (change.empty() ? "other types: " + detail : change) + rows);
    plan_.tables_to_load.push_back(planned);
  } else if (old->second.partition != object.partition) {
    const std::string was = "partition " + Join(old->second.partition, ", ");
    Step(Action::kChange, "table", name, was + " → " + Join(object.partition, ", ") + rows);
    plan_.tables_to_load.push_back(planned);
  } else if (!anew.empty()) {
    Step(Action::kChange, "table", name, anew + rows);
    plan_.tables_to_load.push_back(planned);
  } else if (old->second.history && !object.history) {
    const std::string history = HistoryOf(object.target).ToString();
    Step(Action::kChange, "table", name, history + " is kept no longer, and stays until `destroy`");
    plan_.tables_to_tag.push_back(WithShapeOf(old->second, planned));
    plan_.changes_capture = true;
  } else if (const std::string settings = ChangedSettings(old->second, object); !settings.empty()) {
    Step(Action::kChange, "table", name, settings);
    plan_.tables_to_tag.push_back(WithShapeOf(old->second, planned));
  }
  if (captured && plan_.tables_to_load.size() != loads_before) plan_.changes_capture = true;
  plan_.tables_wanted.push_back(std::move(planned));
  return Status::Ok();
}

std::string Planner::WhyStopped(const PlannedTable& planned) const {
  const auto position =
      LoadPosition::FromJson(PositionOf(positions_, planned.source, planned.table.name));
  return position.ok() ? position->stopped : "";
}

/// The tables as the source's log tells them, once nothing prevents it from being read.
Result<std::vector<SourceTable>> Planner::PlanCapture(const SourceSpec& spec,
                                                      std::vector<SourceTable> tables) {
  Source& source = *project_.sources.at(spec.name);
  const std::string where = spec.position.ToString() + ": source " + spec.name;
  ChangeCapture* capture = source.capture();
  if (capture == nullptr) {
    return Unsupported(where + ": mode cdc is not available for type " + spec.type,
                       "use mode snapshot or incremental");
  }
  const auto old = alive_.sources.find(spec.name);
  const bool stands = std::any_of(positions_.begin(), positions_.end(), [&](const auto& entry) {
    return entry.source == spec.name && entry.table == kStreamPosition;
  });
  CaptureSpec capture_spec{"tarn_check", spec.publication, spec.slot};
  if (stands && old != alive_.sources.end() && old->second.SameAs(WantedSource(spec, source))) {
    capture_spec = old->second.Capture();
  } else {
    plan_.captures_to_begin.insert(spec.name);
    plan_.changes_capture = true;
    Status checked = capture->Check(capture_spec, tables);
    if (!checked.ok()) return std::move(checked).Wrap(where);
  }
  auto described = capture->Describe(capture_spec, tables);
  if (!described.ok()) return std::move(described).Wrap(where);
  return described;
}

Status Planner::PlanSource(const SourceSpec& spec) {
  Source& source = *project_.sources.at(spec.name);
  auto discovered = source.Discover(spec.tables);
  if (!discovered.ok()) {
    return std::move(discovered).Wrap(spec.position.ToString() + ": source " + spec.name).status();
  }
  for (const auto& [from, to] : spec.into_tables) {
    const bool found = std::any_of(
        discovered->begin(), discovered->end(),
        [&, name = from](const SourceTable& table) { return IsNameOf(name, table.name); });
    if (found) continue;
    return NotFound(spec.position.ToString() + ": `into:` of source " + spec.name + " maps " +
                        from + ", which is none of its tables",
                    "correct the name, or add the table to `tables:`");
  }
  if (spec.mode == SourceMode::kCdc) {
    TARN_ASSIGN_OR_RETURN(*discovered, PlanCapture(spec, *std::move(discovered)));
  }
  TARN_ASSIGN_OR_RETURN(with_history_, TablesWithHistory(spec, *discovered));
  const SourceObject wanted = WantedSource(spec, source);
  std::string detail = Plural(discovered->size(), "table") + " of " + source.address();
  if (spec.mode == SourceMode::kQuery) {
    detail += ", live only";
  } else {
    detail += " → " + spec.into_schema;
    if (spec.mode == SourceMode::kCdc) detail += ", followed by `up`";
  }
  auto old = alive_.sources.find(spec.name);
  if (old == alive_.sources.end()) {
    Step(Action::kAdd, "source", spec.name, detail);
    plan_.sources_to_put.push_back(spec.name);
  } else if (!old->second.SameAs(wanted)) {
    std::string change;
    if (old->second.address != wanted.address)
      change = old->second.address + " → " + wanted.address;
    if (old->second.mode != wanted.mode) {
      change += (change.empty() ? "" : ", ") + ("mode " + old->second.mode + " → " + wanted.mode);
    }
    if (change.empty()) change = "settings";
    Step(Action::kChange, "source", spec.name, change + HowMarksGoOn(old->second, wanted));
    plan_.sources_to_put.push_back(spec.name);
  }
  if (spec.mode == SourceMode::kQuery) return Status::Ok();
  for (const SourceTable& table : *discovered) {
    if (spec.mode == SourceMode::kIncremental) {
      const bool has_cursor =
          std::any_of(table.columns.begin(), table.columns.end(),
                      [&](const SourceColumn& column) { return column.name == spec.cursor; });
      if (!has_cursor) {
        return InvalidArgument(spec.position.ToString() + ": the table " + table.name.ToString() +
                                   " has no column \"" + spec.cursor + "\" to be loaded by",
                               "take it out of `tables:`, or give it a source of mode snapshot");
      }
    }
    TARN_RETURN_IF_ERROR(PlanTable(spec, table));
  }
  return Status::Ok();
}

Status Planner::PlanModel(const Model& model) {
  const std::string name = model.name.ToString();
  TARN_RETURN_IF_ERROR(Claim(model.name, "the model " + model.path));
  const std::string kind = model.materialize == Materialize::kView ? "view" : "model";
  std::vector<std::string> inputs;
  for (const TableName& input : model.inputs) inputs.push_back(input.ToString());
  std::string detail(MaterializeName(model.materialize));
  if (!inputs.empty()) detail += " from " + Join(inputs, ", ");
  if (!model.checks.empty()) detail += ", " + Plural(model.checks.size(), "check");
  if (model.trigger == Trigger::kOnChange) detail += ", on change";
  auto old = alive_.models.find(name);
  if (old == alive_.models.end()) {
    TARN_ASSIGN_OR_RETURN(const bool stands, ModelStands(*project_.catalog, model));
    if (stands && KeepsRows(model)) {
      detail += ", built again as a whole: its table stands, made by nobody knows which query";
      plan_.models_to_rebuild.insert(name);
    }
    Step(Action::kAdd, kind, name, detail);
    plan_.models_to_put.insert(name);
    return Status::Ok();
  }
  const bool view = old->second.materialize == "view";
  const Status there = view ? project_.catalog->LoadView(model.name, std::nullopt).status()
                            : project_.catalog->LoadTable(model.name, std::nullopt).status();
  if (!there.ok() && there.error().kind != ErrorKind::kNotFound) return there;
  if (!there.ok()) {
    Step(Action::kAdd, kind, name, "was dropped: " + detail);
    plan_.models_to_put.insert(name);
    return Status::Ok();
  }
  PlanModelChange(model, old->second, kind, detail);
  return Status::Ok();
}

void Planner::PlanModelChange(const Model& model, const ModelObject& old, const std::string& kind,
                              const std::string& detail) {
  const std::string name = model.name.ToString();
  const bool edited = old.fingerprint != model.fingerprint && !old.fingerprint.empty();
  if (edited || alive_.due_models.contains(name)) {
    std::string change = edited ? "query or head changed" : kInputsChanged;
    if (KeepsRows(model) && old.query_fingerprint != model.query_fingerprint) {
      change = "query, key or cursor changed, so that the table is built again as a whole";
      plan_.models_to_rebuild.insert(name);
    }
    Step(Action::kChange, kind, name, change + ": " + detail);
    plan_.models_to_put.insert(name);
  } else if (old.description != model.description || old.tags != model.tags ||
             old.trigger != TriggerName(model.trigger) || old.iceberg != model.iceberg) {
    std::vector<std::string> changed;
    if (old.trigger != TriggerName(model.trigger)) changed.push_back("trigger");
    if (old.description != model.description) changed.push_back("description");
    if (old.tags != model.tags) changed.push_back("tags");
    if (old.iceberg != model.iceberg) changed.push_back(IcebergChange(old.iceberg, model.iceberg));
    Step(Action::kChange, kind, name, Join(changed, " and "));
    plan_.models_to_describe.insert(name);
  }
}

Status Planner::CheckRules() const {
  std::vector<std::string> names;
  for (const PlannedTable& table : plan_.tables_wanted) {
    names.push_back(table.object.target.ToString());
    if (table.object.history) names.push_back(HistoryOf(table.object.target).ToString());
  }
  for (const Model& model : project_.spec.models) names.push_back(model.name.ToString());
  return CheckTableRules(project_.spec.tables, names);
}

Status Planner::PlanModels() {
  TARN_ASSIGN_OR_RETURN(const ModelGraph graph, BuildModelGraph(project_));
  std::set<std::string> known;
  for (const Model& model : project_.spec.models) known.insert(LowerAscii(model.name.ToString()));
  for (const PlannedTable& table : plan_.tables_wanted) {
    known.insert(LowerAscii(table.object.target.ToString()));
    if (table.object.history) {
      known.insert(LowerAscii(HistoryOf(table.object.target).ToString()));
    }
  }
  for (size_t index : graph.order()) {
    const Model& model = project_.spec.models[index];
    for (const TableName& input : model.inputs) {
      if (known.count(LowerAscii(input.ToString())) != 0 || input.schema == "system") continue;
      const Status table = project_.catalog->LoadTable(input, std::nullopt).status();
      if (table.ok()) continue;
      const Status view = project_.catalog->LoadView(input, std::nullopt).status();
      if (view.ok()) continue;
      if (table.error().kind != ErrorKind::kNotFound) return table;
      return NotFound(model.path + ": the table " + input.ToString() + " does not exist",
                      table.error().hint.empty() ? "no source loads it and no model makes it"
                                                 : table.error().hint);
    }
    TARN_RETURN_IF_ERROR(PlanModel(model));
  }
  return ValidateModels(project_, plan_, graph);
}

/// What a schedule runs must be there: nobody looks on when it is due.
Status Planner::PlanSchedules() {
  std::vector<Model> nodes;
  for (const PlannedTable& table : plan_.tables_wanted) {
    nodes.emplace_back();
    nodes.back().name = table.object.target;
  }
  nodes.insert(nodes.end(), project_.spec.models.begin(), project_.spec.models.end());
  TARN_ASSIGN_OR_RETURN(const ModelGraph graph, ModelGraph::Build(nodes));
  std::set<std::string> wanted;
  for (const ScheduleSpec& spec : project_.spec.schedules) {
    if (!spec.run.empty()) {
      Status found = graph.Select(spec.run).status();
      if (!found.ok()) {
        return std::move(found).Wrap(spec.position.ToString() + ": schedule " + spec.name);
      }
    }
    wanted.insert(spec.name);
    const ScheduleObject object{spec.cron_text, spec.time_zone, spec.run, spec.source};
    const auto old = alive_.schedules.find(spec.name);
    if (old != alive_.schedules.end() && old->second == object) continue;
    std::string detail = spec.cron_text;
    if (!spec.time_zone.empty()) detail += " " + spec.time_zone;
    detail += " → " + (spec.source.empty() ? Join(spec.run, ", ") : "all its tables");
    Step(old == alive_.schedules.end() ? Action::kAdd : Action::kChange, "schedule", spec.name,
         detail);
    plan_.schedules_to_put.push_back(spec.name);
  }
  for (const auto& [name, object] : alive_.schedules) {
    if (wanted.count(name) != 0) continue;
    Step(Action::kRemove, "schedule", name, "");
    plan_.schedules_to_drop.push_back(name);
  }
  return {};
}

void Planner::PlanRemovals() {
  std::set<std::string> sources, tables, models;
  for (const SourceSpec& spec : project_.spec.sources) sources.insert(spec.name);
  for (const PlannedTable& table : plan_.tables_wanted) tables.insert(table.object_name);
  for (const Model& model : project_.spec.models) models.insert(model.name.ToString());
  const std::string stays = "its table stays until `destroy` or DROP";
  for (const auto& [name, source] : alive_.sources) {
    if (sources.count(name) != 0) continue;
    std::string detail = source.address;
    if (!source.capture.empty()) {
      detail += "; what reads its log, " + source.capture + ", stays there and holds it: drop it";
    }
    Step(Action::kRemove, "source", name, detail);
    plan_.sources_to_drop.push_back(name);
  }
  for (const auto& [name, table] : alive_.tables) {
    if (tables.count(name) != 0) continue;
    Step(Action::kRemove, "table", table.target.ToString(), "no longer loaded; " + stays);
    const auto source = alive_.sources.find(table.source);
    if (source != alive_.sources.end() && !source->second.capture.empty()) {
      plan_.changes_capture = true;
    }
    plan_.tables_to_drop.push_back(table);
  }
  for (const auto& [name, model] : alive_.models) {
    if (models.count(name) != 0) continue;
    const bool view = model.materialize == "view";
    Step(Action::kRemove, view ? "view" : "model", name, view ? "" : stays);
    plan_.models_to_drop.push_back(name);
  }
}

Result<Plan> Planner::Run() {
  TARN_ASSIGN_OR_RETURN(alive_, LoadAliveObjects(*project_.catalog));
  TARN_RETURN_IF_ERROR(CheckStateOwner(project_, alive_));
  plan_.project_is_new = !alive_.project.has_value();
  TARN_ASSIGN_OR_RETURN(positions_, project_.catalog->ListPositions());
  for (const SourceSpec& spec : project_.spec.sources) TARN_RETURN_IF_ERROR(PlanSource(spec));
  TARN_RETURN_IF_ERROR(CheckRules());
  TARN_RETURN_IF_ERROR(WantIcebergOfModels(project_, alive_));
  TARN_RETURN_IF_ERROR(PlanModels());
  TARN_RETURN_IF_ERROR(PlanSchedules());
  PlanRemovals();
  plan_.fingerprint = FingerprintOf(project_, plan_);
  return std::move(plan_);
}

}  // namespace

Status CheckStateOwner(const OpenProject& project, const AliveObjects& alive) {
  if (!alive.project.has_value()) return Status::Ok();
  if (alive.project->name != project.spec.name) {
    return InvalidArgument("the state " + project.spec.state + " belongs to the project \"" +
                               alive.project->name + "\", not to \"" + project.spec.name + "\"",
                           "give this project a `state:` of its own");
  }
  const std::string& warehouse = project.tables.store->root_uri();
  if (alive.project->warehouse != warehouse) {
    return InvalidArgument("the lake's tables stand in " + alive.project->warehouse +
                               ", and tarn.yaml says " + warehouse,
                           "put the old warehouse back, or run `tarn destroy` with it first");
  }
  return Status::Ok();
}

TableName TargetOf(const SourceSpec& source, const SourceTableName& table) {
  for (const auto& [from, to] : source.into_tables) {
    if (!IsNameOf(from, table)) continue;
    const auto parts = SplitName(to);
    return {parts->at(0), parts->at(1)};
  }
  return {source.into_schema, table.name};
}

bool IsNameOf(const std::string& written, const SourceTableName& table) {
  const auto parts = SplitName(written);
  if (!parts.ok() || parts->size() != 2) return written == table.ToString();
  return parts->at(0) == table.schema && parts->at(1) == table.name;
}

Result<Plan> MakePlan(OpenProject& project) { return Planner(project).Run(); }

}  // namespace tarn

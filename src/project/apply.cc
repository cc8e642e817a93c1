#include "project/apply.h"

#include <algorithm>

#include "base/fault_point.h"
#include "base/log.h"
#include "base/text.h"
#include "catalog/closed.h"
#include "catalog/committer.h"
#include "pipeline/history_columns.h"
#include "pipeline/ingest/stream_position.h"
#include "pipeline/transform/materialize.h"
#include "project/captured.h"
#include "project/load_items.h"
#include "project/plan_incremental.h"
#include "project/whole_graph.h"
#include "source/table_change.h"

namespace tarn {
namespace {

constexpr int64_t kRunsLookedAt = 1000;

/// One load with its record in `system.runs`.
Result<LoadReport> LoadRecorded(const PipelineContext& context, Source& source,
                                const std::string& name, std::vector<LoadItem> items,
                                std::vector<CommitOp> ops, const std::string& author,
                                const LoadSnapshot& snapshot = {}) {
  RunRecord run;
  run.id = context.tables.random->Uuid();
  run.kind = "load";
  run.name = name;
  run.status = "running";
  run.started_micros = context.tables.clock->NowMicros();
  TARN_RETURN_IF_ERROR(context.catalog->RecordRun(run));
  auto report =
      LoadSource(context, source, name, std::move(items), std::move(ops), author, snapshot);
  run.finished_micros = context.tables.clock->NowMicros();
  if (report.ok()) {
    run.status = "succeeded";
    run.sequence = report->sequence;
    for (const LoadedTable& table : report->tables) {
      run.rows += table.rows;
      run.bytes += table.bytes;
    }
  } else {
    const bool stopped = context.cancel != nullptr && context.cancel->requested();
    // Whatever a stop made fail, the stop is what happened.
    if (stopped) report = context.cancel->Check().error();
    run.status = stopped ? "interrupted" : "failed";
    run.error = report.error().ToString();
  }
  // The work is done or not, whatever its record says.
  if (Status recorded = context.catalog->RecordRun(run); !recorded.ok()) {
    Log(LogLevel::kWarning, "the load's end is not recorded: " + recorded.error().message);
  }
  if (!report.ok() && report.error().kind == ErrorKind::kCancelled) return report;
  return std::move(report).Wrap("source " + name);
}

/// Objects that an older version wrote under a name that two tables could share get their own. The
/// position beside such an object may be the other table's: the next load is a whole one.
void RenameOldObjects(const AliveObjects& alive, const Plan& plan, std::vector<CommitOp>* ops) {
  for (const auto& [name, table] : alive.tables) {
    const bool dropped = std::any_of(plan.tables_to_drop.begin(), plan.tables_to_drop.end(),
                                     [&, old = table.stored_as](const SourceTableObject& other) {
                                       return other.stored_as == old;
                                     });
    if (table.stored_as == name || dropped) continue;
    ops->push_back(DropObjectOp{kSourceTableObject, table.stored_as});
    ops->push_back(PutObjectOp{kSourceTableObject, name, table.ToJson()});
    ops->push_back(SetPositionOp{table.source, table.schema + "." + table.table, ""});
  }
}

void PutSchedules(const ProjectSpec& spec, const Plan& plan, std::vector<CommitOp>* ops) {
  for (const ScheduleSpec& schedule : spec.schedules) {
    const auto& names = plan.schedules_to_put;
    if (std::find(names.begin(), names.end(), schedule.name) == names.end()) continue;
    const ScheduleObject object{schedule.cron_text, schedule.time_zone, schedule.run,
                                schedule.source};
    ops->push_back(PutObjectOp{kScheduleObject, schedule.name, object.ToJson()});
  }
  for (const std::string& name : plan.schedules_to_drop) {
    ops->push_back(DropObjectOp{kScheduleObject, name});
  }
}

Status PutObjects(OpenProject& project, const PipelineContext& context, const Plan& plan) {
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*project.catalog));
  LakeCommit commit = context.NewCommit("apply", "project " + project.spec.name);
  const size_t ops_before = commit.ops.size();
  TARN_ASSIGN_OR_RETURN(const auto positions, project.catalog->ListPositions());
  if (alive.closed) commit.ops.push_back(DropObjectOp{kClosedObject, kClosedObject});
  if (plan.project_is_new) {
    const ProjectObject object{project.spec.name, project.spec.catalog,
                               project.tables.store->root_uri()};
    commit.ops.push_back(PutObjectOp{kProjectObject, project.spec.name, object.ToJson()});
  }
  for (const SourceSpec& spec : project.spec.sources) {
    const auto& names = plan.sources_to_put;
    if (std::find(names.begin(), names.end(), spec.name) == names.end()) continue;
    SourceObject object = WantedSource(spec, *project.sources.at(spec.name));
    // Remembered before it is made: what a killed apply left in the source is found again.
    if (spec.mode == SourceMode::kCdc) {
      object.capture = NewCaptureName(project.spec, spec.name, *context.tables.random);
    }
    commit.ops.push_back(PutObjectOp{kSourceObject, spec.name, object.ToJson()});
    auto old = alive.sources.find(spec.name);
    if (old == alive.sources.end()) continue;
    if (!old->second.capture.empty()) {
      // What was made there for the settings of before is read by nobody any more.
      TARN_RETURN_IF_ERROR(EndCapture(project, spec.name, old->second));
      commit.ops.push_back(SetPositionOp{spec.name, kStreamPosition, ""});
    }
    if (WhyMarkIsVoid(old->second, object).empty()) continue;
    // The next load is a whole one: this apply's, or that of the plan after it.
    for (const PositionEntry& entry : positions) {
      if (entry.source != spec.name || entry.table == kStreamPosition) continue;
      TARN_ASSIGN_OR_RETURN(const LoadPosition last, LoadPosition::FromJson(entry.position));
      if (!last.cursor.has_value()) continue;
      commit.ops.push_back(SetPositionOp{spec.name, entry.table, ""});
    }
  }
  for (const std::string& name : plan.sources_to_drop) {
    commit.ops.push_back(DropObjectOp{kSourceObject, name});
    commit.ops.push_back(SetPositionOp{name, kStreamPosition, ""});
  }
  for (const SourceTableObject& table : plan.tables_to_drop) {
    commit.ops.push_back(DropObjectOp{kSourceTableObject, table.stored_as});
    commit.ops.push_back(SetPositionOp{table.source, PositionKey({table.schema, table.table}), ""});
  }
  RenameOldObjects(alive, plan, &commit.ops);
  for (const std::string& name : plan.models_to_drop) {
    commit.ops.push_back(DropObjectOp{kModelObject, name});
    commit.ops.push_back(DropObjectOp{kDueObject, name});
    commit.ops.push_back(SetPositionOp{ModelPositionSource(name), kModelPositionTable, ""});
    const size_t dot = name.find('.');
    const TableName view{name.substr(0, dot), name.substr(dot + 1)};
    auto entry = context.catalog->LoadView(view, std::nullopt);
    if (entry.ok() && entry->owner == "model:" + name) commit.ops.push_back(DropViewOp{view});
  }
  PutSchedules(project.spec, plan, &commit.ops);
  if (commit.ops.size() == ops_before) return Status::Ok();
  return CommitToLake(context.tables, *context.catalog, commit).status();
}

/// A model that changes between table and view drops the other one in the commit that makes it.
Result<std::vector<CommitOp>> DropOtherKind(OpenProject& project, const Model& model) {
  const std::string owner = "model:" + model.name.ToString();
  if (model.materialize == Materialize::kView) {
    auto table = project.catalog->LoadTable(model.name, std::nullopt);
    if (table.ok() && table->owner == owner) return DropTableOps(*project.tables.store, *table);
    if (!table.ok() && table.error().kind != ErrorKind::kNotFound) return table.status();
    return std::vector<CommitOp>();
  }
  auto view = project.catalog->LoadView(model.name, std::nullopt);
  if (view.ok() && view->owner == owner) return std::vector<CommitOp>{DropViewOp{model.name}};
  if (!view.ok() && view.error().kind != ErrorKind::kNotFound) return view.status();
  return std::vector<CommitOp>();
}

ModelObject ObjectOf(const Model& model) {
  return {model.fingerprint,
          std::string(MaterializeName(model.materialize)),
          model.query_fingerprint,
          model.description,
          model.tags,
          std::string(TriggerName(model.trigger)),
          model.iceberg};
}

/// Description, tags and Iceberg's version that changed and nothing else: the tables' properties
/// follow, no row moves.
Status Describe(OpenProject& project, const PipelineContext& context, const Plan& plan) {
  for (const PlannedTable& planned : plan.tables_to_tag) {
    TARN_RETURN_IF_ERROR(
        CommitProperties(context, TargetOfTable(planned), {RememberTable(planned)}, "apply"));
    if (!planned.object.history) continue;
    TARN_RETURN_IF_ERROR(CommitProperties(context, HistoryTarget(planned.object), {}, "apply"));
  }
  for (const Model& model : project.spec.models) {
    const std::string name = model.name.ToString();
    if (plan.models_to_describe.count(name) == 0) continue;
    std::vector<CommitOp> ops = {PutObjectOp{kModelObject, name, ObjectOf(model).ToJson()}};
    if (model.materialize == Materialize::kView) {
      TARN_ASSIGN_OR_RETURN(ViewEntry view, context.catalog->LoadView(model.name, std::nullopt));
      view.description = model.description;
      LakeCommit commit = context.NewCommit("apply", "description of " + name);
      commit.ops.insert(commit.ops.end(), ops.begin(), ops.end());
      commit.ops.push_back(PutViewOp{std::move(view), true});
      TARN_RETURN_IF_ERROR(CommitToLake(context.tables, *context.catalog, commit).status());
      continue;
    }
    TableTarget target;
    target.name = model.name;
    target.owner = "model:" + name;
    target.properties = ModelProperties(model);
    TARN_RETURN_IF_ERROR(CommitProperties(context, target, std::move(ops), "apply"));
  }
  return Status::Ok();
}

RunOptions ModelRunOptions(const std::string& author, const Reporter& reporter) {
  RunOptions options;
  options.author = author;
  options.finished = reporter.ran;
  options.record = [](const Model& model) -> Result<std::vector<CommitOp>> {
    return std::vector<CommitOp>{DropObjectOp{kDueObject, model.name.ToString()}};
  };
  return options;
}

/// What a run leaves a model's table with is what was applied, whatever its file says by now.
void SayWhatWasApplied(const ModelObject& applied, Model* model) {
  model->description = applied.description;
  model->tags = applied.tags;
  model->iceberg = applied.iceberg;
}

}  // namespace

bool ApplyReport::failed() const {
  return std::any_of(models.begin(), models.end(), [](const ModelOutcome& outcome) {
    return outcome.status != ModelStatus::kSucceeded;
  });
}

Status MarkInterruptedRuns(Catalog& catalog, Clock& clock, ProjectLock::Scope scope) {
  TARN_ASSIGN_OR_RETURN(auto runs, catalog.ListRuns(kRunsLookedAt));
  for (RunRecord& run : runs) {
    const auto of = run.kind == kCaptureRun  ? ProjectLock::Scope::kCapture
                    : run.kind == kResyncRun ? ProjectLock::Scope::kResync
                                             : ProjectLock::Scope::kProject;
    if (run.status != "running" || of != scope) continue;
    run.status = "interrupted";
    run.finished_micros = clock.NowMicros();
    run.error = "the process ended before the run did";
    TARN_RETURN_IF_ERROR(catalog.RecordRun(run));
  }
  return Status::Ok();
}

Result<ApplyReport> ApplyPlan(OpenProject& project, const PipelineContext& context,
                              const Plan& plan, const Reporter& reporter) {
  ApplyReport report;
  TARN_RETURN_IF_ERROR(PutObjects(project, context, plan));
  TARN_RETURN_IF_ERROR(Describe(project, context, plan));
  TARN_FAULT_POINT(kApplyDeclared);
  TARN_ASSIGN_OR_RETURN(const auto positions, context.catalog->ListPositions());
  std::vector<TableName> loaded;
  for (const PlannedTable& planned : plan.tables_to_load) {
    loaded.push_back(planned.object.target);
    if (planned.object.history) loaded.push_back(HistoryOf(planned.object.target));
  }
  TARN_ASSIGN_OR_RETURN(auto whole, BuildWholeGraph(project, loaded));
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*context.catalog));
  const std::vector<CommitOp> due = DueDownstream(*whole, alive);
  for (const SourceSpec& spec : project.spec.sources) {
    std::vector<LoadItem> items;
    std::vector<CommitOp> ops;
    for (const PlannedTable& planned : plan.tables_to_load) {
      if (planned.source != spec.name) continue;
      items.push_back(ItemOf(spec, planned));
      const std::string position = PositionOf(positions, spec.name, planned.table.name);
      items.back().position_before = position;
      if (planned.rows != PlannedTable::Rows::kReplaced) {
        TARN_RETURN_IF_ERROR(GoOnFrom(position, &items.back()));
      }
      ops.push_back(RememberTable(planned));
    }
    LoadSnapshot snapshot;
    if (spec.mode == SourceMode::kCdc) {
      TARN_ASSIGN_OR_RETURN(snapshot, PrepareCapture(project, plan, spec));
    }
    if (items.empty()) continue;
    ops.insert(ops.end(), due.begin(), due.end());
    TARN_ASSIGN_OR_RETURN(LoadReport load,
                          LoadRecorded(context, *project.sources.at(spec.name), spec.name,
                                       std::move(items), std::move(ops), "apply", snapshot));
    if (reporter.loaded) reporter.loaded(spec.name, load);
    report.loads.push_back(std::move(load));
  }
  TARN_FAULT_POINT(kApplyLoaded);

  std::set<size_t> roots;
  for (size_t i = 0; i < whole->nodes.size(); ++i) {
    if (i < whole->tables || plan.models_to_put.count(whole->nodes[i].name.ToString()) != 0) {
      roots.insert(i);
    }
  }
  std::vector<size_t> wanted;
  for (size_t i : whole->graph->Downstream(roots)) {
    if (i < whole->tables) continue;
    wanted.push_back(i);
  }
  RunOptions options = ModelRunOptions("apply", reporter);
  options.rebuild = plan.models_to_rebuild;
  options.record = [&](const Model& model) -> Result<std::vector<CommitOp>> {
    const std::string name = model.name.ToString();
    TARN_ASSIGN_OR_RETURN(std::vector<CommitOp> ops, DropOtherKind(project, model));
    ops.push_back(PutObjectOp{kModelObject, name, ObjectOf(model).ToJson()});
    ops.push_back(DropObjectOp{kDueObject, name});
    const size_t index = &model - whole->nodes.data();
    const std::vector<CommitOp> due_after = DueDownstream(*whole, {index}, alive);
    ops.insert(ops.end(), due_after.begin(), due_after.end());
    return ops;
  };
  TARN_ASSIGN_OR_RETURN(report.models, RunModels(context, *whole->graph, wanted, options));
  return report;
}

namespace {

/// The mirrored tables of one source that a run reloads.
Status ReloadSource(OpenProject& project, const PipelineContext& context, const SourceSpec& spec,
                    const std::vector<SourceTableObject>& tables, const std::string& author,
                    const Reporter& reporter, ApplyReport* report) {
  Source& source = *project.sources.at(spec.name);
  TARN_ASSIGN_OR_RETURN(auto positions, context.catalog->ListPositions());
  std::vector<LoadItem> items;
  for (const SourceTableObject& object : tables) {
    PlannedTable planned;
    planned.source = spec.name;
    planned.object = object;
    auto described = source.Describe({object.schema, object.table});
    if (!described.ok()) return std::move(described).Wrap("source " + spec.name).status();
    planned.table = *described;
    if (planned.table.fingerprint != object.fingerprint) {
      return Conflict("the source table " + planned.table.name.ToString() + " of " + spec.name +
                          " was altered since it was applied: " +
                          DescribeTableChange(object.Shape(), planned.table),
                      "run `tarn plan` to see the change, then `tarn apply`");
    }
    LoadItem item = ItemOf(spec, planned);
    const Status standing = context.catalog->LoadTable(object.target, std::nullopt).status();
    if (!standing.ok() && standing.error().kind != ErrorKind::kNotFound) return standing;
    const bool stands = standing.ok();
    item.position_before = PositionOf(positions, spec.name, planned.table.name);
    if (stands) TARN_RETURN_IF_ERROR(GoOnFrom(*item.position_before, &item));
    items.push_back(std::move(item));
  }
  TARN_ASSIGN_OR_RETURN(LoadReport load,
                        LoadRecorded(context, source, spec.name, std::move(items), {}, author));
  if (reporter.loaded) reporter.loaded(spec.name, load);
  report->loads.push_back(std::move(load));
  return Status::Ok();
}

}  // namespace

namespace {

/// `run` does nothing that was not applied.
Status CheckSourcesApplied(const OpenProject& project, const AliveObjects& alive) {
  for (const SourceSpec& spec : project.spec.sources) {
    const SourceObject wanted = WantedSource(spec, *project.sources.at(spec.name));
    auto applied = alive.sources.find(spec.name);
    if (applied != alive.sources.end() && applied->second.SameAs(wanted)) continue;
    return InvalidArgument(spec.position.ToString() + ": the source " + spec.name + " was " +
                               (applied == alive.sources.end() ? "never" : "changed and not") +
                               " applied",
                           "run `tarn apply`");
  }
  for (const auto& [name, source] : alive.sources) {
    if (project.sources.count(name) != 0) continue;
    return InvalidArgument(
        "the source " + name + " was taken out of tarn.yaml and that was not applied",
        "run `tarn apply`");
  }
  return Status::Ok();
}

}  // namespace

Result<ApplyReport> RunProject(OpenProject& project, const PipelineContext& context,
                               const RunSelection& selection, const Reporter& reporter) {
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*context.catalog));
  if (!alive.project.has_value()) {
    return NotFound("the project " + project.spec.name + " was not applied yet",
                    "run `tarn apply` first");
  }
  TARN_RETURN_IF_ERROR(CheckStateOwner(project, alive));
  TARN_RETURN_IF_ERROR(CheckSourcesApplied(project, alive));
  std::vector<TableName> tables;
  std::vector<SourceTableObject> objects;
  for (const auto& [name, object] : alive.tables) {
    tables.push_back(object.target);
    objects.push_back(object);
    if (!object.history) continue;
    tables.push_back(HistoryOf(object.target));
    objects.push_back(object);
  }
  TARN_ASSIGN_OR_RETURN(auto whole, BuildWholeGraph(project, tables));
  std::vector<size_t> selected;
  if (selection.source.has_value()) {
    for (size_t i = 0; i < whole->tables; ++i) {
      if (objects[i].source == *selection.source) selected.push_back(i);
    }
  } else if (selection.models.has_value()) {
    for (const size_t i : whole->graph->order()) {
      const bool wanted = selection.models->count(whole->nodes[i].name.ToString()) != 0;
      if (i >= whole->tables && wanted) selected.push_back(i);
    }
  } else {
    TARN_ASSIGN_OR_RETURN(selected, whole->graph->Select(selection.selectors));
  }

  std::vector<size_t> wanted;
  std::map<std::string, std::vector<SourceTableObject>> reload;
  for (size_t i : selected) {
    if (i < whole->tables) {
      const auto source = alive.sources.find(objects[i].source);
      // What `up` follows has nothing to be loaded.
      const bool followed = source != alive.sources.end() && !source->second.capture.empty();
      if (!followed) reload[objects[i].source].push_back(objects[i]);
      continue;
    }
    Model& model = whole->nodes[i];
    auto applied = alive.models.find(model.name.ToString());
    if (applied == alive.models.end() || applied->second.fingerprint != model.fingerprint) {
      return InvalidArgument(model.path + ": the model " + model.name.ToString() + " was " +
                                 (applied == alive.models.end() ? "never" : "changed and not") +
                                 " applied",
                             "run `tarn apply`");
    }
    SayWhatWasApplied(applied->second, &model);
    wanted.push_back(i);
  }
  ApplyReport report;
  for (const SourceSpec& spec : project.spec.sources) {
    auto it = reload.find(spec.name);
    if (it == reload.end()) continue;
    TARN_RETURN_IF_ERROR(
        ReloadSource(project, context, spec, it->second, selection.author, reporter, &report));
  }
  TARN_ASSIGN_OR_RETURN(report.models, RunModels(context, *whole->graph, wanted,
                                                 ModelRunOptions(selection.author, reporter)));
  return report;
}

}  // namespace tarn

#include "project/apply.h"

#include <algorithm>

#include "base/text.h"
#include "catalog/committer.h"
#include "source/table_change.h"

namespace tarn {
namespace {

constexpr int64_t kRunsLookedAt = 1000;

/// The mirrored tables, as nodes without inputs, before the models: one graph for selectors and for
/// "downstream of what was loaded".
struct WholeGraph {
  std::vector<Model> nodes;
  size_t tables = 0;  ///< nodes [0, tables) are mirrored tables, the others models
  std::unique_ptr<ModelGraph> graph;
};

Result<std::unique_ptr<WholeGraph>> BuildWholeGraph(OpenProject& project,
                                                    const std::vector<TableName>& tables) {
  TARN_RETURN_IF_ERROR(BuildModelGraph(project));
  auto whole = std::make_unique<WholeGraph>();
  for (const TableName& table : tables) {
    Model node;
    node.name = table;
    node.path = table.ToString();
    whole->nodes.push_back(std::move(node));
  }
  whole->tables = tables.size();
  whole->nodes.insert(whole->nodes.end(), project.spec.models.begin(), project.spec.models.end());
  TARN_ASSIGN_OR_RETURN(ModelGraph graph, ModelGraph::Build(whole->nodes));
  whole->graph = std::make_unique<ModelGraph>(std::move(graph));
  return whole;
}

LoadItem ItemOf(const SourceSpec& spec, const PlannedTable& planned) {
  LoadItem item;
  item.table = planned.table;
  item.target.name = planned.object.target;
  item.target.owner = "source:" + spec.name;
  item.target.key = planned.table.key;
  item.target.partition = planned.object.partition;
  for (const auto& [tag, value] : planned.object.tags) {
    item.target.properties["tarn.tag." + tag] = value;
  }
  if (spec.mode == SourceMode::kIncremental) {
    item.mode = LoadItem::Mode::kIncremental;
    item.cursor = spec.cursor;
  }
  return item;
}

CommitOp RememberTable(const PlannedTable& planned) {
  return PutObjectOp{kSourceTableObject, planned.object_name, planned.object.ToJson()};
}

/// One load with its record in `system.runs`.
Result<LoadReport> LoadRecorded(const PipelineContext& context, Source& source,
                                const std::string& name, std::vector<LoadItem> items,
                                std::vector<CommitOp> ops, const std::string& author) {
  RunRecord run;
  run.id = context.tables.random->Uuid();
  run.kind = "load";
  run.name = name;
  run.status = "running";
  run.started_micros = context.tables.clock->NowMicros();
  TARN_RETURN_IF_ERROR(context.catalog->RecordRun(run));
  auto report = LoadSource(context, source, name, std::move(items), std::move(ops), author);
  run.finished_micros = context.tables.clock->NowMicros();
  if (report.ok()) {
    run.status = "succeeded";
    run.sequence = report->sequence;
    for (const LoadedTable& table : report->tables) {
      run.rows += table.rows;
      run.bytes += table.bytes;
    }
  } else {
    run.status = "failed";
    run.error = report.error().message;
  }
  TARN_RETURN_IF_ERROR(context.catalog->RecordRun(run));
  return std::move(report).Wrap("source " + name);
}

Status PutObjects(OpenProject& project, const PipelineContext& context, const Plan& plan) {
  LakeCommit commit;
  commit.author = "apply";
  commit.message = "project " + project.spec.name;
  if (plan.project_is_new) {
    const ProjectObject object{project.spec.name, project.spec.catalog,
                               project.tables.store->root_uri()};
    commit.ops.push_back(PutObjectOp{kProjectObject, project.spec.name, object.ToJson()});
  }
  for (const SourceSpec& spec : project.spec.sources) {
    const auto& names = plan.sources_to_put;
    if (std::find(names.begin(), names.end(), spec.name) == names.end()) continue;
    const SourceObject object{spec.type, project.sources.at(spec.name)->address(),
                              std::string(SourceModeName(spec.mode)), spec.cursor};
    commit.ops.push_back(PutObjectOp{kSourceObject, spec.name, object.ToJson()});
  }
  for (const std::string& name : plan.sources_to_drop) {
    commit.ops.push_back(DropObjectOp{kSourceObject, name});
  }
  for (const std::string& name : plan.tables_to_drop) {
    commit.ops.push_back(DropObjectOp{kSourceTableObject, name});
    const size_t slash = name.find('/');
    commit.ops.push_back(SetPositionOp{name.substr(0, slash), name.substr(slash + 1), ""});
  }
  for (const std::string& name : plan.models_to_drop) {
    commit.ops.push_back(DropObjectOp{kModelObject, name});
    const size_t dot = name.find('.');
    const TableName view{name.substr(0, dot), name.substr(dot + 1)};
    auto entry = context.catalog->LoadView(view, std::nullopt);
    if (entry.ok() && entry->owner == "model:" + name) commit.ops.push_back(DropViewOp{view});
  }
  if (commit.ops.empty()) return Status::Ok();
  return CommitToLake(context.tables, *context.catalog, commit).status();
}

RunOptions ModelRunOptions(const std::string& author, const Reporter& reporter) {
  RunOptions options;
  options.author = author;
  options.finished = reporter.ran;
  options.record = [](const Model& model) -> std::vector<CommitOp> {
    const ModelObject object{model.fingerprint, std::string(MaterializeName(model.materialize))};
    return {PutObjectOp{kModelObject, model.name.ToString(), object.ToJson()}};
  };
  return options;
}

/// A model that changes between table and view leaves the other one behind otherwise.
Status DropOtherKind(OpenProject& project, const PipelineContext& context, const Model& model) {
  const std::string owner = "model:" + model.name.ToString();
  LakeCommit commit;
  commit.author = "apply";
  commit.message = "model " + model.name.ToString() + " changes its kind";
  if (model.materialize == Materialize::kView) {
    auto table = project.catalog->LoadTable(model.name, std::nullopt);
    if (table.ok() && table->owner == owner) commit.ops.push_back(DropTableOp{table->uuid});
  } else {
    auto view = project.catalog->LoadView(model.name, std::nullopt);
    if (view.ok() && view->owner == owner) commit.ops.push_back(DropViewOp{model.name});
  }
  if (commit.ops.empty()) return Status::Ok();
  return CommitToLake(context.tables, *context.catalog, commit).status();
}

}  // namespace

bool ApplyReport::failed() const {
  return std::any_of(models.begin(), models.end(), [](const ModelOutcome& outcome) {
    return outcome.status != ModelStatus::kSucceeded;
  });
}

Status MarkInterruptedRuns(Catalog& catalog, Clock& clock) {
  TARN_ASSIGN_OR_RETURN(auto runs, catalog.ListRuns(kRunsLookedAt));
  for (RunRecord& run : runs) {
    if (run.status != "running") continue;
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
  std::vector<TableName> loaded;
  for (const SourceSpec& spec : project.spec.sources) {
    std::vector<LoadItem> items;
    std::vector<CommitOp> ops;
    for (const PlannedTable& planned : plan.tables_to_load) {
      if (planned.source != spec.name) continue;
      items.push_back(ItemOf(spec, planned));
      ops.push_back(RememberTable(planned));
      loaded.push_back(planned.object.target);
    }
    if (items.empty()) continue;
    TARN_ASSIGN_OR_RETURN(LoadReport load,
                          LoadRecorded(context, *project.sources.at(spec.name), spec.name,
                                       std::move(items), std::move(ops), "apply"));
    if (reporter.loaded) reporter.loaded(spec.name, load);
    report.loads.push_back(std::move(load));
  }

  TARN_ASSIGN_OR_RETURN(auto whole, BuildWholeGraph(project, loaded));
  std::set<size_t> roots;
  for (size_t i = 0; i < whole->nodes.size(); ++i) {
    if (i < whole->tables || plan.models_to_put.count(whole->nodes[i].name.ToString()) != 0) {
      roots.insert(i);
    }
  }
  std::vector<size_t> wanted;
  for (size_t i : whole->graph->Downstream(roots)) {
    if (i < whole->tables) continue;
    TARN_RETURN_IF_ERROR(DropOtherKind(project, context, whole->nodes[i]));
    wanted.push_back(i);
  }
  TARN_ASSIGN_OR_RETURN(
      report.models, RunModels(context, *whole->graph, wanted, ModelRunOptions("apply", reporter)));
  return report;
}

namespace {

/// The mirrored tables of one source that a run reloads.
Status ReloadSource(OpenProject& project, const PipelineContext& context, const SourceSpec& spec,
                    const std::vector<SourceTableObject>& tables, const Reporter& reporter,
                    ApplyReport* report) {
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
    const bool stands = context.catalog->LoadTable(object.target, std::nullopt).ok();
    for (const PositionEntry& position : positions) {
      if (!stands || item.mode != LoadItem::Mode::kIncremental || position.source != spec.name ||
          position.table != planned.table.name.ToString()) {
        continue;
      }
      TARN_ASSIGN_OR_RETURN(const LoadPosition last, LoadPosition::FromJson(position.position));
      item.cursor_after = last.cursor;
    }
    items.push_back(std::move(item));
  }
  TARN_ASSIGN_OR_RETURN(LoadReport load,
                        LoadRecorded(context, source, spec.name, std::move(items), {}, "run"));
  if (reporter.loaded) reporter.loaded(spec.name, load);
  report->loads.push_back(std::move(load));
  return Status::Ok();
}

}  // namespace

Result<ApplyReport> RunProject(OpenProject& project, const PipelineContext& context,
                               const std::vector<std::string>& selectors,
                               const Reporter& reporter) {
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*context.catalog));
  if (!alive.project.has_value()) {
    return NotFound("the project " + project.spec.name + " was not applied yet",
                    "run `tarn apply` first");
  }
  std::vector<TableName> tables;
  std::vector<SourceTableObject> objects;
  for (const auto& [name, object] : alive.tables) {
    tables.push_back(object.target);
    objects.push_back(object);
  }
  TARN_ASSIGN_OR_RETURN(auto whole, BuildWholeGraph(project, tables));
  TARN_ASSIGN_OR_RETURN(const auto selected, whole->graph->Select(selectors));

  std::vector<size_t> wanted;
  std::map<std::string, std::vector<SourceTableObject>> reload;
  for (size_t i : selected) {
    if (i < whole->tables) {
      reload[objects[i].source].push_back(objects[i]);
      continue;
    }
    const Model& model = whole->nodes[i];
    auto applied = alive.models.find(model.name.ToString());
    if (applied == alive.models.end() || applied->second.fingerprint != model.fingerprint) {
      return InvalidArgument(model.path + ": the model " + model.name.ToString() + " was " +
                                 (applied == alive.models.end() ? "never" : "changed and not") +
                                 " applied",
                             "run `tarn apply`");
    }
    wanted.push_back(i);
  }
  ApplyReport report;
  for (const SourceSpec& spec : project.spec.sources) {
    auto it = reload.find(spec.name);
    if (it == reload.end()) continue;
    TARN_RETURN_IF_ERROR(ReloadSource(project, context, spec, it->second, reporter, &report));
  }
  TARN_ASSIGN_OR_RETURN(
      report.models, RunModels(context, *whole->graph, wanted, ModelRunOptions("run", reporter)));
  return report;
}

}  // namespace tarn

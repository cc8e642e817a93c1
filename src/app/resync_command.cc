#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/process_lock.h"
#include "app/report_json.h"
#include "app/terminal_progress.h"
#include "catalog/committer.h"
#include "pipeline/ingest/load.h"
#include "pipeline/ingest/stream_position.h"
#include "project/apply.h"
#include "project/resync.h"

namespace tarn {
namespace {

/// What makes the next plan load the tables anew: their position says that they are not followed,
/// or, without names, that the log has no beginning. It stands in the catalog, so that a resync
/// that is killed is finished by the next one, or by `apply`.
std::vector<CommitOp> AskFor(Wired& wired, const std::vector<std::string>& names) {
  const AliveObjects alive = OrFail(LoadAliveObjects(*wired.catalog));
  std::vector<CommitOp> ops;
  for (const PositionEntry& entry : OrFail(wired.catalog->ListPositions())) {
    const auto source = alive.sources.find(entry.source);
    if (source == alive.sources.end() || source->second.capture.empty()) continue;
    if (entry.table == kStreamPosition) {
      if (names.empty()) ops.push_back(SetPositionOp{entry.source, entry.table, ""});
      continue;
    }
    const auto table = alive.tables.find(entry.source + "/" + entry.table);
    if (table == alive.tables.end()) continue;
    const std::string target = table->second.target.ToString();
    if (std::find(names.begin(), names.end(), target) == names.end()) continue;
    LoadPosition position = OrFail(LoadPosition::FromJson(entry.position));
    position.stopped = "it is to be loaded again";
    ops.push_back(SetPositionOp{entry.source, entry.table, position.ToJson()});
  }
  if (ops.empty()) OrFail(NotFound("no source of mode cdc was applied", "see `tarn status`"));
  return ops;
}

enum class Output { kText, kJson };

/// What was done: told at once as text, as JSON in the end.
class Report {
 public:
  explicit Report(Output output) : output_(output) {}

  void Loaded(LoadReport load) {
    if (output_ == Output::kText) {
      for (const LoadedTable& table : load.tables) {
        std::printf("%s: %s rows\n", table.table.ToString().c_str(),
                    WithThousands(table.rows).c_str());
      }
      std::fflush(stdout);
    }
    report_.loads.push_back(std::move(load));
  }
  void Done(ApplyReport report) {
    for (LoadReport& load : report.loads) Loaded(std::move(load));
    for (ModelOutcome& model : report.models) report_.models.push_back(std::move(model));
  }
  void End(CommandContext& context) const {
    if (output_ == Output::kJson) std::printf("%s\n", DumpJson(ReportJson(report_), 2).c_str());
    if (report_.failed()) context.exit_code = kExitFailed;
  }

 private:
  const Output output_;
  ApplyReport report_;
};

/// What the plan still says: tables that were asked for, and models that are due.
void DoWhatIsPlanned(Wired& wired, Report& report) {
  const Plan plan = OrFail(MakePlan(wired.open));
  OrFail(CheckApplied(plan));
  report.Done(OrFail(ApplyPlan(wired.open, wired.pipeline, plan, {})));
}

/// Models that read what was loaded are due, and nothing else is done. A table that is not followed
/// is loaded by who asks for it and makes `up` make way: an `up` that goes on has already passed
/// over what the log says of it after the load. Call with the project's lock held since the load.
void RunDueModels(Wired& wired, Report& report) {
  const AliveObjects alive = OrFail(LoadAliveObjects(*wired.catalog));
  if (alive.due_models.empty()) return;
  Plan plan = OrFail(MakePlan(wired.open));
  OrFail(CheckApplied(plan).Wrap("the tables are loaded, models that read them are still due"));
  plan.tables_to_load.clear();
  plan.captures_to_begin.clear();
  report.Done(OrFail(ApplyPlan(wired.open, wired.pipeline, plan, {})));
}

/// While `up` makes way. Without names: everything, from a new beginning of the log. Call with the
/// project's lock held.
void ResyncHeld(const CommandContext& context, Wired& wired, const std::vector<std::string>& names,
                Report& report) {
  OrFail(CheckApplied(OrFail(MakePlan(wired.open))));
  auto capture_lock = TakeCaptureLockBeside(context, wired, "resync");
  LakeCommit commit = wired.pipeline.NewCommit("resync", "tables to be loaded again");
  for (CommitOp& op : AskFor(wired, names)) commit.ops.push_back(std::move(op));
  OrFail(CommitToLake(wired.open.tables, *wired.catalog, commit).status());
  DoWhatIsPlanned(wired, report);
}

/// While `up` goes on: it makes way for the moment in which the rows take their place.
/// `project_lock` is held from the last such moment on: no `run` finds models between their inputs.
/// Tells what is left to be done while `up` makes way.
std::vector<std::string> ResyncBeside(const CommandContext& context, Wired& wired,
                                      const std::vector<std::string>& names, Report& report,
                                      std::unique_ptr<ProjectLock>* project_lock) {
  auto resync_lock = TakeLock(context, wired, ProjectLock::Scope::kResync, "resync");
  const auto fence = wired.pipeline.lock;
  const ResyncPlan plan = OrFail(PlanResync(wired.open, names));
  for (const auto& [source, tables] : plan.beside) {
    SourceResync resync(wired.open, wired.pipeline, source, plan);
    const auto follow = [&](Patience patience) {
      auto capture_lock = TakeCaptureLock(context, wired, "resync", patience);
      const Status followed = resync.Follow();
      wired.pipeline.lock = fence;
      OrFail(followed);
    };
    if (*project_lock == nullptr) {
      *project_lock = TakeLockBeside(context, wired, ProjectLock::Scope::kProject, "resync");
    }
    OrFail(resync.Publish());
    project_lock->reset();
    OrFail(resync.Begin());
    if (OrFail(resync.MustFollow())) follow(Patience::kLimited);
    OrFail(resync.Load());
    // Before the project's lock, under which nobody wants to wait for a log to be read.
    if (OrFail(resync.IsBehind())) follow(Patience::kUntilStopped);
    *project_lock = TakeLockBeside(context, wired, ProjectLock::Scope::kProject, "resync",
                                   Patience::kUntilStopped);
    OrFail(resync.CatchUp());
    auto capture_lock = TakeCaptureLockBeside(context, wired, "resync", Patience::kUntilStopped);
    report.Loaded(
        OrFail(resync.Swap({(*project_lock)->expectation(), capture_lock->expectation()})));
  }
  return plan.held;
}

void RunResync(CommandContext& context, const std::vector<std::string>& names, Output output) {
  Report report(output);
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  std::unique_ptr<ProjectLock> lock;
  std::vector<std::string> held;
  if (!names.empty()) held = ResyncBeside(context, *wired, names, report, &lock);
  if (lock == nullptr) lock = TakeLock(context, *wired, ProjectLock::Scope::kProject, "resync");
  wired->pipeline.lock = lock->expectation();
  if (!names.empty() && held.empty()) {
    RunDueModels(*wired, report);
  } else {
    ResyncHeld(context, *wired, held, report);
  }
  report.End(context);
}

}  // namespace

void AddResyncCommand(CLI::App& app, CommandContext& context) {
  struct Flags {
    std::vector<std::string> names;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* resync = app.add_subcommand(
      "resync",
      "load tables of mode cdc again while `up` goes on following the source's log, theirs too; "
      "readers see the rows of before until all of the new ones are there");
  resync->add_option("tables", flags->names,
                     "bronze.customer; without names all of them, from a new beginning of the log, "
                     "for which `up` makes way until they are loaded");
  resync->add_flag("--json", flags->json, "print the outcome as JSON");
  resync->footer("Example: tarn resync bronze.customer");
  resync->callback([&context, flags] {
    RunResync(context, flags->names, flags->json ? Output::kJson : Output::kText);
  });
}

}  // namespace tarn

#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/process_lock.h"
#include "app/terminal_progress.h"
#include "catalog/committer.h"
#include "pipeline/ingest/load.h"
#include "pipeline/ingest/stream_position.h"
#include "project/apply.h"

namespace tarn {
namespace {

/// What makes the next plan load the tables anew: their position says that they are not followed,
/// or, without names, that the log has no beginning. It stands in the catalog, so that a resync
/// that is killed is finished by the next one, or by `apply`.
std::vector<CommitOp> AskFor(Wired& wired, const std::vector<std::string>& names) {
  const AliveObjects alive = OrFail(LoadAliveObjects(*wired.catalog));
  std::vector<CommitOp> ops;
  std::set<std::string> found;
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
    found.insert(target);
    LoadPosition position = OrFail(LoadPosition::FromJson(entry.position));
    position.stopped = "it is to be loaded again";
    ops.push_back(SetPositionOp{entry.source, entry.table, position.ToJson()});
  }
  for (const std::string& name : names) {
    if (found.count(name) != 0) continue;
    OrFail(NotFound("no source of mode cdc is followed into a table " + name, "see `tarn ls`"));
  }
  if (ops.empty()) OrFail(NotFound("no source of mode cdc was applied", "see `tarn status`"));
  return ops;
}

void RunResync(CommandContext& context, const std::vector<std::string>& names) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  auto capture_lock = TakeCaptureLock(context, *wired, "resync");
  auto lock = TakeLock(context, *wired, ProjectLock::Scope::kProject, "resync");
  const Plan before = OrFail(MakePlan(wired->open));
  const bool only_loads =
      std::all_of(before.steps.begin(), before.steps.end(), [](const PlanStep& step) {
        return step.action == PlanStep::Action::kChange && step.kind == "table" &&
               step.detail.rfind(kLoadedAnew, 0) == 0;
      });
  if (!only_loads) {
    OrFail(InvalidArgument("the project was changed and not applied", "run `tarn apply` first"));
  }
  LakeCommit commit = wired->pipeline.NewCommit("resync", "tables to be loaded again");
  for (CommitOp& op : AskFor(*wired, names)) commit.ops.push_back(std::move(op));
  OrFail(CommitToLake(wired->open.tables, *wired->catalog, commit).status());
  const Plan plan = OrFail(MakePlan(wired->open));
  const ApplyReport report = OrFail(ApplyPlan(wired->open, wired->pipeline, plan, {}));
  for (const LoadReport& load : report.loads) {
    for (const LoadedTable& table : load.tables) {
      std::printf("%s: %s rows\n", table.table.ToString().c_str(),
                  WithThousands(table.rows).c_str());
    }
  }
  if (report.failed()) context.exit_code = kExitFailed;
}

}  // namespace

void AddResyncCommand(CLI::App& app, CommandContext& context) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* resync = app.add_subcommand(
      "resync", "load tables of mode cdc again, and follow the source's log from there");
  resync->add_option("tables", *names,
                     "bronze.customer; without names all of them, from a new beginning of the log");
  resync->footer("Example: tarn resync bronze.customer");
  resync->callback([&context, names] { RunResync(context, *names); });
}

}  // namespace tarn

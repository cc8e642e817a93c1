#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/process_lock.h"
#include "app/report_json.h"
#include "app/terminal_progress.h"
#include "base/fault_point.h"
#include "base/json.h"
#include "project/apply.h"
#include "project/lock.h"
#include "project/plan.h"

namespace tarn {
namespace {

void PrintOutcome(const ModelOutcome& outcome) {
  if (outcome.status != ModelStatus::kSucceeded) {
    std::fprintf(stderr, "%s %s: %s\n", outcome.model.ToString().c_str(),
                 std::string(ModelStatusName(outcome.status)).c_str(),
                 outcome.error.ToString().c_str());
    return;
  }
  for (const CheckResult& check : outcome.checks) {
    if (check.passed()) continue;
    std::fprintf(stderr, "  warning: %s: %s: %s\n", outcome.model.ToString().c_str(),
                 check.check.c_str(), check.message.c_str());
  }
  if (outcome.rejected_rows > 0) {
    std::fprintf(stderr, "  %s: %s rows rejected, see %s__rejected\n",
                 outcome.model.ToString().c_str(), WithThousands(outcome.rejected_rows).c_str(),
                 outcome.model.ToString().c_str());
  }
}

std::string Plural(size_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

void PrintReport(const ApplyReport& report, bool json, const char* done) {
  if (json) {
    std::printf("%s\n", DumpJson(ReportJson(report), 2).c_str());
  } else {
    size_t tables = 0;
    int64_t rows = 0;
    for (const LoadReport& load : report.loads) {
      tables += load.tables.size();
      for (const LoadedTable& table : load.tables) rows += table.rows;
    }
    size_t succeeded = 0, failed = 0, skipped = 0;
    for (const ModelOutcome& outcome : report.models) {
      succeeded += outcome.status == ModelStatus::kSucceeded ? 1 : 0;
      failed += outcome.status == ModelStatus::kFailed ? 1 : 0;
      skipped += outcome.status == ModelStatus::kSkipped ? 1 : 0;
    }
    std::string line = std::string(done) + ": " + Plural(tables, "table") + " loaded (" +
                       WithThousands(rows) + " rows), " + Plural(succeeded, "model") + " built";
    if (failed > 0) line += ", " + std::to_string(failed) + " failed";
    if (skipped > 0) line += ", " + std::to_string(skipped) + " skipped";
    std::printf("%s.\n", line.c_str());
  }
}

void RunPlan(CommandContext& context, bool json) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRead)));
  const Plan plan = OrFail(MakePlan(wired->open));
  std::fputs((json ? PlanJson(plan) : FormatPlan(plan)).c_str(), stdout);
  context.exit_code = plan.empty() ? kExitDone : kExitChanges;
}

void RunApply(CommandContext& context, bool yes, bool json) {
  // Planned without a state first, so that a project that cannot be applied leaves nothing behind.
  auto first = OrFail(WireProject(context.Wire(StateUse::kRead)));
  Plan plan = OrFail(MakePlan(first->open));
  const std::string shown = plan.fingerprint;
  if (!json) std::fputs(FormatPlan(plan).c_str(), stdout);
  std::fflush(stdout);
  if (plan.empty() && first->state_exists && !plan.project_is_new) {
    if (json) PrintReport({}, json, "Applied");
    return;
  }
  if (!yes && !plan.empty()) OrFail(Confirm("Apply these changes?", *context.cancel));
  OrFail(first->store->CheckAccess());
  first.reset();

  auto wired = OrFail(WireProject(context.Wire(StateUse::kCreate)));
  auto lock = TakeLock(context, *wired, ProjectLock::Scope::kProject, "apply");
  // Another apply may have gone first, and the sources may have moved on.
  plan = OrFail(MakePlan(wired->open));
  if (plan.fingerprint != shown) {
    if (!yes) {
      OrFail(Conflict("the project or its sources changed since the plan was shown",
                      "run `tarn apply` again and look at the new plan"));
    }
    if (!json) {
      std::fputs("The plan changed meanwhile:\n", stdout);
      std::fputs(FormatPlan(plan).c_str(), stdout);
      std::fflush(stdout);
    }
  }
  std::unique_ptr<ProjectLock> capture_lock;
  if (plan.changes_capture) capture_lock = TakeCaptureLockBeside(context, *wired, "apply");
  Reporter reporter;
  reporter.ran = PrintOutcome;
  const ApplyReport report = OrFail(ApplyPlan(wired->open, wired->pipeline, plan, reporter));
  PrintReport(report, json, "Applied");
  if (report.failed()) context.exit_code = kExitFailed;
}

void RunRun(CommandContext& context, const std::vector<std::string>& selectors, bool json) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  auto lock = TakeLock(context, *wired, ProjectLock::Scope::kProject, "run");
  Reporter reporter;
  reporter.ran = PrintOutcome;
  RunSelection selection;
  selection.selectors = selectors;
  const ApplyReport report = OrFail(RunProject(wired->open, wired->pipeline, selection, reporter));
  PrintReport(report, json, "Done");
  if (report.failed()) context.exit_code = kExitFailed;
}

void RunDestroy(CommandContext& context, bool yes) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRead)));
  DestroyPlan plan = OrFail(MakeDestroyPlan(wired->open));
  if (!wired->state_exists || plan.empty()) {
    std::printf("Nothing to destroy.\n");
    return;
  }
  std::fputs(FormatDestroyPlan(plan).c_str(), stdout);
  std::fflush(stdout);
  if (!yes) OrFail(Confirm("Destroy all of this?", *context.cancel));
  // What is loaded beside `up` would come to stand in folders that are being removed.
  const auto resync_lock = TakeLock(context, *wired, ProjectLock::Scope::kResync, "destroy");
  auto lock = TakeLock(context, *wired, ProjectLock::Scope::kProject, "destroy");
  const auto capture_lock = TakeCaptureLockBeside(context, *wired, "destroy");
  plan = OrFail(MakeDestroyPlan(wired->open));
  OrFail(DestroyProject(wired->open, plan, *lock));
  // The files go while the lock is held: whoever waits for it finds them gone and says so.
  const bool stays = OrFail(KeepWhatCameMeanwhile(wired->open, *lock));
  OrFail(lock->Confirm());
  OrFail(ReachFaultPoint(FaultPoint::kDestroyForgotten));
  if (!stays) OrFail(RemoveState(wired->open.spec));
  std::printf("Destroyed.\n");
}

}  // namespace

void AddDeployCommands(CLI::App& app, CommandContext& context) {
  struct Flags {
    bool yes = false;
    bool json = false;
    std::vector<std::string> selectors;
  };
  auto flags = std::make_shared<Flags>();

  CLI::App* plan =
      app.add_subcommand("plan", "show what `apply` would change; exits 3 if anything");
  plan->add_flag("--json", flags->json, "print the plan as JSON");
  plan->footer("Example: tarn plan --env prod");
  plan->callback([&context, flags] { RunPlan(context, flags->json); });

  CLI::App* apply = app.add_subcommand("apply", "make the lake as the project says, and fill it");
  apply->add_flag("-y,--yes", flags->yes, "do not ask");
  apply->add_flag("--json", flags->json, "print the outcome as JSON");
  apply->footer("Example: tarn apply -y");
  apply->callback([&context, flags] { RunApply(context, flags->yes, flags->json); });

  CLI::App* run = app.add_subcommand("run", "reload sources and run models now");
  run->add_option("selectors", flags->selectors,
                  "gold.x, gold.*, +gold.x (with what it needs), gold.x+ (with what needs it)");
  run->add_flag("--json", flags->json, "print the outcome as JSON");
  run->footer("Example: tarn run +gold.customer_counts");
  run->callback([&context, flags] { RunRun(context, flags->selectors, flags->json); });

  CLI::App* destroy =
      app.add_subcommand("destroy", "remove all that the project made, and nothing else");
  destroy->add_flag("-y,--yes", flags->yes, "do not ask");
  destroy->footer("Example: tarn destroy -y --env dev");
  destroy->callback([&context, flags] { RunDestroy(context, flags->yes); });
}

}  // namespace tarn

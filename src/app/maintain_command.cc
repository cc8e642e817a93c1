#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/output.h"
#include "app/terminal_progress.h"
#include "base/json.h"
#include "pipeline/maintain/clock_steps.h"
#include "pipeline/maintain/maintain.h"

namespace tarn {
namespace {

std::string NameOf(const TableUpkeep& upkeep) {
  return upkeep.table.schema.empty() ? "(dropped tables)" : upkeep.table.ToString();
}

std::string FilesText(const MaintainStep& step) {
  if (step.taken == 0) return "";
  std::string text = WithThousands(step.taken);
  if (step.made > 0) text += " → " + WithThousands(step.made);
  return text;
}

Json StepJson(const MaintainStep& step) {
  Json json = {{"part", step.part},
               {"outcome", OutcomeName(step.outcome)},
               {"why", step.why},
               {"taken", step.taken},
               {"made", step.made},
               {"bytes", step.bytes},
               {"seconds", static_cast<double>(step.micros) / 1e6}};
  if (!step.names.empty()) json["names"] = step.names;
  return json;
}

void PrintJson(const MaintainReport& report) {
  Json tables = Json::array();
  for (const TableUpkeep& upkeep : report.tables) {
    Json steps = Json::array();
    for (const MaintainStep& step : upkeep.steps) steps.push_back(StepJson(step));
    Json table = {{"table", NameOf(upkeep)}, {"steps", std::move(steps)}};
    if (!upkeep.error.ok()) table["error"] = upkeep.error.error().message;
    tables.push_back(std::move(table));
  }
  std::printf("%s\n", DumpJson(tables, 2).c_str());
}

void PrintReport(const MaintainReport& report) {
  std::vector<std::vector<std::string>> rows;
  for (const TableUpkeep& upkeep : report.tables) {
    for (const MaintainStep& step : upkeep.steps) {
      rows.push_back({NameOf(upkeep), step.part, std::string(OutcomeName(step.outcome)),
                      FilesText(step), step.bytes > 0 ? ByteText(step.bytes) : "", step.why});
    }
  }
  PrintTexts({"table", "part", "outcome", "files", "bytes", "why"}, rows, stdout);
  for (const TableUpkeep& upkeep : report.tables) {
    for (const MaintainStep& step : upkeep.steps) {
      for (const std::string& name : step.names) std::fprintf(stderr, "  %s\n", name.c_str());
    }
  }
}

void RunMaintain(CommandContext& context, const std::vector<std::string>& patterns, bool dry_run,
                 bool json) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  MaintainOptions options;
  options.patterns = patterns;
  options.clock_steps = [&state = wired->open.spec.state] {
    return LookAtClock(ClockRecordPath(state), ReadMachineTime());
  };
  options.mode = dry_run ? MaintainMode::kDryRun : MaintainMode::kDo;
  const MaintainReport report = OrFail(Maintain(wired->pipeline, options));
  if (json) {
    PrintJson(report);
  } else {
    PrintReport(report);
  }
  for (const TableUpkeep& upkeep : report.tables) {
    if (upkeep.error.ok()) continue;
    std::fprintf(stderr, "tarn: %s\n", upkeep.error.error().ToString().c_str());
    context.exit_code = kExitFailed;
  }
}

}  // namespace

void AddMaintainCommand(CLI::App& app, CommandContext& context) {
  struct Flags {
    std::vector<std::string> patterns;
    bool dry_run = false;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* maintain = app.add_subcommand(
      "maintain",
      "put small files together, apply deletes, make statistics, let old snapshots expire, remove "
      "orphaned files");
  maintain->add_option("tables", flags->patterns, "bronze.customer, bronze.* (default: all)");
  maintain->add_flag("--dry-run", flags->dry_run, "only tell what would be done, and why");
  maintain->add_flag("--json", flags->json, "print JSON");
  maintain->footer("Example: tarn maintain 'bronze.*' --dry-run");
  maintain->callback(
      [&context, flags] { RunMaintain(context, flags->patterns, flags->dry_run, flags->json); });
}

}  // namespace tarn

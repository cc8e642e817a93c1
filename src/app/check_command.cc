#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/output.h"
#include "app/terminal_progress.h"
#include "base/json.h"
#include "base/text.h"
#include "pipeline/ingest/compare.h"
#include "project/objects.h"

namespace tarn {
namespace {

void RunCheck(CommandContext& context, const std::vector<std::string>& patterns, bool json) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  const AliveObjects alive = OrFail(LoadAliveObjects(*wired->catalog));
  std::vector<std::vector<std::string>> rows;
  std::map<std::string, std::unique_ptr<SourceSnapshot>> snapshots;
  size_t different = 0;
  for (const auto& [name, object] : alive.tables) {
    const std::string target = object.target.ToString();
    bool wanted = patterns.empty();
    for (const std::string& pattern : patterns) wanted = wanted || MatchesPattern(pattern, target);
    if (!wanted) continue;
    auto source = wired->sources.find(object.source);
    if (source == wired->sources.end()) {
      OrFail(NotFound("the source " + object.source + " of " + target + " is not in tarn.yaml"));
    }
    auto& snapshot = snapshots[object.source];
    if (snapshot == nullptr) snapshot = OrFail(source->second->BeginSnapshot());
    const TableComparison comparison = OrFail(
        CompareTable(wired->pipeline, *snapshot, {object.schema, object.table}, object.target));
    if (!comparison.equal()) ++different;
    rows.push_back({target, comparison.equal() ? "equal" : "differs",
                    std::to_string(comparison.in_source.rows),
                    std::to_string(comparison.in_lake.rows)});
  }
  if (rows.empty()) {
    OrFail(NotFound(patterns.empty() ? "no table is loaded from a source"
                                     : "no loaded table matches " + Join(patterns, ", "),
                    "see `tarn ls`"));
  }
  if (json) {
    Json list = Json::array();
    for (const auto& row : rows) {
      list.push_back({{"table", row[0]},
                      {"outcome", row[1]},
                      {"source_rows", std::stoll(row[2])},
                      {"lake_rows", std::stoll(row[3])}});
    }
    std::printf("%s\n", DumpJson(list, 2).c_str());
  } else {
    PrintTexts({"table", "outcome", "rows in source", "rows in lake"}, rows, stdout);
  }
  if (different > 0) {
    std::fprintf(stderr,
                 "%zu of %zu tables differ from their source as it is now; `tarn run` loads them "
                 "again\n",
                 different, rows.size());
    context.exit_code = kExitFailed;
  }
}

}  // namespace

void AddCheckCommand(CLI::App& app, CommandContext& context) {
  struct Flags {
    std::vector<std::string> patterns;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* check = app.add_subcommand(
      "check", "compare loaded tables with their sources: rows and a hash of all values");
  check->add_option("tables", flags->patterns, "bronze.customer, bronze.* (default: all)");
  check->add_flag("--json", flags->json, "print JSON");
  check->footer("Example: tarn check 'bronze.*'");
  check->callback([&context, flags] { RunCheck(context, flags->patterns, flags->json); });
}

}  // namespace tarn

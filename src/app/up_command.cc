#include <cstdio>
#include <memory>
#include <mutex>
#include <thread>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/process_lock.h"
#include "app/terminal_progress.h"
#include "base/log.h"
#include "base/thread.h"
#include "pipeline/maintain/maintain.h"
#include "project/apply.h"
#include "project/captured.h"

namespace tarn {
namespace {

constexpr int64_t kTickMicros = 200'000;
/// Between two rounds of looking after the tables that are followed.
constexpr int64_t kUpkeepEveryMicros = 600'000'000;

/// What `up` tells: a line a commit on a terminal, warnings always.
void Say(const std::string& line) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::fprintf(stderr, "%s %s\n", FormatUtc(SystemClock().NowMicros()).c_str(), line.c_str());
}

/// The record of one source in `system.runs`, kept level with what was committed.
class FollowRun {
 public:
  FollowRun(Catalog& catalog, const std::string& source) : catalog_(catalog) {
    record_.id = SystemRandom().Uuid();
    record_.kind = kCaptureRun;
    record_.name = source;
    record_.status = "running";
    record_.started_micros = SystemClock().NowMicros();
    Write();
  }
  void Committed(const CaptureCommit& commit) {
    record_.rows += commit.rows;
    record_.sequence = commit.sequence;
    record_.error.clear();
    Write();
  }
  void Trouble(const Status& reason) {
    record_.error = reason.error().ToString();
    Write();
  }
  void End(const Status& status) {
    record_.status = status.ok() ? "succeeded" : "failed";
    record_.finished_micros = SystemClock().NowMicros();
    record_.error = status.ok() ? "" : status.error().ToString();
    Write();
  }

 private:
  /// Whether the rows are there does not depend on what is told about them.
  void Write() {
    if (Status written = catalog_.RecordRun(record_); !written.ok()) {
      Log(LogLevel::kWarning, "the run is not recorded: " + written.error().message);
    }
  }

  Catalog& catalog_;
  RunRecord record_;
};

Status Follow(Wired& wired, CaptureOptions options, ChangeCapture& capture) {
  FollowRun run(*wired.catalog, options.source);
  const std::string name = options.source;
  options.committed = [&](const CaptureCommit& commit) {
    run.Committed(commit);
    if (commit.rows == 0) return;
    std::string tables;
    for (const TableName& table : commit.tables) {
      tables += (tables.empty() ? "" : ", ") + table.ToString();
    }
    Say("source " + name + ": " + WithThousands(commit.rows) + " changes of " +
        WithThousands(commit.transactions) + " transactions in " + tables + ", up to " +
        commit.position + ", sequence " + std::to_string(commit.sequence.value()));
  };
  options.stopped = [&](const SourceTableName& table, const Status& reason) {
    run.Trouble(reason);
    Say("source " + name + ": " + table.ToString() +
        " is not followed any more: " + reason.error().ToString());
  };
  options.retrying = [&](const Status& reason) {
    run.Trouble(reason);
    Say("source " + name + ": " + reason.error().ToString() + "; it goes on from the last commit");
  };
  const Status status = Capture(wired.pipeline, capture, options);
  run.End(status);
  if (!status.ok()) Say("source " + name + " ended: " + status.error().ToString());
  return status;
}

/// Small files of the mirrored tables are put together while they are followed.
Status KeepUp(Wired& wired, const std::vector<TableName>& tables, const CancelFlag& done) {
  int64_t next = SystemClock().MonotonicMicros() + kUpkeepEveryMicros;
  PipelineContext context = wired.pipeline;
  context.cancel = &done;
  while (!done.requested()) {
    SystemClock().SleepMicros(kTickMicros);
    if (SystemClock().MonotonicMicros() < next) continue;
    MaintainOptions options;
    for (const TableName& table : tables) options.patterns.push_back(table.ToString());
    const auto report = Maintain(context, options);
    if (!report.ok() && !done.requested()) {
      Say("upkeep: " + report.error().ToString());
    } else if (report.ok()) {
      for (const TableUpkeep& upkeep : report->tables) {
        if (!upkeep.error.ok()) {
          Say("upkeep of " + upkeep.table.ToString() + ": " + upkeep.error.error().ToString());
        }
      }
    }
    next = SystemClock().MonotonicMicros() + kUpkeepEveryMicros;
  }
  return {};
}

void RunUp(CommandContext& context, bool once) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  std::vector<CaptureOptions> sources;
  std::vector<TableName> tables;
  for (const SourceSpec& spec : wired->open.spec.sources) {
    if (spec.mode != SourceMode::kCdc) continue;
    sources.push_back(OrFail(CaptureOptionsOf(wired->open, spec)));
    for (const CaptureItem& item : sources.back().items) tables.push_back(item.target.name);
  }
  if (sources.empty()) {
    OrFail(InvalidArgument("no source of tarn.yaml has mode cdc: there is nothing to follow",
                           "give a source `mode: cdc`, then `tarn apply`"));
  }
  auto lock = TakeLock(context, *wired, ProjectLock::Scope::kCapture, "up");
  if (once) {
    for (CaptureOptions& options : sources) {
      options.until = OrFail(wired->open.sources.at(options.source)->capture()->CurrentPosition());
    }
  }
  Say("following " + std::to_string(sources.size()) + " source" + (sources.size() == 1 ? "" : "s") +
      ", " + std::to_string(tables.size()) + " tables");
  CancelFlag done;
  std::thread upkeep;
  if (!once) {
    upkeep = OrFail(StartThread([&] { return KeepUp(*wired, tables, done); },
                                [](const Status& why) { Say("upkeep: " + why.error().message); }));
  }
  std::vector<Status> outcomes(sources.size());
  // One source's end is no reason for the others to end.
  const Status ran = RunInThreads(sources.size(), sources.size(), [&](size_t i) {
    outcomes[i] = Follow(*wired, sources[i], *wired->open.sources.at(sources[i].source)->capture());
    return Status::Ok();
  });
  done.Request();
  if (upkeep.joinable()) upkeep.join();
  OrFail(ran);
  for (const Status& outcome : outcomes) OrFail(outcome);
}

}  // namespace

void AddUpCommand(CLI::App& app, CommandContext& context) {
  auto once = std::make_shared<bool>(false);
  CLI::App* up = app.add_subcommand(
      "up", "follow the logs of all sources of mode cdc into the lake, until it is stopped");
  up->add_flag("--once", *once, "catch up with where the sources stand now, and end");
  up->footer("Example: tarn up --once");
  up->callback([&context, once] { RunUp(context, *once); });
}

}  // namespace tarn

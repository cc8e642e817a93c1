#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/process_lock.h"
#include "app/terminal_progress.h"
#include "app/up_automation.h"
#include "app/up_doors.h"
#include "app/up_status.h"
#include "base/log.h"
#include "base/thread.h"
#include "catalog/committer.h"
#include "pipeline/maintain/maintain.h"
#include "project/apply.h"
#include "project/captured.h"

namespace tarn {
namespace {

constexpr int64_t kTickMicros = 200'000;
constexpr int64_t kPollMicros = 20'000;
/// Between two rounds of looking after the tables that are followed.
constexpr int64_t kUpkeepEveryMicros = 600'000'000;
/// Between two looks at what other processes left to be published, and at the sources' logs.
constexpr int64_t kLookEveryMicros = 10'000'000;
/// Of the outbox, for the count of what waits there.
constexpr int64_t kOutboxCountMax = 1000;

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

Status Follow(Wired& wired, UpStatus& status, CaptureOptions options, ChangeCapture& capture) {
  FollowRun run(*wired.catalog, options.source);
  const std::string name = options.source;
  status.Following(name);
  options.committed = [&](const CaptureCommit& commit) {
    run.Committed(commit);
    status.Committed(name, commit);
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
    status.TableStopped(name, table.ToString(), reason);
    Say("source " + name + ": " + table.ToString() +
        " is not followed any more: " + reason.error().ToString());
  };
  options.retrying = [&](const Status& reason) {
    run.Trouble(reason);
    status.Retrying(name, reason);
    Say("source " + name + ": " + reason.error().ToString() + "; it goes on from the last commit");
  };
  const Status ended = Capture(wired.pipeline, capture, options);
  run.End(ended);
  status.Ended(name, ended);
  if (!ended.ok()) Say("source " + name + " ended: " + ended.error().ToString());
  return ended;
}

/// Small files of the mirrored tables are put together while they are followed.
void RunUpkeep(const PipelineContext& context, UpStatus& status,
               const std::vector<TableName>& tables) {
  MaintainOptions options;
  for (const TableName& table : tables) options.patterns.push_back(table.ToString());
  const auto report = Maintain(context, options);
  const bool stopped = context.cancel->requested();
  if (!stopped) status.UpkeepRan(report.ok());
  if (!report.ok() && !stopped) Say("upkeep: " + report.error().ToString());
  if (!report.ok()) return;
  for (const TableUpkeep& upkeep : report->tables) {
    if (upkeep.error.ok()) continue;
    Say("upkeep of " + upkeep.table.ToString() + ": " + upkeep.error.error().ToString());
  }
}

/// What other processes committed and died before publishing; and how far behind the sources are.
void LookAround(Wired& wired, UpStatus& status, const std::vector<CaptureOptions>& sources) {
  if (Status published = PublishOutbox(wired.pipeline.tables, *wired.catalog); !published.ok()) {
    Log(LogLevel::kWarning, "the outbox waits: " + published.error().message);
  }
  const auto sequence = wired.catalog->CurrentSequence();
  OutboxRange range;
  range.limit = kOutboxCountMax;
  const auto waiting = wired.catalog->PendingPublications(range);
  if (sequence.ok() && waiting.ok()) {
    status.Lake(sequence->value(), static_cast<int64_t>(waiting->size()));
  }
  for (const CaptureOptions& source : sources) {
    const auto seen = wired.open.sources.at(source.source)->capture()->Inspect(source.spec);
    if (seen.ok()) status.Inspected(source.source, *seen);
  }
}

Status KeepUp(Wired& wired, UpStatus& status, const std::vector<CaptureOptions>& sources,
              const std::vector<TableName>& tables, const CancelFlag& done) {
  PipelineContext context = wired.pipeline;
  context.cancel = &done;
  int64_t look = SystemClock().MonotonicMicros();
  int64_t upkeep = look + kUpkeepEveryMicros;
  while (!done.requested()) {
    const int64_t now = SystemClock().MonotonicMicros();
    if (now >= look) {
      LookAround(wired, status, sources);
      look = now + kLookEveryMicros;
    }
    if (now >= upkeep && !tables.empty()) {
      RunUpkeep(context, status, tables);
      upkeep = SystemClock().MonotonicMicros() + kUpkeepEveryMicros;
    }
    SystemClock().SleepMicros(kTickMicros);
  }
  return {};
}

/// What goes on beside the following of logs, each in a thread of its own, from its making to
/// Stop().
class Beside {
 public:
  Beside(Wired& wired, UpStatus& status, const std::vector<CaptureOptions>& sources,
         const std::vector<TableName>& tables, Automation& automation)
      : automation_(automation) {
    threads_.push_back(
        OrFail(StartThread([&] { return KeepUp(wired, status, sources, tables, done_); },
                           [](const Status& why) { Say("upkeep: " + why.error().message); })));
    auto models =
        StartThread([&] { return automation.Run(); },
                    [](const Status& why) { Say("models and schedules: " + why.error().message); });
    if (!models.ok()) Stop();
    threads_.push_back(OrFail(std::move(models)));
  }
  ~Beside() { Stop(); }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  void Stop() {
    done_.Request();
    automation_.Stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  Automation& automation_;
  CancelFlag done_;
  std::vector<std::thread> threads_;
};

/// Until every followed source has ended, or the flag is set where there is none.
Status FollowAll(Wired& wired, UpStatus& status, const std::vector<CaptureOptions>& sources,
                 bool once, const CancelFlag& cancel) {
  std::vector<Status> outcomes(sources.size());
  // One source's end is no reason for the others to end.
  TARN_RETURN_IF_ERROR(RunInThreads(sources.size(), sources.size(), [&](size_t i) {
    ChangeCapture& capture = *wired.open.sources.at(sources[i].source)->capture();
    outcomes[i] = Follow(wired, status, sources[i], capture);
    return Status::Ok();
  }));
  while (sources.empty() && !once && !cancel.requested()) SystemClock().SleepMicros(kTickMicros);
  for (const Status& outcome : outcomes) TARN_RETURN_IF_ERROR(outcome);
  return {};
}

/// Models that the caught up sources made due. The automation listens to its own flag.
Status RunTriggeredOnce(Automation& automation, const CancelFlag& cancel) {
  Status outcome;
  std::atomic<bool> done{false};
  TARN_ASSIGN_OR_RETURN(std::thread worker,
                        StartThread(
                            [&]() -> Status {
                              outcome = RunWalled([&] { return automation.RunOnce(); });
                              done = true;
                              return {};
                            },
                            [](const Status&) {}));
  while (!done) {
    if (cancel.requested()) automation.Stop();
    SystemClock().SleepMicros(kPollMicros);
  }
  worker.join();
  return outcome;
}

std::string WhatIsDone(size_t sources, size_t tables, const ProjectSpec& spec) {
  const auto count = [](size_t number, const std::string& noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
  };
  std::string text;
  if (sources > 0) text = "following " + count(sources, "source") + ", " + count(tables, "table");
  size_t triggered = 0;
  for (const Model& model : spec.models) triggered += model.trigger != Trigger::kNone ? 1 : 0;
  if (triggered > 0) {
    text += (text.empty() ? "" : "; ") + count(triggered, "model") + " on change";
  }
  if (!spec.schedules.empty()) {
    text += (text.empty() ? "" : "; ") + count(spec.schedules.size(), "schedule");
  }
  return text;
}

void RunUp(CommandContext& context, bool once) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  const ProjectSpec& spec = wired->open.spec;
  std::vector<CaptureOptions> sources;
  std::vector<TableName> tables;
  for (const SourceSpec& source : spec.sources) {
    if (source.mode != SourceMode::kCdc) continue;
    sources.push_back(OrFail(CaptureOptionsOf(wired->open, source)));
    for (const CaptureItem& item : sources.back().items) tables.push_back(item.target.name);
  }
  if (sources.empty() && !Automation::HasWork(spec)) {
    OrFail(InvalidArgument(
        "there is nothing to do: tarn.yaml has no source of mode cdc and no `schedules:`, and no "
        "model has `trigger: on_change`",
        "give a source `mode: cdc`, then `tarn apply`"));
  }
  auto lock = TakeLock(context, *wired, ProjectLock::Scope::kCapture, "up");
  if (once) {
    for (CaptureOptions& options : sources) {
      options.until = OrFail(wired->open.sources.at(options.source)->capture()->CurrentPosition());
    }
  }
  Say(WhatIsDone(sources.size(), tables.size(), spec));
  UpStatus status(SystemClock().NowMicros());
  Automation automation(context, Say, status);
  std::optional<Beside> beside;
  std::unique_ptr<HttpServer> http;
  if (!once) {
    http = OrFail(OpenHttpDoor(spec, status, Say));
    beside.emplace(*wired, status, sources, tables, automation);
  }
  const Status followed = FollowAll(*wired, status, sources, once, *context.cancel);
  beside.reset();
  OrFail(followed);
  if (once && Automation::HasWork(spec)) OrFail(RunTriggeredOnce(automation, *context.cancel));
}

}  // namespace

void AddUpCommand(CLI::App& app, CommandContext& context) {
  auto once = std::make_shared<bool>(false);
  CLI::App* up = app.add_subcommand(
      "up",
      "follow the logs of all sources of mode cdc into the lake, run models and schedules "
      "when they are due, until it is stopped");
  up->add_flag("--once", *once,
               "catch up with where the sources stand now, run the models that this makes due, and "
               "end; schedules and servers are left out");
  up->footer("Example: tarn up --once");
  up->callback([&context, once] { RunUp(context, *once); });
}

}  // namespace tarn

#include "app/up_follow.h"

#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "app/make_way.h"
#include "app/process_lock.h"
#include "app/terminal_progress.h"
#include "base/log.h"
#include "base/thread.h"
#include "catalog/committer.h"
#include "pipeline/ingest/capture_record.h"
#include "pipeline/maintain/clock_steps.h"
#include "pipeline/maintain/maintain.h"
#include "project/apply.h"
#include "project/captured.h"

namespace tarn {
namespace {

constexpr int64_t kTickMicros = 100'000;
/// Between two rounds of looking after the tables that are followed.
constexpr int64_t kUpkeepEveryMicros = 600'000'000;
/// Between two looks at what other processes left to be published, and at the sources' logs.
constexpr int64_t kLookEveryMicros = 10'000'000;
/// Of the outbox, for the count of what waits there.
constexpr int64_t kOutboxCountMax = 1000;

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
  void CaughtUp() {
    if (record_.error.empty()) return;
    record_.error.clear();
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

}  // namespace

Status Following::FollowSource(CaptureOptions options) {
  ChangeCapture& capture = *wired_->open.sources.at(options.source)->capture();
  FollowRun run(*wired_->catalog, options.source);
  const std::string name = options.source;
  status_.Begun(name);
  bool trouble_stays = false;
  options.committed = [&](const CaptureCommit& commit) {
    run.Committed(commit);
    status_.Committed(name, commit);
    if (commit.rows == 0) return;
    std::string tables;
    for (const TableName& table : commit.tables) {
      tables += (tables.empty() ? "" : ", ") + table.ToString();
    }
    say_("source " + name + ": " + WithThousands(commit.rows) + " changes of " +
         WithThousands(commit.transactions) + " transactions in " + tables + ", up to " +
         commit.position + ", sequence " + std::to_string(commit.sequence.value()));
  };
  options.caught_up = [&] {
    if (!trouble_stays) run.CaughtUp();
    status_.CaughtUp(name);
  };
  options.stopped = [&](const SourceTableName& table, const Status& reason) {
    trouble_stays = true;
    run.Trouble(reason);
    status_.TableStopped(name, table.ToString(), reason);
    say_("source " + name + ": " + table.ToString() +
         " is not followed any more: " + reason.error().ToString());
  };
  options.retrying = [&](const Status& reason) {
    run.Trouble(reason);
    status_.Retrying(name, reason);
    say_("source " + name + ": " + reason.error().ToString() + "; it goes on from the last commit");
  };
  CaptureRecorder recorder(wired_->open.spec.state, name, SystemClock());
  recorder.Watch(&options);
  const Status ended = Capture(wired_->pipeline, capture, options);
  run.End(ended);
  status_.Ended(name, ended);
  if (!ended.ok()) say_("source " + name + " ended: " + ended.error().ToString());
  return ended;
}

/// Small files of the mirrored tables are put together while they are followed.
void Following::RunUpkeep(const PipelineContext& context) {
  MaintainOptions options;
  options.statistics = MaintainOptions::Statistics::kLeave;
  options.clock_steps = [&state = wired_->open.spec.state] {
    return LookAtClock(ClockRecordPath(state), ReadMachineTime());
  };
  for (const TableName& table : tables_) options.patterns.push_back(table.ToString());
  const auto report = Maintain(context, options);
  const bool stopped = context.cancel->requested();
  if (!report.ok() && !stopped) say_("upkeep: " + report.error().ToString());
  bool succeeded = report.ok();
  if (report.ok()) {
    for (const TableUpkeep& upkeep : report->tables) {
      if (upkeep.error.ok()) continue;
      succeeded = false;
      say_("upkeep of " + upkeep.table.ToString() + ": " + upkeep.error.error().ToString());
    }
  }
  if (!stopped) status_.UpkeepRan(succeeded);
}

/// What other processes committed and died before publishing; and how far behind the sources are.
void Following::LookAround() {
  if (Status published = PublishOutbox(wired_->pipeline.tables, *wired_->catalog);
      !published.ok()) {
    Log(LogLevel::kWarning, "the outbox waits: " + published.error().message);
  }
  const auto sequence = wired_->catalog->CurrentSequence();
  OutboxRange range;
  range.limit = kOutboxCountMax;
  const auto waiting = wired_->catalog->PendingPublications(range);
  if (sequence.ok() && waiting.ok()) {
    status_.Lake(sequence->value(), static_cast<int64_t>(waiting->size()));
  }
  for (const CaptureOptions& source : sources_) {
    const auto seen = wired_->open.sources.at(source.source)->capture()->Inspect(source.spec);
    status_.Inspected(source.source, seen.ok() ? std::optional(*seen) : std::nullopt);
  }
}

Status Following::KeepUp() {
  PipelineContext context = wired_->pipeline;
  context.cancel = &done_;
  int64_t next = SystemClock().MonotonicMicros() + kUpkeepEveryMicros;
  while (!done_.requested()) {
    if (SystemClock().MonotonicMicros() >= next && !tables_.empty()) {
      RunUpkeep(context);
      next = SystemClock().MonotonicMicros() + kUpkeepEveryMicros;
    }
    SystemClock().SleepMicros(kTickMicros);
  }
  return {};
}

Status Following::KeepLooking() {
  int64_t next = 0;
  while (!done_.requested()) {
    const int64_t now = SystemClock().MonotonicMicros();
    if (now >= next) {
      LookAround();
      next = now + kLookEveryMicros;
    }
    SystemClock().SleepMicros(kTickMicros);
  }
  return {};
}

/// Ends the following from outside of it.
Status Following::Watch() {
  while (!done_.requested()) {
    if (context_.cancel->requested()) {
      cancel_.Request();
      // What upkeep has under way ends as well.
      done_.Request();
      break;
    }
    // Before that there may be no spec yet.
    if (running_ && !once_) {
      made_way_for_ = WhoWantsTheWay(spec().state, spec().limits.lock_wait_ms);
    }
    if (made_way_for_.has_value()) {
      cancel_.Request();
      done_.Request();
      break;
    }
    SystemClock().SleepMicros(kTickMicros);
  }
  return {};
}

Following::Following(const CommandContext& context, bool once, Say say, UpStatus& status)
    : context_(context), once_(once), say_(std::move(say)), status_(status) {}

Following::~Following() {
  done_.Request();
  for (std::thread& thread : beside_) {
    if (thread.joinable()) thread.join();
  }
}

Status Following::Begin(Status (Following::*work)()) {
  TARN_ASSIGN_OR_RETURN(std::thread thread,
                        StartThread([this, work] { return (this->*work)(); },
                                    [this](const Status& why) { say_(why.error().message); }));
  beside_.push_back(std::move(thread));
  return {};
}

Result<std::unique_ptr<Following>> Following::Begin(const CommandContext& context, bool once,
                                                    Say say, UpStatus& status) {
  std::unique_ptr<Following> following(new Following(context, once, std::move(say), status));
  TARN_RETURN_IF_ERROR(following->Open());
  return following;
}

Status Following::Open() {
  WireOptions wire = context_.Wire(StateUse::kRequire);
  TARN_RETURN_IF_ERROR(Begin(&Following::Watch));
  TARN_ASSIGN_OR_RETURN(grace_, StopGrace::Begin(&cancel_, kStopGrace));
  wire.cancel = &cancel_;
  wire.stop = grace_->flag();
  TARN_ASSIGN_OR_RETURN(wired_, WireProject(wire));
  TARN_ASSIGN_OR_RETURN(
      lock_, AcquireLock(*wired_, ProjectLock::Scope::kCapture, "up", cancel_,
                         [this](const std::string& holder) { say_("waiting: " + holder); }));
  for (const SourceSpec& source : spec().sources) {
    if (source.mode != SourceMode::kCdc) continue;
    TARN_ASSIGN_OR_RETURN(CaptureOptions options, CaptureOptionsOf(wired_->open, source));
    for (const CaptureItem& item : options.items) {
      tables_.push_back(item.target.name);
      if (item.history) tables_.push_back(item.history->name);
    }
    if (once_) {
      TARN_ASSIGN_OR_RETURN(options.until,
                            wired_->open.sources.at(source.name)->capture()->CurrentPosition());
    }
    sources_.push_back(std::move(options));
  }
  RemoveUnusedKeyIndexes(spec(), sources_);
  std::set<std::string> names;
  for (const CaptureOptions& source : sources_) names.insert(source.source);
  status_.KeepSources(names);
  return {};
}

Status Following::FollowAll(const std::function<bool()>& has_other_work) {
  std::vector<Status> outcomes(sources_.size());
  // One source's end is no reason for the others to end.
  TARN_RETURN_IF_ERROR(RunInThreads(sources_.size(), sources_.size(), [&](size_t i) {
    outcomes[i] = FollowSource(sources_[i]);
    return Status::Ok();
  }));
  // Models and schedules go on without the sources; `resync` mends those when it gets the way.
  while (!cancel_.requested() && has_other_work()) SystemClock().SleepMicros(kTickMicros);
  for (const Status& outcome : outcomes) TARN_RETURN_IF_ERROR(outcome);
  return {};
}

Status Following::Run(const std::function<bool()>& has_other_work) {
  running_ = true;
  Status status = once_ ? Status::Ok() : Begin(&Following::KeepUp);
  if (status.ok() && !once_) status = Begin(&Following::KeepLooking);
  if (status.ok()) status = FollowAll(has_other_work);
  const bool cancelled = cancel_.requested();
  // What goes on beside is given no more time than after a stop.
  cancel_.Request();
  done_.Request();
  for (std::thread& thread : beside_) thread.join();
  beside_.clear();
  // What else ends it is that the lock was lost.
  const bool asked = context_.cancel->requested() || made_way_for_.has_value();
  if (status.ok() && cancelled && !asked) return cancel_.Check();
  return status;
}

}  // namespace tarn

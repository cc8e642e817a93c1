#include "app/up_automation.h"

#include <algorithm>
#include <set>
#include <utility>

#include "app/process_lock.h"
#include "base/text.h"
#include "project/triggers.h"

namespace tarn {
namespace {

constexpr int64_t kTickMicros = 200'000;
constexpr int64_t kPauseMicros = 10'000'000;
/// What was applied is taken up when it has not changed for so long.
constexpr int64_t kAppliedRestMicros = 1'000'000;
/// A clock that is put back by more than this makes schedules look at it anew.
constexpr int64_t kClockBackMicros = 60'000'000;
constexpr int64_t kSecondMicros = 1'000'000;
/// Between two looks at what other processes ran, and how many of the last runs that takes in.
constexpr int64_t kLookEveryMicros = 10'000'000;
constexpr int64_t kRunsSeen = 500;

/// All that was applied, as one text.
Result<std::string> AppliedText(Catalog& catalog) {
  TARN_ASSIGN_OR_RETURN(const auto objects, catalog.ListObjects(std::nullopt));
  std::string text;
  for (const ObjectEntry& object : objects) {
    // Mirrored tables are described anew when their columns change.
    if (object.kind != kSourceObject && object.kind != kModelObject &&
        object.kind != kScheduleObject) {
      continue;
    }
    text += object.kind + "\n" + object.name + "\n" + object.json + "\n";
  }
  return text;
}

/// What somebody else's work can be the reason of: it passes.
bool Passes(const Error& error) {
  return error.kind == ErrorKind::kConflict || error.kind == ErrorKind::kUnavailable ||
         error.kind == ErrorKind::kCommitUnknown || error.kind == ErrorKind::kCancelled;
}

std::string SecondsText(int64_t micros) {
  const int64_t tenths = micros / 100'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

Automation::Automation(const CommandContext& context, const ProjectSpec& spec, Say say,
                       UpStatus& status)
    : context_(context), say_(std::move(say)), status_(status), has_work_(HasWork(spec)) {}

bool Automation::HasWork(const ProjectSpec& spec) {
  if (!spec.schedules.empty()) return true;
  for (const Model& model : spec.models) {
    if (model.trigger != Trigger::kNone) return true;
  }
  return false;
}

void Automation::Stop() {
  const std::lock_guard lock(stop_mutex_);
  stopping_ = true;
  cancel_.Request();
}

void Automation::EndRound() {
  const std::lock_guard lock(stop_mutex_);
  if (!stopping_) cancel_.Reset();
}

bool Automation::Stopping() {
  const std::lock_guard lock(stop_mutex_);
  return stopping_;
}

void Automation::Pause(const std::string& what, const Status& why) {
  if (Stopping()) return;
  say_(what + ": " + why.error().ToString());
  resume_micros_ = SystemClock().MonotonicMicros() + kPauseMicros;
}

Status Automation::Open() {
  WireOptions options = context_.Wire(StateUse::kRequire);
  options.cancel = &cancel_;
  options.progress = nullptr;
  if (grace_ == nullptr) {
    TARN_ASSIGN_OR_RETURN(grace_, StopGrace::Begin(context_.cancel, kStopGrace));
  }
  options.stop = grace_->flag();
  TARN_ASSIGN_OR_RETURN(auto wired, WireProject(options));
  TARN_ASSIGN_OR_RETURN(applied_, AppliedText(*wired->catalog));
  TARN_ASSIGN_OR_RETURN(ModelGraph graph, BuildModelGraph(wired->open));
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*wired->catalog));
  graph_ = std::make_unique<ModelGraph>(std::move(graph));
  wired_ = std::move(wired);
  schedules_.clear();
  std::map<std::string, ScheduleObject> known;
  for (const ScheduleSpec& schedule : wired_->open.spec.schedules) {
    const ScheduleObject object{schedule.cron_text, schedule.time_zone, schedule.run,
                                schedule.source};
    const auto applied = alive.schedules.find(schedule.name);
    if (applied != alive.schedules.end() && applied->second == object) {
      schedules_.push_back(&schedule);
      known[schedule.name] = object;
    }
  }
  // What came due while an apply was under way is due still.
  std::erase_if(next_, [&](const auto& next) {
    const auto now = known.find(next.first), before = known_.find(next.first);
    return now == known.end() || before == known_.end() || !(now->second == before->second);
  });
  known_ = std::move(known);
  has_work_ = HasWork(wired_->open.spec);
  std::set<std::string> names;
  for (const auto& [name, object] : known_) names.insert(name);
  status_.KeepSchedules(names);
  names.clear();
  for (const Model& model : wired_->open.spec.models) names.insert(model.name.ToString());
  status_.KeepModels(names);
  look_micros_ = 0;
  attempted_.clear();
  looked_at_ = Sequence(-1);
  return {};
}

Result<bool> Automation::Refresh() {
  if (wired_ == nullptr) {
    TARN_RETURN_IF_ERROR(Open());
    return true;
  }
  TARN_ASSIGN_OR_RETURN(const Sequence now, wired_->catalog->CurrentSequence());
  if (now == refreshed_at_) return true;
  TARN_ASSIGN_OR_RETURN(std::string applied, AppliedText(*wired_->catalog));
  if (applied == applied_) {
    refreshed_at_ = now;
    return true;
  }
  // An `apply` declares what it builds model by model.
  const int64_t micros = SystemClock().MonotonicMicros();
  if (applied != seen_) {
    seen_ = std::move(applied);
    seen_micros_ = micros;
  }
  if (micros - seen_micros_ < kAppliedRestMicros) return false;
  TARN_RETURN_IF_ERROR(Open());
  say_("the project was applied: models and schedules are as it says now");
  return true;
}

Result<std::unique_ptr<ProjectLock>> Automation::Lock() {
  TARN_ASSIGN_OR_RETURN(
      auto lock, AcquireLock(*wired_, ProjectLock::Scope::kProject, "up", cancel_,
                             [this](const std::string& holder) { say_("waiting: " + holder); }));
  TARN_ASSIGN_OR_RETURN(const std::string applied, AppliedText(*wired_->catalog));
  if (applied != applied_) return Conflict("the project was applied meanwhile", "run it again");
  return lock;
}

Result<ApplyReport> Automation::RunLocked(RunSelection selection) {
  Reporter reporter;
  reporter.loaded = [this](const std::string& source, const LoadReport& load) {
    int64_t rows = 0;
    for (const LoadedTable& table : load.tables) rows += table.rows;
    say_("source " + source + ": " + std::to_string(rows) + " rows loaded into " +
         std::to_string(load.tables.size()) + " tables, sequence " +
         std::to_string(load.sequence.value()));
  };
  reporter.ran = [this](const ModelOutcome& outcome) {
    status_.ModelRan(outcome, SystemClock().NowMicros());
    const std::string name = "model " + outcome.model.ToString();
    if (outcome.status != ModelStatus::kSucceeded) {
      say_(name + " " + std::string(ModelStatusName(outcome.status)) + ": " +
           outcome.error.error().ToString());
      return;
    }
    say_(name + ": " + std::to_string(outcome.rows) + " rows in " +
         SecondsText(outcome.duration_micros) + ", sequence " +
         std::to_string(outcome.sequence.value()));
  };
  return RunProject(wired_->open, wired_->pipeline, selection, reporter);
}

Result<bool> Automation::RunTriggered() {
  TARN_ASSIGN_OR_RETURN(const Sequence now, wired_->catalog->CurrentSequence());
  if (now == looked_at_) return false;
  TARN_ASSIGN_OR_RETURN(const auto due, TriggeredModels(wired_->open, *graph_, attempted_));
  if (due.empty()) {
    looked_at_ = now;
    return false;
  }
  RunSelection selection;
  selection.models = due;
  selection.author = "up";
  TARN_ASSIGN_OR_RETURN(const auto lock, Lock());
  TARN_ASSIGN_OR_RETURN(const ApplyReport report, RunLocked(std::move(selection)));
  Status passing;
  for (const ModelOutcome& outcome : report.models) {
    attempted_.erase(outcome.model.ToString());
    if (outcome.status == ModelStatus::kSucceeded) continue;
    if (!outcome.error.ok() && Passes(outcome.error.error())) {
      passing = outcome.error;
    } else {
      attempted_[outcome.model.ToString()] = now;
    }
  }
  TARN_RETURN_IF_ERROR(passing);
  return true;
}

void Automation::PutOff(const std::string& schedule, const Error& why) {
  if (Stopping()) return;
  const int64_t again = (SystemClock().NowMicros() + kPauseMicros) / kSecondMicros;
  int64_t& next = next_[schedule];
  next = std::min(next, again);
  status_.ScheduleDue(schedule, next * kSecondMicros);
  say_("schedule " + schedule + " is put off: " + why.ToString());
}

Status Automation::RunSchedule(const ScheduleSpec& schedule) {
  say_("schedule " + schedule.name + " is due: " +
       (schedule.source.empty() ? Join(schedule.run, ", ") : "loading its tables again"));
  const auto lock = Lock();
  if (!lock.ok() && Passes(lock.error())) {
    PutOff(schedule.name, lock.error());
    return {};
  }
  RunRecord run;
  run.id = SystemRandom().Uuid();
  run.kind = "schedule";
  run.name = schedule.name;
  run.status = "running";
  run.started_micros = SystemClock().NowMicros();
  if (const Status recorded = wired_->catalog->RecordRun(run); !recorded.ok()) {
    PutOff(schedule.name, recorded.error());
    return {};
  }
  RunSelection selection;
  selection.author = "up";
  selection.selectors = schedule.run;
  if (!schedule.source.empty()) selection.source = schedule.source;
  auto report = lock.ok() ? RunLocked(std::move(selection)) : lock.status();
  run.finished_micros = SystemClock().NowMicros();
  run.status = "succeeded";
  if (!report.ok()) {
    run.status = cancel_.requested() ? "interrupted" : "failed";
    run.error = report.error().ToString();
  } else if (report->failed()) {
    run.status = "failed";
    run.error = "not all models were built: see their own runs";
  }
  status_.ScheduleRan(schedule.name, run.started_micros, run.status == "succeeded");
  if (!report.ok() && cancel_.requested()) {
    // The lock was lost: whoever took it may have done half of what is due.
    PutOff(schedule.name, report.error());
  } else if (!report.ok()) {
    say_("schedule " + schedule.name + " failed: " + report.error().ToString());
  }
  return wired_->catalog->RecordRun(run);
}

Status Automation::RunSchedules() {
  const int64_t now_micros = SystemClock().NowMicros();
  if (now_micros < scheduled_micros_ - kClockBackMicros) next_.clear();
  scheduled_micros_ = now_micros;
  const int64_t now = now_micros / kSecondMicros;
  for (const ScheduleSpec* schedule : schedules_) {
    const auto next = next_.find(schedule->name);
    const bool due = next != next_.end() && now >= next->second;
    if (due || next == next_.end()) {
      const auto instant = schedule->cron.NextAfter(now, schedule->zone);
      next_[schedule->name] = instant.value_or(INT64_MAX);
      status_.ScheduleDue(schedule->name, instant.has_value() ? *instant * kSecondMicros : 0);
    }
    if (due) TARN_RETURN_IF_ERROR(RunSchedule(*schedule));
  }
  return {};
}

Status Automation::LookAtRuns() {
  const int64_t now = SystemClock().MonotonicMicros();
  if (now < look_micros_) return {};
  look_micros_ = now + kLookEveryMicros;
  std::set<std::string> models;
  for (const Model& model : wired_->open.spec.models) models.insert(model.name.ToString());
  TARN_ASSIGN_OR_RETURN(const auto runs, wired_->catalog->ListRuns(kRunsSeen));
  for (const RunRecord& run : runs) {
    if (run.kind == "model" && run.finished_micros && models.erase(run.name) > 0) {
      status_.ModelRanElsewhere(run);
    }
  }
  return {};
}

Status Automation::Tick() {
  TARN_ASSIGN_OR_RETURN(const bool up_to_date, Refresh());
  if (!up_to_date) return {};
  TARN_RETURN_IF_ERROR(LookAtRuns());
  TARN_RETURN_IF_ERROR(RunSchedules());
  return RunTriggered().status();
}

Status Automation::Run() {
  while (true) {
    {
      const std::lock_guard lock(stop_mutex_);
      if (stopping_) return {};
    }
    if (SystemClock().MonotonicMicros() >= resume_micros_) {
      if (Status done = Tick(); !done.ok()) Pause("models and schedules", done);
      EndRound();
    }
    SystemClock().SleepMicros(kTickMicros);
  }
}

Status Automation::RunOnce() {
  TARN_RETURN_IF_ERROR(Open());
  bool ran = true;
  while (ran) {
    TARN_ASSIGN_OR_RETURN(ran, RunTriggered());
  }
  if (attempted_.empty()) return {};
  std::string failed;
  for (const auto& [model, sequence] : attempted_) failed += (failed.empty() ? "" : ", ") + model;
  return InvalidArgument("models failed: " + failed, "see `tarn status`");
}

}  // namespace tarn

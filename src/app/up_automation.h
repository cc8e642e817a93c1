#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/up_status.h"
#include "app/wiring.h"
#include "base/cancel.h"
#include "pipeline/ingest/stop_grace.h"
#include "project/apply.h"
#include "project/objects.h"

namespace tarn {

/// What `up` runs by itself: the models of `trigger: on_change` when rows of what they read have
/// changed, and `schedules:` when they are due; only as far as it was applied, and as it was
/// applied last: an `apply` beside it is seen. One run at a time, each under the project's lock.
/// What comes due while another runs, runs after it, once. What fails is told, and tried again when
/// its inputs change again; when somebody else was in the way, after a pause. Threads: Run() or
/// RunOnce() in one thread; Stop() from any.
class Automation {
 public:
  /// Told a line for people.
  using Say = std::function<void(const std::string&)>;

  /// `spec`: as the project was opened before.
  Automation(const CommandContext& context, const ProjectSpec& spec, Say say, UpStatus& status);
  /// Whether the opened project has anything to run by itself.
  static bool HasWork(const ProjectSpec& spec);
  /// The same of what was applied last, as far as it was seen. Threads: any.
  bool has_work() const { return has_work_; }

  /// Until Stop(). Errors are told and outlived.
  Status Run();
  /// Models whose inputs have changed, and what these make due, until nothing is. Errors:
  /// Cancelled; what prevents a run; InvalidArgument when a model failed.
  Status RunOnce();
  void Stop();

 private:
  Status Tick();
  /// How models ended last, whoever ran them.
  Status LookAtRuns();
  /// Opens the project again when something was applied since, once that has come to rest. Tells
  /// whether what is open is what was applied.
  Result<bool> Refresh();
  Status Open();
  Status RunSchedules();
  Status RunSchedule(const ScheduleSpec& schedule);
  Result<bool> RunTriggered();
  /// Something passing was in its way: it is due again after a pause.
  void PutOff(const std::string& schedule, const Error& why);
  bool Stopping();
  /// Conflict as well when something was applied while it was waited for.
  Result<std::unique_ptr<ProjectLock>> Lock();
  /// Call with Lock() held.
  Result<ApplyReport> RunLocked(RunSelection selection);
  /// After a run: the flag is free again unless everything is to stop.
  void EndRound();
  void Pause(const std::string& what, const Status& why);

  const CommandContext& context_;
  const Say say_;
  UpStatus& status_;
  CancelFlag cancel_;
  std::unique_ptr<StopGrace> grace_;  ///< after which nothing waits for storage or the catalog
  std::atomic<bool> has_work_;
  std::mutex stop_mutex_;
  bool stopping_ = false;

  std::unique_ptr<Wired> wired_;
  std::unique_ptr<ModelGraph> graph_;
  std::vector<const ScheduleSpec*> schedules_;   ///< those that were applied
  std::map<std::string, ScheduleObject> known_;  ///< the same, as they stood in the catalog
  std::string applied_;  ///< what stood in the catalog when the project was opened
  std::string seen_;     ///< what stands there now, and since when (monotonic)
  int64_t seen_micros_ = 0;
  Sequence refreshed_at_{-1};  ///< of the lake, when `applied_` was what stood there
  Sequence looked_at_{-1};     ///< of the lake, when nothing was due
  std::map<std::string, Sequence> attempted_;  ///< model → sequence at which it failed
  std::map<std::string, int64_t> next_;        ///< schedule → seconds since 1970
  int64_t scheduled_micros_ = 0;               ///< when `next_` was looked at last
  int64_t resume_micros_ = 0;                  ///< monotonic: nothing runs before
  int64_t look_micros_ = 0;                    ///< monotonic: when runs are looked at next
};

}  // namespace tarn

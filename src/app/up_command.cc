#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/make_way.h"
#include "app/up_automation.h"
#include "app/up_doors.h"
#include "app/up_follow.h"
#include "app/up_status.h"
#include "base/thread.h"

namespace tarn {
namespace {

constexpr int64_t kPollMicros = 20'000;
/// Before following is tried again that could not begin after somebody had the way.
constexpr int64_t kAgainMicros = 10'000'000;

/// What `up` tells, a line each: commits, runs, and what goes wrong.
void Say(const std::string& line) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::fprintf(stderr, "%s %s\n", FormatUtc(SystemClock().NowMicros()).c_str(), line.c_str());
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

/// Tells the automation of a stop at once, however long following takes to end.
class StopListener {
 public:
  StopListener(Automation& automation, const CancelFlag& cancel) {
    // Not even begun then.
    if (cancel.requested()) automation.Stop();
    const auto listen = [this, &automation, &cancel]() -> Status {
      while (!ended_ && !cancel.requested()) SystemClock().SleepMicros(kPollMicros);
      automation.Stop();
      return {};
    };
    thread_ = OrFail(
        StartThread(listen, [](const Status& why) { Say("stopping: " + why.error().message); }));
  }
  ~StopListener() {
    ended_ = true;
    thread_.join();
  }
  StopListener(const StopListener&) = delete;
  StopListener& operator=(const StopListener&) = delete;

 private:
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

/// A thread that runs models and schedules, for as long as it lives.
class AutomationThread {
 public:
  explicit AutomationThread(Automation& automation) : automation_(automation) {
    thread_ = OrFail(StartThread(
        [&automation] { return automation.Run(); },
        [](const Status& why) { Say("models and schedules: " + why.error().message); }));
  }
  ~AutomationThread() {
    automation_.Stop();
    thread_.join();
  }
  AutomationThread(const AutomationThread&) = delete;
  AutomationThread& operator=(const AutomationThread&) = delete;

 private:
  Automation& automation_;
  std::thread thread_;
};

/// Follows again after a command had the way: once it has the lock, or has given up, `up` waits for
/// that lock like anybody. What cannot be followed as it stands now may be mended by the next
/// command. Null when it is to stop meanwhile.
std::unique_ptr<Following> FollowAgain(const CommandContext& context, const std::string& state,
                                       int64_t lock_wait_ms, UpStatus& status) {
  int64_t next = 0;
  while (!context.cancel->requested()) {
    const int64_t now = SystemClock().MonotonicMicros();
    if (now >= next && !WhoWantsTheWay(state, lock_wait_ms).has_value()) {
      auto following = Following::Begin(context, false, Say, status);
      if (following.ok()) return *std::move(following);
      if (following.error().kind == ErrorKind::kNotFound) OrFail(following.status());
      if (context.cancel->requested()) break;
      Say("following waits: " + following.error().ToString());
      next = SystemClock().MonotonicMicros() + kAgainMicros;
    }
    SystemClock().SleepMicros(kPollMicros);
  }
  return nullptr;
}

/// Follows until the end, making way for whoever wants it.
void FollowToTheEnd(const CommandContext& context, std::unique_ptr<Following> following,
                    const Automation& automation, UpStatus& status) {
  while (true) {
    // A project without sources has nothing but that.
    const bool follows = following->sources() > 0;
    const Status ended = following->Run([&] { return !follows || automation.has_work(); });
    const auto who = following->made_way_for();
    if (!who.has_value()) {
      OrFail(ended);
      return;
    }
    const std::string state = following->spec().state;
    const int64_t lock_wait_ms = following->spec().limits.lock_wait_ms;
    following.reset();
    Say("makes way for " + *who);
    following = FollowAgain(context, state, lock_wait_ms, status);
    if (following == nullptr) return;
    Say("goes on: " + WhatIsDone(following->sources(), following->tables(), following->spec()));
  }
}

void RunUp(CommandContext& context, bool once) {
  UpStatus status(SystemClock().NowMicros());
  auto begun = Following::Begin(context, once, Say, status);
  // A stop while it waited for another one's lock: `up` ends as it does later.
  const bool stopped = !begun.ok() && begun.error().kind == ErrorKind::kCancelled;
  if (stopped && !once && context.cancel->requested()) return;
  auto following = OrFail(std::move(begun));
  // Outlives what is followed first.
  const ProjectSpec spec = following->spec();
  if (following->sources() == 0 && !Automation::HasWork(spec)) {
    OrFail(InvalidArgument(
        "there is nothing to do: tarn.yaml has no source of mode cdc and no `schedules:`, and no "
        "model has `trigger: on_change`",
        "give a source `mode: cdc`, then `tarn apply`"));
  }
  Say(WhatIsDone(following->sources(), following->tables(), spec));
  Automation automation(context, spec, Say, status);
  if (once) {
    OrFail(following->Run([] { return false; }));
    following.reset();
    // Whoever goes on from here wants to know that the lake may be behind.
    OrFail(context.cancel->Check());
    if (!Automation::HasWork(spec)) return;
    OrFail(RunTriggeredOnce(automation, *context.cancel));
    return;
  }
  const auto http = OrFail(OpenHttpDoor(spec, status, Say));
  const StopListener listener(automation, *context.cancel);
  const AutomationThread beside(automation);
  FollowToTheEnd(context, std::move(following), automation, status);
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

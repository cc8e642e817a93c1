#include "faults/fault_plan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace tarn {
namespace {

Error NotUnderstood(std::string_view text, const std::string& why) {
  return InvalidArgument("fault \"" + std::string(text) + "\": " + why,
                         "write point:action@time, as tests/faults/fault_plan.h says");
}

std::optional<int64_t> Number(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<FaultPoint> PointOf(std::string_view name) {
  const auto names = FaultPointNames();
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<FaultPoint>(i);
  }
  return std::nullopt;
}

void WaitForFile(const std::string& path) {
  struct stat info {};
  while (::stat(path.c_str(), &info) != 0) SystemClock().SleepMicros(1000);
}

}  // namespace

FaultPlan::~FaultPlan() {
  if (trace_fd_ >= 0) ::close(trace_fd_);
}

bool FaultPlan::IsAt(Action action, FaultMoment moment) {
  const bool after = action == Action::kLose || action == Action::kDie;
  return after == (moment == FaultMoment::kAfter);
}

Result<FaultPlan::Rule> FaultPlan::ParseRule(std::string_view text) {
  Rule rule;
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return NotUnderstood(text, "there is no action");
  const std::string_view point = text.substr(0, colon);
  if (point != "*") {
    rule.point = PointOf(point);
    if (!rule.point) return NotUnderstood(text, "there is no such point");
  }
  std::string_view action = text.substr(colon + 1);
  if (const size_t at = action.rfind('@'); at != std::string_view::npos) {
    std::string_view time = action.substr(at + 1);
    rule.again = time.ends_with('+');
    if (rule.again) time.remove_suffix(1);
    const auto first = Number(time);
    if (!first || *first == 0) return NotUnderstood(text, "the time is no number from 1 on");
    rule.first = *first;
    action = action.substr(0, at);
  }
  if (action == "fail") {
    rule.action = Action::kFail;
  } else if (action == "lose") {
    rule.action = Action::kLose;
  } else if (action == "kill") {
    rule.action = Action::kKill;
  } else if (action == "die") {
    rule.action = Action::kDie;
  } else if (action.starts_with("stall=")) {
    const auto ms = Number(action.substr(6));
    if (!ms) return NotUnderstood(text, "the pause is no number of milliseconds");
    rule.action = Action::kStall;
    rule.stall_ms = *ms;
  } else if (action.starts_with("hold=")) {
    rule.action = Action::kHold;
    rule.hold_file = std::string(action.substr(5));
  } else {
    return NotUnderstood(text, "there is no such action");
  }
  return rule;
}

Status FaultPlan::ParseRandom(std::string_view text) {
  const auto parts = Split(text, ':');
  const auto seed = parts.size() == 4 ? Number(parts[1]) : std::nullopt;
  const auto one_in = parts.size() == 4 ? Number(parts[2]) : std::nullopt;
  if (!seed || !one_in || *one_in == 0) {
    return NotUnderstood(text, "random:seed:one in:actions is wanted");
  }
  random_ = SeededRandom(static_cast<uint64_t>(*seed));
  random_one_in_ = static_cast<uint64_t>(*one_in);
  for (const std::string_view action : Split(parts[3], '+')) {
    TARN_ASSIGN_OR_RETURN(const Rule rule, ParseRule("*:" + std::string(action)));
    if (rule.action == Action::kStall || rule.action == Action::kHold) {
      return NotUnderstood(text, "random faults do not wait");
    }
    random_actions_.push_back(rule.action);
  }
  return {};
}

Result<std::unique_ptr<FaultPlan>> FaultPlan::Parse(std::string_view text) {
  std::unique_ptr<FaultPlan> plan(new FaultPlan());
  if (text.empty()) return plan;
  for (const std::string_view part : Split(text, ',')) {
    if (part.starts_with("random:")) {
      TARN_RETURN_IF_ERROR(plan->ParseRandom(part));
      continue;
    }
    TARN_ASSIGN_OR_RETURN(Rule rule, ParseRule(part));
    plan->rules_.push_back(std::move(rule));
  }
  return plan;
}

Status FaultPlan::TraceTo(const std::string& path) {
  trace_fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (trace_fd_ < 0) return InvalidArgument("cannot write the trace " + path);
  return {};
}

std::optional<FaultPlan::Rule> FaultPlan::Due(FaultPoint point, FaultMoment moment) {
  std::lock_guard lock(mutex_);
  std::optional<Rule> due;
  for (Rule& rule : rules_) {
    if ((rule.point && *rule.point != point) || !IsAt(rule.action, moment)) continue;
    ++rule.reached;
    const bool now = rule.again ? rule.reached >= rule.first : rule.reached == rule.first;
    if (now && !due) due = rule;
  }
  if (due || random_ == nullptr || random_->Below(random_one_in_) != 0) return due;
  const Action action = random_actions_[random_->Below(random_actions_.size())];
  if (!IsAt(action, moment)) return std::nullopt;
  return Rule{.point = point, .action = action, .stall_ms = 0, .hold_file = {}};
}

Status FaultPlan::Reached(FaultPoint point, FaultMoment moment) {
  const std::string name(FaultPointName(point));
  if (trace_fd_ >= 0) {
    const std::string line = name + (moment == FaultMoment::kBefore ? " before\n" : " after\n");
    // One write each: lines of several threads and processes do not mix.
    if (::write(trace_fd_, line.data(), line.size()) < 0) return Internal("the trace is gone");
  }
  const std::optional<Rule> due = Due(point, moment);
  if (!due) return {};
  switch (due->action) {
    case Action::kFail:
      return Unavailable("a test made " + name + " fail");
    case Action::kLose:
      return Unavailable("a test lost the answer of " + name);
    case Action::kKill:
    case Action::kDie:
      ::kill(::getpid(), SIGKILL);
      return Internal("killed");
    case Action::kStall:
      SystemClock().SleepMicros(due->stall_ms * 1000);
      return {};
    case Action::kHold:
      WaitForFile(due->hold_file);
      return {};
  }
  return {};
}

}  // namespace tarn

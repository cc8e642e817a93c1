#include "sim/scheduler.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#include "base/thread.h"

namespace tarn::sim {
namespace {

/// One in so many points hands on to another actor.
constexpr uint64_t kYieldOneIn = 3;
constexpr size_t kStackBytes = size_t{1} << 20;

/// Within a call that others wait for with a lock held.
bool MayYield(FaultPoint point) {
  return point != FaultPoint::kCatalogApplied && point != FaultPoint::kLocalWritten &&
         point != FaultPoint::kLocalVisible;
}

}  // namespace

Scheduler* Scheduler::running_ = nullptr;

void Scheduler::Add(std::string name, std::function<void()> body) {
  auto actor = std::make_unique<Actor>();
  actor->name = std::move(name);
  actor->body = std::move(body);
  // Not zeroed: what is never touched costs nothing.
  actor->stack.reset(new char[kStackBytes]);
  actors_.push_back(std::move(actor));
}

void Scheduler::Run() {
  thread_ = std::this_thread::get_id();
  running_ = this;
  InstallFaultHandler(this);
  const WorkOnThisThread replayable;
  for (const auto& actor : actors_) {
    TARN_CHECK(::getcontext(&actor->place) == 0);
    actor->place.uc_stack.ss_sp = actor->stack.get();
    actor->place.uc_stack.ss_size = kStackBytes;
    actor->place.uc_link = nullptr;
    ::makecontext(&actor->place, &Scheduler::Enter, 0);
  }
  if (!actors_.empty()) Switch(nullptr, Next());
  InstallFaultHandler(nullptr);
  running_ = nullptr;
  actors_.clear();
}

void Scheduler::Enter() {
  Scheduler& self = *running_;
  Actor& actor = *self.current_;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(actor.sanitizer_stack, nullptr, nullptr);
#endif
  actor.body();
  actor.done = true;
  self.Switch(&actor, self.Next());
}

Scheduler::Actor* Scheduler::Next() {
  std::vector<Actor*> alive;
  for (const auto& actor : actors_) {
    if (!actor->done) alive.push_back(actor.get());
  }
  return alive.empty() ? nullptr : alive[random_->Below(alive.size())];
}

void Scheduler::Switch(Actor* from, Actor* to) {
  if (from == to) return;
  current_ = to;
  ucontext_t& here = from == nullptr ? run_place_ : from->place;
  ucontext_t& there = to == nullptr ? run_place_ : to->place;
#if defined(__SANITIZE_ADDRESS__)
  void** const saved = from == nullptr ? &run_sanitizer_stack_ : &from->sanitizer_stack;
  const bool ends = from != nullptr && from->done;
  __sanitizer_start_switch_fiber(ends ? nullptr : saved,
                                 to == nullptr ? run_place_.uc_stack.ss_sp : to->stack.get(),
                                 to == nullptr ? run_place_.uc_stack.ss_size : kStackBytes);
#endif
  TARN_CHECK(::swapcontext(&here, &there) == 0);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(*saved, nullptr, nullptr);
#endif
}

void Scheduler::Yield() {
  if (Chance(kYieldOneIn)) Switch(current_, Next());
}

Error Scheduler::Strike(FaultPoint point, const char* what) {
  current_->faulted = true;
  const std::string text = std::string(what) + " at " + std::string(FaultPointName(point));
  if (log) log(text);
  return Unavailable("the simulation made a " + text);
}

Status Scheduler::Reached(FaultPoint point, FaultMoment moment) {
  if (current_ == nullptr || std::this_thread::get_id() != thread_) return {};
  if (current_->dead) return Unavailable("the process is dead");
  if (moment == FaultMoment::kAfter) {
    if (Chance(rates_.lose_one_in)) return Strike(point, "lost answer");
  } else {
    if (MayYield(point)) Yield();
    if (Chance(rates_.fail_one_in)) return Strike(point, "failure");
  }
  if (!Chance(rates_.crash_one_in)) return {};
  current_->dead = true;
  return Strike(point, "crash");
}

const std::string& Scheduler::name() const {
  static const std::string nobody = "the end";
  return current_ == nullptr ? nobody : current_->name;
}

void Scheduler::Restart() {
  if (current_ != nullptr) current_->dead = false;
}

void Scheduler::Begin() {
  if (current_ != nullptr) current_->faulted = false;
}

}  // namespace tarn::sim

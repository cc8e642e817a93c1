#include "sim/scheduler.h"

#include "base/thread.h"

namespace tarn::sim {
namespace {

/// One in so many points hands on to another actor.
constexpr uint64_t kYieldOneIn = 3;

/// Within a call that others wait for with a lock held.
bool MayYield(FaultPoint point) {
  return point != FaultPoint::kCatalogApplied && point != FaultPoint::kLocalWritten &&
         point != FaultPoint::kLocalVisible;
}

}  // namespace

void Scheduler::Add(std::string name, std::function<void()> body) {
  auto actor = std::make_unique<Actor>();
  actor->name = std::move(name);
  actor->stack = std::make_unique<Stack>([this, self = actor.get(), body = std::move(body)] {
    body();
    self->done = true;
    Switch(self, Next());
  });
  actors_.push_back(std::move(actor));
}

void Scheduler::Run() {
  thread_ = std::this_thread::get_id();
  InstallFaultHandler(this);
  const WorkOnThisThread replayable;
  if (!actors_.empty()) Switch(nullptr, Next());
  InstallFaultHandler(nullptr);
  actors_.clear();
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
  Stack& here = from == nullptr ? run_stack_ : *from->stack;
  Stack& there = to == nullptr ? run_stack_ : *to->stack;
  here.SwitchTo(there,
                from != nullptr && from->done ? Stack::Leave::kForGood : Stack::Leave::kForNow);
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

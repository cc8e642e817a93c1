#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/fault_point.h"
#include "base/random.h"
#include "sim/stack.h"

namespace tarn::sim {

/// How often what goes wrong at a fault point; 0: never.
struct FaultRates {
  uint64_t fail_one_in = 0;   ///< the call does nothing and fails
  uint64_t lose_one_in = 0;   ///< the call does its work, its answer is lost
  uint64_t crash_one_in = 0;  ///< the actor's process dies there
};

/// Lets actors go on one at a time, each on a stack of its own and all of them on one thread: at
/// every fault point chance says who is next and what goes wrong, so that a seed gives the same run
/// every time, however busy the machine is.
///
/// A crash is an error of this and of every further call of the actor until Restart(): what it
/// still tries to do, as a living process would to clean up, has no effect.
/// Threads: one. What an actor's work does on other threads passes fault points unharmed.
class Scheduler final : public FaultHandler {
 public:
  explicit Scheduler(uint64_t seed) : random_(SeededRandom(seed)) {}

  void SetRates(const FaultRates& rates) { rates_ = rates; }
  void Add(std::string name, std::function<void()> body);
  /// Installs itself, runs all actors to their end, takes itself away.
  void Run();

  Status Reached(FaultPoint point, FaultMoment moment) override;

  /// \name Of the actor whose turn it is; "the end" when it is nobody's.
  /// @{
  const std::string& name() const;
  /// Whether its process has crashed.
  bool dead() const { return current_ != nullptr && current_->dead; }
  /// Whether anything went wrong since the last Begin().
  bool faulted() const { return current_ != nullptr && current_->faulted; }
  /// A new process, or a new operation of the living one.
  void Restart();
  void Begin();
  /// @}

  /// Chance, of the whole run.
  Random& random() { return *random_; }
  /// What goes wrong is told here.
  std::function<void(const std::string&)> log;

 private:
  struct Actor {
    std::string name;
    std::unique_ptr<Stack> stack;
    bool done = false;
    bool dead = false;
    bool faulted = false;
  };

  void Yield();
  /// Goes on with `to`, or with Run() for nullptr; returns when it is `from`'s turn again.
  void Switch(Actor* from, Actor* to);
  Actor* Next();
  Error Strike(FaultPoint point, const char* what);
  bool Chance(uint64_t one_in) { return one_in > 0 && random_->Below(one_in) == 0; }

  const std::unique_ptr<Random> random_;
  FaultRates rates_;
  std::vector<std::unique_ptr<Actor>> actors_;
  Actor* current_ = nullptr;
  Stack run_stack_;
  std::thread::id thread_;
};

}  // namespace tarn::sim

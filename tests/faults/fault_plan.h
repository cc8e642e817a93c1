#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fault_point.h"
#include "base/random.h"

namespace tarn {

/// What shall happen at which fault points, as text:
///
///   commit.staged:kill          the process ends there (SIGKILL), the first time it comes by
///   store.put:fail@3            the third such call fails as Unavailable, nothing happened
///   store.put:lose@2+           from the second on, the call does its work and its answer is lost
///   catalog.commit:die          the process ends after the call has done its work
///   publish.entry:stall=20      20 ms pass
///   publish.entry:hold=FILE     until that file is there
///   random:7:100:fail+lose      at one point in a hundred, by the seed 7, one of these
///
/// Several are separated by commas. A point may be `*`, which is any. Times are counted for each
/// part of the text, and `lose` and `die` count calls that succeeded.
/// Threads: Reached() may be called concurrently. Errors of Parse: InvalidArgument.
class FaultPlan final : public FaultHandler {
 public:
  static Result<std::unique_ptr<FaultPlan>> Parse(std::string_view text);
  ~FaultPlan() override;

  /// Appends "<point> before" or "<point> after" to a file for everything that is reached.
  Status TraceTo(const std::string& path);

  Status Reached(FaultPoint point, FaultMoment moment) override;

 private:
  enum class Action { kFail, kLose, kKill, kDie, kStall, kHold };
  struct Rule {
    std::optional<FaultPoint> point;  ///< none: any
    Action action = Action::kFail;
    int64_t stall_ms = 0;
    std::string hold_file;
    int64_t first = 1;
    bool again = false;  ///< also every time after the first
    int64_t reached = 0;
  };

  FaultPlan() = default;
  static Result<Rule> ParseRule(std::string_view text);
  Status ParseRandom(std::string_view text);
  /// The first rule whose turn it is, or a random one.
  std::optional<Rule> Due(FaultPoint point, FaultMoment moment);
  static bool IsAt(Action action, FaultMoment moment);

  std::mutex mutex_;
  std::vector<Rule> rules_;
  std::unique_ptr<Random> random_;
  uint64_t random_one_in_ = 0;
  std::vector<Action> random_actions_;
  int trace_fd_ = -1;
};

}  // namespace tarn

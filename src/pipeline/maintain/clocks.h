#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/maintain/clock_steps.h"

namespace tarn {

/// What is old is removed: one moment in which this machine's clock is far ahead, or the store's
/// far behind, would make everything old. Why ages cannot be told, as a phrase; empty where both
/// clocks agree within some minutes. The store is asked by an object that is written into `folder`,
/// a table's, looked up in the listing and removed again. On a local disk both clocks are one.
/// Errors: those of the store; Unavailable when it does not list what was just written.
Result<std::string> WhyAgesAreUncertain(const PipelineContext& context, const std::string& folder);

/// The same, for many tables in a row: the store is asked once a minute, and again when this
/// machine's clock was set meanwhile. Threads: one at a time.
class ClockWatch {
 public:
  explicit ClockWatch(const PipelineContext& context) : context_(context) {}
  /// From now on ages are uncertain, too, where this machine's clock was set: on a local disk the
  /// store's is set with it. To be called before anything is committed. `look` may be empty.
  Status WatchSteps(std::function<Result<ClockSteps>()> look);
  Result<std::string> WhyAgesAreUncertain(const std::string& folder);
  /// Whether this machine's clock was set, which needs no folder to be asked in.
  Result<std::string> WhyClockIsDoubtful() const;

 private:
  const PipelineContext& context_;
  std::function<Result<ClockSteps>()> look_;
  std::optional<int64_t> newest_commit_micros_;  ///< when the watch began
  bool asked_ = false;
  std::string why_;
  int64_t asked_wall_micros_ = 0, asked_monotonic_micros_ = 0;
};

}  // namespace tarn
